"""The tables of the log, which is the truth: events, how far each topic was read, dead letters, conflicts."""

from collections.abc import Iterable

import polars as pl

from analytics.connection import Connection, Parameters, handed_in, settle
from analytics.engine.months import shares
from schemas import codec
from schemas.envelope import Event, topic_of
from schemas.ids import NAMESPACE
from schemas.instants import Instant
from schemas.withdrawals import WITHDRAWN

_EVENT_COLUMNS = (
    ("id", "varchar", "id of the fact; each stands once, the latest revision, and of one revision the first landed"),
    ("source", "varchar", "provider, such as twilio"),
    ("type", "varchar", "event type, such as call.ended"),
    ("subject", "varchar", "what the fact is about, in the provider's order of events"),
    ("time", "timestamptz", "when it occurred, by the source's clock"),
    ("recorded_at", "timestamptz", "when we received it, by our clock"),
    ("company", "varchar", "tenant"),
    ("account", "varchar", "connected number or session"),
    ("partition_key", "varchar", "what keeps its order in Kafka"),
    ("causation_id", "varchar", "raw record or event it was made from"),
    ("revision", "timestamptz", "when it was told anew in place of what was told before; empty: as it was told first"),
    ("dataschema", "varchar", "event type and version as published, such as call.ended/2"),
    ("data", "json", "the fact itself, as it was published"),
    (
        "entity",
        "varchar",
        "what is folded as a whole: call, message or deal id, account of account.*, else the event's own id",
    ),
    ("topic", "varchar", "Kafka topic without prefix"),
    ("partition", "integer", "Kafka partition"),
    ("offset", "bigint", "Kafka offset"),
    ("landed_at", "timestamptz", "when this row was written, by our clock"),
)
_OFFSET_COLUMNS = (
    ("topic", "varchar", "Kafka topic without prefix"),
    ("partition", "integer", "Kafka partition"),
    ("first_offset", "bigint", "first offset of the batch"),
    ("next_offset", "bigint", "offset after the last of the batch; the greatest is where reading goes on"),
    ("records", "bigint", "records of the batch; those that are neither new nor dead were there already"),
    ("events", "bigint", "records among them that were new events"),
    ("dead", "bigint", "records among them that are no event, or hold a dead letter"),
    ("landed_at", "timestamptz", "when this row was written, by our clock"),
    # The newest, by which it is known that all are there.
    ("last_at", "timestamptz", "Kafka's time of the last of the batch: by it a log is known again; null if unknown"),
)
_DEAD_COLUMNS = (
    ("reason", "varchar", "why the bytes were refused, in one sentence without their content"),
    ("stage", "varchar", "stage that refused them"),
    ("topic", "varchar", "topic on which they stood, without prefix"),
    ("partition", "integer", "its partition"),
    ("offset", "bigint", "its offset"),
    ("part", "varchar", "path into a body of many things, empty for the whole"),
    ("source", "varchar", "provider, empty when unknown"),
    ("account", "varchar", "account, empty when unknown"),
    ("company", "varchar", "tenant, empty when unknown"),
    ("key", "blob", "key of the record"),
    ("body", "blob", "the untouched bytes"),
    ("headers", "varchar", "headers of the record, as a JSON list of name and base64 of the content"),
    ("version", "varchar", "version of Angime that refused them"),
    ("died_at", "timestamptz", "when they were refused"),
    ("landed_at", "timestamptz", "when this row was written, by our clock"),
)
_BUILD_COLUMNS = (
    ("fingerprint", "varchar", "names the SQL files and the company data by which the facts were built"),
    ("built_at", "timestamptz", "when, by our clock"),
)
_FORGOTTEN_COLUMNS = (
    (
        "kind",
        "varchar",
        "messages, transcripts or dead_letters; persons: who was erased; files: what of all was gone from the disk too",
    ),
    ("company", "varchar", "tenant, empty for persons and files"),
    ("until", "timestamptz", "what we received before this is without its words, and stays so when it comes again"),
    ("taken", "bigint", "events whose words were taken, dead letters, or persons, since the row before"),
    ("forgotten_at", "timestamptz", "when, by our clock"),
)

