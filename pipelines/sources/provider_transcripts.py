"""What a provider wrote down of a recording: its text as one turn, for it tells neither speakers nor times."""

from typing import Any

from schemas.ids import Id
from schemas.transcripts import CallTranscribed, Turn


def plain_transcript(
    known: dict[str, Any], *, recording: Id, text: str, model: str, duration_seconds: float | None
) -> CallTranscribed:
    """Give a transcript of which only the text is known; a transcript of our own tells more, and outweighs it."""
    length = duration_seconds or 0.0
    return CallTranscribed(
        **known,
        recording_id=recording,
        origin="provider",
        model=model,
        language="unknown",
        grade="turns",
        duration_seconds=length,
        channels=1,
        turns=(Turn(channel=0, role="unknown", start_seconds=0.0, end_seconds=length, text=text),),
        separation="none",
    )
