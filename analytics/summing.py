# ruff: noqa: S608  # names of our own files only
"""Summing: reports that count facts by day, made anew for the days that a refresh changed, from rows held in memory.

What reports read of the days that were summed last stays in temporary tables: a day is read from the lake once, and
what a refresh folds anew is replaced there in the transaction that replaces it in the lake.
"""

from collections.abc import Sequence

from msgspec import Struct

from analytics.connection import Connection, renew
from analytics.settings import MIB
from analytics.views import View, columns_read, with_inputs

# What reports read of a call takes in memory, measured, and which part of the engine's memory all of it may take.
BYTES_A_ROW = 208
SHARE = 1 / 16


class Rollup(Struct, frozen=True):
    """Reports that sum the same `facts` for the same values of the columns `by`; one of these is the day.

    Temporary tables: `days_…` are the days of which `summed_…` holds all rows of a fact.
    """

    by: tuple[str, ...]
    facts: tuple[View, ...]
    reports: tuple[View, ...]

    @property
    def days(self) -> str:
        """Name the table of the days that are held."""
        return f"days_{self.reports[0].name}"

    def held(self, fact: View) -> str:
        """Name the table of the rows of a fact."""
        return f"summed_{self.reports[0].name}_{fact.name}"

    def columns(self, fact: View) -> str:
        """List what is held of a fact: what the reports read."""
        return columns_read(fact, self.reports)


class Sums:
    """The statements that sum, composed once, and the rows of the days that were summed last."""

    def __init__(self, connection: Connection, views: Sequence[View], *, memory_mib: int) -> None:
        self._connection = connection
        facts = [view for view in views if view.layer == "facts"]
        self._rollups = _rollups_of([view for view in views if view.layer == "reports" and view.is_table], facts=facts)
        self._texts = {report.name: _text_of(report, rollup) for rollup in self._rollups for report in rollup.reports}
        self._most_rows = int(memory_mib * MIB * SHARE / BYTES_A_ROW)
        self.forget()

    def forget(self) -> None:
        """Give the memory back: what is summed next is read from the lake."""
        for rollup in self._rollups:
            self._hold_none(rollup)

    def shed(self) -> None:
        """Give back the room of rows that are gone, which the engine keeps."""
        renew(self._connection, [rollup.held(fact) for rollup in self._rollups for fact in rollup.facts])

    def refresh(self, folded: Sequence[View]) -> None:
        """Sum again what changed in the facts just `folded`."""
        for rollup in self._rollups:
            if changed := [fact for fact in rollup.facts if fact in folded]:
                self._sum(rollup, changed)

    def _sum(self, rollup: Rollup, facts: Sequence[View]) -> None:
        changed = " union ".join(
            f"select {', '.join(rollup.by)} from {kind}_{fact.name}" for fact in facts for kind in ("stale", "fresh")
        )
        self._connection.execute(f"create or replace temp table changed as {changed}")
        for fact in facts:
            self._replace(rollup, fact)
        self._read(rollup)
        for report in rollup.reports:
            self._connection.execute(
                f"delete from {report.relation} where exists "
                f"(select 1 from changed where {_same(rollup, report.relation)})"
            )
            self._connection.execute(f"insert into {report.relation} by name {self._texts[report.name]}")
        if self._rows(rollup) > self._most_rows:
            self._hold_none(rollup)

    def _replace(self, rollup: Rollup, fact: View) -> None:
        """Bring the rows of days that are held up to what was just folded."""
        held = rollup.held(fact)
        self._connection.execute(
            f"delete from {held} where {fact.entity} in (select {fact.entity} from stale_{fact.name})"
        )
        self._connection.execute(
            f"insert into {held} select {rollup.columns(fact)} from fresh_{fact.name} "
            f"where day in (select day from {rollup.days})"
        )

    def _read(self, rollup: Rollup) -> None:
        """Read the days that are not held.

        The files of other days are not opened: their bounds say that they hold none between the first and the last.
        """
        [(days, first, last)] = self._connection.rows(
            f"select count(*), min(day), max(day) from changed where day not in (select day from {rollup.days})"
        )
        if not days:
            return
        for fact in rollup.facts:
            self._connection.execute(
                f"insert into {rollup.held(fact)} select {rollup.columns(fact)} from {fact.relation} "
                f"where day between ? and ? and day in "
                f"(select day from changed where day not in (select day from {rollup.days}))",
                [first, last],
            )
        self._connection.execute(
            f"insert into {rollup.days} select distinct day from changed where day not in (from {rollup.days})"
        )

    def _rows(self, rollup: Rollup) -> int:
        counts = " + ".join(f"(select count(*) from {rollup.held(fact)})" for fact in rollup.facts)
        [(rows,)] = self._connection.rows(f"select {counts}")
        return rows

    def _hold_none(self, rollup: Rollup) -> None:
        for fact in rollup.facts:
            self._connection.execute(
                f"create or replace temp table {rollup.held(fact)} as "
                f"select {rollup.columns(fact)} from {fact.relation} limit 0"
            )
        self._connection.execute(f"create or replace temp table {rollup.days} (day date)")


def _rollups_of(reports: Sequence[View], *, facts: Sequence[View]) -> list[Rollup]:
    """Put reports of the same columns and facts together."""
    listed: dict[tuple[tuple[str, ...], tuple[View, ...]], list[View]] = {}
    for report in reports:
        read = tuple(fact for fact in facts if fact.relation in report.reads)
        listed.setdefault((report.by, read), []).append(report)
    return [Rollup(by=by, facts=read, reports=tuple(members)) for (by, read), members in listed.items()]


def _text_of(report: View, rollup: Rollup) -> str:
    """Compose the sums of what changed: the report's text over the rows that are held of its facts."""
    inputs = [
        (
            fact.relation,
            f"select * from {rollup.held(fact)} as held where exists "
            f"(select 1 from changed where {_same(rollup, 'held')})",
        )
        for fact in rollup.facts
    ]
    return with_inputs(report.select, inputs=inputs)


def _same(rollup: Rollup, table: str) -> str:
    return " and ".join(f"changed.{column} is not distinct from {table}.{column}" for column in rollup.by)
