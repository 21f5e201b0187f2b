"""Erasing persons: what the log holds of them becomes anonymous, dead letters go, and old files with them.

Who is erased is known by digests under the installation's key, so that nobody reads it back; what comes again of the
time before is dropped at landing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct

from analytics.admission import Refusal
from analytics.anonymous import anonymous, stranger_for
from analytics.connection import Connection, Planned, handed_in, transaction
from analytics.erased import SOUND, TRACE, Erased, digest, tell
from analytics.forgetting import PERSONS
from analytics.keys import installation_key
from analytics.log import EVENTS, ID, STORED, append_events, renew_emptied, store_events
from analytics.traces import LEAST_TRACE, legible, stands_in, traces_of
from schemas.decisions import MAX_DIGESTS, PersonErased
from schemas.envelope import Event, event
from schemas.errors import Misconfigured
from schemas.ids import ID_PATTERN, fact_id
from schemas.instants import Instant
from schemas.ourselves import US

MAX_IDENTITIES = 64
LAST_DIGITS = 7  # of a number, however its beginning is written; no number in E.164 has less

# Gives in E.164 the numbers of whoever has an identity `kind:value`, however it is written; none where it is no number.
PhonesOf = Callable[[str], frozenset[str]]
# Deletes recordings by their paths in the store; those that are not there, too. Raises NotYet while it is away.
ForgetRecordings = Callable[[Sequence[str]], object]


class Found(Struct, frozen=True, kw_only=True):
    """What the warehouse holds of one person: identities that stand together in its events, what they are about."""

    identities: tuple[str, ...]
    entities: tuple[str, ...]
    events: int
    conflicts: int
    dead: int
    recordings: tuple[str, ...]


def find(
    connection: Connection, identities: Iterable[str], *, phones_of: PhonesOf = lambda _: frozenset()
) -> list[Found]:
    """Look for persons by identities `kind:value`; those that stand together in events of a call or message are one's.

    So are those of one number, which may be written in many ways: `phones_of` an identity gives it. The company's own
    numbers join nobody with anybody.

    Calls and messages whose events name a person are found with all their events, also those that name nobody; of
    deals, which pass from one to another, not with those that name somebody else. Raises Misconfigured where so many
    identities hang together that it is no person.
    """
    _prepare(connection)
    persons = _persons(connection, identities, phones_of=phones_of)
    who = [(number, identity) for number, known in enumerate(persons) for identity in sorted(known)]
    frame = pl.DataFrame(who, schema={"person": pl.Int32, "identity": pl.String}, orient="row")
    with handed_in(connection, "who", frame):
        connection.execute("""
            create or replace temp table naming as
            select entity, id, min(person) as person
            from (select entity, id, unnest(identities) as identity from identified) join who using (identity)
            group by entity, id;
            create or replace temp table erased_entities as
            select entity, min(person) as person from naming group by entity
        """)
        connection.execute("""
            create or replace temp table events_of_others as
            select id from identified
            where id is not null and not list_has_any(identities, (select list(identity) from who))
        """)
    connection.execute(f"""
        create or replace temp table erased_events as
        select coalesce(own.person, erased_entities.person) as person, {EVENTS}
        from log.events join erased_entities using (entity)
        left join (select id, person from naming where id is not null) as own using (id)
        where type not in ('person.erased') and id not in (select id from events_of_others)
    """)  # noqa: S608  # our own column names
    dead = _find_dead(connection, persons)
    events, conflicts, entities, recordings = (_by_person(connection, text) for text in _FOUND)
    return [
        Found(
            identities=tuple(sorted(known)),
            entities=tuple(entity for entity in entities.get(number, ()) if ID_PATTERN.match(entity)),
            events=len(events.get(number, ())),
            conflicts=len(conflicts.get(number, ())),
            dead=dead[number],
            recordings=tuple(recordings.get(number, ())),
        )
        for number, known in enumerate(persons)
    ]


_FOUND = (
    "select person, id from erased_events",
    "select person, id from log.conflicts join erased_entities using (entity)",
    "select person, entity from erased_entities order by all",
    "select distinct person, data ->> '$.path' from erased_events where type = 'call.recording_stored' order by all",
)


def _by_person(connection: Connection, text: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for person, one in connection.rows(text):
        found.setdefault(person, []).append(one)
    return found


def decide(found: Found, *, key: bytes, until: Instant) -> Event:
    """Write down that a person is erased, in a form from which nobody learns who.

    Beside those of his identities stand digests of their traces, as many as there is room for.
    """
    digests = tuple(sorted(digest(key, identity) for identity in found.identities))
    told = tuple(digest(key, f"{TRACE}:{trace}") for trace in traces_of(found.identities))
    fact = PersonErased(digests=(*digests, *told)[:MAX_DIGESTS], entities=found.entities, until=until)
    person = fact_id(US, US, "person.erased", digests[0], until)
    return event(fact, id=person, source=US, account=US, company=US, time=until, recordedat=until, key=person)


def apply(
    connection: Connection, found: Sequence[Found], *, decisions: Sequence[Event], make_token: Callable[[], str]
) -> None:
    """Make the events of these persons anonymous, delete conflicts and dead letters, and write the decisions.

    Comes after `find`, with what it gave. One transaction; the facts are those of before until they are built anew, and
    old files hold the persons until they are written anew: the next writer's maintenance sees to it, whatever follows.
    """
    strangers = [stranger_for(one.identities, token=make_token()) for one in found]
    rows = connection.frame(f"select person, {EVENTS} from erased_events order by id").to_dicts()  # noqa: S608
    now = decisions[0].recordedat
    kept = [anonymous(row, stranger=strangers[int(row.pop("person"))]) for row in rows]
    with transaction(connection):
        connection.execute(f"delete from {STORED} where {ID} in (select id from erased_events)")  # noqa: S608  # ours
        if kept:
            frame = pl.DataFrame(kept, schema_overrides={"causation_id": pl.String}, infer_schema_length=None)
            with handed_in(connection, "anonymous_events", frame):
                store_events(connection, "anonymous_events")
        connection.execute("delete from log.conflicts where entity in (select entity from erased_entities)")
        connection.execute(
            "delete from log.dead where exists (select 1 from erased_dead where erased_dead.topic = log.dead.topic "
            'and erased_dead."partition" = log.dead."partition" and erased_dead."offset" = log.dead."offset")'
        )
        for relation in ("log.conflicts", "log.dead"):
            renew_emptied(connection, relation)
        connection.execute("insert into log.forgotten values (?, '', ?, ?, ?)", [PERSONS, now, len(found), now])
        append_events(connection, decisions, landed_at=now)


class Dropper:
    """Drops at landing what comes again of erased persons; knows them from the log, and the key from its file.

    Recordings that it names are deleted before any of it is written: whoever is killed between drops it again.
    """

    def __init__(self, connection: Connection, *, home: Path, forget_recordings: ForgetRecordings) -> None:
        self._connection = connection
        self._home = home
        self._forget_recordings = forget_recordings
        self._erased = Erased()
        self.load()

    def load(self) -> None:
        """Read anew who was erased, and tell it to stages that do not read the log."""
        self._erased = read_erased(self._connection)
        tell(self._erased, home=self._home)

    def drop(self) -> int:
        """Leave events of erased persons out of the temporary table `batch`; gives how many."""
        if not self._erased.digests:
            return 0
        dropped = drop_known(self._connection, self._erased, key=installation_key(self._home))
        self._forget_recordings([path for path in dropped if path])
        return len(dropped)

    def spare(self, refusals: Sequence[Refusal]) -> list[Refusal]:
        """Leave out dead letters of erased persons: facts, such as of a recording that is not there, and raw bytes."""
        if not self._erased.digests:
            return list(refusals)
        key = installation_key(self._home)
        return [one for one in refusals if not self._erased.holds_letter(one.letter, key=key)]

    def is_told(self) -> bool:
        """Whether `batch` tells of somebody who was erased: `load` when it was landed."""
        return bool(self._connection.rows(Planned("select 1 from batch where type = 'person.erased' limit 1")))


def read_erased(connection: Connection) -> Erased:
    """Give everybody who was erased."""
    digests: dict[str, Instant] = {}
    entities: dict[str, Instant] = {}
    for (written,) in connection.rows("select data from log.events where type = 'person.erased'"):
        fact = msgspec.json.decode(written, type=PersonErased)
        digests |= {one: max(fact.until, digests.get(one, "")) for one in fact.digests}
        entities |= {one: max(fact.until, entities.get(one, "")) for one in fact.entities}
    return Erased(digests=digests, entities=entities)


def drop_known(connection: Connection, erased: Erased, *, key: bytes) -> list[str | None]:
    """Leave out of the temporary table `batch` what comes again of persons who were erased.

    Of their calls and messages all goes, whenever it is told, and so does what was said before of calls that the log
    did not know. Of a deal that was theirs, what is told later, or names somebody else, stays: it passed to him. Gives
    of each event that went where in the store the recording lies that it tells of, if it does.
    """
    told_at = f"case when type in {SOUND} then least(time, recorded_at) else recorded_at end"
    last = max(erased.digests.values())
    named = connection.rows(
        f"select distinct identity from (select unnest({IDENTITIES}) as identity from batch "  # noqa: S608
        f"where {told_at} <= cast(? as timestamptz))",
        [last],
    )
    meant = [
        (identity, erased.digests[told]) for (identity,) in named if (told := digest(key, identity)) in erased.digests
    ]
    met = connection.rows(Planned("select distinct entity from batch"))
    own = [(entity, erased.entities[entity]) for (entity,) in met if entity in erased.entities]
    if not (meant or own):
        return []
    for table, name, rows in (("erased_identities", "identity", meant), ("erased_entities_met", "entity", own)):
        connection.pour(table, pl.DataFrame(rows, schema={name: pl.String, "until": pl.String}, orient="row"))
    connection.fill(
        "dropped",
        f"""
        select position
        from (select position, {told_at} as told_at, unnest({IDENTITIES}) as identity from batch)
        join erased_identities using (identity)
        where told_at <= cast(until as timestamptz)
        union
        select position from batch join erased_entities_met using (entity)
        where not starts_with(type, 'deal.')
        or (recorded_at <= cast(until as timestamptz) and coalesce(json_array_length(data, '$.contact'), 0) = 0)
        """,  # noqa: S608  # our own text
    )
    paths = connection.rows(
        "select case when type = 'call.recording_stored' then data ->> '$.path' end from batch semi join dropped "
        "using (position)"
    )
    connection.execute("delete from batch where position in (select position from dropped)")
    return [path for (path,) in paths]


IDENTITIES = """list_transform(
    coalesce(from_json(data -> '$.contact', '[{"kind":"VARCHAR","value":"VARCHAR"}]'), []),
    lambda one: one.kind || ':' || one.value
)"""


def _prepare(connection: Connection) -> None:
    """List what identities stand together in the events of a call or message, or in one event (`id`) of a deal."""
    alone = "case when starts_with(type, 'deal.') then id end"
    connection.execute(f"""
        create or replace temp table identified as
        select entity, id, list_sort(list_distinct(flatten(list(identities)))) as identities
        from (
            select entity, {alone} as id, {IDENTITIES} as identities from log.events
            where json_array_length(data, '$.contact') > 0
            union all
            select entity, {alone}, {IDENTITIES} from log.conflicts
            where json_array_length(data, '$.contact') > 0
        )
        group by entity, id
    """)  # noqa: S608  # our own text


def _persons(connection: Connection, identities: Iterable[str], *, phones_of: PhonesOf) -> list[set[str]]:
    """Give the identities of each person who is meant, with those that stand beside them, and beside these."""
    persons = [{identity} for identity in dict.fromkeys(identities)]
    ours = {number for (number,) in connection.rows("select distinct number from reference.numbers")}
    while True:
        known = {identity for person in persons for identity in person}
        groups = connection.rows(
            "select distinct identities from identified where list_has_any(identities, $known)",
            {"known": sorted(one for one in known if _value(one) not in ours)},
        )
        told = [{one for one in group if _value(one) not in ours} for (group,) in groups]
        for group in [*told, *_written_otherwise(connection, known, phones_of=phones_of)]:
            met = [person for person in persons if not person.isdisjoint(group)]
            joined = group.union(*met)
            persons = [joined if person is met[0] else person for person in persons if person not in met[1:]]
        if any(len(person) > MAX_IDENTITIES for person in persons):
            raise Misconfigured(f"more than {MAX_IDENTITIES} identities hang together in the log: that is no person")
        if {identity for person in persons for identity in person} == known:
            return persons


def _written_otherwise(connection: Connection, known: Iterable[str], *, phones_of: PhonesOf) -> list[set[str]]:
    """Put each number of `known` together with those identities of the log that are the same number."""
    meant = {one: phones for one in sorted(known) if (phones := phones_of(one))}
    if not meant:
        return []
    ends = sorted({phone[-LAST_DIGITS:] for phones in meant.values() for phone in phones})
    alike = connection.rows(
        """
        select identity
        from (
            select distinct identity, regexp_replace(identity, '[^0-9]', '', 'g') as digits
            from (select unnest(identities) as identity from identified)
            where starts_with(identity, 'phone:') or starts_with(identity, 'other_number:')
        )
        where len(list_filter($ends, lambda one: contains(digits, one))) > 0
        """,
        {"ends": ends},
    )
    return [
        {one, identity}
        for (identity,) in alike
        for one, phones in meant.items()
        if not phones.isdisjoint(phones_of(identity))
    ]


def _value(identity: str) -> str:
    return identity.partition(":")[2]


def _find_dead(connection: Connection, persons: Sequence[set[str]]) -> Counter[int]:
    """Put the places of dead letters that name a person, or one of a person's calls or messages, aside."""
    own = connection.rows("""
        select distinct person, unnest([data ->> '$.provider_call_id', data ->> '$.provider_message_id'])
        from erased_events
    """)
    named = {(trace, number) for number, known in enumerate(persons) for trace in traces_of(known)}
    named |= {(name, number) for number, name in own if name}
    sought = [(trace, number) for trace, number in named if len(trace) >= LEAST_TRACE]
    connection.execute('create or replace temp table erased_dead (topic varchar, "partition" integer, "offset" bigint)')
    frame = connection.frame('select topic, "partition", "offset", key, body from log.dead')
    wanted: list[dict[str, Any]] = []
    letters: Counter[int] = Counter()
    for letter in frame.iter_rows(named=True):
        held = legible((letter["key"] or b"") + b"\n" + (letter["body"] or b""))
        meant = {number for trace, number in sought if stands_in(held, trace=trace)}
        letters.update(meant)
        if meant:
            wanted.append({name: letter[name] for name in ("topic", "partition", "offset")})
    if wanted:
        with handed_in(connection, "dead_places", pl.DataFrame(wanted)):
            connection.execute("insert into erased_dead select distinct * from dead_places")
    return letters
