"""Refresh: the facts of the entities that new events touched are folded again, and the reports that sum them.

The text of a fact's file serves here as in a rebuild: only what it reads of the log is narrowed to these entities.
The temporary tables `batch` (new events), `known` (their entities that the log has heard of) and `earlier` (what it
holds of them) come from landing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from analytics import reference
from analytics.connection import Connection
from analytics.histories import Histories
from analytics.log import EVENTS
from analytics.settings import LEAST_MEMORY_MIB
from analytics.views import View, are_told, columns_read, with_inputs
from schemas.company import Company


class Group(Struct, frozen=True):
    """Facts folded for the same entities: those of which events of the types `events` came, and `needs` are there.

    Temporary tables: `touched_…` holds these entities, `sought_…` those whose old rows must be searched in the lake.
    """

    name: str
    events: tuple[str, ...]
    needs: tuple[str, ...]
    facts: tuple[View, ...]


class Rollup(Struct, frozen=True):
    """Reports that sum the same `facts` for the same values of the columns `by`; these rows are read once for all."""

    by: tuple[str, ...]
    facts: tuple[View, ...]
    reports: tuple[View, ...]


class Refresher:
    """The statements of a refresh, composed once from the SQL files, and which rows of facts are known to exist.

    For each fact, `kept_…` holds entity, time and summed-by columns of the rows of entities in `kept_of_…` of its
    group, so that their old rows are found without searching the lake; the rows of all other entities are searched for
    there. To plan a statement costs more than to fold a few events, so one is only run where it has something to do:
    `filled` names the temporary tables `staged_…` and `fresh_…` that hold rows of the refresh before.
    """

    def __init__(
        self,
        connection: Connection,
        views: Sequence[View],
        *,
        companies: Iterable[Company],
        memory_mib: int = LEAST_MEMORY_MIB,
    ) -> None:
        self._connection = connection
        self._staging = [view for view in views if view.layer == "staging"]
        self._stages = {view.name: _stage_of(view, self._staging) for view in self._staging}
        self._indexes = [view for view in views if view.is_index]
        self._facts = [view for view in views if view.layer == "facts" and view.events and not view.is_index]
        self._groups = _groups_of(self._facts)
        reports = [view for view in views if view.layer == "reports" and view.is_table]
        self._rollups = _rollups_of(reports, facts=[view for view in views if view.layer == "facts"])
        self._folds = {fact.name: _fold_of(fact, group, views) for group in self._groups for fact in group.facts}
        self._sums = {report.name: _sum_of(report, rollup) for rollup in self._rollups for report in rollup.reports}
        self._marks = {fact.name: _marks_of(fact, reports, indexes=self._indexes) for fact in self._facts}
        reference.hold(connection, companies)
        names = [f"staged_{view.name}" for view in self._staging]
        connection.execute(f"create or replace temp table filled as select unnest({names}) as name")
        connection.execute(
            ";".join(
                f"create or replace temp table fresh_{fact.name} as from {fact.relation} limit 0"
                for fact in self._facts
            )
        )
        self._histories = Histories(connection, views, memory_mib=memory_mib)
        self.forget()

    def make_ready(self) -> None:
        """Read what folding needs in memory, unless it is there; before the transaction that folds."""
        self._histories.make_ready()

    def let_go(self) -> None:
        """Give back what memory a rebuild may want; `catch_up` after it."""
        self._histories.let_go()

    def catch_up(self) -> None:
        """Go on after a rebuild: nothing that was known of rows holds any longer."""
        self.forget()
        self._histories.let_go()

    def forget(self) -> None:
        """Give back the memory taken by rows that are known to exist; they are searched for in the lake again."""
        kept = [
            f"create or replace temp table kept_{fact.name} as select {self._marks[fact.name]} "  # noqa: S608
            f"from fresh_{fact.name} limit 0"
            for fact in self._facts
        ]
        kept += [f"create or replace temp table kept_of_{group.name} (entity varchar)" for group in self._groups]
        self._connection.execute(";".join(kept))

    def refresh(self) -> None:
        """Fold again what `batch` touched, inside the transaction that appends it to the log."""
        self._connection.execute(
            f"create or replace temp table touched_events as select {EVENTS} from batch union all "  # noqa: S608
            f"select {EVENTS} from earlier where entity in (select entity from batch)"
        )
        told = self._words("select distinct type from touched_events")
        filled = self._words("select name from filled")
        # Read once what several facts are folded from.
        staged = [view for view in self._staging if are_told(told, view.events)]
        for view in self._staging:
            if view in staged or f"staged_{view.name}" in filled:
                self._run(f"create or replace temp table staged_{view.name} as {self._stages[view.name]}")
        for fact in self._facts:
            if f"fresh_{fact.name}" in filled:
                self._run(f"delete from fresh_{fact.name}")  # noqa: S608  # our own name
        new = self._words("select distinct type from batch")
        touched = [group for group in self._groups if are_told(new, group.events) and self._touch(group)]
        folded = [fact for fact in self._facts for group in touched if fact in group.facts and self._fold(fact, group)]
        for index in self._indexes:
            for fact in folded:
                if fact.relation in index.reads:
                    self._index(index, fact)
        names = [f"staged_{view.name}" for view in staged] + [f"fresh_{fact.name}" for fact in folded]
        self._run(f"create or replace temp table filled as select unnest({names}::varchar[]) as name")
        folded += self._histories.refresh(folded)
        for rollup in self._rollups:
            if changed := [fact for fact in folded if fact in rollup.facts]:
                self._sum(rollup, changed)

    def _run(self, text: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(text, parameters)

    def _words(self, text: str) -> set[str]:
        return {word for (word,) in self._connection.rows(text)}

    def _touch(self, group: Group) -> bool:
        """Find the entities that are folded again; says whether there are any."""
        name = group.name
        self._run(f"""
            create or replace temp table touched_{name} as select distinct entity from {_touching(group)};
            create or replace temp table sought_{name} as
            select entity from touched_{name}
            where entity in (select entity from known) and entity not in (select entity from kept_of_{name});
            insert into kept_of_{name} select entity from touched_{name} anti join kept_of_{name} using (entity)
        """)  # noqa: S608  # the names are those of our own files
        return bool(self._connection.rows(f"select 1 from touched_{name} limit 1"))  # noqa: S608

    def _fold(self, fact: View, group: Group) -> bool:
        """Replace the rows of touched entities; says whether this fact has or had any."""
        name, marks = fact.name, self._marks[fact.name]
        self._run(f"""
            create or replace temp table fresh_{name} as {self._folds[name]};
            create or replace temp table stale_{name} as
            select * from kept_{name} where {fact.entity} in (select entity from touched_{group.name})
        """)  # noqa: S608  # the names are those of our own files
        [(kept, sought)] = self._connection.rows(
            f"select (select count(*) from stale_{name}), (select count(*) from sought_{group.name})"  # noqa: S608
        )
        if sought:
            self._run(
                f"insert into stale_{name} select {marks} from {fact.relation} "  # noqa: S608
                f"where {fact.entity} in (select entity from sought_{group.name})"
            )
        [(fresh, stale, dated, first, last)] = self._connection.rows(
            f"select (select count(*) from fresh_{name}), count(*), count({fact.time}), min({fact.time}), "  # noqa: S608
            f"max({fact.time}) from stale_{name}"
        )
        if stale:
            # Files are left out by their bounds only where nothing else is asked for beside.
            undated = f" or {fact.time} is null" if dated < stale else ""
            self._run(
                f"delete from {fact.relation} where {fact.entity} in (select {fact.entity} from stale_{name}) "  # noqa: S608
                f"and ({fact.time} between ? and ?{undated})",
                [first, last],
            )
        if kept:
            self._run(f"delete from kept_{name} where {fact.entity} in (select entity from touched_{group.name})")  # noqa: S608
        if fresh:
            self._run(f"""
                insert into {fact.relation} by name select * from fresh_{name};
                insert into kept_{name} select {marks} from fresh_{name}
            """)  # noqa: S608
        return bool(fresh or stale)

    def _index(self, index: View, fact: View) -> None:
        """Bring the table by which rows of a fact are found up to what was just folded: most rows have not moved."""
        columns = ", ".join(column.name for column in index.columns)
        rows = {kind: f"select {columns} from {kind}_{fact.name}" for kind in ("fresh", "stale")}  # noqa: S608
        self._run(f"""
            create or replace temp table placed as {rows["fresh"]} except all {rows["stale"]};
            create or replace temp table displaced as {rows["stale"]} except all {rows["fresh"]}
        """)
        [(placed, displaced)] = self._connection.rows(
            "select (select count(*) from placed), (select count(*) from displaced)"
        )
        if displaced:
            column = index.sorted_by
            self._run(f"delete from {index.relation} where {column} in (select {column} from displaced)")  # noqa: S608
        if placed:
            self._run(f"insert into {index.relation} by name from placed")

    def _sum(self, rollup: Rollup, facts: Sequence[View]) -> None:
        """Sum again what changed in `facts`.

        The files of other days are not opened: their bounds say that they hold none between the first and the last.
        """
        changed = " union ".join(
            f"select {', '.join(rollup.by)} from {kind}_{fact.name}"  # noqa: S608
            for fact in facts
            for kind in ("stale", "fresh")
        )
        self._run(f"create or replace temp table changed as {changed}")
        [days] = self._connection.rows("select min(day), max(day) from changed")
        for fact in rollup.facts:
            self._run(
                f"create or replace temp table summed_{fact.name} as "  # noqa: S608
                f"select {columns_read(fact, rollup.reports)} from {fact.relation} "
                f"where day between ? and ? and exists (select 1 from changed where {_same(rollup, fact.relation)})",
                days,
            )
        for report in rollup.reports:
            self._run(
                f"delete from {report.relation} where exists "  # noqa: S608
                f"(select 1 from changed where {_same(rollup, report.relation)})"
            )
            self._run(f"insert into {report.relation} by name {self._sums[report.name]}")


def _groups_of(facts: Sequence[View]) -> list[Group]:
    """Put facts of the same events and needs together."""
    listed: dict[tuple[tuple[str, ...], tuple[str, ...]], list[View]] = {}
    for fact in facts:
        listed.setdefault((fact.events, fact.needs), []).append(fact)
    return [
        Group(name=members[0].name, events=events, needs=needs, facts=tuple(members))
        for (events, needs), members in listed.items()
    ]


def _marks_of(fact: View, reports: Sequence[View], *, indexes: Sequence[View]) -> str:
    """Name the columns of a fact by which its rows are found and its reports are summed."""
    sums = [column for report in reports if fact.relation in report.reads for column in report.by]
    found = [column.name for index in indexes if fact.relation in index.reads for column in index.columns]
    return ", ".join(dict.fromkeys([fact.entity, fact.time, *sums, *found]))


def _stage_of(view: View, staging: Sequence[View]) -> str:
    """Compose a view over the touched events, reading those before it as they were staged."""
    events = ("log.events", f"select {EVENTS} from touched_events")  # noqa: S608
    return with_inputs(view.select, inputs=[events, *_staged(staging)])


def _fold_of(fact: View, group: Group, views: Sequence[View]) -> str:
    """Compose the fold of touched entities: the fact's text over what was staged and folded before it."""
    fresh = [
        (view.relation, f"select * from fresh_{view.name}")  # noqa: S608
        for view in views
        if view.layer == "facts" and view.events == fact.events
    ]
    staged = _staged([view for view in views if view.layer == "staging"])
    folded = with_inputs(fact.select, inputs=[*reference.held(), *staged, *fresh])
    return f"from ({folded}) where {fact.entity} in (select entity from touched_{group.name})"  # noqa: S608  # our own texts


