# ruff: noqa: S608  # names of our own files only
# Arrow tells no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Summing: the groups of calls of each day that a refresh changed, brought up to date by what came and what went.

The report's own text groups the calls that are new or otherwise, and those as they were; the ones are added to the
groups that are there, the others taken away. No call of a day is read for it; see docs/adr/0046.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from analytics.connection import Connection, Planned
from analytics.views import View, columns_read, with_inputs

# How the columns of a group beside its key add up: as numbers, as numbers hour by hour, and as lists in rising order,
# each with their sum, which is null where they are empty.
COUNTS = ("calls", "talks", "transcripts")
BY_HOUR = "calls_by_hour"
MEASURES = {"talk_ms": "all_talk_ms", "answer_ms": "all_answer_ms"}
# It hangs on the day.
NOT_TOLD_APART = "weekday"

Numbers = NDArray[np.int64]
Key = tuple[Any, ...]

_TYPES = {
    "varchar": pa.string(),
    "date": pa.date32(),
    "integer": pa.int32(),
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
}


class Group(Struct, frozen=True):
    """Calls that are alike: how many, by COUNTS and then by hour, and their MEASURES."""

    numbers: Numbers
    measures: tuple[Numbers, ...]


class Sums:
    """What is summed of a fact by day, in each report that is a table; the days that were written last are in memory.

    A transaction that failed does not take back what is in memory: `forget` after it.
    """

    def __init__(self, connection: Connection, views: Sequence[View]) -> None:
        facts = {view.relation: view for view in views if view.layer == "facts"}
        self._sums = [
            _Sum(connection, report, fact=facts[relation])
            for report in views
            if report.by
            for relation in report.reads
            if relation in facts
        ]

    def forget(self) -> None:
        """Hold no day: the groups of the next are read from the lake."""
        for one in self._sums:
            one.forget()

    def refresh(self, folded: Sequence[View]) -> None:
        """Bring up to date what sums the facts just `folded`."""
        for one in self._sums:
            if one.fact in folded:
                one.refresh()


class _Sum:
    """One report: `groups` are those of the `days` that were written last, company by company."""

    def __init__(self, connection: Connection, report: View, *, fact: View) -> None:
        self.fact = fact
        self._connection = connection
        self._report = report
        self._types = {column.name: column.type for column in report.columns}
        self._key = [*report.key, NOT_TOLD_APART]
        self._days = [self._key.index(name) for name in report.by]
        columns = columns_read(fact, [report])
        fresh, stale = (f"select {columns} from {kind}_{fact.name}" for kind in ("fresh", "stale"))
        self._moved_rows = f"moved_in_{report.name}"
        self._moved = Planned(f"""
            select 1 as sign, * from ({fresh} except {stale})
            union all
            select -1 as sign, * from ({stale} except {fresh})
        """)
        grouped = [
            f"select {sign} as sign, * from ("
            + with_inputs(report.select, inputs=[(fact.relation, f"from {self._moved_rows} where sign = {sign}")])
            + ")"
            for sign in (1, -1)
        ]
        self._grouped = Planned(f"from ({' union all by name '.join(grouped)}) order by sign desc")
        self.forget()

    def forget(self) -> None:
        self._groups: dict[Key, Group] = {}

    def refresh(self) -> None:
        """Write the days that changed anew: as one file each time, of which the next takes all."""
        if not self._connection.fill(self._moved_rows, self._moved):
            return
        came = self._connection.frame(self._grouped)
        days = {self._day(key) for key in came.select(self._key).iter_rows()}
        self._hold(days)
        self._add(came)
        # Which of the few files have these days is not asked: to read the bounds of all takes longer than to open them.
        self._connection.execute(f"delete from {self._report.relation} where {self._of_days}")
        groups = f"groups_of_{self._report.name}"
        self._connection.pour(groups, self._table())
        self._connection.execute(f"insert into {self._report.relation} by name from {groups}")

    def _hold(self, days: set[Key]) -> None:
        """Have the groups of these days in memory, and no others; those from the first to the last new one are read."""
        self._groups = {key: group for key, group in self._groups.items() if self._day(key) in days}
        new = [day for _, day in days - {self._day(key) for key in self._groups}]
        if not new:
            return
        first, last = min(new), max(new)
        self._groups = {key: group for key, group in self._groups.items() if not first <= self._day(key)[1] <= last}
        there = f"select 1 as sign, * from {self._report.relation} where day between ? and ? and {self._of_days}"
        self._add(self._connection.frame(there, [first, last]))

    @property
    def _of_days(self) -> str:
        """Write which rows of the report are of the days that changed."""
        by = ", ".join(self._report.by)
        return f"({by}) in (select ({by}) from {self._moved_rows})"

    def _day(self, key: Key) -> Key:
        return tuple(key[place] for place in self._days)

    def _add(self, told: pl.DataFrame) -> None:
        """Add the groups of rows whose `sign` is 1, and take those away whose is -1."""
        for row in told.iter_rows(named=True):
            key = tuple(row[name] for name in self._key)
            numbers = np.array([*(row[name] for name in COUNTS), *row[BY_HOUR]], dtype=np.int64)
            group = self._groups.get(key) or Group(np.zeros_like(numbers), tuple(_NONE for _ in MEASURES))
            change = _with if row["sign"] == 1 else _without
            measures = tuple(
                change(measure, np.array(row[name], dtype=np.int64))
                for measure, name in zip(group.measures, MEASURES, strict=True)
            )
            group = Group(group.numbers + row["sign"] * numbers, measures)
            if group.numbers[0]:
                self._groups[key] = group
            else:
                del self._groups[key]

    def _table(self) -> Any:
        """Give the groups as rows of the report."""
        columns: dict[str, Any] = {
            name: pa.array([key[place] for key in self._groups], type=_TYPES[self._types[name]])
            for place, name in enumerate(self._key)
        }
        groups = self._groups.values()
        for place, name in enumerate(COUNTS):
            columns[name] = pa.array([group.numbers[place] for group in groups], type=pa.int64())
        columns[BY_HOUR] = _lists(group.numbers[len(COUNTS) :] for group in groups)
        for place, (name, total) in enumerate(MEASURES.items()):
            measures = [group.measures[place] for group in groups]
            columns[name] = _lists(measures)
            columns[total] = pa.array([int(one.sum()) if len(one) else None for one in measures], type=pa.int64())
        return pa.table(columns)


_NONE = np.zeros(0, dtype=np.int64)


def _with(numbers: Numbers, more: Numbers) -> Numbers:
    """Give numbers in rising order with others among them."""
    return np.insert(numbers, np.searchsorted(numbers, more), more)


def _without(numbers: Numbers, gone: Numbers) -> Numbers:
    """Give numbers in rising order without some of them, which are in that order too: each as often as it is gone."""
    nth = np.arange(len(gone)) - np.searchsorted(gone, gone)
    return np.delete(numbers, np.searchsorted(numbers, gone) + nth)


def _lists(numbers: Iterable[Numbers]) -> Any:
    listed = [_NONE, *numbers]
    return pa.ListArray.from_arrays(np.cumsum([len(one) for one in listed]), np.concatenate(listed))
