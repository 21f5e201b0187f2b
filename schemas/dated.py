"""What judges a company's calls: bounds, business hours and numbers left out, and those that held for a time only."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Protocol, TypeVar

from msgspec import Meta, Struct

from schemas.hours import parse_span
from schemas.prices import ALWAYS, FOR_EVER, doubled

Attribution = Literal["last_call", "first_call", "any_call"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hours = dict[Weekday, tuple[str, ...]]
WeekStart = Literal["mon", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_SPANS_A_DAY = 2

_SPACING = re.compile(r"[\s().\-]+")

ShortAbandon = Annotated[int, Meta(ge=0, le=600)]
ServiceLevel = Annotated[int, Meta(ge=1, le=3600)]
CallbackSoon = Annotated[int, Meta(ge=1, le=86_400)]
CallbackLost = Annotated[int, Meta(ge=1, le=2_592_000)]
Resolution = Annotated[int, Meta(ge=1, le=8_760)]
Conversion = Annotated[int, Meta(ge=1, le=366)]


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds that judge calls.

    A missed contact is called back soon within `callback_soon_seconds`, and lost after `callback_lost_seconds`. A
    contact whose call has no second one within `resolution_hours` was helped at once. A deal is ascribed to a call that
    was answered at most `conversion_days` before it was won: to the last such call, the first, or each of them.
    """

    short_abandon_seconds: ShortAbandon = 5
    service_level_seconds: ServiceLevel = 20
    callback_soon_seconds: CallbackSoon = 1_200
    callback_lost_seconds: CallbackLost = 82_800
    resolution_hours: Resolution = 168
    conversion_days: Conversion = 30
    attribution: Attribution = "last_call"


class DatedThresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """Bounds of the local days from `from` to before `until`; what is left out is as in `[thresholds]`."""

    since: date = ALWAYS
    until: date = FOR_EVER
    short_abandon_seconds: ShortAbandon | None = None
    service_level_seconds: ServiceLevel | None = None
    callback_soon_seconds: CallbackSoon | None = None
    callback_lost_seconds: CallbackLost | None = None
    resolution_hours: Resolution | None = None
    conversion_days: Conversion | None = None
    attribution: Attribution | None = None

    def over(self, usual: Thresholds) -> Thresholds:
        """Give the bounds of this time: its own, and the usual ones where it states none."""
        names = usual.__struct_fields__
        stated = {name: getattr(self, name) for name in names}
        return Thresholds(**{name: getattr(usual, name) if stated[name] is None else stated[name] for name in names})


class DatedHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """Business hours of the local days from `from` to before `until`, in place of `[hours]`: the whole week anew."""

    hours: Hours
    since: date = ALWAYS
    until: date = FOR_EVER


class DatedNumber(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """A number whose calls are left out of metrics on the local days from `from` to before `until`."""

    number: str
    kind: Literal["internal", "test"]
    since: date = ALWAYS
    until: date = FOR_EVER


class Dated(Protocol):
    """Something that holds for a time."""

    @property
    def since(self) -> date:
        """First local day."""
        ...

    @property
    def until(self) -> date:
        """Local day on which it holds no longer."""
        ...


Holding = TypeVar("Holding", bound=Dated)


def one_after_another(dated: Sequence[Holding]) -> list[tuple[Holding | None, date, date]]:
    """Give all of time, without a gap, as stretches in each of which one of `dated` holds, or (None) the usual."""
    listed: list[tuple[Holding | None, date, date]] = []
    since = ALWAYS
    for one in sorted(dated, key=lambda holding: holding.since):
        listed += [(None, since, one.since), (one, one.since, one.until)]
        since = one.until
    listed.append((None, since, FOR_EVER))
    return [stretch for stretch in listed if stretch[1] < stretch[2]]


def hours_problems(hours: Hours, *, path: str) -> list[tuple[str, str]]:
    """List what is wrong with the hours of a week, each with the path of the day."""
    return [
        (f"{path}.{day}", f"{path.partition('.')[0]}.{day}: {problem}")
        for day, spans in hours.items()
        for problem in _span_problems(spans)
    ]


def dated_problems(
    thresholds: Sequence[DatedThresholds], hours: Sequence[DatedHours], numbers: Sequence[DatedNumber]
) -> list[tuple[str, str]]:
    """List what is wrong, each with the path of the table it stands in."""
    tables = {
        "dated_thresholds": [("", one.since, one.until) for one in thresholds],
        "dated_hours": [("", one.since, one.until) for one in hours],
        "dated_numbers": [(f"{one.kind} {without_spacing(one.number)}", one.since, one.until) for one in numbers],
    }
    found: list[tuple[str, str]] = []
    for table, spans in tables.items():
        found += [
            (f"{table}.{number}", f"a time from {since} until {until} is empty")
            for number, (_, since, until) in enumerate(spans)
            if since >= until
        ]
        for name, day in doubled(spans):
            last = max(number for number, span in enumerate(spans) if span[0] == name and span[1] <= day < span[2])
            found.append((f"{table}.{last}", f"two [[{table}]] hold on {day}{f' for {name}' if name else ''}"))
    for number, one in enumerate(hours):
        found += hours_problems(one.hours, path=f"dated_hours.{number}.hours")
        if not any(one.hours.values()):
            found.append((f"dated_hours.{number}", "dated_hours need hours of one weekday at least; see holidays"))
    return found


def without_spacing(number: str) -> str:
    """Give a number as calls name it, without what people write between its digits."""
    return _SPACING.sub("", number)


def _span_problems(spans: tuple[str, ...]) -> list[str]:
    if len(spans) > MAX_SPANS_A_DAY:
        return [f"at most {MAX_SPANS_A_DAY} spans a day"]
    try:
        read = [parse_span(span) for span in spans]
    except ValueError:
        return ["write each span like 09:00-13:00, the beginning before the end"]
    overlaps = any(earlier[1] > later[0] for earlier, later in pairwise(read))
    return ["spans must follow each other without overlap"] if overlaps else []
