# ruff: noqa: S608  # names of our own files only
"""Refresh: the facts of the entities that new events touched are folded again; the reports that sum them, see summing.

The text of a fact's file serves here as in a rebuild: only what it reads of the log is narrowed to these entities.
The temporary tables `batch` (new events), `known` (their entities that the log has heard of) and `earlier` (what it
holds of them) come from landing.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from analytics.company import reference
from analytics.connection import Connection, Planned, counted
from analytics.engine.months import Waiting, at_times_of
from analytics.folding.histories import MANY, Histories
from analytics.folding.summing import Sums
from analytics.log import TOLD
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


class Refresher:
    """The statements of a refresh, composed once from the SQL files, and which rows of facts are known to exist.

    For each fact, `kept_…` holds entity, time and what is summed of the rows of entities in `kept_of_…` of its
    group, so that their old rows are found without searching the lake; the rows of all other entities are searched for
    there. To run a statement costs more than to fold a few events, so one is only run where it has something to do.
    After a refresh that failed: `let_go`.
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
        self._searches: dict[str, bool] = {}
        reports = [view for view in views if view.layer == "reports" and view.is_table]
        self._folds = {fact.name: _fold_of(fact, group, views) for group in self._groups for fact in group.facts}
        self._marks = {fact.name: _marks_of(fact, reports, indexes=self._indexes) for fact in self._facts}
        reference.hold(connection, companies)
        connection.execute(
            ";".join(
                f"create or replace temp table fresh_{fact.name} as from {fact.relation} limit 0"
                for fact in self._facts
            )
        )
        self.waiting = Waiting(connection)
        self._histories = Histories(connection, views, memory_mib=memory_mib, waiting=self.waiting)
        self._sums = Sums(connection, views)
        self._are_staged = False
        self.forget()

    def make_ready(self) -> None:
        """Read what folding needs in memory, unless it is there; before the transaction that folds."""
        self._histories.make_ready()

    def let_go(self) -> None:
        """Give back what memory a rebuild may want; `catch_up` after it."""
        self._histories.let_go()
        self._sums.forget()
        self._are_staged = False

    def catch_up(self) -> None:
        """Go on after a rebuild: nothing that was known of rows holds any longer."""
        self.forget()
        self.let_go()

    def forget(self) -> None:
        """Know of no row that it exists: all are searched for in the lake again."""
        kept = [
            f"create or replace temp table kept_{fact.name} as select {self._marks[fact.name]} "
            f"from fresh_{fact.name} limit 0"
            for fact in self._facts
        ]
        kept += [f"create or replace temp table kept_of_{group.name} (entity varchar)" for group in self._groups]
        self._connection.execute(";".join(kept))

    def forget_cold(self) -> None:
        """Forget which rows those entities have of which no event is in the temporary table `hot` any longer."""
        for group in self._groups:
            self._again(f"delete from kept_of_{group.name} where entity not in (select entity from hot)")
            for fact in group.facts:
                self._again(
                    f"delete from kept_{fact.name} where {fact.entity} not in (select entity from kept_of_{group.name})"
                )

    def refresh(self) -> None:
        """Fold again what `batch` touched, inside the transaction that appends it to the log."""
        self._fill(
            "touched_events",
            f"select {TOLD} from batch union all select {TOLD} from earlier where entity in (select entity from batch)",
        )
        types = self._connection.rows(
            Planned("select type, true from batch union select type, false from touched_events")
        )
        told, new = {type_ for type_, _ in types}, {type_ for type_, is_new in types if is_new}
        # Read once what several facts are folded from.
        for view in self._staging:
            if view.can_be_of(told) or not self._are_staged:
                self._fill(f"staged_{view.name}", self._stages[view.name])
        self._are_staged = True
        groups = [
            group
            for group in self._groups
            if are_told(new, group.events) and are_told(told, group.needs or group.events) and self._touch(group)
        ]
        folded = [fact for fact in self._facts for group in groups if fact in group.facts and self._fold(fact, group)]
        for index in self._indexes:
            for fact in folded:
                if fact.relation in index.reads:
                    self._index(index, fact)
        folded += self._histories.refresh(folded)
        self._sums.refresh(folded)

    def _run(self, text: str) -> None:
        self._connection.execute(text)

    def _again(self, text: str) -> int:
        """Run a text over temporary tables alone."""
        return counted(self._connection, Planned(text))

    def _fill(self, table: str, text: str) -> int:
        """Put what a text over temporary tables alone gives into one of them."""
        return self._connection.fill(table, Planned(text))

    def _touch(self, group: Group) -> bool:
        """Find the entities that are folded again; says whether there are any."""
        name = group.name
        touched = self._fill(f"touched_{name}", f"select distinct entity from {_touching(group)}")
        if not touched:
            return False
        sought = self._fill(
            f"sought_{name}",
            f"select entity from touched_{name} "
            f"where entity in (select entity from known) and entity not in (select entity from kept_of_{name})",
        )
        self._searches[name] = sought > 0
        self._again(
            f"insert into kept_of_{name} select entity from touched_{name} anti join kept_of_{name} using (entity)"
        )
        return True

    def _fold(self, fact: View, group: Group) -> bool:
        """Replace the rows of touched entities; says whether this fact has or had any."""
        name, marks = fact.name, self._marks[fact.name]
        fresh = 0
        if self._can_have(fact):
            fresh = self._fill(f"fresh_{name}", self._folds[name])
        kept = self._fill(
            f"stale_{name}",
            f"select * from kept_{name} where {fact.entity} in (select entity from touched_{group.name})",
        )
        stale = kept
        if self._searches[group.name]:
            stale += counted(
                self._connection,
                f"insert into stale_{name} select {marks} from {fact.relation} "
                f"where {fact.entity} in (select entity from sought_{group.name})",
            )
        if stale:
            # By the bounds of ids no file would be left out: of hashes there are no bounds to be read.
            # Assumption: no two entities of one time have the same hash of 64 bits. Their ids are ours, made by SHA-1.
            self._run(
                f"delete from {fact.relation} "
                f"where hash({fact.entity}) in (select hash({fact.entity}) from stale_{name}) "
                f"and {at_times_of(self._connection, f'stale_{name}', time=fact.time)}"
            )
        if kept:
            self._again(f"delete from kept_{name} where {fact.entity} in (select entity from touched_{group.name})")
        if fresh:
            self.waiting.insert(fact.relation, f"fresh_{name}", time=fact.parted_by, count=fresh)
            self._again(f"insert into kept_{name} select {marks} from fresh_{name}")
        return bool(fresh or stale)

    def _can_have(self, fact: View) -> bool:
        """Whether any of the touched entities may have rows of a fact: it can be `made_of` some of what was staged."""
        asked = fact.asks_for(lambda relation: relation.replace("staging.", "staged_").replace("facts.", "fresh_"))
        return not asked or bool(self._connection.rows(Planned(asked)))

    def _index(self, index: View, fact: View) -> None:
        """Bring the table by which rows of a fact are found up to what was just folded: most rows have not moved."""
        rows = {
            kind: f"({with_inputs(index.select, inputs=[(fact.relation, f'select * from {kind}_{fact.name}')])})"
            for kind in ("fresh", "stale")
        }
        placed = self._fill(f"placed_{index.name}", f"{rows['fresh']} except {rows['stale']}")
        displaced = self._fill(f"displaced_{index.name}", f"{rows['stale']} except {rows['fresh']}")
        if displaced:
            column = index.sorted_by
            self._run(f"delete from {index.relation} where {column} in (select {column} from displaced_{index.name})")
        if placed:
            self._run(f"insert into {index.relation} by name from placed_{index.name}")


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
    """Name the columns of a fact by which its rows are found, in the lake and in memory, and its reports are summed."""
    readers = [view for view in (*reports, *indexes) if fact.relation in view.reads]
    found = columns_read(fact, readers).split(", ") if readers else []
    contact = ["contact_key"] if fact.relation in MANY else []
    return ", ".join(dict.fromkeys([fact.entity, fact.time, *found, *contact]))


