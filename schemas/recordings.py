"""Where recordings lie in their store: by company, day and recording, so that whoever knows a fact finds its file."""

from schemas.instants import Instant

SUFFIXES = {
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/opus": ".ogg",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
    "audio/webm": ".webm",
    "audio/amr": ".amr",
}


def recording_path(*, company: str, time: Instant, recording_id: str, media_type: str | None) -> str:
    """Give the path of the recording that a fact of this time speaks of.

    Every part is of our own making (a checked name, a date, an id), so no provider's text can climb out.
    """
    day = time[:10].replace("-", "/")
    suffix = SUFFIXES.get((media_type or "").partition(";")[0].strip().lower(), ".audio")
    return f"{company}/{day}/{recording_id}{suffix}"
