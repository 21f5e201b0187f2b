# ruff: noqa: S608  # names of our own files only
# Arrow tells no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false
"""Packing: what histories read of a large fact, of all its rows in memory, so that a few contacts' rows are found fast.

In the lake these rows lie by their time, and those of some hundred contacts lie everywhere: to find them reads all.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from analytics.connection import Connection, Planned, counted
from analytics.landing.runs import Numbers, Runs
from analytics.settings import MIB
from analytics.views import Column, View

# What a call takes in memory, measured; and which part of the writer's memory the rows of all facts may take.
BYTES_A_ROW = 96
SHARE = 0.5
# The room of rows that are gone stays theirs: when they outnumber these and the others, all are read anew.
LEAST_GONE = 100_000
# Rows come in so many at a time, and so many lie in one array: none has to move for another to find room.
ROWS_AT_ONCE = 100_000
ROWS_OF_AN_ARRAY = 1 << 18

Rows = NDArray[np.void]

# A time is its microseconds.
_FORMS = {"timestamptz": np.int64, "double": np.float64}


class Combination(Struct, frozen=True):
    """Columns with few values: of each combination that occurs there is one row, of which others keep the number.

    Of names there are many: they take room as rows do.
    """

    table: str
    columns: tuple[str, ...]
    are_many: bool = False

    @property
    def hash(self) -> str:
        """Write the hash of a combination. Assumption: no two have the same one of 64 bits."""
        return f"hash({', '.join(self.columns)})"


class Room:
    """How many rows and names there is room for, of all facts together; those that are gone are counted too."""

    def __init__(self, *, memory_mib: int) -> None:
        self.rows = int(memory_mib * MIB * SHARE / BYTES_A_ROW)


class Packed:
    """The rows of one fact that name a contact; `is_held` says whether they are in memory, and all of them.

    A row is a record: its id in 16 bytes, for ids are UUIDs; the numbers of what the temporary tables `words_…`,
    `names_…` and `days_…` hold once: texts and claims, names, local days and hours; and all else as it is. What number
    the rows of a contact have is known by the hash of his key. No transaction takes records back: after one that
    failed they are let go.
    """

    def __init__(
        self,
        connection: Connection,
        view: View,
        *,
        columns: Sequence[str],
        room: Room,
        least_gone: int = LEAST_GONE,
    ) -> None:
        self._connection = connection
        self._view = view
        self._columns = columns
        self._room = room
        self._least_gone = least_gone
        read = [column for column in view.columns if column.name in {*columns, view.time}]
        texts = [column for column in read if column.name not in {view.entity, "contact_key"}]
        names = [column for column in texts if column.name == "contact_name"]
        words = [one for one in texts if one not in names]
        self._combinations = [
            combination
            for combination in (
                Combination(f"words_{view.name}", _named(words, types={"varchar", "boolean"})),
                Combination(f"names_{view.name}", _named(names, types={"varchar"}), are_many=True),
                Combination(f"days_{view.name}", _named(texts, types={"date", "integer"})),
            )
            if combination.columns
        ]
        types = {column.name: column.type for column in read}
        self._declared = [
            ", ".join(f"{name} {types[name]}" for name in combination.columns) for combination in self._combinations
        ]
        combined = {name for combination in self._combinations for name in combination.columns}
        self._plain = [one for one in read if one.name not in combined | {view.entity, "contact_key"}]
        self._record = np.dtype(
            [
                ("id", "S16"),
                *((combination.table, np.int32) for combination in self._combinations),
                *((column.name, _FORMS[column.type]) for column in self._plain),
                ("nulls", np.uint8),
                ("is_gone", np.bool_),
            ]
        )
        self._rows = self._gone = self._taken = 0
        self._arrays: list[Rows] = []
        self._numbers = Runs()
        self._values: dict[str, dict[str, Any]] = {}
        self.is_held = False

    def load(self) -> None:
        """Read all rows from the lake, if there is room for them."""
        self.let_go()
        [(rows,)] = self._connection.rows(f"select count(*) from {self._view.relation}")
        self.is_held = rows <= self._room.rows
        if self.is_held:
            self._add(self._view.relation, as_text=str)
        if self._room.rows < 0:
            self.let_go()

    def let_go(self) -> None:
        """Give the memory back: until `load` the lake is searched."""
        self._room.rows += self._taken
        self.is_held, self._rows, self._gone, self._taken = False, 0, 0, 0
        self._arrays, self._numbers, self._values = [], Runs(), {}
        self._connection.execute(
            ";".join(
                f"create or replace temp table {combination.table} (number integer, hash ubigint, {declared})"
                for combination, declared in zip(self._combinations, self._declared, strict=True)
            )
        )

    def replace(self) -> None:
        """Bring the rows up to what was just folded: those of `stale_…` go, those of `fresh_…` come."""
        if not self.is_held:
            return
        name, entity = self._view.name, self._view.entity
        for stale in self._connection.pieces(
            Planned(
                f"select hash(contact_key) as contact_hash, {entity}::uuid::blob as id from stale_{name} "
                "where contact_key is not null"
            ),
            rows=ROWS_AT_ONCE,
        ):
            _, numbers = self._numbers.find(np.unique(stale["contact_hash"].to_numpy()))
            are_stale = np.isin(self._records(numbers)["id"], _ids(stale["id"]))
            self._mark_gone(numbers[are_stale])
        self._add(f"fresh_{name}", as_text=Planned)
        if self._room.rows < 0 or self._gone > max(self._least_gone, self._rows - self._gone):
            self.load()

    def gather(self) -> int:
        """Put the rows of the contacts of `gathered_identities` into `gathered_…`, as the fact has them.

        Its columns stand in their order, as when the lake is searched: that fills the same table. Gives how many rows
        there are.
        """
        read = ", ".join(f"id::varchar as {name}" if name == self._view.entity else name for name in self._columns)
        return self._connection.pour(f"gathered_{self._view.name}", self._found(), read)

    def _found(self) -> Any:
        """Give the rows of the contacts of `gathered_identities`."""
        asked = self._connection.frame(
            Planned("select distinct identity, hash(identity) as contact_hash from gathered_identities")
        )
        places, numbers = self._numbers.find(asked["contact_hash"].to_numpy())
        rows = self._records(numbers)
        are_there = ~rows["is_gone"]
        rows, places = rows[are_there], places[are_there]
        ids = pa.Array.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(rows["id"].tobytes())])
        found: dict[str, Any] = {
            "id": pa.ExtensionArray.from_storage(pa.uuid(), ids),
            "contact_key": pa.DictionaryArray.from_arrays(places, asked["identity"].to_arrow().cast(pa.string())),
        }
        for combination, values in self._values.items():
            found |= {
                name: pa.DictionaryArray.from_arrays(rows[combination] - 1, column) for name, column in values.items()
            }
        for place, column in enumerate(self._plain):
            values = pa.array(rows[column.name], mask=(rows["nulls"] & (1 << place)) > 0)
            found[column.name] = values.cast(pa.timestamp("us", "UTC")) if column.type == "timestamptz" else values
        return pa.table(found)

    def _add(self, relation: str, *, as_text: type[str]) -> None:
        """Pack the rows of a relation. A combination that no row has any longer stays until `load`."""
        began = self._rows
        taken = sum(self._number(relation, combination, as_text=as_text) for combination in self._combinations)
        plain = "".join(
            f", epoch_us(added.{column.name}) as {column.name}"
            if column.type == "timestamptz"
            else f", added.{column.name}"
            for column in self._plain
        )
        tables = [combination.table for combination in self._combinations]
        numbers = "".join(f", {table}.number as {table}" for table in tables)
        joins = " ".join(f"join {table} on added.{table} = {table}.hash" for table in tables)
        words = "".join(f", {combination.hash} as {combination.table}" for combination in self._combinations)
        hashes = [np.zeros(0, dtype=np.uint64)]
        for piece in self._connection.pieces(
            as_text(
                f"select hash(added.contact_key) as contact_hash, added.{self._view.entity}::uuid::blob as id"
                f"{numbers}{plain} "
                f"from (select *{words} from {relation} where contact_key is not null) as added {joins}"
            ),
            rows=ROWS_AT_ONCE,
        ):
            self._keep(piece)
            hashes.append(piece["contact_hash"].to_numpy())
        self._numbers.add(np.concatenate(hashes), np.arange(began, self._rows, dtype=np.int32))
        taken += self._rows - began
        self._taken += taken
        self._room.rows -= taken

    def _number(self, relation: str, combination: Combination, *, as_text: type[str]) -> int:
        """Give new combinations of a relation their numbers; says how much room they take."""
        table, columns = combination.table, ", ".join(combination.columns)
        new = counted(
            self._connection,
            as_text(f"""
                insert into {table}
                select (select count(*) from {table}) + row_number() over (), * from (
                    select distinct {combination.hash} as hash, {columns} from {relation} where contact_key is not null
                )
                anti join {table} using (hash)
            """),
        )
        known = self._values.get(table)
        if new or known is None:
            first = len(known[combination.columns[0]]) if known is not None else 0
            read = self._connection.pieces(
                f"select {columns} from {table} where number > {first} order by number", rows=ROWS_AT_ONCE
            )
            told = read.read_all()
            # In one piece: each that came has room for as many rows as might have come.
            self._values[table] = {
                name: pa.chunked_array(
                    [*([known[name]] if known is not None else []), *told[name].chunks], type=told[name].type
                ).combine_chunks()
                for name in combination.columns
            }
        return new if combination.are_many else 0

    def _keep(self, piece: Any) -> None:
        rows = np.zeros(piece.num_rows, dtype=self._record)
        rows["id"] = _ids(piece["id"])
        for combination in self._combinations:
            rows[combination.table] = piece[combination.table].to_numpy()
        for place, column in enumerate(self._plain):
            values = piece[column.name]
            rows[column.name] = values.fill_null(0).to_numpy()
            rows["nulls"] |= values.is_null().to_numpy(zero_copy_only=False).astype(np.uint8) << np.uint8(place)
        numbers = np.arange(self._rows, self._rows + len(rows), dtype=np.int32)
        for array, places, taken in self._parts(numbers, grows=True):
            array[places] = rows[taken]
        self._rows += len(rows)

    def _records(self, numbers: Numbers) -> Rows:
        """Give the records of these numbers."""
        rows = np.empty(len(numbers), dtype=self._record)
        for array, places, taken in self._parts(numbers):
            rows[taken] = array[places]
        return rows

    def _mark_gone(self, numbers: Numbers) -> None:
        for array, places, _ in self._parts(numbers):
            self._gone += int(np.count_nonzero(~array["is_gone"][places]))
            array["is_gone"][places] = True

    def _parts(self, numbers: Numbers, *, grows: bool = False) -> Iterator[tuple[Rows, Numbers, NDArray[np.bool_]]]:
        """Give each array that holds some of these numbers, their places in it, and which of them these are."""
        which = numbers // ROWS_OF_AN_ARRAY
        for index in np.unique(which).tolist():
            if grows and index == len(self._arrays):
                self._arrays.append(np.empty(ROWS_OF_AN_ARRAY, dtype=self._record))
            taken = which == index
            yield self._arrays[index], numbers[taken] % ROWS_OF_AN_ARRAY, taken


def _named(columns: Sequence[Column], *, types: set[str]) -> tuple[str, ...]:
    return tuple(one.name for one in columns if one.type in types)


def _ids(blobs: Any) -> NDArray[np.bytes_]:
    """Give ids of 16 bytes as an array."""
    _, bounds, content = blobs.buffers()
    begin = int(np.frombuffer(bounds, dtype=np.int32)[blobs.offset]) if len(blobs) else 0
    return np.frombuffer(content or b"", dtype="S16", count=len(blobs), offset=begin)
