"""Slices: the facts of a large log are folded from some of its entities at a time, each slice from files of its own.

A fold holds what it knows of all its entities at once, about two kilobytes of each, and costs more than twice as much
over twice as many. So a large log is read once, and parted by entity into files beside the warehouse; no fact needs
events of another entity. A small log is one slice, and is read where it stands. What was folded waits in files too: a
table that is filled once has fewer files of its own, and temporary tables would be kept until the transaction ends.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shutil import rmtree

from analytics import log, reference
from analytics.connection import Connection
from analytics.months import insert
from analytics.views import View, with_inputs

OnStep = Callable[[str], None]

SLICE_EVENTS = 1_000_000
# What is folded of long events, such as a transcript of an hour with its words, takes some ten times their bytes.
LONG_BYTES = 100_000
SLICE_LONG_BYTES = 4 * 1024 * 1024
# Rows in a group of the files into which the log is parted: a group of each slice is in memory until it is written.
GROUP_ROWS = 20_000
FOLDER = "slices"

_LOG = "log.events"


def fold(
    connection: Connection, views: Sequence[View], *, told: Mapping[str, int], folder: Path, on_step: OnStep
) -> dict[str, int]:
    """Put the rows of all facts that are folded from events into their empty tables; gives how many each has.

    `told` counts the events of each type. Files lie in `folder` until the end, and none that a crash left there before.
    """
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    connection.execute("set variable folder = ?", [str(folder)])
    try:
        return _fold(connection, views, told=told, folder=folder, on_step=on_step)
    finally:
        rmtree(folder, ignore_errors=True)


def _fold(
    connection: Connection, views: Sequence[View], *, told: Mapping[str, int], folder: Path, on_step: OnStep
) -> dict[str, int]:
    """Fold slice by slice, and then fill the tables, each in one go.

    What several facts read is made once a slice. To plan a statement costs as much as to fold a few events, so what
    needs events that were never told is left empty.
    """
    slices = max(-(-sum(told.values()) // SLICE_EVENTS), -(-_long_bytes(connection) // SLICE_LONG_BYTES))
    parts = [""]
    if slices > 1:
        on_step(f"the log in {slices} slices")
        parts = _part(connection, views, slices=slices, folder=folder)
    readers = _readers(views, told)
    kept = [view for view in readers if readers[view] or slices > 1 or view.parted_by]
    for view in kept:
        (folder / _name(view)).mkdir()
    rows: dict[str, int] = {}
    for number, part in enumerate(parts, start=1):
        if part:
            on_step(f"slice {number} of {len(parts)}")
        inputs = {_LOG: _files(f"log/{part}/*") if part else log.FOLDED, **dict(reference.held())}
        inputs |= {view.relation: view.select for view in views if view.layer == "staging"}
        for view in readers:
            select = with_inputs(view.select, inputs=list(inputs.items()))
            if view in kept:
                file = folder / _name(view) / f"{number}.parquet"
                connection.execute(f"copy ({select}) to ? (format parquet, compression lz4)", [str(file)])
                inputs[view.relation] = _files(f"{_name(view)}/{number}")
            else:
                on_step(view.relation)
                rows[view.relation] = fill(connection, view, select)
        if part:
            rmtree(folder / "log" / part)
    for view in filter(is_folded, kept):
        on_step(view.relation)
        rows[view.relation] = fill(connection, view, _files(f"{_name(view)}/*"))
    return rows


def _long_bytes(connection: Connection) -> int:
    [(found,)] = connection.rows(
        f"select coalesce(sum(strlen(data)), 0) from ({log.FOLDED}) where strlen(data) > {LONG_BYTES}"  # noqa: S608  # ours
    )
    return int(found)


def _part(connection: Connection, views: Sequence[View], *, slices: int, folder: Path) -> list[str]:
    """Read the log once and write each slice, where it has events, into a folder below `log`; gives their names."""
    connection.execute(
        f"copy (select {_columns_read(views)}, hash(entity) % {slices} as slice from ({log.FOLDED})) to ? "  # noqa: S608  # ours
        f"(format parquet, compression lz4, row_group_size {GROUP_ROWS}, partition_by (slice))",
        [str(folder / "log")],
    )
    return sorted(part.name for part in (folder / "log").iterdir())


def _name(view: View) -> str:
    return f"{view.layer}-{view.name}"


def _files(pattern: str) -> str:
    return f"select * from read_parquet(getvariable('folder') || '/{pattern}.parquet')"  # noqa: S608  # our own names


def is_folded(view: View) -> bool:
    """Whether the rows of a table are folded from events, each entity's apart; what is sought by an id is not cut."""
    return view.layer == "facts" and bool(view.events) and not view.is_index


def fill(connection: Connection, view: View, select: str) -> int:
    """Put rows into a table, those of many months a share at a time; gives how many they are."""
    return insert(connection, view.relation, f"({select})", time=view.parted_by)


def fill_whole(connection: Connection, view: View, select: str, *, folder: Path) -> int:
    """Fold rows once, into a file of `folder` where they may be of many months, and put them into their table."""
    if not view.parted_by:
        return fill(connection, view, select)
    file = folder / f"{_name(view)}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        connection.execute(f"copy ({select}) to ? (format parquet, compression lz4)", [str(file)])
        return fill(connection, view, _files(_name(view)))
    finally:
        rmtree(folder, ignore_errors=True)


def _readers(views: Sequence[View], told: Mapping[str, int]) -> dict[View, list[View]]:
    """Find what is made of a slice, in its order, and of each the later ones that read it.

    That is facts that can have rows, and staging views that several of them read. What only types the log is not made:
    to read a few of its columns again costs less than to keep them all. Other views are read by their text, and so by
    those who read them.
    """
    made: list[View] = []
    readers: dict[str, list[View]] = {}
    for view in reversed(views):
        mine = readers.get(view.relation, [])
        is_shared = view.layer == "staging" and len(mine) > 1 and _LOG not in view.reads
        if view.can_be_of(told) and (is_shared or is_folded(view)):
            made.insert(0, view)
            mine = [view]
        elif view.layer != "staging":
            continue
        for relation in view.reads:
            known = readers.get(relation, [])
            readers[relation] = [*(reader for reader in mine if reader not in known), *known]
    return {view: sorted(readers.get(view.relation, []), key=made.index) for view in made}


def _columns_read(views: Sequence[View]) -> str:
    """Name the columns of the log that staging reads: all whose names stand in the texts of its views."""
    texts = [view.select for view in views if view.layer == "staging" and _LOG in view.reads]
    words = {word for text in texts for word in re.findall(r"[a-z_]+", text)}
    columns = [name for name, *_ in log.TABLES[_LOG][1] if name in words | {"entity"}]
    return ", ".join(f'"{name}"' for name in columns)
