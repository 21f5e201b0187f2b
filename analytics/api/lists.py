"""The lists of the API: which rows of which table a list gives, narrowed by what, and where its next page begins."""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, get_args

import msgspec
import polars as pl
from msgspec import Struct

from analytics.api.tokens import Scope
from analytics.connection import Reader
from analytics.metrics.catalogue import catalogue
from analytics.questions.asking import keys_of, when_begun
from analytics.questions.company import operators, teams
from schemas.people import Channel

Kind = Literal["text", "day", "flag", "contact"]

DEFAULT_ROWS, MAX_ROWS = 100, 500
MAX_CURSOR_CHARACTERS, MAX_TEXT_CHARACTERS = 1024, 256
# A sentence names so many ids at most.
MAX_NAMED = 20


class WrongRequest(Exception):
    """What was asked cannot be understood; the sentence says which part."""


class Filter(Struct, frozen=True):
    """A parameter that narrows a list: a condition on `$name`.

    It may be one of some `words`, or of the `ids` of a company.
    """

    name: str
    kind: Kind
    condition: str
    meaning: str
    words: Callable[[], tuple[str, ...]] = tuple
    ids: Callable[[Reader, str], list[str]] | None = None


class List(Struct, frozen=True, kw_only=True):
    """A list: rows of `relation` of the token's company, ordered by `order` from the newest, `id` told apart by it.

    `of` names the column of a path parameter, for lists within something.
    """

    name: str
    path: str
    meaning: str
    scope: Scope
    relation: str
    columns: tuple[str, ...]
    order: tuple[str, str]
    filters: tuple[Filter, ...] = ()
    of: str = ""


Direction = Literal["incoming", "outgoing", "internal", "unknown"]
Outcome = Literal[
    *("answered", "voicemail", "machine", "missed", "abandoned", "rejected", "no_answer", "busy", "cancelled"),
    *("failed", "not_permitted", "in_progress"),
]
State = Literal["open", "called_back", "called_again", "messaged", "lost"]


def _ids(of_company: Callable[..., pl.DataFrame], column: str) -> Callable[[Reader, str], list[str]]:
    return lambda reader, company: of_company(reader, company=company)[column].to_list()


_DAYS = (
    Filter("from", "day", "day >= $from", "first local day"),
    Filter("to", "day", "day <= $to", "last local day"),
)
_CHANNEL = Filter("channel", "text", "channel = $channel", "how they met", lambda: get_args(Channel))
_TEAM = Filter("team", "text", "team_id = $team", "id of a team", ids=_ids(teams, "team_id"))
_CONTACT = Filter(
    "contact", "contact", f"contact_key in {keys_of('contact')}", "a contact by any of his identities, kind:value"
)
_OPERATOR = Filter(
    "operator", "text", "operator_id = $operator", "id of an operator", ids=_ids(operators, "operator_id")
)

