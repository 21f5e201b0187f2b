"""Where a warehouse keeps what it knows of its tables, states and files: the port, and which form of it is meant."""

import os
import shlex
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal, Protocol

from msgspec import Struct

from analytics.engine.away import WarehouseAway
from analytics.engine.keeping import INDEX, Keeper, Lock, alone, held_for_reading, is_held_for_reading, vacuum
from analytics.settings import AnalyticsSettings
from schemas.errors import Misconfigured

BUSY_MILLISECONDS = 30_000
# Beside a catalog that is read lies a file of so many bytes, in which is noted who reads.
NOTED_BYTES = 32 * 1024
FULL = frozenset({EDQUOT, EFBIG, ENOSPC})
# Forgotten snapshots leave free pages, which are given back to the disk where they take so much of the catalog: what is
# left of it is written anew then, which is less than was given up.
FREE_BYTES, FREE_SHARE = 1024 * 1024, 0.5
# Whole numbers below 64 bits, as DuckLake calls them.
SMALLER = ("int8", "int16", "int32", "uint8", "uint16", "uint32")


State = Literal["good", "note", "wrong"]


class Looked(Struct, frozen=True):
    """One thing that was looked at: `wrong` stops something from working, a `note` may be meant so."""

    state: State
    found: str
    mending: str = ""


class Right(Protocol):
    """The right to write a warehouse, which one process has until `release` or its end."""

    def check(self) -> None:
        """Raise WarehouseAway where the right may have passed to somebody else."""
        ...

    def release(self) -> None:
        """Let another process write."""
        ...


class Held(Protocol):
    """Something that is held open until it is closed."""

    def close(self) -> None:
        """Let go of it."""
        ...


class Catalog(Protocol):
    """What knows all tables, states and data files of one warehouse, wherever it is kept.

    `extension` lets the engine speak to it, at `place` and with `options`. A person knows it by its `name`, and names
    another one in `setting`. A catalog that is away raises WarehouseAway
    from everything that looks at it, one that cannot be had as the settings say it Misconfigured.
    """

    extension: str
    options: tuple[str, ...]
    setting: str
    name: str

    @property
    def place(self) -> str:
        """Where it is, as the engine is told; no secret is in it."""
        ...

    @property
    def how_to_delete(self) -> str:
        """Say to a person how to delete it."""
        ...

    def keeps_as(self, type_: str) -> str:
        """Name the engine's type of a column of rows that lie in no file yet, by its type as a catalog tells it."""
        ...

    def exists(self) -> bool:
        """Whether there is one, and it is whole."""
        ...

    def making(self) -> AbstractContextManager[str]:
        """Give inside the place at which to make an empty one; it is there, and whole, when that is done."""
        ...

    def unreadable(self, kind: str) -> Misconfigured:
        """Say of a catalog that is there, and at which the engine failed with this kind of error, how to mend it."""
        ...

    def reach(self) -> None:
        """Raise WarehouseAway where the catalog is away just now."""
        ...

    def lock(self) -> Right:
        """Take the right to write; raises Misconfigured where another process has it."""
        ...

    def keep_open(self) -> Held:
        """Keep it open, so that no reader waits for it to be opened."""
        ...

    def held_for_reading(self) -> AbstractContextManager[None]:
        """Keep alive, inside, the state that the warehouse has now: maintenance gives up none of its files.

        For a reader who reads one state for longer than maintenance waits for him. It ends with his process at the
        latest.
        """
        ...

    def is_held_for_reading(self) -> bool:
        """Whether anybody reads a state that must stay."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Wait for those who hold a state for reading; none begins inside."""
        ...

    def vacuum(self, *, wait_seconds: float) -> None:
        """Take out of it what was deleted, so that it is in none of its files any longer.

        Nobody may be inside a transaction; raises IsRead when somebody stays there for so long, NotYet when it cannot
        be done.
        """
        ...

    def shrink(self, *, wait_seconds: float) -> None:
        """Give to the disk what it takes of it without need; raises as `vacuum` does."""
        ...

    def look(self, *, now: datetime) -> list[Looked]:
        """Look whether it can be had, and serves; where it is a file of our own, there is nothing to see."""
        ...


def catalog_of(settings: AnalyticsSettings) -> Catalog:
    """Give the catalog that the settings name; nothing is opened yet. Raises Misconfigured."""
    if settings.catalog:
        from analytics.engine.postgres_catalog import PostgresCatalog

        return PostgresCatalog(settings.catalog)
    return SqliteCatalog(settings.catalog_file)


