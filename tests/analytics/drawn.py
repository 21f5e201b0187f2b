"""Drawn tables: facts written as small text tables become events, and rows become text tables to compare."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, get_type_hints

import msgspec
import polars as pl

from analytics.folding.scratch import Scratch, scratch
from schemas import codec, ids
from schemas.catalogue import EVENT_TYPES
from schemas.company import Company, parse_company
from schemas.envelope import Event
from schemas.instants import Instant

DAY = "2026-03-02"  # a Monday
COMPANY_TEXT = """
    id = "acme"
    name = "Acme"
    time_zone = "Asia/Almaty"
    default_region = "KZ"
    holidays = ["2026-03-09"]
    internal_numbers = ["+7 727 111-11-11"]
    test_numbers = ["+77019999999"]
    currency = "KZT"
    accounts = [{ id = "main", source = "twilio" }]

    [[tariffs]]
    id = "trunk"
    accounts = ["main"]
    kind = "per_pulse"
    currency = "KZT"
    rates = [{ price_per_minute = "6" }, { price_per_minute = "3", above_minutes = 1 }]

    [hours]
    mon = ["09:00-13:00", "14:00-18:00"]
    tue = ["09:00-18:00"]
    sat = ["22:00-24:00"]

    [[teams]]
    id = "sales"
    name = "Sales"

    [[operators]]
    id = "aigul"
    name = "Aigul"
    team = "sales"
    endpoints = ["PJSIP/101", "client:aigul"]

    [[operators]]
    id = "oleg"
    name = "Oleg"
    team = "sales"
    endpoints = ["PJSIP/102"]

    [[trackers]]
    id = "hello"
    name = "Says hello"
    phrases = { en = ["hello"] }
"""
COMPANY = parse_company(COMPANY_TEXT)


def rows(text: str) -> list[dict[str, str]]:
    """Read a drawn table: names above, cells between bars; a line of dashes is drawn for the eye only."""
    lines = [line.strip() for line in text.strip().splitlines()]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line and not set(line) <= set("-+| ")]
    return [dict(zip(cells[0], line, strict=True)) for line in cells[1:]]


def drawn_events(text: str, *, source: str = "twilio", company: str = "acme") -> list[Event]:
    """Read drawn facts as events.

    Columns: what it is about first, `call`, `message`, `deal`, `permission`, `contact` (its name) or `account` (its
    id); `company`, `account` and `leg` where wanted, `fact` (type without its noun; `ended/1` is an old version), `at`
    (UTC, `HH:MM:SS` of DAY or with a date before it), `says` (`field=value; …`). Identities are written `kind:value`,
    several with commas between, a time like `at`, a list as JSON. Equal lines are two facts, for an event's id is its
    line's number.
    """
    return [
        _event(row, number=number, source=source, company=company) for number, row in enumerate(rows(text), start=1)
    ]


def warehouse(events: Iterable[Event], companies: Iterable[Company] = (COMPANY,)) -> Scratch:
    """Open a warehouse in memory with events and company data; it builds what it is asked for."""
    opened = scratch(companies)
    opened.load_events(events)
    return opened


def draw(frame: pl.DataFrame, *, like: str, names: Mapping[str, str] | None = None) -> list[str]:
    """Draw, line by line, the columns that the table `like` has, in the order of its first column.

    `names` gives drawn names for ids.
    """
    columns = list(rows(like)[0]) if rows(like) else [cell.strip() for cell in like.strip().split("|")]
    drawn = [[_cell(value, names=names or {}) for value in row] for row in frame.select(columns).iter_rows()]
    return _table([columns, *sorted(drawn)])


def tidy(text: str) -> list[str]:
    """Draw a drawn table anew, line by line, so that equal tables are equal texts."""
    read = rows(text)
    return _table([list(read[0]), *sorted(list(row.values()) for row in read)])


def call(name: str) -> str:
    """Id of the drawn call of this name."""
    return ids.call_id("twilio", "main", name)


def recording(name: str) -> str:
    """Id of the drawn recording of this name."""
    return ids.recording_id("twilio", "main", name)


def message(name: str) -> str:
    """Id of the drawn message of this name."""
    return ids.message_id("twilio", "main", name)


def deal(name: str) -> str:
    """Id of the drawn deal of this name."""
    return ids.deal_id("twilio", "main", name)


def moment(text: str) -> Instant:
    """Read `HH:MM:SS`, with a date before it where it is not DAY, as an instant in UTC."""
    written = text if "T" in text or " " in text else f"{DAY} {text}"
    read = datetime.fromisoformat(written).replace(tzinfo=UTC)
    return f"{read:%Y-%m-%dT%H:%M:%S}.{read.microsecond // 1000:03d}Z"


def _event(row: dict[str, str], *, number: int, source: str, company: str) -> Event:
    noun = next(iter(row))
    short, _, version = row["fact"].partition("/")
    kind = EVENT_TYPES[f"{noun}.{short}"]
    fields = _named(noun, row[noun], company=company)
    if row.get("leg"):
        fields["leg_id"] = row["leg"]
    fields |= _said(row.get("says", ""), struct=kind.struct)
    key = fields.get(f"{noun}_id", f"{noun} {row[noun]}")
    envelope: dict[str, Any] = {
        "id": ids.identify("drawn", noun, row[noun], str(number)),
        "source": source,
        "type": kind.name,
        "subject": key,
        "time": moment(row["at"]),
        "recordedat": moment(row["at"]),
        "company": row.get("company", company),
        "account": row.get("account", "main"),
        "partitionkey": key,
        "dataschema": f"{kind.name}/{version}" if version else kind.dataschema,
        "data": fields,
    }
    event = codec.decode(msgspec.json.encode(envelope))
    return msgspec.structs.replace(event, dataschema=envelope["dataschema"], data=fields) if version else event


def _named(noun: str, name: str, *, company: str) -> dict[str, Any]:
    if noun not in {"call", "message", "deal"}:
        return {}
    make = {"call": ids.call_id, "message": ids.message_id, "deal": ids.deal_id}[noun]
    fields: dict[str, Any] = {f"{noun}_id": make("twilio", "main", name), f"provider_{noun}_id": name}
    if noun == "message":
        fields["conversation_id"] = ids.conversation_id(company, "phone", "+77010000001")
    return fields


def _said(text: str, *, struct: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(struct, include_extras=True)
    pairs = [part.strip().partition("=") for part in text.split(";") if part.strip()]
    return {name: _value(value, name=name, hint=hints.get(name)) for name, _, value in pairs}


def _value(text: str, *, name: str, hint: Any) -> Any:
    if name == "contact":
        identities = [identity.strip().partition(":") for identity in text.split(",")]
        return [{"kind": kind, "value": value} for kind, _, value in identities]
    if name in {"recording_id", "into_deal_id"}:
        return recording(text) if name == "recording_id" else deal(text)
    if name.endswith("_at"):
        return moment(text)
    if text.startswith("["):
        return msgspec.json.decode(text)
    if name == "duration_seconds":
        return float(text)
    return text if hint is None else msgspec.convert({"yes": "true", "no": "false"}.get(text, text), hint, strict=False)


def _cell(value: Any, *, names: Mapping[str, str]) -> str:  # noqa: PLR0911  # one answer a kind
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")
        return text.removeprefix(f"{DAY} ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return ", ".join(value)
    return names.get(str(value), re.sub(r"\s+", " ", str(value)))


def _table(lines: list[list[str]]) -> list[str]:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
