"""Erasing a person: what the log holds of him or her becomes anonymous, dead letters go, and old files with them.

Who is erased is known by digests under the installation's key, so that nobody reads it back; what comes again of the
time before is dropped at landing.
"""

import hmac
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct

from analytics.anonymous import Stranger, anonymous, traces_of
from analytics.connection import Connection, handed_in, transaction
from analytics.keys import installation_key
from analytics.log import EVENTS, append_events
from schemas.decisions import PersonErased
from schemas.envelope import Event, event
from schemas.ids import ID_PATTERN, fact_id
from schemas.instants import Instant

US = "angime"
MAX_IDENTITIES = 64
LEAST_TRACE = 5  # a shorter identity says nothing where it stands inside other bytes


class Found(Struct, frozen=True, kw_only=True):
    """What the warehouse holds of a person: identities that stand together in its events, what they are about."""

    identities: tuple[str, ...]
    entities: tuple[str, ...]
    events: int
    conflicts: int
    dead: int
    recordings: tuple[str, ...]


class Erased(Struct, frozen=True):
    """Who was erased, as landing needs it: what was recorded up to `until` of these digests or entities is dropped."""

    digests: dict[str, Instant]
    entities: dict[str, Instant]


def digest(key: bytes, identity: str) -> str:
    """Give the digest of an identity `kind:value`."""
    return hmac.new(key, identity.encode(), sha256).hexdigest()


def find(connection: Connection, identities: Sequence[str]) -> Found:
    """Look for a person by one or more identities `kind:value`; others that stand beside them in an event are theirs.

    Calls and messages whose events name the person are found with all their events, also those that name nobody.
    """
    _prepare(connection)
    known = set(identities)
    while True:
        beside = connection.rows(
            "select distinct unnest(identities) from identified where list_has_any(identities, $known) limit $limit",
            {"known": sorted(known), "limit": MAX_IDENTITIES},
        )
        grown = known | {identity for (identity,) in beside}
        if grown == known or len(grown) > MAX_IDENTITIES:
            break
        known = grown
    connection.execute(
        "create or replace temp table erased_entities as "
        "select distinct entity from identified where list_has_any(identities, $known)",
        {"known": sorted(known)},
    )
    connection.execute(f"""
        create or replace temp table erased_events as
        select {EVENTS} from log.events where entity in (select entity from erased_entities)
            and type not in ('person.erased')
    """)  # noqa: S608  # our own column names
    [(events,)] = connection.rows("select count(*) from erased_events")
    [(conflicts,)] = connection.rows(
        "select count(*) from log.conflicts where entity in (select entity from erased_entities)"
    )
    entities = [entity for (entity,) in connection.rows("select entity from erased_entities order by all")]
    recordings = connection.rows(
        "select distinct data ->> '$.path' from erased_events where type = 'call.recording_stored' order by all"
    )
    dead = _find_dead(connection, known)
    return Found(
        identities=tuple(sorted(known)),
        entities=tuple(entity for entity in entities if ID_PATTERN.match(entity)),
        events=events,
        conflicts=conflicts,
        dead=dead,
        recordings=tuple(path for (path,) in recordings),
    )


def decide(found: Found, *, key: bytes, until: Instant) -> Event:
    """Write down that a person is erased, in a form from which nobody learns who."""
    digests = tuple(sorted(digest(key, identity) for identity in found.identities))
    fact = PersonErased(digests=digests, entities=found.entities, until=until)
    person = fact_id(US, US, "person.erased", digests[0], until)
    return event(fact, id=person, source=US, account=US, company=US, time=until, recordedat=until, key=person)


def apply(connection: Connection, found: Found, *, decision: Event, token: str) -> None:
    """Make the person's events anonymous, delete conflicts and dead letters, and write the decision; after `find`.

    One transaction; the facts are those of before until they are built anew.
    """
    stranger = Stranger(token=token, traces=traces_of(found.identities))
    rows = connection.frame(f"select {EVENTS} from erased_events order by id").to_dicts()  # noqa: S608
    kept = [anonymous(row, stranger=stranger) for row in rows]
    with transaction(connection):
        connection.execute("delete from log.events where id in (select id from erased_events)")
        if kept:
            frame = pl.DataFrame(kept, schema_overrides={"causation_id": pl.String}, infer_schema_length=None)
            with handed_in(connection, "anonymous_events", frame):
                connection.execute(
                    f"insert into log.events ({EVENTS}) select {EVENTS} from anonymous_events"  # noqa: S608
                )
        connection.execute("delete from log.conflicts where entity in (select entity from erased_entities)")
        connection.execute(
            "delete from log.dead where exists (select 1 from erased_dead where erased_dead.topic = log.dead.topic "
            'and erased_dead."partition" = log.dead."partition" and erased_dead."offset" = log.dead."offset")'
        )
        append_events(connection, [decision], landed_at=decision.recordedat)