def _stage_of(view: View, staging: Sequence[View]) -> str:
    """Compose a view over the touched events, reading those before it as they were staged."""
    events = ("log.events", f"select {TOLD} from touched_events")
    return with_inputs(view.select, inputs=[*reference.held(), events, *_staged(staging)])


def _fold_of(fact: View, group: Group, views: Sequence[View]) -> str:
    """Compose the fold of touched entities: the fact's text over what was staged and folded before it."""
    fresh = [
        (view.relation, f"select * from fresh_{view.name}")
        for view in views
        if view.layer == "facts" and view.events == fact.events
    ]
    staged = _staged([view for view in views if view.layer == "staging"])
    folded = with_inputs(fact.select, inputs=[*reference.held(), *staged, *fresh])
    return f"from ({folded}) where {fact.entity} in (select entity from touched_{group.name})"


def _staged(staging: Sequence[View]) -> list[tuple[str, str]]:
    return [(view.relation, f"select * from staged_{view.name}") for view in staging]


def _touching(group: Group) -> str:
    """Compose where touched entities are found: what lacks the events that a fact needs has no rows of it yet."""
    touched = f"batch where {_types(group.events)}"
    if not group.needs:
        return touched
    return f"touched_events where ({_types(group.needs)}) and entity in (select entity from {touched})"


def _types(globs: Sequence[str]) -> str:
    return " or ".join(f"type glob '{glob}'" for glob in globs)
