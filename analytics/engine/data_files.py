"""Where the data files of a warehouse lie: the port, and its two forms, a folder and a bucket."""

import os
import shlex
import shutil
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Protocol
from urllib.parse import urlparse

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import from_url

from analytics.engine.away import WarehouseAway
from analytics.engine.drafts import write_whole
from analytics.log import quoted
from analytics.settings import AnalyticsSettings
from schemas.errors import Misconfigured

DATA = "data"
SUFFIX = ".parquet"
SEALS = "seals"  # the note of analytics.engine.seals
CHUNK_BYTES = 1024 * 1024
WHOLE_CHUNKS = 8
# A bucket that does not answer is asked again by whoever needs it, so not by its client for minutes.
RETRIES = 2
# How the engine calls what obstore reads from the environment.
_WORDS = {
    "key_id": "AWS_ACCESS_KEY_ID",
    "secret": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_REGION",
}


class DataFiles(Protocol):
    """Data files, by their names below `place`, and notes of their writer's beside them.

    The engine writes, reads and deletes them by itself, with `extension` and what `told` says to it. A bucket that is
    away raises WarehouseAway, one that refuses the keys Misconfigured.
    """

    extension: str

    @property
    def place(self) -> str:
        """Where they lie, as the engine is told."""
        ...

    @property
    def how_to_delete(self) -> str:
        """Say to a person how to delete all of them, and the notes."""
        ...

    def told(self) -> str:
        """Give a statement that tells the engine what it must know to come there; empty where it need not."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """Give the bytes of all that are there, by their names, whether the catalog knows them or not."""
        ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read one, piece by piece; raises FileNotFoundError where it is not there."""
        ...

    def copy(self, path: str, *, to: Path) -> None:
        """Copy one, known by its path as the engine tells it."""
        ...

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write one, which is there as a whole or not at all."""
        ...

    def remove(self, name: str) -> None:
        """Delete one."""
        ...

    def note(self, name: str) -> bytes | None:
        """Read a note; None where there is none."""
        ...

    def write_note(self, name: str, content: bytes) -> None:
        """Replace a note, as a whole."""
        ...

    def remove_note(self, name: str) -> None:
        """Delete a note."""
        ...

    def reach(self) -> None:
        """Raise WarehouseAway where the files cannot be reached just now."""
        ...

    def suspect(self) -> None:
        """Raise WarehouseAway of files that the engine could not reach, if such files may be away."""
        ...


def files_of(settings: AnalyticsSettings) -> DataFiles:
    """Give the data files that the settings name. Raises Misconfigured."""
    place = settings.warehouse_files
    if place.startswith("s3://"):
        return BucketFiles(place, environ=os.environ)
    if "://" in place:
        raise Misconfigured("ANGIME_WAREHOUSE_FILES names neither a folder nor a bucket, such as s3://lake/angime")
    return FolderFiles(Path(place) if place else settings.warehouse)


class FolderFiles:
    """Files in a folder."""

    extension = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / DATA

    @property
    def place(self) -> str:
        """The folder, wherever the process stands."""
        return str(self._folder.resolve() / DATA)

    @property
    def how_to_delete(self) -> str:
        """Name the folder and the note beside it, which may lie among other things."""
        folder = self._folder.resolve()
        return shlex.join(["rm", "-r", str(folder / DATA), str(folder / SEALS)])

    def told(self) -> str:
        """Tell nothing."""
        return ""

    def sizes(self) -> Mapping[str, int]:
        """List the folder."""
        sizes: dict[str, int] = {}
        for path in self._data.rglob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # the engine ends files meanwhile
                sizes[str(path.relative_to(self._data))] = path.stat().st_size
        return sizes

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read a file."""
        with (self._data / name).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def copy(self, path: str, *, to: Path) -> None:
        """Copy a file."""
        shutil.copyfile(path, to)

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a draft beside the file, which is on the disk before it gets the name, and is listed until then."""
        file = self._data / name
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".draft{SUFFIX}")
        with draft.open("wb") as written:
            written.writelines(chunks)
            written.flush()
            os.fsync(written.fileno())
        draft.replace(file)

    def remove(self, name: str) -> None:
        """Delete a file."""
        (self._data / name).unlink()

    def note(self, name: str) -> bytes | None:
        """Read a file beside them."""
        file = self._folder / name
        return file.read_bytes() if file.exists() else None

    def write_note(self, name: str, content: bytes) -> None:
        """Write a file beside them."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._folder / name, content)

    def remove_note(self, name: str) -> None:
        """Delete a file beside them."""
        (self._folder / name).unlink()

    def reach(self) -> None:
        """Do nothing: a folder is never away."""

    def suspect(self) -> None:
        """Do nothing."""