TABLES = {
    "log.events": ("One row a fact, for ever: every canonical event that was landed.", _EVENT_COLUMNS),
    "log.offsets": ("One row a batch and partition: how far the topics were landed.", _OFFSET_COLUMNS),
    "log.dead": ("One row a dead letter: bytes that are no event, with the reason.", _DEAD_COLUMNS),
    "log.conflicts": (
        "One row an event whose id the log had already, with other content; the first is kept.",
        _EVENT_COLUMNS,
    ),
    "log.builds": ("One row a build of all facts from the log.", _BUILD_COLUMNS),
    "log.forgotten": (
        "One row a step by which words were forgotten that a company keeps for a time.",
        _FORGOTTEN_COLUMNS,
    ),
}

EVENTS = ", ".join(f'"{name}"' for name, _, _ in _EVENT_COLUMNS)
EVENT_TYPES = ", ".join(f'"{name}" {type_}' for name, type_, _ in _EVENT_COLUMNS)
# What of an event is folded, or compared with one that comes again: all that must be in memory of the newest.
_TOLD = ("id", "source", "type", "subject", "time", "company", "account", "revision", "dataschema", "data", "entity")
TOLD = ", ".join(f'"{name}"' for name in _TOLD)
TOLD_TYPES = ", ".join(f'"{name}" {type_}' for name, type_, _ in _EVENT_COLUMNS if name in _TOLD)

# What `log.events` shows is stored here in little more than half the room. What another column says is left out, ids
# are kept in the 16 bytes that they are, and data without its first member where that is the id of the entity. Of an id
# that follows from what else is said, the first bytes are kept, by which it is sought. A column that has a short form
# is null where that is there. What earlier versions have landed is whole, or has other beginnings, and stays so.
STORED = "log.stored_events"
# Beside a hundred million ids, four new ones of ten million begin as one of them, which costs a look into the log. It
# takes seconds, for all ids are read: with 5 bytes, one batch of ten would wait for it.
BEGINNING_BYTES = 6
_SHORT_COLUMNS = (
    *(("short_id", "uuid"), ("short_causation_id", "uuid"), ("short_data", "varchar")),
    ("id_begins", "blob"),
)
# The newest column of events, by which it is known that all are there.
NEWEST = ("revision", "timestamptz")
_FIRST_MEMBER = """case
        when starts_with(type, 'call.') then '{"call_id":"'
        when starts_with(type, 'message.') then '{"message_id":"'
        when starts_with(type, 'deal.') then '{"deal_id":"'
    end || entity || '",'"""
# How `schemas.ids.fact_id` makes the id of what a provider knows by the id that the short data begins with.
_PROVIDER_ID = r"""regexp_extract(short_data, '^"[a-z_]+":"([^"\\]*)"', 1)"""
_NAME = ", ".join(
    ["'4:fact'", *(f"length({part}), ':', {part}" for part in ("source", "account", "type", _PROVIDER_ID))]
)
_DIGEST = f"sha1(unhex('{NAMESPACE.hex}') || encode(concat({_NAME})))"
# Of the digit that says the variant two bits stay. To look it up in a list takes a tenth of what `translate` takes.
_VARIANT = "['8', '9', 'a', 'b'][(instr('048c159d26ae37bf', substr(digest, 17, 1)) + 3) // 4]"
_ID_OF_DIGEST = f"""concat(
            substr(digest, 1, 8), '-', substr(digest, 9, 4), '-5', substr(digest, 14, 3), '-',
            {_VARIANT}, substr(digest, 18, 3), '-', substr(digest, 21, 12)
        )"""
_FOLLOWING_ID = f"list_transform([{_DIGEST}], lambda digest: {_ID_OF_DIGEST})[1]"
_SHOWN = {
    "id": f"""case
        when id is not null then id
        when short_id is not null then cast(short_id as varchar)
        else {_FOLLOWING_ID}
    end""",
    "subject": "coalesce(subject, entity)",
    "partition_key": "coalesce(partition_key, entity)",
    "causation_id": "coalesce(causation_id, cast(short_causation_id as varchar))",
    "data": f"coalesce(data, cast({_FIRST_MEMBER} || short_data as json))",
}
ID = _SHOWN["id"]


def beginning(id_: str) -> str:
    """Write the first bytes of an id, of what is no UUID all of it."""
    return f"coalesce(cast(try_cast({id_} as uuid) as blob)[1:{BEGINNING_BYTES}], encode({id_}))"


