"""Erasing persons: what the log holds of them becomes anonymous, dead letters go, and old files with them.

Who is erased is known by digests under the installation's key, so that nobody reads it back; what comes again of the
time before is dropped at landing. A warehouse that hears of it by Kafka finds by them what it holds.
"""

from collections.abc import Callable, Sequence
from secrets import token_hex

import polars as pl

from analytics.connection import Connection, handed_in, transaction
from analytics.folding.rebuild import mark_behind
from analytics.log import EVENTS, ID, STORED, append_events, renew_emptied, store_events
from analytics.privacy.anonymous import anonymous, stranger_for
from analytics.privacy.erased import CONVERSATION, MENTION, TRACE, digest
from analytics.privacy.forgetting import PERSONS
from analytics.privacy.mentions import mentions_of
from analytics.privacy.persons import Found
from analytics.privacy.traces import traces_of
from schemas.decisions import MAX_DIGESTS, PersonErased
from schemas.envelope import Event, event
from schemas.ids import fact_id
from schemas.instants import Instant
from schemas.ourselves import US

# Deletes recordings by their paths in the store; those that are not there, too. Raises NotYet while it is away.
ForgetRecordings = Callable[[Sequence[str]], object]
# Gives a name that nobody has.
MakeToken = Callable[[], str]


def decide(found: Found, *, key: bytes, until: Instant) -> Event:
    """Write down that a person is erased, in a form from which nobody learns who.

    Beside those of his identities stand digests of their traces and of his conversations, as many as there is room for.
    """
    digests = tuple(sorted(digest(key, identity) for identity in found.identities))
    written = mentions_of(found.identities)
    told = [f"{MENTION}:{one}" for one in written]
    told += [f"{TRACE}:{trace}" for trace in traces_of(found.identities) if trace not in written]
    told += [f"{CONVERSATION}:{one}" for one in found.conversations]
    every = (*digests, *(digest(key, one) for one in told))
    fact = PersonErased(digests=every[:MAX_DIGESTS], entities=found.entities, until=until)
    person = fact_id(US, US, "person.erased", digests[0], until)
    return event(fact, id=person, source=US, account=US, company=US, time=until, recordedat=until, key=person)


def apply(connection: Connection, found: Sequence[Found], *, decisions: Sequence[Event], make_token: MakeToken) -> None:
    """Make the events of these persons anonymous, delete conflicts and dead letters, and write the decisions.

    Comes after `persons.find`, with what it gave. One transaction; the facts are those of before until they are built
    anew, and old files hold the persons until they are written anew: the next writer sees to both, whatever follows.
    """
    now = decisions[0].recordedat
    with transaction(connection):
        _make_anonymous(connection, found, make_token=make_token)
        _note(connection, persons=len(found), now=now)
        append_events(connection, decisions, landed_at=now)


def apply_told(
    connection: Connection, found: Sequence[Found], *, persons: int, now: Instant, make_token: MakeToken
) -> None:
    """Do the same after `persons.find_told`, for so many persons of whom the log tells already."""
    with transaction(connection):
        _make_anonymous(connection, found, make_token=make_token)
        _note(connection, persons=persons, now=now)


def owed(connection: Connection) -> int:
    """Count the persons of whom the log tells that they were erased, and of whom nothing was taken out of it yet."""
    [(persons,)] = connection.rows(
        "select (select count(*) from log.events where type = 'person.erased') "
        "- (select coalesce(sum(taken), 0) from log.forgotten where kind = ?)",
        [PERSONS],
    )
    return max(0, int(persons))


def _make_anonymous(connection: Connection, found: Sequence[Found], *, make_token: MakeToken) -> None:
    strangers = [stranger_for(one.identities, token=make_token(), salt=token_hex()) for one in found]
    rows = connection.frame(f"select person, {EVENTS} from erased_events order by id").to_dicts()  # noqa: S608
    kept = [anonymous(row, stranger=strangers[int(row.pop("person"))]) for row in rows]
    without = "(select * replace (kept as data) from log.events join mentioned_events using (id))"
    kept += connection.frame(f"select {EVENTS} from {without}").to_dicts()  # noqa: S608  # our own column names
    if kept:
        mark_behind(connection)
        for table in ("erased_events", "mentioned_events"):
            connection.execute(f"delete from {STORED} where {ID} in (select id from {table})")  # noqa: S608  # ours
        frame = pl.DataFrame(kept, schema_overrides={"causation_id": pl.String}, infer_schema_length=None)
        with handed_in(connection, "anonymous_events", frame):
            store_events(connection, "anonymous_events")
    connection.execute("delete from log.conflicts where entity in (select entity from erased_entities)")
    connection.execute("delete from log.conflicts where id in (select id from mentioned_conflicts)")
    connection.execute(
        "delete from log.dead where exists (select 1 from erased_dead where erased_dead.topic = log.dead.topic "
        'and erased_dead."partition" = log.dead."partition" and erased_dead."offset" = log.dead."offset")'
    )
    for relation in ("log.conflicts", "log.dead"):
        renew_emptied(connection, relation)


def _note(connection: Connection, *, persons: int, now: Instant) -> None:
    connection.execute("insert into log.forgotten values (?, '', ?, ?, ?)", [PERSONS, now, persons, now])
