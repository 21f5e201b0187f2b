"""What a page shows, as the URL says it: a link restores it; nothing of Streamlit here, and time is a parameter."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from analytics.metrics.catalogue import LANGUAGES, catalogue, lists_calls
from analytics.questions import CallFilter, Order, Period, Scope

Preset = Literal["last7", "today", "yesterday", "week", "last_week", "last28", "month", "all", "custom"]
Hours = Literal["", "open", "closed"]
# What a page lets one choose beside the company; a page offers what its figures can be narrowed by. All days at once
# are for lists, which show a few rows of them.
Choice = Literal["period", "comparison", "team", "channel", "direction", "hours", "all_days"]
CHOICES: tuple[Choice, ...] = tuple(choice for choice in get_args(Choice) if choice != "all_days")
PRESETS: tuple[Preset, ...] = get_args(Preset)
ORDERS: tuple[Order, ...] = get_args(Order)
_PRESETS: dict[str, Preset] = {preset: preset for preset in PRESETS}
_ORDERS: dict[str, Order] = {order: order for order in ORDERS}
_HOURS: dict[str, Hours] = {"yes": "open", "no": "closed"}
# Every page by the last part of its address, the first at the root.
PAGES = (
    *("overview", "calls", "call", "missed", "conversations", "search", "operators", "conversion", "costs"),
    *("permissions", "health", "metrics", "sql"),
)
MAX_DAYS = 800
FIRST_DAY = date(1970, 1, 1)  # before all that there is
MAX_TEXT = 200
MAX_SQL = 4_000
MAX_AMOUNT = 1e9
ROLES = ("operator", "customer")
# How many days after Monday the weeks of a company begin.
WEEK_STARTS = {"mon": 0, "sat": 5, "sun": 6}
# How a missed contact may stand, in the order in which it is told.
MISSED = ("called_back", "called_again", "messaged", "open", "lost")
MAX_PAGE = 1_000_000


class State(Struct, frozen=True, kw_only=True):
    """The choices of a person; every one has a default, which the URL leaves out."""

    language: str = ""
    company: str = ""
    preset: Preset = "last7"
    first: date | None = None
    last: date | None = None
    is_compared: bool = True
    team: str = ""
    channel: str = ""
    direction: str = ""
    hours: Hours = ""
    metric: str = "answer_rate"
    behind: str = ""
    outcomes: tuple[str, ...] = ()
    at_hours: tuple[int, ...] = ()
    weekday: int = 0
    operator: str = ""
    missed: str = ""
    search: str = ""
    with_left_out: bool = False
    order: Order = "started_at"
    is_ascending: bool = False
    page: int = 1
    call: str = ""
    back: str = ""
    contact: str = ""
    is_waiting: bool = False
    sql: str = ""
    role: str = ""
    fee: float = 0.0
    price: float = 0.0
    minutes: float = 0.0


def read(params: Mapping[str, str]) -> State:
    """Read the URL's parameters; what makes no sense falls back to its default."""
    metric, behind = params.get("metric", ""), params.get("behind", "")
    language = params.get("lang", "")
    return State(
        language=language if language in LANGUAGES else "",
        company=params.get("company", "")[:MAX_TEXT],
        preset=_PRESETS.get(params.get("period", ""), "last7"),
        first=_date(params.get("from", "")),
        last=_date(params.get("to", "")),
        is_compared=params.get("compare", "") != "no",
        team=params.get("team", "")[:MAX_TEXT],
        channel=params.get("channel", "")[:MAX_TEXT],
        direction=params.get("direction", "")[:MAX_TEXT],
        hours=_HOURS.get(params.get("open", ""), ""),
        metric=metric if metric in catalogue() else "answer_rate",
        behind=behind if behind in catalogue() and lists_calls(catalogue()[behind]) else "",
        outcomes=tuple(word for word in params.get("outcome", "").split(",") if word)[:20],
        at_hours=tuple(int(hour) for hour in params.get("hour", "").split(",") if _is_below(hour, 24)),
        weekday=int(params.get("weekday", "0")) if _is_below(params.get("weekday", ""), 8) else 0,
        operator=params.get("operator", "")[:MAX_TEXT],
        missed=params.get("missed", "") if params.get("missed", "") in MISSED else "",
        search=params.get("search", "")[:MAX_TEXT],
        with_left_out=params.get("all", "") == "yes",
        order=_ORDERS.get(params.get("sort", "").removeprefix("-"), "started_at"),
        is_ascending=params.get("sort", "").startswith("-"),
        page=max(1, int(params.get("page", "1"))) if _is_below(params.get("page", ""), MAX_PAGE) else 1,
        call=params.get("call", "")[:MAX_TEXT],
        back=params.get("back", "") if params.get("back", "") in PAGES else "",
        contact=params.get("contact", "")[:MAX_TEXT],
        is_waiting=params.get("waiting", "") == "yes",
        sql=params.get("sql", "")[:MAX_SQL],
        role=params.get("role", "") if params.get("role", "") in ROLES else "",
        fee=_amount(params.get("fee", "")),
        price=_amount(params.get("price", "")),
        minutes=_amount(params.get("minutes", "")),
    )


