"""Histories: who is one contact, and what is folded from all facts of a contact, refreshed for those that were touched.

Facts of the first level are folded from the log and know a contact by the identities that they name. Facts of the
second are folded, by the same texts as in a rebuild, from those of the first, for every contact of which one of them
changed or whose identities were joined. See docs/adr/0010-facts-of-contacts-are-folded-from-facts.md.
"""

from collections.abc import Sequence

from analytics.company import reference
from analytics.connection import Connection, Planned, counted
from analytics.engine.months import Waiting, at_times_of
from analytics.folding.packing import Packed, Room
from analytics.views import View, columns_read, with_inputs

IDENTITIES = "facts.identities"
# Packed in memory as long as there is room, for they are many; of the others, the columns that are read are there.
MANY = ("facts.calls", "facts.messages")
LINKS = "facts.contact_events"


class Histories:
    """The statements of a refresh of contacts, composed once, and the identities of all contacts in memory.

    Nothing is read of them before `make_ready`, nor held after `let_go`: a rebuild needs none of it.

    Temporary tables: `people` holds the rows of facts.identities, `few_…` those of facts that are few, `known_…` of
    every row of a fact the hashes of its contact, of its key and of all of it, and its time: which rows a refresh must
    take away and put in their place (`stale_…`, `fresh_…`) is found without reading the old ones. Assumption: no two
    keys of a fact have the same hash of 64 bits.
    """

    def __init__(self, connection: Connection, views: Sequence[View], *, memory_mib: int, waiting: Waiting) -> None:
        self._connection = connection
        self._waiting = waiting
        facts = [view for view in views if view.layer == "facts"]
        self._identities = next(view for view in facts if view.relation == IDENTITIES)
        self._named_by = [view for view in facts if view.relation in self._identities.reads]
        self._facts = [view for view in facts if view.is_of_contacts and view is not self._identities]
        read = {relation for fact in self._facts for relation in fact.reads}
        self._sources = [view for view in facts if view.relation in read and view.events]
        self._columns = {view.name: columns_read(view, self._facts) for view in self._sources}
        room = Room(memory_mib=memory_mib)
        self._packed = {
            view.name: Packed(connection, view, columns=self._columns[view.name].split(", "), room=room)
            for view in self._sources
            if view.relation in MANY
        }
        self._folds = {fact.name: _fold_of(fact, self._sources, self._facts) for fact in self._facts}
        self._gathered = dict[str, int]()  # how many rows of each source
        self.let_go()

    def make_ready(self) -> None:
        """Read what is held in memory of all contacts, unless it is there; before the transaction that folds."""
        if self._is_ready:
            return
        self._connection.execute(f"create or replace temp table people as from {IDENTITIES}")
        for packed in self._packed.values():
            packed.load()
        for view in self._few():
            self._connection.execute(
                f"create or replace temp table few_{view.name} as "  # noqa: S608  # our own names
                f"select {self._columns[view.name]} from {view.relation}"
            )
        for fact in self._facts:
            name = fact.name
            self._connection.execute(f"""
                create or replace temp table fresh_{name} ({fact.declared});
                create or replace temp table folded_{name} ({fact.declared});
                create or replace temp table known_{name} as select {_hashes_of(fact)} from {fact.relation};
                create or replace temp table stale_{name} as from known_{name} limit 0
            """)  # noqa: S608  # our own names
        self._is_ready = True

    def let_go(self) -> None:
        """Give the memory back, until `make_ready`."""
        self._is_ready = False
        for packed in self._packed.values():
            packed.let_go()
        held = ["people", *(f"few_{view.name}" for view in self._few())]
        held += [f"{kind}_{fact.name}" for kind in ("fresh", "folded", "known", "stale") for fact in self._facts]
        self._connection.execute(";".join(f"drop table if exists temp.{table}" for table in held))

    def refresh(self, folded: Sequence[View]) -> list[View]:
        """Fold again the contacts that the facts just `folded` name; gives the facts of which rows changed."""
        naming = [view for view in self._named_by if view in folded]
        if not naming:
            return []
        self._hold(folded)
        self._hear(naming)
        if self._is_news(naming):
            self._join(naming)
        if not self._connection.rows(Planned("select 1 from moved limit 1")):
            return []
        self._gather()
        return [fact for fact in self._facts if self._fold(fact)]

    def _again(self, text: str) -> int:
        """Run a text over temporary tables alone."""
        return counted(self._connection, Planned(text))

    def _fill(self, table: str, text: str) -> int:
        """Put what a text over temporary tables alone gives into one of them."""
        return self._connection.fill(table, Planned(text))

    def _few(self) -> list[View]:
        return [view for view in self._sources if view.relation not in MANY]

    def _hold(self, folded: Sequence[View]) -> None:
        """Bring what is held in memory up to what was just folded."""
        for view in self._sources:
            if view in folded and view.name in self._packed:
                self._packed[view.name].replace()
            elif view in folded:
                name, entity = view.name, view.entity
                self._again(f"delete from few_{name} where {entity} in (select {entity} from fresh_{name})")  # noqa: S608  # our own names
                self._again(f"insert into few_{name} by name select {self._columns[name]} from fresh_{name}")  # noqa: S608

    def _hear(self, naming: Sequence[View]) -> None:
        """Put the identities that are named into `heard`, who is known to have them into `known_people` and `moved`.

        All identities of these contacts come into `gathered_identities`, so that `people` is not looked through again.
        """
        parts = " union ".join(
            "select company, unnest(list_prepend(contact_key, coalesce(also_known_as, []))) as identity "  # noqa: S608
            f"from fresh_{view.name} where contact_key is not null"
            for view in naming
        )
        self._fill("heard", parts)
        self._fill("known_people", "from people semi join heard using (company, identity)")
        self._fill("moved", "select distinct contact_id from known_people")
        self._fill("gathered_identities", "from people where contact_id in (select contact_id from moved)")

    def _is_news(self, naming: Sequence[View]) -> bool:
        """Whether an identity was not known before, or two that are named together were not known to be one's."""
        [(heard, known)] = self._connection.rows(
            Planned(
                "select (select count(*) from heard), (select count(distinct (company, identity)) from known_people)"
            )
        )
        if heard != known:
            return True
        pairs = " union ".join(
            f"select company, contact_key, unnest(also_known_as) as linked from fresh_{view.name}"  # noqa: S608
            for view in naming
        )
        apart = self._again(f"""
            select count(*) from ({pairs}) as pairs
            left join known_people as one on pairs.company = one.company and pairs.contact_key = one.identity
            left join known_people as other on pairs.company = other.company and pairs.linked = other.identity
            where one.contact_id is distinct from other.contact_id
        """)  # noqa: S608  # our own names
        return bool(apart)

    def _join(self, naming: Sequence[View]) -> None:
        """Find out anew who is whom among the contacts of `moved` and the identities of `heard`."""
        self._fill(
            "members",
            "select company, identity, min(identity) over (partition by contact_id) as least from gathered_identities",
        )
        self._fill("joined", _links_of(self._identities, self._named_by, naming))
        self._fill("renamed", "from joined anti join gathered_identities using (company, identity, contact_id)")
        if self._fill("lost", "from gathered_identities semi join renamed using (company, identity)"):
            are_lost = "where (company, identity) in (select (company, identity) from lost)"
            self._connection.execute(f"delete from {IDENTITIES} {are_lost}")  # noqa: S608  # our own names
            for held in ("people", "gathered_identities"):
                self._again(f"delete from {held} {are_lost}")  # noqa: S608
        self._connection.execute(f"insert into {IDENTITIES} by name from renamed")
        for held in ("people", "gathered_identities"):
            self._again(f"insert into {held} by name from renamed")
        self._again("insert into moved select distinct contact_id from renamed anti join moved using (contact_id)")

    def _gather(self) -> None:
        """Put what the first level knows of the contacts of `moved` into `gathered_…`.

        By hashes, which cost a quarter less to look for than texts; what is not theirs no fold joins with them.
        """
        for view in self._sources:
            packed = self._packed.get(view.name)
            if packed is not None and packed.is_held:
                self._gathered[view.relation] = packed.gather()
                continue
            kept, as_text = (view.relation, str) if packed is not None else (f"few_{view.name}", Planned)
            self._gathered[view.relation] = self._connection.fill(
                f"gathered_{view.name}",
                as_text(
                    f"select {self._columns[view.name]} from {kept} "  # noqa: S608  # our own names
                    "where hash(contact_key) in (select hash(identity) from gathered_identities)"
                ),
            )

    def _has_rows(self, fact: View) -> bool:
        """Whether the contacts of `moved` may have rows of a fact: none without a row of those that it needs.

        What was told is never taken back, so that contacts without such rows never had any.
        """
        return all(self._gathered[relation] for relation in fact.needs)

    def _fold(self, fact: View) -> bool:
        """Replace what changed of the rows of the contacts of `moved`; says whether anything did."""
        name = fact.name
        if not self._has_rows(fact):
            return False
        hashes = _hashes_of(fact)
        known = self._fill(
            f"before_{name}",
            f"select known_{name}.* from known_{name} "  # noqa: S608
            f"semi join moved on known_{name}.contact_hash = hash(moved.contact_id)",
        )
        if not known and not self._can_have(fact):
            return False
        self._fill(f"folded_{name}", self._folds[name])
        stale = self._fill(
            f"stale_{name}",
            f"from before_{name} anti join (select {hashes} from folded_{name}) as folded using (key_hash, row_hash)",  # noqa: S608
        )
        fresh = self._fill(
            f"fresh_{name}",
            f"""
                select * exclude (key_hash, row_hash)
                from (select *, {_key_hash(fact)} as key_hash, {_row_hash(fact)} as row_hash from folded_{name})
                anti join before_{name} using (key_hash, row_hash)
            """,  # noqa: S608
        )
        if stale:
            self._take_away(fact)
            self._again(f"delete from known_{name} where key_hash in (select key_hash from stale_{name})")  # noqa: S608
        if fresh:
            self._waiting.insert(fact.relation, f"fresh_{name}", time=fact.parted_by, count=fresh)
            self._again(f"insert into known_{name} select {hashes} from fresh_{name}")  # noqa: S608
        return bool(stale or fresh)

    def _take_away(self, fact: View) -> None:
        """Delete the rows of a fact that are `stale_…`, among those of their time.

        Of what has one row a contact, such rows are of any time: a time would leave out no file, and to ask the catalog
        which files have it takes a third of the statement.
        """
        place = f"{_key_hash(fact)} in (select key_hash from stale_{fact.name})"  # noqa: S608
        if fact.key != (fact.entity,):
            place += f" and {at_times_of(self._connection, f'stale_{fact.name}', time=fact.time)}"
        self._connection.execute(f"delete from {fact.relation} where {place}")  # noqa: S608  # our own names

    def _can_have(self, fact: View) -> bool:
        """Whether contacts that had no rows of a fact may have some now: it can be `made_of` some of their rows."""
        asked = fact.asks_for(lambda relation: relation.replace("facts.", "gathered_"))
        return not asked or bool(self._connection.rows(Planned(asked)))


