"""Refresh: the facts of the entities that new events touched are folded again, and the reports that sum them.

The text of a fact's file serves here as in a rebuild: only what it reads of the log is narrowed to these entities.
The temporary tables `batch` (new events), `known` (their entities that the log has heard of) and `earlier` (what it
holds of them) come from landing.
"""

from collections.abc import Sequence

from analytics import reference
from analytics.connection import Connection
from analytics.histories import Histories
from analytics.log import EVENTS
from analytics.views import View, with_inputs


class Refresher:
    """The statements of a refresh, composed once from the SQL files, and which rows of facts are known to exist.

    For each fact, `kept_…` holds entity, time and summed-by columns of the rows of entities in `kept_…_of`, so that
    their old rows are found without searching the lake; the rows of all other entities are searched for there.
    """

    def __init__(self, connection: Connection, views: Sequence[View]) -> None:
        self._connection = connection
        self._staging = [view for view in views if view.layer == "staging"]
        self._stages = {view.name: _stage_of(view, self._staging) for view in self._staging}
        self._facts = [view for view in views if view.layer == "facts" and view.events]
        self._reports = [view for view in views if view.layer == "reports" and view.is_table]
        self._folds = {fact.name: _fold_of(fact, views) for fact in self._facts}
        summed = [view for view in views if view.layer == "facts"]
        self._sums = {report.name: _sum_of(report, summed) for report in self._reports}
        self._marks = {fact.name: _marks_of(fact, self._reports) for fact in self._facts}
        reference.hold(connection)
        for fact in self._facts:
            connection.execute(f"create or replace temp table fresh_{fact.name} as from {fact.relation} limit 0")
        self._histories = Histories(connection, views)
        self.forget()

    def catch_up(self) -> None:
        """Go on after a rebuild: nothing that was known of rows holds any longer."""
        self.forget()
        self._histories.load()

    def forget(self) -> None:
        """Give back the memory taken by rows that are known to exist; they are searched for in the lake again."""
        for fact in self._facts:
            self._connection.execute(f"""
                create or replace temp table kept_{fact.name} as
                select {self._marks[fact.name]} from {fact.relation} limit 0;
                create or replace temp table kept_{fact.name}_of (entity varchar)
            """)  # noqa: S608  # the names are those of our own files

    def refresh(self) -> None:
        """Fold again what `batch` touched, inside the transaction that appends it to the log."""
        self._connection.execute(
            f"create or replace temp table touched_events as select {EVENTS} from batch union all "  # noqa: S608
            f"select {EVENTS} from earlier where entity in (select entity from batch)"
        )
        for view in self._staging:
            # Read once what several facts are folded from.
            self._connection.execute(f"create or replace temp table staged_{view.name} as {self._stages[view.name]}")
        folded = [fact for fact in self._facts if self._fold(fact)]
        folded += self._histories.refresh(folded)
        for report in self._reports:
            read = [fact for fact in folded if fact.relation in report.reads]
            if read:
                self._sum(report, read)

    def _fold(self, fact: View) -> bool:
        """Replace the rows of touched entities; says whether any entity of this fact was touched."""
        self._connection.execute(
            f"create or replace temp table touched as select distinct entity from {_touching(fact)}"  # noqa: S608
        )
        [(touched,)] = self._connection.rows("select count(*) from touched")
        if not touched:
            self._connection.execute(f"delete from fresh_{fact.name}")  # noqa: S608  # our own name
            return False
        self._connection.execute(f"create or replace temp table fresh_{fact.name} as {self._folds[fact.name]}")
        self._find_stale(fact)
        self._delete_stale(fact)
        self._connection.execute(f"insert into {fact.relation} by name select * from fresh_{fact.name}")  # noqa: S608
        self._keep(fact)
        return True

    def _find_stale(self, fact: View) -> None:
        """Put the marks of rows that touched entities have so far into `stale_…`."""
        name, marks = fact.name, self._marks[fact.name]
        self._connection.execute(f"""
            create or replace temp table stale_{name} as
            select * from kept_{name} where {fact.entity} in (select entity from touched);
            create or replace temp table sought as
            select entity from touched
            where entity in (select entity from known) and entity not in (select entity from kept_{name}_of)
        """)  # noqa: S608  # the names are those of our own files
        [(sought,)] = self._connection.rows("select count(*) from sought")
        if sought:
            self._connection.execute(
                f"insert into stale_{name} select {marks} from {fact.relation} "  # noqa: S608
                f"where {fact.entity} in (select entity from sought)"
            )

    def _delete_stale(self, fact: View) -> None:
        [(rows, first, last)] = self._connection.rows(
            f"select count(*), min({fact.time}), max({fact.time}) from stale_{fact.name}"  # noqa: S608
        )
        if rows:
            self._connection.execute(
                f"delete from {fact.relation} where {fact.entity} in (select {fact.entity} from stale_{fact.name}) "  # noqa: S608
                f"and ({fact.time} between ? and ? or {fact.time} is null)",
                [first, last],
            )

    def _keep(self, fact: View) -> None:
        name = fact.name
        self._connection.execute(f"""
            delete from kept_{name} where {fact.entity} in (select entity from touched);
            insert into kept_{name} select {self._marks[name]} from fresh_{name};
            insert into kept_{name}_of select entity from touched anti join kept_{name}_of using (entity)
        """)  # noqa: S608  # the names are those of our own files

    def _sum(self, report: View, facts: Sequence[View]) -> None:
        by = ", ".join(report.by)
        changed = " union ".join(
            f"select {by} from {kind}_{fact.name}"  # noqa: S608
            for fact in facts
            for kind in ("stale", "fresh")
        )
        self._connection.execute(f"create or replace temp table changed as {changed}")
        self._connection.execute(
            f"delete from {report.relation} where exists (select 1 from changed where {_same(report)})"  # noqa: S608
        )
        self._connection.execute(f"insert into {report.relation} by name {self._sums[report.name]}")


