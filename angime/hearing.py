"""`angime transcribe`: recordings to transcripts by speaker with talk figures, in this process and without Kafka."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from analytics.folding.scratch import scratch
from angime.settings import load
from schemas.envelope import event
from schemas.errors import InvalidEvent, Misconfigured
from schemas.ids import call_id, fact_id, recording_id
from schemas.people import Role
from schemas.transcripts import SECRET_KINDS, CallTranscribed
from streams.redact import redact
from streams.settings import StreamsSettings
from streams.transcribe import Progress, Transcript, transcribe
from streams.whisper import DEMO, open_transcriber
from streams.worker import speech_of

REGIONS = {"ru": "RU", "kk": "KZ", "pt": "BR", "en": "US"}  # whose phone numbers are known without a country code
_SOURCE = "file"
_NOW = "2026-01-01T00:00:00.000Z"  # of no meaning here: figures count from the recording's start

OnProgress = Callable[[Path, Progress], None]


def transcribe_files(  # noqa: PLR0913  # each is an option of the command
    files: Sequence[Path],
    *,
    channels: str,
    language: str | None,
    model: str | None,
    keeps_secrets: bool = False,
    on_progress: OnProgress = lambda _file, _progress: None,
) -> Iterator[dict[str, Any]]:
    """Give for each file its transcript with figures and timings as plain values, or `refused` with the reason.

    Without a model in the command or the settings the demo model listens, and says so. Raises Misconfigured.
    """
    settings = load(StreamsSettings)
    roles = _roles(channels)
    chosen = settings.model_copy(update={"speech_model": model or settings.speech_model or DEMO})
    transcriber = open_transcriber(speech_of(chosen))
    for file in files:
        if not file.is_file():
            raise Misconfigured(f"there is no file {file}")
        try:
            heard = transcribe(
                file,
                roles=roles,
                language=language,
                transcriber=transcriber,
                on_progress=lambda progress, file=file: on_progress(file, progress),
            )
        except InvalidEvent as error:
            yield {"file": str(file), "refused": error.reason}
            continue
        beeps: list[Any] = []
        if not keeps_secrets:
            region = REGIONS.get(heard.language, "ZZ")
            clean = redact(heard.turns, language=heard.language, region=region, kinds=SECRET_KINDS)
            heard, beeps = msgspec.structs.replace(heard, turns=clean.turns), msgspec.to_builtins(clean.beeps)
        yield {
            "file": str(file),
            **msgspec.to_builtins(heard),
            "beeps": beeps,
            "figures": talk_figures(heard),
            "real_time_factor": round(heard.real_time_factor, 4),
        }


def talk_figures(heard: Transcript) -> dict[str, Any]:
    """Count how the conversation went, by the very SQL of `facts.call_talk`."""
    call = call_id(_SOURCE, _SOURCE, _SOURCE)
    said = CallTranscribed(
        call_id=call,
        provider_call_id=_SOURCE,
        recording_id=recording_id(_SOURCE, _SOURCE, _SOURCE),
        **{name: getattr(heard, name) for name in _SHARED},
    )
    fact = event(
        said,
        id=fact_id(_SOURCE, _SOURCE, "call.transcribed", _SOURCE),
        source=_SOURCE,
        account=_SOURCE,
        company=_SOURCE,
        time=_NOW,
        recordedat=_NOW,
        key=call,
    )
    warehouse = scratch()
    try:
        warehouse.load_events([fact])
        warehouse.build()
        told = "select * exclude (call_id, company, day, transcripts, recordings) from facts.call_talk"
        return warehouse.sql(told).to_dicts()[0]
    finally:
        warehouse.close()


_SHARED = (
    "origin",
    "model",
    "is_demo_model",
    "language",
    "grade",
    "duration_seconds",
    "channels",
    "turns",
    "separation",
)


def _roles(channels: str) -> tuple[Role, ...]:
    if channels == "mono":
        return ()
    words = tuple(word.strip() for word in channels.split(","))
    try:
        return msgspec.convert(words, tuple[Role, ...])
    except msgspec.ValidationError:
        raise Misconfigured(f"--channels knows {', '.join(get_args(Role))} and mono, not {channels!r}") from None