class BucketFiles:
    """Objects in a bucket of S3, whose keys, region and endpoint come from `AWS_*` as they do for recordings.

    Of a role that a machine has in its cloud the engine knows nothing: it wants keys.
    """

    extension = "httpfs"

    def __init__(self, url: str, *, environ: Mapping[str, str]) -> None:
        self._url = url.rstrip("/")
        self._environ = environ
        try:
            self._store = from_url(self._url, retry_config={"max_retries": RETRIES})
        except (BaseError, ValueError) as error:
            raise Misconfigured(f"ANGIME_WAREHOUSE_FILES cannot be opened: {type(error).__name__}") from None

    @property
    def place(self) -> str:
        """The bucket and what all names in it begin with."""
        return f"{self._url}/{DATA}"

    @property
    def how_to_delete(self) -> str:
        """Name what all names of objects begin with."""
        return f"delete the objects of {self._url}/"

    def told(self) -> str:
        """Tell the keys, for this place alone."""
        said = {"scope": self._url} | {
            word: self._environ[name] for word, name in _WORDS.items() if self._environ.get(name)
        }
        if endpoint := self._environ.get("AWS_ENDPOINT_URL"):
            parts = urlparse(endpoint)
            said |= {"endpoint": parts.netloc, "url_style": "path", "use_ssl": str(parts.scheme == "https")}
        listed = ", ".join(f"{word} {quoted(text)}" for word, text in said.items())
        return f"create or replace secret warehouse_files (type s3, {listed})"

    def sizes(self) -> Mapping[str, int]:
        """List the objects."""
        with self._reaching():
            return {
                found["path"].removeprefix(f"{DATA}/"): found["size"]
                for listed in obstore.list(self._store, prefix=f"{DATA}/")  # pyright: ignore[reportUnknownMemberType]
                for found in listed
                if found["path"].endswith(SUFFIX)
            }

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read an object."""
        with self._reaching():
            for chunk in obstore.get(self._store, f"{DATA}/{name}").stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    def copy(self, path: str, *, to: Path) -> None:
        """Copy an object into a file."""
        with to.open("wb") as file:
            file.writelines(self.chunks(path.removeprefix(f"{self.place}/")))

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write an object, in parts where it is large: parts of one that was broken off the store keeps unseen."""
        left = iter(chunks)
        first = b"".join(islice(left, WHOLE_CHUNKS))
        following = next(left, b"")
        with self._reaching():
            obstore.put(self._store, f"{DATA}/{name}", chain((first, following), left) if following else first)

    def remove(self, name: str) -> None:
        """Delete an object."""
        with self._reaching():
            obstore.delete(self._store, f"{DATA}/{name}")

    def note(self, name: str) -> bytes | None:
        """Read an object beside them."""
        with self._reaching():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def write_note(self, name: str, content: bytes) -> None:
        """Write an object beside them."""
        with self._reaching():
            obstore.put(self._store, name, content)

    def remove_note(self, name: str) -> None:
        """Delete an object beside them."""
        with self._reaching():
            obstore.delete(self._store, name)

    def reach(self) -> None:
        """Ask for an object that is not there."""
        self.note("nothing")

    def suspect(self) -> None:
        """Believe that they were away, whether they are back or not."""
        raise WarehouseAway(f"the data files are away: {self._url} refused the engine")

    @contextmanager
    def _reaching(self) -> Generator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (PermissionDeniedError, UnauthenticatedError):
            raise Misconfigured(
                f"{self._url} refuses these keys: let them list and read objects there, and the lander's write and "
                "delete them"
            ) from None
        except (BaseError, OSError) as error:
            raise WarehouseAway(f"the data files are away: {self._url} refuses ({type(error).__name__})") from None
