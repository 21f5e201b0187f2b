"""Seals: a checksum of every data file, so that a disk that gives back other bytes is found and not believed.

A data file of the warehouse never changes once it is written. Its writer seals it: one line in a note beside the
files. Each round of maintenance looks through some of the files, and whoever builds facts from the whole log looks
through all of that first. Assumption: the bytes that are sealed, seconds after they were written, and those of young
files that are merged come from the memory of the operating system, which does not forget. The catalog changes with
every batch and has no seal.
"""

import zlib
from collections.abc import Iterable, Iterator
from itertools import filterfalse

import structlog
from msgspec import Struct
from msgspec.structs import replace

from analytics.engine.data_files import SEALS, DataFiles
from schemas.counts import so_many
from schemas.errors import Halted

LOG = "log/"  # the folder of the truth: what is lost there cannot be built anew
# A round looks through so much, in turn: a gigabyte of Parquet, about ten million events, within ten minutes.
CHECKED_BYTES = 64 * 1024 * 1024

log = structlog.get_logger()


class Seal(Struct, frozen=True, kw_only=True):
    """Size and checksum of a file as it was written, and whether it was found otherwise.

    Of the log, such a file is still read; of anything else, the tables were built anew and nothing of today reads it.
    """

    size_bytes: int
    checksum: str
    is_damaged: bool = False


class Seals:
    """The seals of one warehouse. Its writer renews them; anybody may check."""

    def __init__(self, files: DataFiles) -> None:
        self._files = files
        self._seals = dict(_read(files.note(SEALS) or b""))
        self._checked = ""

    def renew(self) -> None:
        """Seal the files that are new, and forget those that are gone."""
        there = self._files.sizes().keys()
        if there != self._seals.keys():
            self._seals = {name: self._seals.get(name) or self._seal(name) for name in there}
            self._write()

    def look_through(self, *, max_bytes: int = CHECKED_BYTES) -> frozenset[str]:
        """Look through about so much, from where the last look ended; gives the tables that must be built anew.

        What is found of the log is remembered, and said.
        """
        names = sorted(self._seals)
        in_turn = [*(name for name in names if name > self._checked), *(n for n in names if n <= self._checked)]
        looked_at: list[str] = []
        size_bytes = 0
        for name in in_turn:
            if size_bytes >= max_bytes:
                break
            size_bytes += self._seals[name].size_bytes
            self._checked = name
            looked_at.append(name)
        damaged = self._differing(looked_at)
        self._remember(filter(_is_log, looked_at), damaged=filter(_is_log, damaged))
        return _tables(filterfalse(_is_log, damaged))

    def damaged(self) -> list[str]:
        """Look through all files; gives those that are not as they were written and that something of today reads."""
        return self._differing(sorted(self._seals))

    def known_damaged(self) -> list[str]:
        """Give the files of the log that are remembered as damaged, without a look at them."""
        return sorted(name for name, seal in self._seals.items() if seal.is_damaged and _is_log(name))

    def refuse_damaged_log(self) -> None:
        """Look through the log; raises Halted where it is damaged, for what is built from it would be wrong."""
        names = list(filter(_is_log, self._seals))
        damaged = self._differing(names)
        self._remember(names, damaged=damaged)
        if damaged:
            raise Halted(
                "the disk gives back other bytes than were written of "
                f"{so_many(len(damaged), 'file')} of the log, such as {damaged[0]} in the warehouse's data: put back "
                "copies of them, or move the warehouse away and land anew what Kafka keeps"
            )

    def damaged_tables(self) -> frozenset[str]:
        """Look through everything but the log; gives the tables that must be built without reading them."""
        return _tables(self._differing(filterfalse(_is_log, self._seals)))

    def give_up(self, tables: frozenset[str]) -> None:
        """Remember that nothing of today reads the damaged files of these tables, which were built anew."""
        names = [name for name in self._seals if _table(name) in tables]
        self._remember(names, damaged=[*self._differing(names), *(n for n in names if self._seals[n].is_damaged)])

    def _differing(self, names: Iterable[str]) -> list[str]:
        """Compare; a file that was given up, or is gone, is left out: of that the engine would speak itself."""
        return sorted(
            name
            for name in names
            if self._is_read(name) and (now := self._seal_or_none(name)) is not None and self.is_other(name, now)
        )

    def is_other(self, name: str, now: Seal) -> bool:
        """Whether a file that something of today reads is not as it was sealed, now that this is its seal."""
        known = self._seals.get(name)
        return known is not None and self._is_read(name) and now != replace(known, is_damaged=False)

    def _is_read(self, name: str) -> bool:
        return _is_log(name) or not self._seals[name].is_damaged

    def _remember(self, names: Iterable[str], *, damaged: Iterable[str]) -> None:
        """Keep of all these whether they are damaged, so that a copy that was put back is good again."""
        found = frozenset(damaged)
        changed = {name for name in names if self._seals[name].is_damaged != (name in found)}
        if not changed:
            return
        if changed & found:
            log.error("files_damaged", files=sorted(changed & found))
        self._seals |= {name: replace(self._seals[name], is_damaged=name in found) for name in changed}
        self._write()

    def _write(self) -> None:
        lines = [
            f"{seal.checksum} {seal.size_bytes} {'damaged' if seal.is_damaged else 'good'} {name}\n"
            for name, seal in sorted(self._seals.items())
        ]
        self._files.write_note(SEALS, "".join(lines).encode())

    def _seal_or_none(self, name: str) -> Seal | None:
        try:
            return self._seal(name)
        except FileNotFoundError:
            return None

    def _seal(self, name: str) -> Seal:
        return seal_of(self._files.chunks(name))


def seal_of(chunks: Iterable[bytes]) -> Seal:
    """Seal a file, as it is read piece by piece."""
    size = checksum = 0
    for chunk in chunks:
        size += len(chunk)
        checksum = zlib.crc32(chunk, checksum)
    return Seal(size_bytes=size, checksum=f"{checksum:08x}")


def _read(written: bytes) -> Iterator[tuple[str, Seal]]:
    """Read what is whole; a line that is not is made again from its file as it is now."""
    for line in written.decode(errors="replace").splitlines():
        match line.split(" ", 3):
            case [checksum, size, ("good" | "damaged") as found, name] if size.isdecimal():
                yield name, Seal(size_bytes=int(size), checksum=checksum, is_damaged=found == "damaged")
            case _:
                log.warning("seal_unreadable")


def _is_log(name: str) -> bool:
    return name.startswith(LOG)


def _tables(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_table, names))


def _table(name: str) -> str:
    """Name the table in whose folder a file lies, as `layer.table`."""
    return ".".join(name.split("/", 2)[:2])
