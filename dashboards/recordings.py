"""Recordings out of their store: of the asked company only, never outside it, under a limit."""

from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

MAX_BYTES = 200 * 1024 * 1024


def load(url: str, *, company: str, path: str) -> bytes | None:
    """Read the recording at `path` of the store at `url`; None where it is not there, too long, or not `company`'s."""
    if not _is_inside(path, company=company) or not _is_inside_folder(url, path=path):
        return None
    try:
        store = from_url(url)
        if obstore.head(store, path)["size"] > MAX_BYTES:
            return None
        return bytes(obstore.get(store, path).bytes())
    except (BaseError, OSError, ValueError):
        return None


def media_type(path: str) -> str:
    """Tell the browser what a recording is, by the end of its path, as the store of recordings names it."""
    known = {".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".flac": "audio/flac", ".m4a": "audio/mp4"}
    return {**known, ".webm": "audio/webm", ".amr": "audio/amr"}.get(PurePosixPath(path).suffix, "audio/wav")


def _is_inside(path: str, *, company: str) -> bool:
    parts = path.split("/")
    is_plain = all(part not in {"", ".", ".."} and not set(part) & set("\\%\x00") for part in parts)
    return is_plain and len(parts) > 1 and parts[0] == company


def _is_inside_folder(url: str, *, path: str) -> bool:
    """Follow links in a folder on disk: they must not lead out of it."""
    if not url.startswith("file:"):
        return True
    folder = Path(unquote(urlparse(url).path)).resolve()
    return (folder / path).resolve().is_relative_to(folder)