# What is told of an id without making it. Of some, an earlier version kept less: they must be made to be told apart.
BEGINNING = f"coalesce(id_begins[1:{BEGINNING_BYTES}], cast(short_id as blob)[1:{BEGINNING_BYTES}], {beginning('id')})"
LEAST_BYTES = 5
IS_TOO_SHORT = f"octet_length(id_begins) < {BEGINNING_BYTES}"


def _selected(expressions: dict[str, str]) -> str:
    written = {name: f'"{name}"' for name, _, _ in _EVENT_COLUMNS} | expressions
    return ",\n    ".join(f'{expression} as "{name}"' for name, expression in written.items())


_VIEW = f"select\n    {_selected(_SHOWN)}\nfrom {STORED}"
# The events of a few `$ids`, and of any other that begins as one of them does.
THOSE_OF_IDS = f"""{_VIEW}
where {BEGINNING} in (
    select unnest([begins, begins[1:{LEAST_BYTES}]])
    from (select {beginning("one")} as begins from (select unnest($ids::varchar[]) as one))
)
"""  # noqa: S608  # our own text


def told_where(place: str) -> str:
    """Write what stored events tell that a condition on their own columns means: it is made of these alone."""
    told = ", ".join(f"""{_SHOWN.get(name, f'"{name}"')} as "{name}\"""" for name in _TOLD)
    return f"select {told} from (select * from {STORED} where {place})"  # noqa: S608  # our own texts


# What facts are folded from: the entity says what the first member of data would.
FOLDED = f"""
select
    {_selected(_SHOWN | {"data": "coalesce(cast(data as varchar), '{' || short_data)"})}
from {STORED}
"""  # noqa: S608  # our own text
# Most that do not follow begin otherwise.
_FOLLOWS = f"case when starts_with(id, substr(digest, 1, 8)) then id = {_ID_OF_DIGEST} else false end"
_SHORT = {
    "short_id": "case when follows then null "
    "when cast(try_cast(id as uuid) as varchar) = id then try_cast(id as uuid) end",
    "short_causation_id": "case when cast(try_cast(causation_id as uuid) as varchar) = causation_id "
    "then try_cast(causation_id as uuid) end",
    "short_data": "short_data",
    "id_begins": f"case when follows then cast(cast(id as uuid) as blob)[1:{BEGINNING_BYTES}] end",
}
_SHORT_DATA = f"""case
        when starts_with(data, {_FIRST_MEMBER}) then regexp_replace(data, '^."[a-z_]+":"[^"]*",', '')
    end"""
_LEFT_OUT = {
    "id": "case when not follows and short_id is null then id end",
    "subject": "nullif(subject, entity)",
    "partition_key": "nullif(partition_key, entity)",
    "causation_id": "case when short_causation_id is null then causation_id end",
    "data": "case when short_data is null then data end",
}

# Records become rows in one pass: the envelope's attributes are read once. `data` keeps its JSON text: where that was
# not cut out of the record it is written from what was read, which takes as long as all the rest. What was cut out
# begins with the id of its entity.
_ENVELOPE = (
    '{"id":"VARCHAR","source":"VARCHAR","type":"VARCHAR","subject":"VARCHAR","time":"VARCHAR",'
    '"recordedat":"VARCHAR","company":"VARCHAR","account":"VARCHAR","partitionkey":"VARCHAR",'
    '"causationid":"VARCHAR","revision":"VARCHAR","dataschema":"VARCHAR"}'
)
_DATA = """case when cut_data is null then from_json(value, '{"data":"JSON"}').data else cut_data end"""


def _told_first(name: str) -> str:
    begin = f'{{"{name}":"'
    return f"""case
            when starts_with(cut_data, '{begin}') then substr(cut_data, {len(begin) + 1}, {len(str(NAMESPACE))})
            else data ->> '$.{name}'
        end"""


_AS_READ = f"from_json(value, '{_ENVELOPE}') as e, {_DATA} as data, *"
_AS_EVENTS = f"""
    e.id as id, e.source as source, e.type as type, e.subject as subject,
    cast(e.time as timestamptz) as time, cast(e.recordedat as timestamptz) as recorded_at,
    e.company as company, e.account as account, e.partitionkey as partition_key, e.causationid as causation_id,
    cast(e.revision as timestamptz) as revision,
    e.dataschema as dataschema, data,
    case
        when starts_with(e.type, 'call.') then {_told_first("call_id")}
        when starts_with(e.type, 'message.') then {_told_first("message_id")}
        when starts_with(e.type, 'deal.') then {_told_first("deal_id")}
        when starts_with(e.type, 'account.') then e.account
        when e.type = '{WITHDRAWN}' then data ->> '$.entity'
        else e.id
    end as entity,
    * exclude (e, value, data, cut_data)
"""