class Dropper:
    """Drops at landing what comes again of erased persons; knows them from the log, and the key from its file."""

    def __init__(self, connection: Connection, *, home: Path) -> None:
        self._connection = connection
        self._home = home
        self._erased = Erased({}, {})
        self.load()

    def load(self) -> None:
        """Read anew who was erased."""
        self._erased = read_erased(self._connection)

    def drop(self) -> int:
        """Leave events of erased persons out of the temporary table `batch`; gives how many."""
        if not self._erased.digests:
            return 0
        return drop_known(self._connection, self._erased, key=installation_key(self._home))

    def hear(self) -> None:
        """Read anew who was erased, where `batch` tells of somebody."""
        [(told,)] = self._connection.rows("select count(*) from batch where type = 'person.erased'")
        if told:
            self.load()


def read_erased(connection: Connection) -> Erased:
    """Give everybody who was erased."""
    digests: dict[str, Instant] = {}
    entities: dict[str, Instant] = {}
    for (written,) in connection.rows("select data from log.events where type = 'person.erased'"):
        fact = msgspec.json.decode(written, type=PersonErased)
        digests |= {one: max(fact.until, digests.get(one, "")) for one in fact.digests}
        entities |= {one: max(fact.until, entities.get(one, "")) for one in fact.entities}
    return Erased(digests=digests, entities=entities)


def drop_known(connection: Connection, erased: Erased, *, key: bytes) -> int:
    """Leave out of the temporary table `batch` what comes again of persons who were erased; gives how many events."""
    last = max(erased.digests.values())
    named = connection.rows(
        f"select distinct identity from (select unnest({IDENTITIES}) as identity from batch "  # noqa: S608
        "where recorded_at <= cast(? as timestamptz))",
        [last],
    )
    meant = [
        (identity, erased.digests[told]) for (identity,) in named if (told := digest(key, identity)) in erased.digests
    ]
    who = pl.DataFrame(meant, schema={"identity": pl.String, "until": pl.String}, orient="row")
    what = pl.DataFrame(list(erased.entities.items()), schema={"entity": pl.String, "until": pl.String}, orient="row")
    [(before,)] = connection.rows("select count(*) from batch")
    with handed_in(connection, "erased_identities", who), handed_in(connection, "erased_entities_known", what):
        connection.execute(f"""
            delete from batch where position in (
                select position
                from (select position, recorded_at, unnest({IDENTITIES}) as identity from batch)
                join erased_identities using (identity)
                where recorded_at <= cast(until as timestamptz)
                union all
                select position from batch join erased_entities_known using (entity)
                where recorded_at <= cast(until as timestamptz) and type <> 'person.erased'
            )
        """)  # noqa: S608  # our own text
    [(after,)] = connection.rows("select count(*) from batch")
    return before - after


IDENTITIES = """list_transform(
    coalesce(from_json(data -> '$.contact', '[{"kind":"VARCHAR","value":"VARCHAR"}]'), []),
    lambda one: one.kind || ':' || one.value
)"""


def _prepare(connection: Connection) -> None:
    connection.execute(f"""
        create or replace temp table identified as
        select distinct entity, {IDENTITIES} as identities from log.events
        where json_array_length(data, '$.contact') > 0
        union
        select distinct entity, {IDENTITIES} from log.conflicts
        where json_array_length(data, '$.contact') > 0
    """)  # noqa: S608  # our own text


def _find_dead(connection: Connection, identities: Iterable[str]) -> int:
    """Put the places of dead letters that name the person, or one of the person's calls or messages, aside."""
    own = connection.rows("""
        select distinct unnest([data ->> '$.provider_call_id', data ->> '$.provider_message_id']) from erased_events
    """)
    traces = {trace for trace in traces_of(identities) if len(trace) >= LEAST_TRACE}
    traces |= {name for (name,) in own if name and len(name) >= LEAST_TRACE}
    connection.execute('create or replace temp table erased_dead (topic varchar, "partition" integer, "offset" bigint)')
    frame = connection.frame('select topic, "partition", "offset", key, body, headers from log.dead')
    wanted: list[dict[str, Any]] = []
    sought = [trace.encode() for trace in traces]
    for letter in frame.iter_rows(named=True):
        held = (letter["key"] or b"") + b"\n" + (letter["body"] or b"")
        if any(trace in held for trace in sought):
            wanted.append({name: letter[name] for name in ("topic", "partition", "offset")})
    if wanted:
        with handed_in(connection, "dead_places", pl.DataFrame(wanted)):
            connection.execute("insert into erased_dead select distinct * from dead_places")
    return len(wanted)
