"""`angime transcribe`: recordings to transcripts by speaker, in this process and without Kafka."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from angime.settings import load
from schemas.errors import InvalidEvent, Misconfigured
from schemas.people import Role
from streams.settings import StreamsSettings
from streams.transcribe import transcribe_file
from streams.whisper import DEMO, WhisperTranscriber
from streams.worker import speech_of


def transcribe_files(
    files: Sequence[Path], *, channels: str, language: str | None, model: str | None
) -> Iterator[dict[str, Any]]:
    """Give for each file its transcript with timings as plain values, or `refused` with the reason.

    Without a model in the command or the settings the demo model listens, and says so. Raises Misconfigured.
    """
    settings = load(StreamsSettings)
    roles = _roles(channels)
    chosen = settings.model_copy(update={"speech_model": model or settings.speech_model or DEMO})
    transcriber = WhisperTranscriber(speech_of(chosen))
    for file in files:
        if not file.is_file():
            raise Misconfigured(f"there is no file {file}")
        try:
            transcript = transcribe_file(file, roles=roles, language=language, transcriber=transcriber)
        except InvalidEvent as error:
            yield {"file": str(file), "refused": error.reason}
            continue
        yield {
            "file": str(file),
            **msgspec.to_builtins(transcript),
            "real_time_factor": round(transcript.real_time_factor, 4),
        }


def _roles(channels: str) -> tuple[Role, ...]:
    if channels == "mono":
        return ()
    words = tuple(word.strip() for word in channels.split(","))
    try:
        return msgspec.convert(words, tuple[Role, ...])
    except msgspec.ValidationError:
        raise Misconfigured(f"--channels knows {', '.join(get_args(Role))} and mono, not {channels!r}") from None