def write(state: State) -> dict[str, str]:
    """Write the URL's parameters, without what is at its default; `read(write(state)) == state`."""
    is_custom = state.preset == "custom"
    sort = f"{'-' if state.is_ascending else ''}{state.order}"
    params = {
        "lang": state.language,
        "company": state.company,
        "period": "" if state.preset == "last7" else state.preset,
        "from": state.first.isoformat() if is_custom and state.first else "",
        "to": state.last.isoformat() if is_custom and state.last else "",
        "compare": "" if state.is_compared else "no",
        "team": state.team,
        "channel": state.channel,
        "direction": state.direction,
        "open": {"open": "yes", "closed": "no", "": ""}[state.hours],
        "metric": "" if state.metric == "answer_rate" else state.metric,
        "behind": state.behind,
        "outcome": ",".join(state.outcomes),
        "hour": ",".join(str(hour) for hour in state.at_hours),
        "weekday": str(state.weekday) if state.weekday else "",
        "operator": state.operator,
        "missed": state.missed,
        "search": state.search,
        "all": "yes" if state.with_left_out else "",
        "sort": "" if sort == "started_at" else sort,
        "page": str(state.page) if state.page > 1 else "",
        "call": state.call,
        "back": state.back,
        "contact": state.contact,
        "waiting": "yes" if state.is_waiting else "",
        "sql": state.sql,
        "role": state.role,
        "fee": f"{state.fee!r}" if state.fee else "",
        "price": f"{state.price!r}" if state.price else "",
        "minutes": f"{state.minutes!r}" if state.minutes else "",
    }
    return {name: value for name, value in params.items() if value}


def without_page(state: State) -> State:
    """Keep what holds on every page: language, company, period, comparison and scope."""
    return State(
        language=state.language,
        company=state.company,
        preset=state.preset,
        first=state.first,
        last=state.last,
        is_compared=state.is_compared,
        team=state.team,
        channel=state.channel,
        direction=state.direction,
        hours=state.hours,
    )


def in_scope(state: State, *, offered: Collection[Choice]) -> State:
    """Keep what holds on every page, and of the scope what the page at hand narrows its figures by."""
    kept = without_page(state)
    return structs.replace(
        kept,
        team=kept.team if "team" in offered else "",
        channel=kept.channel if "channel" in offered else "",
        direction=kept.direction if "direction" in offered else "",
        hours=kept.hours if "hours" in offered else "",
    )


def on_page(state: State, *, offered: Collection[Choice]) -> State:
    """Give the state that a page shows: all days not where it offers others alone."""
    if state.preset == "all" and "period" in offered and "all_days" not in offered:
        return structs.replace(state, preset="last7")
    return state


def period(state: State, *, now: datetime, zone: ZoneInfo, week_starts: str = "mon") -> Period:
    """Give the local days that a state means at `now`; a period that is not over is cut at the minute of `now`."""
    moment = now.astimezone(zone).replace(second=0, microsecond=0)
    today = moment.date()
    yesterday = today - timedelta(days=1)
    week = today - timedelta(days=(today.weekday() - WEEK_STARTS[week_starts]) % 7)
    first, last = {
        "last7": (today - timedelta(days=7), yesterday),
        "today": (today, today),
        "yesterday": (yesterday, yesterday),
        "week": (week, today),
        "last_week": (week - timedelta(days=7), week - timedelta(days=1)),
        "last28": (today - timedelta(days=28), yesterday),
        "month": (today.replace(day=1), today),
        "all": (FIRST_DAY, today),
        "custom": _custom(state, today=today),
    }[state.preset]
    return Period(first, last, moment if last >= today else None)


def scope(state: State, *, company: str, offered: Collection[Choice] = CHOICES) -> Scope:
    """Give the scope that a state means on a page; what is not offered there narrows nothing."""
    return Scope(
        company=company,
        teams=(state.team,) if state.team and "team" in offered else (),
        channels=(state.channel,) if state.channel and "channel" in offered else (),
        directions=(state.direction,) if state.direction and "direction" in offered else (),
        is_business_hours={"open": True, "closed": False}.get(state.hours) if "hours" in offered else None,
    )


def filters(state: State) -> CallFilter:
    """Give what the list of calls shows of the scope."""
    return CallFilter(
        outcomes=state.outcomes,
        hours=state.at_hours,
        weekdays=(state.weekday,) if state.weekday else (),
        operator=state.operator,
        missed=state.missed,
        search=state.search,
        contact=state.contact,
        behind=state.behind,
        with_left_out=state.with_left_out,
    )


def _custom(state: State, *, today: date) -> tuple[date, date]:
    last = min(state.last or today, today)
    first = min(state.first or last, last)
    return max(first, last - timedelta(days=MAX_DAYS - 1)), last


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        return 0.0
    return amount if 0 < amount < MAX_AMOUNT else 0.0


def _is_below(text: str, bound: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10 and int(text) < bound
