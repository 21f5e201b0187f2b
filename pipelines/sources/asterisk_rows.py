"""Call detail records of Asterisk as they lie in files and JSON, each row under its place and today's column names."""

import csv
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from pipelines.sources.reading import Fields, as_object, items
from schemas.codec import parse_json
from schemas.counts import so_many
from schemas.errors import InvalidEvent

# The order in which cdr_csv writes (Asterisk, CDR specification); what stands behind depends on its configuration.
STANDARD = (
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
)
_NEWER = ("peeraccount", "linkedid", "sequence")
LAYOUTS: dict[int, tuple[str, ...]] = {
    16: STANDARD,
    17: (*STANDARD, "uniqueid"),
    18: (*STANDARD, "uniqueid", "userfield"),
    19: (*STANDARD, *_NEWER),
    20: (*STANDARD, "uniqueid", *_NEWER),
    21: (*STANDARD, "uniqueid", "userfield", *_NEWER),
}
# Names that the manager interface, FreePBX and adaptive drivers give to the same columns.
ALIASES = {
    "source": "src",
    "destination": "dst",
    "destinationcontext": "dcontext",
    "callerid": "clid",
    "destinationchannel": "dstchannel",
    "lastapplication": "lastapp",
    "starttime": "start",
    "calldate": "start",
    "answertime": "answer",
    "endtime": "end",
    "billableseconds": "billsec",
    "recordingfile": "recording",
}
# The order in which the sample of cel_custom writes channel events, whose kind stands first.
CHANNEL_EVENTS = (
    "eventtype",
    "eventtime",
    "cidname",
    "cidnum",
    "cidani",
    "cidrdnis",
    "ciddnid",
    "exten",
    "context",
    "channame",
    "appname",
    "appdata",
    "amaflags",
    "accountcode",
    "uniqueid",
    "linkedid",
    "peer",
    "userfield",
    "userdeftype",
    "extra",
)
# What no caller's number looks like, which stands there in a call detail record.
_TIME_OF_EVENT = re.compile(r"^(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d|\d{9,11}\.\d{1,9}$)", re.ASCII)
# Between two objects of lines; within one object or list a comma stands there.
_NEXT_OBJECT = re.compile(rb"\}[ \t\r]*\n\s*\{")
_WRAPPERS = ("cdr", "cdrs", "rows", "records")
_EVENT_HEADER = frozenset({"eventtype", "eventtime"})
_HEADER_WORDS = frozenset({"src", "dst", "disposition", "duration", "billsec", "source", "destination"})


class Row(Struct, frozen=True):
    """One row: where it stands (`line 4`, `[3]`), its columns, or why it cannot be read."""

    part: str
    columns: Fields
    problem: str = ""


def is_header(line: bytes) -> bool:
    """Say whether a line names columns instead of filling them."""
    try:
        cells = _cells(line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n"))
    except InvalidEvent:
        return False
    return _names_columns(tuple(cell.strip().lower() for cell in cells))


def is_json_by_line(body: bytes) -> bool:
    """Say whether a body holds an object a line, as cdr_custom and cel_custom write JSON."""
    return _NEXT_OBJECT.search(body) is not None


def rows(body: bytes, *, columns: tuple[str, ...] = ()) -> list[Row]:
    """Read a file's lines, of CSV or each of a JSON object, one such object, or a list of them.

    `columns` names the order of a custom file. Raises InvalidEvent when the body is nothing of that.
    """
    if is_json_by_line(body):
        return list(_from_objects(body))
    if body.lstrip()[:1] in {b"{", b"["}:
        return list(_from_json(parse_json(body)))
    return list(_from_lines(body, columns=columns))


def _from_json(value: Any) -> Iterator[Row]:
    prefix = ""
    if isinstance(value, dict):
        fields = as_object(value, what="the body")
        prefix = next((name for name in _WRAPPERS if isinstance(fields.get(name), dict | list)), "")
        value = fields[prefix] if prefix else fields
    if not isinstance(value, list):
        yield Row(prefix, _renamed(as_object(value, what="the row")))
        return
    for number, one in enumerate(items({"rows": value}, "rows")):
        part = f"{prefix}[{number}]"
        try:
            yield Row(part, _renamed(as_object(one, what="the row")))
        except InvalidEvent as error:
            yield Row(part, {}, error.reason)


def _from_objects(body: bytes) -> Iterator[Row]:
    for number, line in enumerate(body.splitlines(), start=1):
        part = f"line {number}"
        try:
            if line.strip():
                yield Row(part, _renamed(as_object(parse_json(line), what="the row")))
        except InvalidEvent as error:
            yield Row(part, {}, error.reason)


def _renamed(fields: Fields) -> Fields:
    """Give the columns under today's names, in lower case; what is not there stays out."""
    columns: Fields = {}
    for name, value in fields.items():
        lower = name.lower().replace("_", "")
        columns.setdefault(ALIASES.get(lower, lower), value)
    return columns


def _from_lines(body: bytes, *, columns: tuple[str, ...]) -> Iterator[Row]:
    """Read line by line: the recorder writes a row a line, so that a broken line never swallows its neighbours."""
    header: tuple[str, ...] = columns
    for number, line in enumerate(body.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        if not line.strip():
            continue
        part = f"line {number}"
        try:
            cells = _cells(line)
        except InvalidEvent as error:
            yield Row(part, {}, error.reason)
            continue
        words = tuple(cell.strip().lower() for cell in cells)
        if _names_columns(words):
            header = words
            continue
        layout = header or _layout(cells)
        if layout is None:
            yield Row(part, {}, f"the line has {so_many(len(cells), 'column')}; 16 to 21 are known")
        elif len(layout) != len(cells):
            yield Row(part, {}, f"the line has {so_many(len(cells), 'column')}; its header names {len(layout)}")
        else:
            yield Row(part, _renamed(dict(zip(layout, cells, strict=True))))


def _layout(cells: list[str]) -> tuple[str, ...] | None:
    """Tell the columns of a line by their number; behind the kind of a channel event, any word, stands its time."""
    is_event = len(cells) > 1 and _TIME_OF_EVENT.match(cells[1].strip())
    if is_event and len(CHANNEL_EVENTS) - 2 <= len(cells) <= len(CHANNEL_EVENTS):
        return CHANNEL_EVENTS[: len(cells)]
    return LAYOUTS.get(len(cells))


def _names_columns(words: tuple[str, ...]) -> bool:
    is_record = len(_HEADER_WORDS.intersection(words)) >= len(_HEADER_WORDS) // 2
    return is_record or set(words) >= _EVENT_HEADER


def _cells(line: bytes) -> list[str]:
    """Give the cells of a line; in whatever bytes a network sends the caller's name, the call is not lost for it."""
    try:
        read = list(csv.reader([line.decode("utf-8", errors="replace")], strict=True))
    except csv.Error:
        raise InvalidEvent("the line is no CSV: a quote is open or out of place") from None
    return read[0] if read else []
