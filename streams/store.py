"""The store of recordings: a folder by default, or any object store that obstore knows."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlparse

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from schemas.company import Company
from schemas.envelope import Event
from schemas.errors import InvalidEvent, Misconfigured, NotYet
from schemas.instants import Instant, moment
from schemas.recordings import recording_path
from schemas.retention import DOUBTED, LEAP, kept_since

# Names of drafts that are tried though one before them is missing: of two writers the first may be done, not killed.
_WRITERS_AT_ONCE = 4
_DAY = re.compile(r"\d{4}/\d{2}/\d{2}/")
_DRAFT = re.compile(r"#\d+$")

_log = structlog.get_logger()


def open_store(url: str) -> ObjectStore:
    """Open the store at an obstore URL; a folder is made when it is missing. Raises Misconfigured."""
    try:
        if url.startswith("file:"):
            Path(unquote(urlparse(url).path)).mkdir(parents=True, exist_ok=True)
        return from_url(url)
    except (BaseError, OSError, ValueError) as error:
        raise Misconfigured(f"ANGIME_RECORDINGS cannot be opened: {type(error).__name__}") from None


def path_of(available: Event) -> str:
    """Where the recording of a `call.recording_made_available` event lies."""
    told = available.data
    return recording_path(
        company=available.company, time=available.time, recording_id=told.recording_id, media_type=told.media_type
    )


async def keep(store: ObjectStore, path: str, content: bytes) -> None:
    """Write a recording whole; the same again changes nothing. Raises NotYet while the store is away."""
    try:
        await obstore.put_async(store, path, content)
    except (BaseError, OSError) as error:
        raise NotYet(f"the store of recordings refused to write: {type(error).__name__}") from None


async def load(store: ObjectStore, path: str) -> bytes:
    """Read a recording whole.

    Raises NotYet while the store is away or the recording is not there, InvalidEvent for a path that no store has.
    """
    try:
        return bytes(await (await obstore.get_async(store, path)).bytes_async())
    except ValueError:
        raise InvalidEvent("the recording's path is one that no store has") from None
    except (BaseError, OSError) as error:
        raise NotYet(f"the store of recordings refused to read: {type(error).__name__}") from None


async def kept(store: ObjectStore, path: str) -> bytes | None:
    """Read a recording that may have been kept before; None where it was not. Raises NotYet while the store is away."""
    try:
        await obstore.head_async(store, path)
    except FileNotFoundError:
        return None
    except (BaseError, OSError) as error:
        raise NotYet(f"the store of recordings refused to look: {type(error).__name__}") from None
    return await load(store, path)


def is_past(fact: Event, *, company: Company | None, now: Instant) -> bool:
    """Whether the recording that a fact speaks of is no longer kept, so that nobody may fetch it again or hear it."""
    days = company.retention.recordings_days if company is not None else None
    return days is not None and fact.time < kept_since(days, now=now)


def old_paths(store: ObjectStore, company: Company, *, now: Instant) -> Iterator[str]:
    """Give where recordings lie that a company keeps no longer, by the day that stands in their paths.

    Raises NotYet while the store is away.
    """
    days = company.retention.recordings_days
    if days is None:
        return
    first_day = kept_since(days, now=now)[:10].replace("-", "/")
    for path, _ in _listed(store, company):
        _, _, place = path.partition("/")
        if _DAY.match(place) and place[:10] < first_day:
            yield path


def is_on_this_machine(store: ObjectStore) -> bool:
    """Whether to list the store costs nothing: a bucket is listed by a thousand files a request."""
    return isinstance(store, LocalStore)


def is_draft(path: str) -> bool:
    """Whether it is what a writer has begun, see `forget`."""
    return _DRAFT.search(path) is not None


def all_paths(store: ObjectStore, company: Company) -> Iterator[tuple[str, datetime]]:
    """Give all that lies in the store for a company, drafts too, and when it was written.

    Raises NotYet while the store is away.
    """
    yield from _listed(store, company)
    if isinstance(store, LocalStore) and store.prefix is not None:
        for place in Path(store.prefix, company.id).rglob("*#*"):
            if is_draft(place.name):
                written_at = datetime.fromtimestamp(place.stat().st_mtime, UTC)
                yield place.relative_to(store.prefix).as_posix(), written_at


def _listed(store: ObjectStore, company: Company) -> Iterator[tuple[str, datetime]]:
    try:
        for listed in obstore.list(store, prefix=f"{company.id}/"):  # pyright: ignore[reportUnknownMemberType]
            for found in listed:
                yield found["path"], found["last_modified"]
    except FileNotFoundError:
        return
    except (BaseError, OSError) as error:
        raise NotYet(f"the store of recordings refused to list: {type(error).__name__}") from None


def forget_old(store: ObjectStore, companies: Iterable[Company], *, now: Instant, believes: bool = False) -> int:
    """Delete the recordings that companies keep no longer; gives how many. Raises NotYet while the store is away.

    Nothing is deleted where long ago was its time by a clock that may be wrong, unless a person `believes` it: where
    the store holds nothing of late.
    """
    forgotten = 0
    for company in companies:
        old = list(old_paths(store, company, now=now))
        if old and not believes and _is_doubtful(store, company, old=old, now=now):
            _log.warning("forgetting_waits", reason=DOUBTED, clock=now)
            continue
        forgotten += sum(forget(store, path) for path in old)
    return forgotten


def _is_doubtful(store: ObjectStore, company: Company, *, old: Iterable[str], now: Instant) -> bool:
    """Whether only a clock that has gone far on says that these are old; a store is looked through for it alone."""
    first_kept = moment(kept_since(company.retention.recordings_days or 0, now=now))
    if first_kept - min(map(_day_of, old)) <= LEAP:
        return False
    today = moment(now)
    days = (_day_of(path) for path, _ in _listed(store, company) if _DAY.match(path.partition("/")[2]))
    # A provider's own clock may be years ahead, and says nothing of ours.
    return not any(today - LEAP <= day <= today + timedelta(days=1) for day in days)


def _day_of(path: str) -> datetime:
    _, _, place = path.partition("/")
    return datetime.strptime(place[:10], "%Y/%m/%d").replace(tzinfo=UTC)


def forget(store: ObjectStore, path: str) -> bool:
    """Delete a recording, and what writers that were killed left of it; False where there was none.

    Raises NotYet while the store is away.
    """
    if is_draft(path):
        return _forget_draft(store, path)
    try:
        obstore.head(store, path)
    except ValueError:  # nothing lies at a path that no store has
        return False
    except FileNotFoundError:
        _forget_drafts(store, path)
        return False
    except (BaseError, OSError) as error:
        raise NotYet(f"the store of recordings refused to look: {type(error).__name__}") from None
    try:
        obstore.delete(store, path)
    except (BaseError, OSError) as error:
        raise NotYet(f"the store of recordings refused to delete: {type(error).__name__}") from None
    _forget_drafts(store, path)
    return True


def _forget_drafts(store: ObjectStore, path: str) -> None:
    """Delete what is beside a place of a folder: obstore writes `NAME#1` first, `NAME#2` where that is there."""
    for number in count(1):
        if not _forget_draft(store, f"{path}#{number}") and number >= _WRITERS_AT_ONCE:
            return


def _forget_draft(store: ObjectStore, path: str) -> bool:
    if not isinstance(store, LocalStore) or store.prefix is None:
        return False
    folder = Path(store.prefix).resolve()
    place = Path(folder, path).resolve()
    if not place.is_relative_to(folder):  # as of paths that no store has
        return False
    try:
        place.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise NotYet(f"the store of recordings refused to delete: {type(error).__name__}") from None
    return True