def _marks_of(fact: View, reports: Sequence[View]) -> str:
    """Name the columns of a fact by which its rows are found and its reports are summed."""
    sums = [column for report in reports if fact.relation in report.reads for column in report.by]
    return ", ".join(dict.fromkeys([fact.entity, fact.time, *sums]))


def _stage_of(view: View, staging: Sequence[View]) -> str:
    """Compose a view over the touched events, reading those before it as they were staged."""
    events = ("log.events", f"select {EVENTS} from touched_events")  # noqa: S608
    return with_inputs(view.select, inputs=[events, *_staged(staging)])


def _fold_of(fact: View, views: Sequence[View]) -> str:
    """Compose the fold of touched entities: the fact's text over what was staged and folded before it."""
    fresh = [
        (view.relation, f"select * from fresh_{view.name}")  # noqa: S608
        for view in views
        if view.layer == "facts" and view.events == fact.events
    ]
    staged = _staged([view for view in views if view.layer == "staging"])
    folded = with_inputs(fact.select, inputs=[*reference.held(), *staged, *fresh])
    return f"from ({folded}) where {fact.entity} in (select entity from touched)"  # noqa: S608  # our own texts


def _staged(staging: Sequence[View]) -> list[tuple[str, str]]:
    return [(view.relation, f"select * from staged_{view.name}") for view in staging]  # noqa: S608


def _sum_of(report: View, facts: Sequence[View]) -> str:
    """Compose the sums of what changed: the report's text over the facts narrowed to it."""
    return with_inputs(
        report.select,
        inputs=[
            (
                fact.relation,
                f"select inner_fact.* from {fact.relation} as inner_fact "  # noqa: S608
                f"where exists (select 1 from changed where {_same(report, of='inner_fact')})",
            )
            for fact in facts
            if fact.relation in report.reads
        ],
    )


def _same(report: View, *, of: str = "") -> str:
    table = of or report.relation
    return " and ".join(f"changed.{column} is not distinct from {table}.{column}" for column in report.by)


def _touching(fact: View) -> str:
    """Compose where touched entities are found: what lacks the events that a fact needs has no rows of it yet."""
    touched = f"batch where {_types(fact.events)}"
    if not fact.needs:
        return touched
    return f"touched_events where ({_types(fact.needs)}) and entity in (select entity from {touched})"  # noqa: S608


def _types(globs: Sequence[str]) -> str:
    return " or ".join(f"type glob '{glob}'" for glob in globs)
