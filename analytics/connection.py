"""What the warehouse's parts ask of its engine: statements, rows, frames, columns handed in; and what readers ask."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, cast

import polars as pl
import pyarrow as pa

Parameters = Sequence[Any] | dict[str, Any]

# The layers of the warehouse, each a schema, in the order in which they are built.
LAYERS = ("log", "reference", "staging", "facts", "reports", "metrics", "checks")


class Planned(str):
    """A text over temporary tables alone that is run often: its plan is kept from one time to the next."""

    __slots__ = ()


class Connection(Protocol):
    """A session of the engine, with the warehouse's layers as schemas.

    Texts name tables as `layer.table`; the engine finds them whether the warehouse is a lake or lies in memory.
    A bare name is a temporary table or a frame handed in. A method returns when the engine is done.
    """

    def execute(self, text: str, parameters: Parameters = ()) -> None:
        """Run one statement, or several when there are no parameters, and drop what it gives."""
        ...

    def rows(self, text: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give all its rows."""
        ...

    def frame(self, text: str, parameters: Parameters = ()) -> pl.DataFrame:
        """Run one statement and give its rows as a Polars frame."""
        ...

    def pieces(self, text: str, *, rows: int) -> Any:
        """Run one statement and give its rows as Arrow, about so many at a time; nothing else may be run meanwhile."""
        ...

    def tables(self) -> set[str]:
        """Give the tables of all layers, as texts name them: `layer.table`."""
        ...

    def views(self) -> set[str]:
        """Give the views of all layers, as texts name them."""
        ...

    def hand_in(self, name: str, table: Any) -> None:
        """Let texts read a Polars frame or an Arrow table under `name` until `take_back`."""
        ...

    def take_back(self, name: str) -> None:
        """Forget a table handed in."""
        ...

    def fill(self, table: str, text: str) -> int:
        """Put the rows of a text into a temporary table, in place of what it holds; gives how many.

        Its first text makes the table: all must give the same columns.
        """
        ...

    def pour(self, table: str, rows: Any, *lists: str) -> int:
        """Put a Polars frame or an Arrow table into a temporary table, as `fill` does.

        Each of the lists names columns over what the one before gives.
        """
        ...

    def empty(self) -> None:
        """Empty the tables that were filled: at the end of a transaction, so that their room is given back.

        The engine keeps the room of rows that another transaction deletes, until `give_back`.
        """
        ...

    def give_back(self) -> None:
        """Give back the room of rows that are gone from temporary tables; outside of a transaction."""
        ...

    def create_view(self, relation: str, select: str) -> None:
        """Create or replace a view; its text is kept as it is, so that it holds wherever the warehouse is attached."""
        ...

    def part(self, relation: str, *, by: str, parts: Sequence[str]) -> None:
        """Part a table's files by the `year`, `month` or `day` of the time `by`."""
        ...

    def sort_for_seeking(self, relation: str, *, by: str, rows: int = ...) -> None:
        """Sort a table's files by `by`, so finely (`rows` in a group) that little is read beside what is sought."""
        ...

    def sort(self, relation: str, *, by: str) -> None:
        """Sort a table's files by the time `by`."""
        ...

    def keep_in_files(self, relation: str) -> None:
        """Write a table's rows into files, however few they are at a time, because each is large."""
        ...

    def forget_files(self) -> None:
        """Give back the memory of what was read of files, of those too that are gone."""
        ...

    def read_state(self) -> int | None:
        """Give the number of the state that is read here, inside a transaction; None where states have none."""
        ...

    def written_state(self) -> int | None:
        """Give the number of the state that this session wrote last; None where it wrote none, or states have none."""
        ...


class Reader(Protocol):
    """A door to the warehouse that only reads; texts name tables as `layer.table`, parameters as `$name`.

    It has the macros of `analytics.search.stems`. Each statement sees one state of the warehouse.
    """

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        ...

    def snapshot_id(self) -> int:
        """Name the state that the next statement sees; it changes whenever the warehouse does."""
        ...


PIECE_ROWS = 8_192
BEGIN, ROLLBACK = "begin transaction", "rollback"


@contextmanager
def transaction(connection: Connection) -> Generator[None]:
    """Make the statements inside one transaction: all of them are kept, or, when anything is raised, none."""
    connection.execute(BEGIN)
    try:
        yield
        connection.execute("commit")
    except BaseException:
        # After a commit that failed the engine has rolled back.
        with suppress(Exception):
            connection.execute(ROLLBACK)
        raise


def counted(connection: Connection, text: str) -> int:
    """Run a statement that makes, adds or deletes rows; gives how many."""
    [(rows,)] = connection.rows(text)
    return rows


def settle(connection: Connection, relation: str) -> None:
    """Let an empty table have statistics, inside the transaction that creates it.

    Assumption: DuckLake keeps statistics of a table from its first row on, and where it finds none it searches for them
    again, column by column, in every statement that reads the table: 50 to 150 ms each. A row that comes and goes in
    one transaction is seen by nobody.
    """
    connection.execute(f"insert into {relation} default values; delete from {relation}")  # noqa: S608  # our own names


@contextmanager
def handed_in(connection: Connection, name: str, frame: pl.DataFrame, *, json: Sequence[str] = ()) -> Generator[None]:
    """Let texts read `frame` under `name` inside; of columns that are `json` see `in_pieces`."""
    connection.hand_in(name, in_pieces(frame, json=json))
    try:
        yield
    finally:
        connection.take_back(name)


def in_pieces(frame: pl.DataFrame, *, json: Sequence[str] = ()) -> Any:
    """Give a frame in pieces of which several threads can each take one.

    The columns `json` are known to be JSON: the engine takes their texts as such without a look at them.
    """
    pieces = [frame.slice(first, PIECE_ROWS) for first in range(0, max(frame.height, 1), PIECE_ROWS)]
    whole = pl.concat(pieces, rechunk=False)
    return _as_json(whole, columns=json) if json else whole


def _as_json(frame: pl.DataFrame, *, columns: Sequence[str]) -> Any:
    arrow, table = cast("Any", pa), cast("Any", frame.to_arrow())  # Arrow tells no types
    for name in columns:
        texts = table[name]
        pieces = [arrow.ExtensionArray.from_storage(arrow.json_(texts.type), piece) for piece in texts.chunks]
        table = table.set_column(table.schema.get_field_index(name), name, arrow.chunked_array(pieces))
    return table