CALLS = List(
    name="calls",
    path="/calls",
    meaning="Calls, the newest first.",
    scope="calls",
    relation="facts.calls",
    columns=(
        *("call_id", "source", "account", "channel", "provider_call_id", "direction", "contact_key", "company_number"),
        *("operator_id", "team_id", "started_at", "answered_at", "ended_at", "day", "is_business_hours"),
        *("answer_seconds", "ring_seconds", "talk_seconds", "outcome", "outcome_reason", "is_internal", "is_test"),
        *("has_transcript",),
    ),
    order=("started_at", "call_id"),
    filters=(
        *_DAYS,
        _CHANNEL,
        _TEAM,
        _OPERATOR,
        Filter(
            "direction",
            "text",
            "direction = $direction",
            "direction seen from the company",
            lambda: get_args(Direction),
        ),
        Filter("outcome", "text", "outcome = $outcome", "how it ended", lambda: get_args(Outcome)),
        _CONTACT,
        Filter("is_business_hours", "flag", "is_business_hours = $is_business_hours", "began in business hours"),
    ),
)
TURNS = List(
    name="turns",
    path="/calls/{call_id}/turns",
    meaning="What was said in a call, the last turn first.",
    scope="texts",
    relation="facts.turns",
    columns=("call_id", "turn", "role", "channel", "start_seconds", "end_seconds", "text", "confidence"),
    order=("start_seconds", "turn"),
    of="call_id",
)
CONVERSATIONS = List(
    name="conversations",
    path="/conversations",
    meaning="Conversations, that with the newest message first.",
    scope="conversations",
    relation="""(
        select
            company, conversation_id, arg_max(channel, (first_at, message_id)) as channel,
            min(contact_key) as contact_key, count(*) as messages,
            count(*) filter (where direction = 'incoming') as incoming,
            min(first_at) as first_at, max(first_at) as last_at, max(day) as day
        from facts.messages group by company, conversation_id
    )""",
    columns=(*("conversation_id", "channel", "contact_key", "messages", "incoming", "first_at", "last_at", "day"),),
    order=("last_at", "conversation_id"),
    filters=(*_DAYS, _CHANNEL, _CONTACT),
)
MESSAGES = List(
    name="messages",
    path="/conversations/{conversation_id}/messages",
    meaning="Messages of a conversation, the newest first.",
    scope="texts",
    relation="facts.messages",
    columns=(
        *("message_id", "conversation_id", "channel", "direction", "kind", "text", "first_at", "sent_at"),
        *("delivered_at", "read_at", "failed_at", "status", "operator_id", "day"),
    ),
    order=("first_at", "message_id"),
    filters=_DAYS,
    of="conversation_id",
)
METRICS = List(
    name="metrics",
    path="/metrics",
    meaning="Metrics of the catalogue by local day, the newest day first.",
    scope="metrics",
    relation="metrics.daily",
    columns=("day", "metric", "value", "numerator", "denominator", "sample"),
    order=("day", "metric"),
    filters=(*_DAYS, Filter("metric", "text", "metric = $metric", "name of a metric", lambda: tuple(catalogue()))),
)
MISSED = List(
    name="missed_episodes",
    path="/missed_episodes",
    meaning="Missed calls of one contact until contact was made, the newest episode first: whom to call back.",
    scope="calls",
    relation="reports.missed_episodes",
    columns=(
        *("episode_id", "contact_id", "phone", "source", "account", "channel", "first_missed_at", "last_missed_at"),
        *("rings", "attempts", "first_attempt_at", "messaged_at", "contacted_at", "contact_call_id", "operator_id"),
        *("team_id", "state", "closed_at", "lost_at", "contact_seconds", "band", "is_business_hours", "day"),
    ),
    order=("first_missed_at", "episode_id"),
    filters=(
        *_DAYS,
        _CHANNEL,
        _TEAM,
        _OPERATOR,
        Filter("state", "text", "state = $state", "how it stands", lambda: get_args(State)),
        Filter("is_business_hours", "flag", "is_business_hours = $is_business_hours", "began in business hours"),
    ),
)
LISTS = (CALLS, TURNS, CONVERSATIONS, MESSAGES, METRICS, MISSED)


class Page(Struct, frozen=True):
    """One page of a list, and the cursor of the next, empty after the last."""

    rows: list[dict[str, Any]]
    next: str


