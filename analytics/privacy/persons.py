"""Persons in the log: who is meant by identities, or by digests, and all that the warehouse holds of each.

What is found is put aside in temporary tables: analytics.privacy.erasure makes anonymous or deletes what stands in
`erased_events`, `erased_entities`, `erased_dead`, `mentioned_events` and `mentioned_conflicts`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct, structs

from analytics.connection import Connection, handed_in
from analytics.landing.letters import letter_of
from analytics.log import EVENTS
from analytics.privacy.anonymous import OF_ENTITIES, is_anonymous
from analytics.privacy.erased import CONVERSATION, SOUND, Erased, digest
from analytics.privacy.mentions import may_mention, mentions_of, without_mentions
from analytics.privacy.traces import LEAST_TRACE, legible, stands_in, traces_of
from schemas.decisions import PersonErased
from schemas.errors import Misconfigured
from schemas.ids import ID_PATTERN, conversation_id
from schemas.instants import Instant, instant
from schemas.recordings import recording_path
from schemas.records import DeadLetter

# Gives in E.164 the numbers of whoever has an identity `kind:value`, however it is written; none where it is no number.
PhonesOf = Callable[[str], frozenset[str]]
MAX_IDENTITIES = 64
LAST_DIGITS = 7  # of a number, however its beginning is written; no number in E.164 has less
_EVER: Instant = "9999-12-31T00:00:00.000Z"


class Found(Struct, frozen=True, kw_only=True):
    """What the warehouse holds of one person: identities that stand together in its events, what they are about.

    `conversations` are ids under which messages may lie that name nobody; of `mentions` events are of others, who wrote
    his number or address.
    """

    identities: tuple[str, ...]
    entities: tuple[str, ...]
    events: int
    conflicts: int
    dead: int
    recordings: tuple[str, ...]
    conversations: tuple[str, ...] = ()
    mentions: int = 0

    @property
    def is_known(self) -> bool:
        """Whether there is anything of the person."""
        return bool(self.events or self.conflicts or self.dead or self.mentions)


def find(
    connection: Connection, identities: Iterable[str], *, phones_of: PhonesOf = lambda _: frozenset()
) -> list[Found]:
    """Look for persons by identities `kind:value`; those that stand together in events of a call or message are one's.

    So are those of one number, which may be written in many ways: `phones_of` an identity gives it. The company's own
    numbers join nobody with anybody.

    Calls and messages whose events name a person are found with all their events, also those that name nobody; of
    deals, which pass from one to another, not with those that name somebody else. A message that names nobody is found
    by its conversation, where that goes by an identity of his, or names him in others and nobody else. Raises
    Misconfigured where so many identities hang together that it is no person.
    """
    _prepare(connection)
    persons = _persons(connection, identities, phones_of=phones_of)
    ever = [(number, identity, _EVER) for number, known in enumerate(persons) for identity in sorted(known)]
    conversations = _conversations(connection, persons)
    nameless = [(number, one, _EVER) for number, known in enumerate(conversations) for one in sorted(known)]
    found = _gather(connection, persons, named=ever, entities=(), conversations=nameless)
    mentions = _find_mentions(connection, persons, until=dict.fromkeys(range(len(persons)), _EVER))
    letters = _find_dead(connection, persons)
    return [
        structs.replace(
            one,
            dead=letters[number],
            conversations=tuple(sorted(conversations[number])),
            mentions=mentions[number],
        )
        for number, one in enumerate(found)
    ]


def find_told(connection: Connection, *, key: bytes) -> list[Found]:
    """Look for all of whom the log tells that they were erased, by digests, up to the moment of each erasure.

    What is theirs already is anonymous where it was erased here, and was landed before where another warehouse decided.
    """
    _prepare(connection)
    decisions = read_decisions(connection)
    known = {digest(key, one): one for (one,) in connection.rows("select distinct unnest(identities) from identified")}
    persons = [{known[told] for told in fact.digests if told in known} for fact in decisions]
    named = [(nth, one, fact.until) for nth, fact in enumerate(decisions) for one in sorted(persons[nth])]
    entities = [(nth, one, fact.until) for nth, fact in enumerate(decisions) for one in fact.entities]
    held = {
        digest(key, f"{CONVERSATION}:{one}"): one
        for (one,) in connection.rows("select distinct conversation from nameless")
    }
    conversations = [
        (nth, held[told], fact.until) for nth, fact in enumerate(decisions) for told in fact.digests if told in held
    ]
    found = _gather(connection, persons, named=named, entities=entities, conversations=conversations)
    _find_mentions(connection, persons, until={nth: fact.until for nth, fact in enumerate(decisions)})
    erased = Erased.of(decisions)
    nobody = [set[str]() for _ in persons]
    _find_dead(connection, nobody, is_erased=lambda letter: erased.holds_letter(letter, key=key))
    return found


# What of an event tells where a recording lies, or may lie: of one that was made available, and told of by nobody.
IS_OF_RECORDING = "type in ('call.recording_made_available', 'call.recording_stored')"
RECORDING = """company, time, data ->> '$.recording_id', data ->> '$.media_type',
    case when type = 'call.recording_stored' then data ->> '$.path' end"""


def recording_paths(
    company: str, time: datetime, recording_id: str, media_type: str | None, path: str | None
) -> set[str]:
    """Give where the recording lies of which an event tells (`RECORDING`), if anything does."""
    made = recording_path(company=company, time=instant(time), recording_id=recording_id, media_type=media_type)
    return {made} if path is None else {made, path}


IDENTITIES = """list_transform(
    coalesce(from_json(data -> '$.contact', '[{"kind":"VARCHAR","value":"VARCHAR"}]'), []),
    lambda one: one.kind || ':' || one.value
)"""
# What was said counts as told when it was said.
TOLD_AT = f"case when type in {SOUND} then least(time, recorded_at) else recorded_at end"


def read_decisions(connection: Connection) -> list[PersonErased]:
    """Give who was erased, the first first."""
    written = connection.rows("select data from log.events where type = 'person.erased' order by recorded_at, id")
    return [msgspec.json.decode(data, type=PersonErased) for (data,) in written]


def _prepare(connection: Connection) -> None:
    """List what identities stand together in the events of a call or message, or in one event (`id`) of a deal."""
    told = f"""
        select entity, case when starts_with(type, 'deal.') then id end as id, {TOLD_AT} as told_at,
            {IDENTITIES} as identities
    """
    connection.execute(f"""
        create or replace temp table identified as
        select entity, id, min(told_at) as told_at, list_sort(list_distinct(flatten(list(identities)))) as identities
        from (
            {told} from log.events where json_array_length(data, '$.contact') > 0
            union all
            {told} from log.conflicts where json_array_length(data, '$.contact') > 0
        )
        group by entity, id
    """)  # noqa: S608  # our own text
    connection.execute("""
        create or replace temp table nameless as
        select entity, data ->> '$.conversation_id' as conversation, min(recorded_at) as told_at
        from log.events
        where starts_with(type, 'message.') and entity not in (select entity from identified)
        group by entity, conversation
    """)


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


def _conversations(connection: Connection, persons: Sequence[set[str]]) -> list[set[str]]:
    """Give for each person the conversations that go by his identities, and those that name nobody else."""
    companies = [company for (company,) in connection.rows("select distinct company from log.events")]
    split = [[identity.partition(":")[::2] for identity in person] for person in persons]
    own = [{conversation_id(company, *known) for company in companies for known in person} for person in split]
    told = connection.rows(
        """
        with said as (
            select distinct data ->> '$.conversation_id' as conversation, identities
            from log.events join identified using (entity)
            where starts_with(type, 'message.')
        )
        select conversation, list(identities) from said
        where conversation in (select conversation from said where list_has_any(identities, $known))
        group by conversation
        """,
        {"known": sorted(identity for person in persons for identity in person)},
    )
    for conversation, named in told:
        for number, person in enumerate(persons):
            if not any(person.isdisjoint(identities) for identities in named):
                own[number].add(conversation)
    return own


def _gather(
    connection: Connection,
    persons: Sequence[set[str]],
    *,
    named: Sequence[tuple[int, str, Instant]],
    entities: Sequence[tuple[int, str, Instant]],
    conversations: Sequence[tuple[int, str, Instant]],
) -> list[Found]:
    """Put what is of persons (by number) aside, whom events name by identities, or of whom entities are known to be.

    So are messages of their conversations that name nobody.
    """
    schema = {"person": pl.Int32, "name": pl.String, "until": pl.String}
    with (
        handed_in(connection, "named", pl.DataFrame(named, schema=schema, orient="row")),
        handed_in(connection, "owned", pl.DataFrame(entities, schema=schema, orient="row")),
        handed_in(connection, "conversed", pl.DataFrame(conversations, schema=schema, orient="row")),
    ):
        connection.execute(f"""
            create or replace temp table naming as
            select entity, id, min(person) as person, max(until) as until
            from (select entity, id, told_at, unnest(identities) as name from identified)
            join (select person, name, cast(until as timestamptz) as until from named) using (name)
            where told_at <= until
            group by entity, id;
            create or replace temp table erased_entities as
            select entity, min(person) as person, max(until) as until
            from (
                select entity, person, until from naming
                union all
                select name, person, cast(until as timestamptz) from owned
                union all
                select nameless.entity, conversed.person, cast(until as timestamptz)
                from nameless join conversed on nameless.conversation = conversed.name
                where told_at <= cast(until as timestamptz)
            )
            group by entity;
            create or replace temp table events_of_others as
            select id from identified
            where id is not null and not list_has_any(identities, coalesce((select list(name) from named), []));
            create or replace temp table erased_before as
            select id, entity from log.events where entity in (select entity from erased_entities)
            and {is_anonymous("events")}
        """)  # noqa: S608  # our own text
    connection.execute(f"""
        create or replace temp table erased_events as
        select coalesce(own.person, erased_entities.person) as person, {EVENTS}
        from log.events join erased_entities using (entity)
        left join (select id, person from naming where id is not null) as own using (id)
        where type not in ('person.erased') and id not in (select id from events_of_others)
        and case
            when starts_with(type, 'deal.') then recorded_at <= until
            else entity not in (select entity from erased_before) or json_array_length(data, '$.contact') > 0
        end
        and id not in (select id from erased_before)
    """)  # noqa: S608  # our own column names
    events, conflicts, found = (_by_person(connection, text) for text in _FOUND)
    recordings: dict[int, set[str]] = {}
    for person, *told in connection.rows(f"select person, {RECORDING} from erased_events where {IS_OF_RECORDING}"):  # noqa: S608
        recordings.setdefault(person, set()).update(recording_paths(*told))
    return [
        Found(
            identities=tuple(sorted(known)),
            entities=tuple(entity for entity in found.get(number, ()) if ID_PATTERN.match(entity)),
            events=len(events.get(number, ())),
            conflicts=len(conflicts.get(number, ())),
            dead=0,
            recordings=tuple(sorted(recordings.get(number, ()))),
        )
        for number, known in enumerate(persons)
    ]


_FOUND = (
    "select person, id from erased_events",
    "select person, id from log.conflicts join erased_entities using (entity)",
    "select distinct person, entity from erased_entities join log.events using (entity) "  # noqa: S608  # our own names
    f"where regexp_matches(type, '^({'|'.join(OF_ENTITIES)})') order by all",
)


def _by_person(connection: Connection, text: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for person, one in connection.rows(text):
        found.setdefault(person, []).append(one)
    return found


def _find_mentions(
    connection: Connection, persons: Sequence[set[str]], *, until: Mapping[int, Instant]
) -> Counter[int]:
    """Put aside, with what is left of it, what of others names a person and was recorded until then; counts it."""
    owners = {one: number for number, known in enumerate(persons) for one in mentions_of(known)}
    counted: Counter[int] = Counter()
    for table in ("events", "conflicts"):
        told = (
            f"select id, data, recorded_at from log.{table} "  # noqa: S608  # our own text
            f"where {may_mention(table, mentions=[*owners])} and id not in (select id from erased_events)"
        )
        kept: list[tuple[str, str]] = []
        for id_, data, recorded_at in connection.rows(told):
            meant = {one: number for one, number in owners.items() if instant(recorded_at) <= until[number]}
            without, named = without_mentions(data, is_mention=meant.__contains__)
            if named:
                kept.append((id_, without))
                counted.update({meant[one] for one in named} if table == "events" else ())
        frame = pl.DataFrame(kept, schema={"id": pl.String, "kept": pl.String}, orient="row")
        with handed_in(connection, "mentioned", frame):
            connection.execute(f"create or replace temp table mentioned_{table} as from mentioned")
    return counted


def _find_dead(
    connection: Connection, persons: Sequence[set[str]], *, is_erased: Callable[[DeadLetter], bool] = lambda _: False
) -> Counter[int]:
    """Put the places of dead letters that name a person, or one of a person's calls or messages, aside.

    So are those that `is_erased`, of whichever person they are.
    """
    own = connection.rows("""
        select distinct person, unnest([data ->> '$.provider_call_id', data ->> '$.provider_message_id'])
        from erased_events
    """)
    named = {(trace, number) for number, known in enumerate(persons) for trace in traces_of(known)}
    named |= {(name, number) for number, name in own if name}
    sought = [(trace, number) for trace, number in named if len(trace) >= LEAST_TRACE]
    connection.execute('create or replace temp table erased_dead (topic varchar, "partition" integer, "offset" bigint)')
    wanted: list[dict[str, Any]] = []
    letters: Counter[int] = Counter()
    for row in connection.frame("from log.dead").iter_rows(named=True):
        letter = letter_of(row)
        held = legible(letter.key + b"\n" + letter.body)
        meant = {number for trace, number in sought if stands_in(held, trace=trace)}
        letters.update(meant)
        if meant or is_erased(letter):
            wanted.append({name: row[name] for name in ("topic", "partition", "offset")})
    if wanted:
        with handed_in(connection, "dead_places", pl.DataFrame(wanted)):
            connection.execute("insert into erased_dead select distinct * from dead_places")
    return letters


def _value(identity: str) -> str:
    return identity.partition(":")[2]