def told_to_clients(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what an environment tells the clients of PostgreSQL and S3, such as keys: for a process that gets no more.

    Source: https://www.postgresql.org/docs/current/libpq-envars.html
    """
    return {name: text for name, text in environ.items() if name.startswith(("PG", "AWS_"))}


class SqliteCatalog:
    """A file beside the data files, for one machine."""

    extension = "sqlite_scanner"
    setting = "ANGIME_HOME"
    options: tuple[str, ...] = ("meta_journal_mode 'WAL'", f"meta_busy_timeout {BUSY_MILLISECONDS}")

    def __init__(self, file: Path) -> None:
        self._file = file
        self._folder = file.parent
        self.name = str(file.resolve())

    @property
    def place(self) -> str:
        """The file, as the engine is told."""
        return _place(self._file)

    @property
    def how_to_delete(self) -> str:
        """Name the file, and the index of words beside it."""
        files = (self._file, self._folder / INDEX)
        return " ".join(["rm -f", *(f"{shlex.quote(str(file.resolve()))}*" for file in files)])

    def keeps_as(self, type_: str) -> str:
        """Name a type, as DuckLake keeps it in SQLite: what is no whole number is text."""
        if type_ == "blob":
            return "BLOB"
        return "BIGINT" if type_ in {"boolean", *SMALLER, "int64"} else "VARCHAR"

    def exists(self) -> bool:
        """Whether the file is there."""
        return self._file.exists()

    @contextmanager
    def making(self) -> Generator[str]:
        """Give a draft beside the file, which gets its name when it is whole: a reader never sees half of it."""
        draft = self._file.with_suffix(".new")
        for left in self._folder.glob(f"{draft.name}*"):
            left.unlink()
        yield _place(draft)
        draft.rename(self._file)

    def unreadable(self, kind: str) -> Misconfigured:
        """Say how to mend a damaged file; of one that this user may not use nobody knows whether it is."""
        if not all(os.access(path, os.R_OK | os.W_OK) for path in (self._folder, self._file)):
            return Misconfigured(
                f"{self._folder} is not this user's to write, which reading wants too, for the catalog notes who reads:"
                " give this user the right, or let somebody who has it write a snapshot (`angime snapshot`)"
            )
        return Misconfigured(
            f"the catalog {self._file.name} of the warehouse cannot be read ({kind}):"
            " put a copy of it back, or move it away and land everything anew"
        )

    def reach(self) -> None:
        """Raise WarehouseAway where its disk is full: also to be read it wants room beside it, to note who reads."""
        try:
            with TemporaryFile(dir=self._folder) as trial:
                trial.write(bytes(NOTED_BYTES))
                trial.flush()
        except OSError as error:
            if error.errno not in FULL:
                return  # why else it cannot be written, `unreadable` says
            raise WarehouseAway(
                f"the disk of {self._folder} has no room ({error.strerror}), which the warehouse wants also to be read:"
                " free some of it; nothing is lost"
            ) from None

    def lock(self) -> Lock:
        """Take the lock in the folder."""
        return Lock(self._folder)

    def keep_open(self) -> Keeper:
        """Let an idle process keep the file open."""
        return Keeper(self._file)

    def held_for_reading(self) -> AbstractContextManager[None]:
        """Share the lock of readers in the folder."""
        return held_for_reading(self._folder)

    def is_held_for_reading(self) -> bool:
        """Whether the lock of readers is shared by anybody."""
        return is_held_for_reading(self._folder)

    def alone(self) -> AbstractContextManager[None]:
        """Have the lock of readers."""
        return alone(self._folder)

    def vacuum(self, *, wait_seconds: float) -> None:
        """Write the file anew, and cut its write-ahead log."""
        vacuum(self._file, wait_seconds=wait_seconds)

    def shrink(self, *, wait_seconds: float) -> None:
        """Write the file anew where much of it is free, and cut a long write-ahead log."""
        vacuum(self._file, wait_seconds=wait_seconds, least_bytes=FREE_BYTES, least_share=FREE_SHARE)

    def look(self, *, now: datetime) -> list[Looked]:  # noqa: ARG002  # the port's
        """See nothing."""
        return []


def _place(file: Path) -> str:
    return f"sqlite:{file.resolve()}"