def once(asked: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Give the parameters by name. Raises WrongRequest for one that is there twice, of which one would not count."""
    times = Counter(name for name, _ in asked)
    if twice := next((name for name, count in times.items() if count > 1), None):
        raise WrongRequest(f"{twice[:32]!r} is given more than once")
    return dict(asked)


def page(reader: Reader, wanted: List, *, company: str, of: str, asked: Mapping[str, str]) -> Page:
    """Give one page of a list. Raises WrongRequest for parameters that are unknown, or not of their kind."""
    limit = _limit(asked.get("limit", ""))
    first, second = wanted.order
    clauses = ["company = $company"]
    parameters: dict[str, Any] = {"company": company, "rows": limit + 1}
    if wanted.of:
        clauses.append(f"{wanted.of} = $of")
        parameters["of"] = of
    filters = {one.name: one for one in wanted.filters}
    for name, written in asked.items():
        if name in filters:
            clauses.append(filters[name].condition)
            parameters[name] = _value(filters[name], written)
            _prove_known(reader, filters[name], written, company=company)
        elif name not in {"limit", "cursor"}:
            raise WrongRequest(
                f"there is no parameter {name[:32]!r}; there are {', '.join([*filters, 'limit', 'cursor'])}"
            )
    if {"from", "to"} <= parameters.keys() and parameters["to"] < parameters["from"]:
        raise WrongRequest("to lies before from")
    if asked.get("cursor"):
        after, identity = _read_cursor(asked["cursor"], column=first)
        clauses.append(f"({first}, cast({second} as varchar)) < ($after, $identity)")
        parameters |= {"after": after, "identity": identity}
    text = (
        f"select {', '.join(wanted.columns)} from {wanted.relation} where {' and '.join(clauses)} "  # noqa: S608
        f"order by {first} desc, cast({second} as varchar) desc limit $rows"
    )
    rows = reader.sql(text, parameters).to_dicts()
    following = _cursor(rows[limit - 1], wanted.order) if len(rows) > limit else ""
    return Page(rows=rows[:limit], next=following)


def one_call(reader: Reader, *, company: str, call_id: str) -> dict[str, Any] | None:
    """Give one call, None where the company has none of this id."""
    begun = when_begun(reader, company=company, call_id=call_id)
    rows = reader.sql(
        f"select {', '.join(CALLS.columns)} from facts.calls "  # noqa: S608  # our own names
        "where company = $company and started_at = $begun and call_id = $call_id",
        {"company": company, "begun": begun, "call_id": call_id},
    ).to_dicts()
    return rows[0] if rows else None


def _limit(written: str) -> int:
    if not written:
        return DEFAULT_ROWS
    if not (written.isascii() and written.isdigit()) or len(written) > 4 or not 1 <= int(written) <= MAX_ROWS:
        raise WrongRequest(f"limit is a number from 1 to {MAX_ROWS}")
    return int(written)


def _value(wanted: Filter, written: str) -> Any:
    if wanted.kind == "day":
        try:
            return date.fromisoformat(written)
        except ValueError:
            raise WrongRequest(f"{wanted.name} is a day such as 2026-03-01") from None
    if wanted.kind == "flag":
        if written not in {"true", "false"}:
            raise WrongRequest(f"{wanted.name} is true or false")
        return written == "true"
    if (words := wanted.words()) and written not in words:
        raise WrongRequest(f"{wanted.name} is one of {', '.join(words)}")
    if wanted.kind == "contact" and ":" not in written:
        raise WrongRequest(f"{wanted.name} is one of his identities, such as phone:%2B77010000001")
    if "\x00" in written or not 1 <= len(written) <= MAX_TEXT_CHARACTERS:
        raise WrongRequest(f"{wanted.name} is a text of 1 to {MAX_TEXT_CHARACTERS} characters")
    # In an address a plus that is not written %2B is read as a space, and nobody is known by a phone with one.
    is_read_amiss = wanted.kind == "contact" and written.startswith("phone: ")
    return f"phone:+{written.removeprefix('phone: ')}" if is_read_amiss else written


def _prove_known(reader: Reader, wanted: Filter, written: str, *, company: str) -> None:
    """Raise WrongRequest for an id that the company does not have: a mistyped one would give an empty list."""
    if wanted.ids is None or written in (known := sorted(wanted.ids(reader, company))):
        return
    if not known:
        raise WrongRequest(f"this company has no {wanted.name}s")
    more = f" and {len(known) - MAX_NAMED} more" if len(known) > MAX_NAMED else ""
    raise WrongRequest(f"{wanted.name} is one of {', '.join(known[:MAX_NAMED])}{more}")


def _cursor(row: Mapping[str, Any], order: tuple[str, str]) -> str:
    at, identity = (row[name] for name in order)
    return base64.urlsafe_b64encode(msgspec.json.encode((at, str(identity)))).decode()


def _read_cursor(cursor: str, *, column: str) -> tuple[date | datetime | float, str]:
    kind = date if column == "day" else float if column.endswith("_seconds") else datetime
    try:
        after, identity = msgspec.json.decode(
            base64.urlsafe_b64decode(cursor[:MAX_CURSOR_CHARACTERS].encode("ascii")), type=tuple[kind, str]
        )
    except (ValueError, msgspec.DecodeError):  # a text that is no ASCII, no base64, or not what we wrote
        raise WrongRequest(_CURSOR) from None
    if "\x00" in identity or (isinstance(after, datetime) and after.tzinfo is None):
        raise WrongRequest(_CURSOR)
    return after, identity


_CURSOR = "cursor is the `next` of the page before, untouched"