def _staged(staging: Sequence[View]) -> list[tuple[str, str]]:
    return [(view.relation, f"select * from staged_{view.name}") for view in staging]  # noqa: S608


def _rollups_of(reports: Sequence[View], *, facts: Sequence[View]) -> list[Rollup]:
    """Put reports of the same columns and facts together."""
    listed: dict[tuple[tuple[str, ...], tuple[View, ...]], list[View]] = {}
    for report in reports:
        read = tuple(fact for fact in facts if fact.relation in report.reads)
        listed.setdefault((report.by, read), []).append(report)
    return [Rollup(by=by, facts=read, reports=tuple(members)) for (by, read), members in listed.items()]


def _sum_of(report: View, rollup: Rollup) -> str:
    """Compose the sums of what changed: the report's text over the rows that were read of its facts."""
    inputs = [(fact.relation, f"select * from summed_{fact.name}") for fact in rollup.facts]  # noqa: S608
    return with_inputs(report.select, inputs=inputs)


def _same(rollup: Rollup, table: str) -> str:
    return " and ".join(f"changed.{column} is not distinct from {table}.{column}" for column in rollup.by)


def _touching(group: Group) -> str:
    """Compose where touched entities are found: what lacks the events that a fact needs has no rows of it yet."""
    touched = f"batch where {_types(group.events)}"
    if not group.needs:
        return touched
    return f"touched_events where ({_types(group.needs)}) and entity in (select entity from {touched})"  # noqa: S608


def _types(globs: Sequence[str]) -> str:
    return " or ".join(f"type glob '{glob}'" for glob in globs)