def _hashes_of(fact: View) -> str:
    """Write what is held of a row of a fact."""
    return (
        f"hash(contact_id) as contact_hash, {_key_hash(fact)} as key_hash, {_row_hash(fact)} as row_hash, {fact.time}"
    )


def _key_hash(fact: View) -> str:
    return f"hash({', '.join(fact.key)})"


def _row_hash(fact: View) -> str:
    return f"hash({', '.join(column.name for column in fact.columns)})"


def _links_of(identities: View, named_by: Sequence[View], naming: Sequence[View]) -> str:
    """Compose who is whom: the text over what was just folded, and over what is known as if it were told again.

    What no fact names is left out by the planner, which is most of what there is to plan.
    """
    inputs = [
        (
            view.relation,
            f"select company, contact_key, also_known_as from fresh_{view.name} where {view in naming}",  # noqa: S608
        )
        for view in named_by
    ]
    known = "select company, identity as contact_key, [least] as also_known_as from members"
    inputs = [(relation, f"{text} union all {known}" if relation == LINKS else text) for relation, text in inputs]
    return with_inputs(identities.select, inputs=[*reference.held(), *inputs])


def _fold_of(fact: View, sources: Sequence[View], facts: Sequence[View]) -> str:
    gathered = [(view.relation, f"select * from gathered_{view.name}") for view in sources]  # noqa: S608
    folded = [(view.relation, f"select * from folded_{view.name}") for view in facts if view is not fact]  # noqa: S608
    people = (IDENTITIES, "select * from gathered_identities")
    return with_inputs(fact.select, inputs=[*reference.held(), people, *gathered, *folded])
