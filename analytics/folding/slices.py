"""Slices: the facts of a large log are folded from some of its entities at a time, each slice from files of its own.

A fold holds what it knows of all its entities at once, about two kilobytes of each, and costs more than twice as much
over twice as many. So a large log is read once, and parted by entity into files beside the warehouse; no fact needs
events of another entity. A small log is one slice, and is read where it stands. What was folded waits in files too: a
table that is filled once has fewer files of its own, and temporary tables would be kept until the transaction ends.

One entity may have more long events than a slice may hold, such as a call that was transcribed again and again. Its
slice lies in pieces, and what each event, or each recording, tells apart from others is made of a piece at a time.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from analytics import log
from analytics.company import reference
from analytics.connection import Connection
from analytics.engine.months import insert
from analytics.progress import Pace
from analytics.settings import MIB
from analytics.views import View, with_inputs

OnStep = Callable[[str], None]

SLICE_EVENTS = 1_000_000
# What is folded of long events, such as a transcript of an hour with its words, takes some twenty times their bytes: a
# slice holds of them this part of the memory there is.
LONG_EVENT_BYTES = 100_000
SLICE_PART = 128
# Chance deals an entity's events out to its pieces: there are so many times as many as would do if it dealt evenly.
PIECES = 2
# Rows in a group of the files into which the log is parted: a group of each slice is in memory until it is written.
GROUP_ROWS = 20_000
FOLDER = "slices"

_LOG = "log.events"
_PIECE = "hash(id) % coalesce(getvariable('pieces')[entity], 1)"


def fold(  # noqa: PLR0913  # how it is built, told apart by name
    connection: Connection,
    views: Sequence[View],
    *,
    told: Mapping[str, int],
    folder: Path,
    memory_mib: int,
    on_step: OnStep,
) -> dict[str, int]:
    """Put the rows of all facts that are folded from events into their empty tables; gives how many each has.

    `told` counts the events of each type. Files lie in `folder` until the end, and none that a crash left there before.
    """
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    connection.execute("set variable folder = ?", [str(folder)])
    try:
        slice_bytes = memory_mib * MIB // SLICE_PART
        parts = _part(connection, views, events=sum(told.values()), slice_bytes=slice_bytes, folder=folder)
        if len(parts) > 1:
            on_step(f"the log in {len(parts)} slices")
        return _fold(connection, views, parts, told=told, folder=folder, on_step=on_step)
    finally:
        rmtree(folder, ignore_errors=True)


def _fold(  # noqa: PLR0913  # as `fold`
    connection: Connection,
    views: Sequence[View],
    parts: Mapping[str, Sequence[str]],
    *,
    told: Mapping[str, int],
    folder: Path,
    on_step: OnStep,
) -> dict[str, int]:
    """Fold slice by slice, and then fill the tables, each in one go.

    What several facts read is made once a slice. To plan a statement costs as much as to fold a few events, so what
    needs events that were never told is left empty.
    """
    rows: dict[str, int] = {}
    kept: list[View] = []
    progress, events = Pace(on_step, of="events"), sum(told.values())
    for number, (part, pieces) in enumerate(parts.items(), start=1):
        if part:
            on_step(f"slice {number} of {len(parts)}")
        readers = _readers(views, told, are_pieces=len(pieces) > 1)
        kept = [view for view in readers if readers[view] or part or view.parted_by]
        for view in readers:
            if view not in kept:
                on_step(view.relation)
                rows[view.relation] = fill(connection, view, _select(view, views, kept, part=part, number=number))
                continue
            (folder / _name(view)).mkdir(exist_ok=True)
            for piece in pieces if _is_in_pieces(view) else [""]:
                select = _select(view, views, kept, part=part, number=number, piece=piece)
                file = folder / _name(view) / f"{number}-{piece}.parquet"
                connection.execute(f"copy ({select}) to ? (format parquet, compression lz4)", [str(file)])
        if part:
            rmtree(folder / "log" / part)
            progress.tell(events * number / len(parts), events)
    sizes = {view: _size_mb(folder / _name(view)) for view in kept if is_folded(view)}
    progress, filled = Pace(on_step, of="MB"), 0.0
    for view, size in sizes.items():
        on_step(view.relation)
        rows[view.relation] = fill(connection, view, _files(f"{_name(view)}/*"))
        filled += size
        progress.tell(filled, sum(sizes.values()))
    return rows


def _select(  # noqa: PLR0913  # where in the log it is, told apart by name
    view: View, views: Sequence[View], kept: Sequence[View], *, part: str, number: int, piece: str = ""
) -> str:
    """Compose a view over a slice, or a piece of it: it reads of what is kept what is of the same recordings."""
    inputs = {_LOG: _files(f"log/{part}/{piece or '*'}/*") if part else log.FOLDED, **dict(reference.held())}
    inputs |= {one.relation: one.select for one in views if one.layer == "staging"}
    for one in kept:
        inputs[one.relation] = _files(f"{_name(one)}/{number}-{piece if piece and one.apart else '*'}")
    return with_inputs(view.select, inputs=list(inputs.items()))


def _part(
    connection: Connection, views: Sequence[View], *, events: int, slice_bytes: int, folder: Path
) -> dict[str, list[str]]:
    """Read the log once and write each slice, where it has events, into a folder below `log`, piece by piece.

    Gives the names of the slices, and of the pieces of each; a small log is left where it stands.
    """
    size = "strlen(coalesce(cast(data as varchar), short_data))"
    [(long_bytes, entities, sizes)] = connection.rows(
        f"""
        with sized as (
            select entity, sum({size}) as size from {log.STORED} where {size} > {LONG_EVENT_BYTES} group by entity
        )
        select
            coalesce(sum(size), 0),
            coalesce(list(entity) filter (where size > {slice_bytes}), []),
            coalesce(list(size) filter (where size > {slice_bytes}), [])
        from sized
        """  # noqa: S608  # our own names
    )
    slices = max(-(-events // SLICE_EVENTS), -(-int(long_bytes) // slice_bytes))
    if slices <= 1:
        return {"": [""]}
    pieces = [PIECES * int(size) // slice_bytes for size in sizes]
    connection.execute("set variable pieces = map(?::varchar[], ?::bigint[])", [entities, pieces])
    rows = f"{_columns_read(views)}, hash(entity) % {slices} as slice, {_PIECE} as piece from ({log.FOLDED})"
    is_long = f"strlen(data) > {LONG_EVENT_BYTES}"
    with _chunk_by_chunk(connection):
        _copy(connection, f"select {rows} where {is_long}", folder=folder)
    _copy(connection, f"select {rows} where not ({is_long})", folder=folder)
    return {part.name: sorted(piece.name for piece in part.iterdir()) for part in sorted((folder / "log").iterdir())}


def _copy(connection: Connection, select: str, *, folder: Path) -> None:
    connection.execute(
        f"copy ({select}) to ? (format parquet, compression lz4, row_group_size {GROUP_ROWS}, "
        "partition_by (slice, piece), append, filename_pattern '{uuid}')",
        [str(folder / "log")],
    )


@contextmanager
def _chunk_by_chunk(connection: Connection) -> Generator[None]:
    """Let the engine write what it read of a file before it reads on: it gathers half a million rows otherwise."""
    connection.execute("set partitioned_write_flush_threshold = 1; set enable_caching_operators = false")
    try:
        yield
    finally:
        connection.execute("reset partitioned_write_flush_threshold; reset enable_caching_operators")


def _name(view: View) -> str:
    return f"{view.layer}-{view.name}"


def _size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


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


def _is_in_pieces(view: View) -> bool:
    """Whether a view is made of a piece of a slice at a time: a row of it is of one event, or of one recording."""
    return bool(view.apart) or (view.layer == "staging" and _LOG in view.reads)


def _readers(views: Sequence[View], told: Mapping[str, int], *, are_pieces: bool) -> dict[View, list[View]]:
    """Find what is made of a slice, in its order, and of each the later ones that read it.

    That is facts that can have rows, and staging views that several of them read. What only types the log is not made:
    to read a few of its columns again costs less than to keep them all, unless it is of `are_pieces`. Other views are
    read by their text, and so by those who read them.
    """
    made: list[View] = []
    readers: dict[str, list[View]] = {}
    for view in reversed(views):
        mine = readers.get(view.relation, [])
        is_shared = view.layer == "staging" and len(mine) > 1 and view.reads != (_LOG,)
        if view.can_be_of(told) and (is_shared or is_folded(view) or (are_pieces and _is_in_pieces(view))):
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
