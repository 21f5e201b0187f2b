"""Months: rows go into a table whose files are parted by time a bounded number of parts at once.

Assumption: of each part of a table that a statement meets, the engine holds room for some thousand rows until it is
over, however few there are: of a table of a hundred columns some megabytes a month.
"""

from itertools import pairwise

from analytics.connection import Connection, Parameters, Planned, counted

# More than the catalog takes in rows of its own, which wait there for maintenance to write them all at once.
PARTS_AT_ONCE = 64


def shares(  # noqa: PLR0913  # what is parted, told apart by name
    connection: Connection,
    rows: str,
    *,
    time: str,
    part: str = "month",
    count: int = PARTS_AT_ONCE + 1,
    parameters: Parameters = (),
) -> list[str]:
    """Give, for `rows` (a table, or a text in brackets), conditions that each let through so many months or days.

    Together they let through every row once. What has no `time` is one share, and so are few rows, where their `count`
    is known.
    """
    if not time or count <= PARTS_AT_ONCE:
        return ["true"]
    text = _parts_of(rows, time=time, part=part)
    parts = sorted(begin for (begin,) in connection.rows(Planned(text) if rows.isidentifier() else text, parameters))
    begins = [f"make_timestamptz({begin})" for begin in parts[PARTS_AT_ONCE::PARTS_AT_ONCE]]
    if not begins:
        return ["true"]
    between = [f"{time} >= {first} and {time} < {end}" for first, end in pairwise(begins)]
    return [f"({time} < {begins[0]} or {time} is null)", *between, f"{time} >= {begins[-1]}"]


def insert(connection: Connection, relation: str, rows: str, *, time: str, count: int = PARTS_AT_ONCE + 1) -> int:
    """Put `rows` (a table, or a text in brackets) into a table, a share at a time; gives how many they are."""
    return sum(
        counted(connection, f"insert into {relation} by name select * from {rows} where {share}")  # noqa: S608  # ours
        for share in shares(connection, rows, time=time, count=count)
    )


def at_times_of(connection: Connection, table: str, *, time: str) -> str:
    """Compose which rows have a time that a row of a temporary table has; its undated rows mean undated ones.

    Files are left out by the bounds of their times, which are read once where the times come from a table and nothing
    else is asked for beside.
    """
    [(undated,)] = connection.rows(Planned(f"select count(*) - count({time}) from {table}"))  # noqa: S608  # our own
    or_undated = f" or {time} is null" if undated else ""
    return f"({time} in (select {time} from {table}){or_undated})"  # noqa: S608


class Waiting:
    """Of which months rows wait in the catalog for the maintenance, which writes all those of a table at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._months = dict[str, set[int]]()

    def insert(self, relation: str, rows: str, *, time: str, count: int) -> None:
        """Put the rows of a temporary table into another, and note of which months they wait: where they are few."""
        insert(self._connection, relation, rows, time=time, count=count)
        if time and count <= PARTS_AT_ONCE:
            months = self._connection.rows(Planned(_parts_of(rows, time=time, part="month")))
            self._months.setdefault(relation, set()).update(month for (month,) in months)

    def overdue(self) -> list[str]:
        """Give the tables of which rows of too many months wait; they are to be written now, and are forgotten."""
        found = [relation for relation, months in self._months.items() if len(months) > PARTS_AT_ONCE]
        for relation in found:
            del self._months[relation]
        return found


def _parts_of(rows: str, *, time: str, part: str) -> str:
    begin = f"epoch_us(date_trunc('{part}', cast({time} as timestamptz)))"
    return f"select distinct {begin} from {rows} where {time} is not null"  # noqa: S608  # our own names
