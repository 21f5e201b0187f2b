# ruff: noqa: S608  # names of our own files only
"""Packing: what histories read of a large fact, of all its rows in memory, so that a few contacts' rows are found fast.

In the lake these rows lie by their time, and those of some hundred contacts lie everywhere: to find them reads all.
"""

from collections.abc import Sequence

from msgspec import Struct

from analytics.connection import Connection
from analytics.settings import MIB
from analytics.views import Column, View

# What a call takes in memory, measured; and which part of the engine's memory the rows of all facts may take.
BYTES_A_ROW = 96
SHARE = 0.5
# The engine keeps the room of rows that are gone: when they outnumber these and the others, all are read anew.
LEAST_GONE = 100_000


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

    Temporary tables: `packed_…` has their ids in 16 bytes, for ids are UUIDs; the hash of the contact's key; the
    numbers of what `words_…`, `names_…` and `days_…` hold once: texts and claims, names, local days and hours; and all
    else as it is.
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
        self._room = room
        self._least_gone = least_gone
        self._rows = self._gone = self._taken = 0
        self.is_held = False
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
        combined = {name for combination in self._combinations for name in combination.columns}
        self._plain = [one.name for one in read if one.name not in combined | {view.entity, "contact_key"}]
        self._types = {column.name: column.type for column in read}

    def load(self) -> None:
        """Read all rows from the lake, if there is room for them."""
        self.let_go()
        [(rows,)] = self._connection.rows(f"select count(*) from {self._view.relation}")
        self.is_held = rows <= self._room.rows
        if self.is_held:
            self._add(self._view.relation)
        if self._room.rows < 0:
            self.let_go()

    def let_go(self) -> None:
        """Give the memory back: until `load` the lake is searched."""
        self._room.rows += self._taken
        self.is_held, self._rows, self._gone, self._taken = False, 0, 0, 0
        name, entity = self._view.name, self._view.entity
        numbers = "".join(f", 0::integer as {combination.table}" for combination in self._combinations)
        plain = "".join(f", {column}" for column in self._plain)
        made = [
            f"create or replace temp table packed_{name} as select 0::ubigint as contact_hash, "
            f"{entity}::uuid as id{numbers}{plain} from {self._view.relation} limit 0"
        ]
        made += [
            f"create or replace temp table {combination.table} as select 0::integer as number, 0::ubigint as hash, "
            f"{', '.join(combination.columns)} from {self._view.relation} limit 0"
            for combination in self._combinations
        ]
        self._connection.execute(";".join(made))

    def replace(self) -> None:
        """Bring the rows up to what was just folded: those of `stale_…` go, those of `fresh_…` come."""
        if not self.is_held:
            return
        name, entity, time = self._view.name, self._view.entity, self._view.time
        [(stale, first, last)] = self._connection.rows(f"select count(*), min({time}), max({time}) from stale_{name}")
        if stale:
            self._connection.execute(
                f"delete from packed_{name} where id in (select {entity}::uuid from stale_{name}) "
                f"and ({time} between ? and ? or {time} is null)",
                [first, last],
            )
        self._add(f"fresh_{name}")
        self._gone += stale
        if self._room.rows < 0 or self._gone > max(self._least_gone, self._rows - self._gone):
            self.load()

    def gathering(self) -> str:
        """Compose the text that gives the rows of the contacts of `gathered_identities`, as the fact has them."""
        name, entity = self._view.name, self._view.entity
        combined = "".join(
            f", {combination.table}.{column}::{self._types[column]} as {column}"
            for combination in self._combinations
            for column in combination.columns
        )
        plain = "".join(f", found.{column}" for column in self._plain)
        tables = [combination.table for combination in self._combinations]
        joins = " ".join(f"join {table} on found.{table} = {table}.number" for table in tables)
        return (
            "with contacts as (select distinct identity, hash(identity) as contact_hash from gathered_identities), "
            f"found as materialized (select * from packed_{name} join contacts using (contact_hash)) "
            f"select found.id::varchar as {entity}, found.identity as contact_key{combined}{plain} from found {joins}"
        )

    def _add(self, relation: str) -> None:
        """Pack the rows of a relation. A combination that no row has any longer stays until `load`."""
        name, entity = self._view.name, self._view.entity
        taken = sum(self._number(relation, combination) for combination in self._combinations)
        numbers = "".join(f", {combination.table}.number" for combination in self._combinations)
        plain = "".join(f", added.{column}" for column in self._plain)
        tables = [combination.table for combination in self._combinations]
        joins = " ".join(f"join {table} on added.{table} = {table}.hash" for table in tables)
        hashes = "".join(f", {combination.hash} as {combination.table}" for combination in self._combinations)
        [(rows,)] = self._connection.rows(f"""
            insert into packed_{name}
            select hash(added.contact_key), added.{entity}::uuid{numbers}{plain}
            from (select *{hashes} from {relation} where contact_key is not null) as added {joins}
        """)
        self._rows += rows
        self._taken += rows + taken
        self._room.rows -= rows + taken

    def _number(self, relation: str, combination: Combination) -> int:
        """Give new combinations of a relation their numbers; says how much room they take."""
        columns = ", ".join(combination.columns)
        [(combinations,)] = self._connection.rows(f"""
            insert into {combination.table}
            select (select count(*) from {combination.table}) + row_number() over (), * from (
                select distinct {combination.hash} as hash, {columns} from {relation} where contact_key is not null
            )
            anti join {combination.table} using (hash)
        """)
        return combinations if combination.are_many else 0


def _named(columns: Sequence[Column], *, types: set[str]) -> tuple[str, ...]:
    return tuple(one.name for one in columns if one.type in types)
