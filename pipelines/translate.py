"""What a source makes of bytes: the canonical events, or why they are refused; also of files, without Kafka."""

import traceback
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from pipelines.origins import Origin, raw_record
from pipelines.sources import SOURCES
from pipelines.sources.contract import Request, Source, Translation
from schemas.codec import encode, prove
from schemas.company import Account, Company
from schemas.envelope import Event
from schemas.errors import AngimeError, InvalidEvent, Misconfigured
from schemas.instants import LATEST, Instant, instant, moment
from schemas.records import RawRecord
from schemas.transcripts import CallTranscribed
from streams.redact import without_secrets

STAND_IN = "example"
# So far ahead no clock goes. What a file of an example tells may lie some years after the day that stands for today.
AHEAD = timedelta(days=3653)
_HAPPENED = ("started_at", "answered_at")
RECEIVED_AT: Instant = "2026-01-01T00:00:00.000Z"  # fixed, so that the same file gives the same bytes
MAX_FILE_BYTES = 64 * 1024 * 1024
# Where translators lie, and this module, through which each error comes.
OURS = {Path(__file__).parent, Path(__file__).parent / "sources", Path(__file__).parents[1] / "schemas"}


def stand_in(source: str) -> Origin:
    """Give a company and an account to translate with, where no company.toml says otherwise."""
    account = Account(id=STAND_IN, source=source)
    company = Company(id=STAND_IN, name=STAND_IN, time_zone="Asia/Almaty", default_region="KZ", accounts=(account,))
    return Origin(company=company, account=account, source=_source(source))


def translate_files(
    source: str,
    files: Sequence[Path],
    *,
    headers: Mapping[str, str] | None = None,
    origin: Origin | None = None,
    received_at: Instant = RECEIVED_AT,
) -> list[dict[str, Any]]:
    """Give for each file what its bytes become, ready for JSON.

    `{"file", "events", "refused"}`, where `refused` lists parts that are broken and is left out when none is;
    `{"file", "ignored"}` for a body that holds no fact of ours; `{"file", "refused": reason}` when nothing can be read.
    A file is a body as the provider sends it; for forms it may also be a JSON object of the decoded fields.
    Raises Misconfigured for an unknown source and for files that cannot be read.
    """
    spoken_for = origin or stand_in(source)
    told = {name.lower(): word for name, word in (headers or {}).items()}
    return [
        {"file": str(file), **_shown(_body_of(file), spoken_for, headers=told, received_at=received_at)}
        for file in files
    ]


def translation(origin: Origin, raw: RawRecord) -> Translation:
    """Give what the origin's source makes of a raw record.

    A translator is pure: where a mistake of ours ends it, it would end again. So the record is refused, with the kind
    and the place of the mistake and nothing of what it holds; see docs/adr/0064. Raises InvalidEvent for that, and for
    bytes that are none of the source's.
    """
    try:
        return origin.source.translate(raw, company=origin.company, account=origin.account)
    except (AngimeError, MemoryError):
        raise
    except Exception as error:
        raise InvalidEvent(f"a mistake of ours: {type(error).__name__} at {_place(error)}") from error


def _place(error: Exception) -> str:
    """Name the last line of ours that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    *_, (file, line) = ((Path(one.filename), one.lineno) for one in frames if Path(one.filename).parent in OURS)
    return f"{file.parent.name}/{file.name}:{line}"


def canonical(event: Event, *, company: Company) -> bytes:
    """Encode an event of a translation, whose sources have had it read by the codec, as every reader will.

    A provider's transcript leaves its secrets here, whatever source it came through, and is read once more: raises
    InvalidEvent for what readers would refuse. So it does for what happened long after we heard of it: facts lie by
    month, and some thousands of months are as many files, which take long to write and to look after.
    """
    told = max(event.time, *[getattr(event.data, name, None) or "" for name in _HAPPENED])
    if told > event.recordedat and told > instant(min(moment(event.recordedat) + AHEAD, LATEST)):
        raise InvalidEvent(f"it happened more than {AHEAD.days // 365} years after it was received")
    if isinstance(event.data, CallTranscribed):
        value = encode(msgspec.structs.replace(event, data=without_secrets(event.data, company=company)))
        prove(value)
        return value
    return encode(event)


def _shown(body: bytes, origin: Origin, *, headers: dict[str, str], received_at: Instant) -> dict[str, Any]:
    request = Request(method="POST", url="", headers=headers, body=body, received_at=received_at)
    content_type = headers.get("content-type", "")
    raw = raw_record(origin, origin.source.kept(request), received_at=received_at, content_type=content_type)
    try:
        told = translation(origin, raw)
    except InvalidEvent as error:
        return {"refused": error.reason}
    if told.ignored and not told.events and not told.refused:
        return {"ignored": told.ignored}
    return _listed(told, company=origin.company)


def _listed(told: Translation, *, company: Company) -> dict[str, Any]:
    events: list[Any] = []
    refused = [{"part": refusal.part, "reason": refusal.reason} for refusal in told.refused]
    for event in told.events:
        try:
            events.append(msgspec.json.decode(canonical(event, company=company)))
        except InvalidEvent as error:
            refused.append({"part": "", "reason": f"{event.type}: {error.reason}"})
    return {"events": events, "refused": refused} if refused else {"events": events}


def _source(name: str) -> Source:
    source = SOURCES.get(name)
    if source is None:
        raise Misconfigured(f"the source {name!r} is unknown; known are {', '.join(sorted(SOURCES))}")
    return source


def _body_of(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise Misconfigured(f"{file} is larger than {MAX_FILE_BYTES} bytes")
        return file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}") from None