def parsed(*, landed_at: Instant) -> tuple[str, str]:
    """Name the columns that make events of records, as two lists, the second over what the first gives."""
    return _AS_READ, f"{_AS_EVENTS}, cast({quoted(landed_at)} as timestamptz) as landed_at"


def create_log(connection: Connection) -> None:
    """Create those of the log's tables that are not there; a table of an earlier version stays as it is."""
    there = connection.tables()
    if "log.events" in there:
        connection.execute(f"alter table log.events rename to {STORED.removeprefix('log.')}")
        _add_columns(connection)
    elif STORED in there:
        _add_columns(connection)
    else:
        short = ", ".join(f"{name} {type_}" for name, type_ in _SHORT_COLUMNS)
        connection.execute(f"create table {STORED} ({EVENT_TYPES}, {short})")
        # Not sorted: events arrive in this order already, and to sort each batch again would cost as much as to write.
        connection.part(STORED, by="recorded_at", parts=("year", "month", "day"))
        settle(connection, STORED)
    connection.create_view("log.events", _VIEW)
    if "log.offsets" in there:
        connection.execute("alter table log.offsets add column if not exists last_at timestamptz")
    for relation in sorted(TABLES.keys() - {"log.events"} - there):
        listed = ", ".join(f'"{name}" {type_}' for name, type_, _ in TABLES[relation][1])
        connection.execute(f"create table {relation} ({listed})")
        settle(connection, relation)


def _add_columns(connection: Connection) -> None:
    """Let tables of an earlier version take what is new from now on; no row of them is written anew."""
    for relation, columns in ((STORED, (*_SHORT_COLUMNS, NEWEST)), ("log.conflicts", (NEWEST,))):
        for name, type_ in columns:
            connection.execute(f"alter table {relation} add column if not exists {name} {type_}")


def store_events(connection: Connection, events: str, parameters: Parameters = ()) -> None:
    """Put the rows of a table, or of a text in brackets, which has the columns of `log.events`, into the log."""
    shortened = ", ".join(f"{expression} as {name}" for name, expression in _SHORT.items())
    short = ", ".join(_SHORT)
    told = f"select {EVENTS}, {_SHORT_DATA} as short_data from {events}"  # noqa: S608  # our own texts
    told = f"select *, {_DIGEST} as digest from ({told})"  # noqa: S608
    told = f"select *, {_FOLLOWS} as follows from ({told})"  # noqa: S608
    for share in shares(connection, events, time="recorded_at", part="day", parameters=parameters):
        connection.execute(
            f"insert into {STORED} ({EVENTS}, {short}) "  # noqa: S608
            f"select {_selected(_LEFT_OUT)}, {short} "
            f"from (select {EVENTS}, follows, {shortened} from ({told}) where {share})",
            parameters,
        )


def renew_emptied(connection: Connection, relation: str) -> None:
    """Make a table anew that was emptied: the catalog keeps the least and the greatest value that it held."""
    if not connection.rows(f"select 1 from {relation} limit 1"):  # noqa: S608  # our own names
        connection.execute(f"create or replace table {relation} as from {relation} limit 0")
        settle(connection, relation)


def append_events(connection: Connection, events: Iterable[Event], *, landed_at: Instant) -> None:
    """Put `events` into the log as they are, for tests and tools that have no Kafka; nothing is deduplicated."""
    told = [(codec.encode(event).decode(), topic_of(event)) for event in events]
    frame = pl.DataFrame(told, schema={"value": pl.String, "topic": pl.String}, orient="row").with_row_index("offset")
    frame = frame.with_columns(partition=pl.lit(0), cut_data=pl.lit(None, dtype=pl.String))
    with handed_in(connection, "records", frame, json=["cut_data"]):
        read, as_events = parsed(landed_at=landed_at)
        store_events(connection, f"(select {as_events} from (select {read} from records))")  # noqa: S608  # our own texts


def quoted(text: str) -> str:
    """Write `text` as a SQL literal, for the few statements that take no parameters."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
