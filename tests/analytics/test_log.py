"""How the log stores an event: shorter than it shows it, and shown as it was published, whichever version landed it."""

from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from msgspec.structs import replace

from analytics.connection import handed_in
from analytics.folding.scratch import scratch
from analytics.log import BEGINNING_BYTES, EVENTS, ID, STORED, THOSE_OF_IDS, store_events
from analytics.warehouse import Batch, Writer, open_writer
from schemas.ids import fact_id
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at
from tests.analytics.retold import anew

FACT, CALL, RAW = (fact_id("twilio", "main", "call.ended", word) for word in ("fact", "call", "raw"))
SAID = f'{{"call_id":"{CALL}","provider_call_id":"CA1","contact_name":"Әсем {{\\"call_id\\":\\"{CALL}\\",}}"}}'
TABLES = ("log.events", "log.offsets", "facts.calls", "facts.legs")


PROVIDER_ID = "wacid.Әbc+/="
FOLLOWING = {
    "id": fact_id("twilio", "main", "call.ended", PROVIDER_ID),
    "source": "twilio",
    "account": "main",
    "data": SAID.replace("CA1", PROVIDER_ID),
}


def _row(**columns: str | None) -> dict[str, str | None]:
    told = {"id": FACT, "subject": CALL, "partition_key": CALL, "causation_id": RAW, "data": SAID, "entity": CALL}
    return {**told, "type": "call.ended", **columns}


def test_what_another_column_says_is_stored_once() -> None:
    with handed_in(opened := scratch().connection, "told", pl.DataFrame([_whole(_row())])):
        store_events(opened, "told")

    assert [(None,) * 5] == opened.rows("select id, subject, partition_key, causation_id, data from log.stored_events")
    assert [(FACT, RAW, SAID.partition(",")[2])] == opened.rows(
        "select short_id::varchar, short_causation_id::varchar, short_data from log.stored_events"
    )


def test_an_id_that_follows_from_what_else_is_said_is_kept_by_its_beginning() -> None:
    with handed_in(opened := scratch().connection, "told", pl.DataFrame([_whole(_row(**FOLLOWING))])):
        store_events(opened, "told")

    assert [(None, None, UUID(FOLLOWING["id"]).bytes[:BEGINNING_BYTES])] == opened.rows(
        "select id, short_id, id_begins from log.stored_events"
    )
    assert [_whole(_row(**FOLLOWING))] == opened.frame(f"{THOSE_OF_IDS}", {"ids": [FOLLOWING["id"], "e1"]}).to_dicts()


@pytest.mark.parametrize(
    "row",
    [
        _row(),
        _row(**FOLLOWING),
        _row(**FOLLOWING | {"source": "other"}),
        _row(**FOLLOWING | {"id": FOLLOWING["id"].upper()}),
        _row(**FOLLOWING | {"data": SAID}),
        _row(**FOLLOWING | {"entity": RAW}),
        _row(
            **FOLLOWING | {"data": SAID.replace("CA1", "a\\\\b"), "id": fact_id("twilio", "main", "call.ended", "a\\b")}
        ),
        _row(causation_id=None),
        _row(subject="+77010000001", partition_key="another"),
        _row(id=FACT.upper(), causation_id=f"{{{RAW}}}"),
        _row(id="e1", causation_id="", entity="c1", data='{"call_id":"c1","is_test":false}'),
        _row(entity='a,"b', data='{"call_id":"a,\\"b","is_test":false}'),
        _row(entity="a,b", data='{"call_id":"a,b","is_test":false}'),
        _row(data=SAID.replace(",", " ,", 1)),
        _row(data=SAID.replace("{", "{ ", 1)),
        _row(data=f'{{"call_id":"{CALL}"}}'),
        _row(data=f'{{"provider_call_id":"CA1","call_id":"{CALL}"}}'),
        _row(data=SAID, entity=RAW),
        _row(type="message.read", data=SAID.replace("call_id", "message_id")),
        _row(type="message.read", data=SAID),
        _row(type="deal.won", data=SAID.replace("call_id", "deal_id")),
        _row(type="account.linked", entity="line-1", subject="line-1", data='{"company_number":null}'),
        _row(type="contact.identified", entity=FACT, data="{}"),
    ],
)
def test_an_event_is_shown_as_it_was_published(row: dict[str, str | None]) -> None:
    with handed_in(opened := scratch().connection, "told", pl.DataFrame([_whole(row)])):
        store_events(opened, "told")

    assert [_whole(row)] == opened.frame(f"select {EVENTS} from log.events").to_dicts()  # noqa: S608  # ours


def test_a_log_of_an_earlier_version_is_gone_on_with_and_none_of_its_rows_is_written_anew(tmp_path: Path) -> None:
    events = [fact for number in range(60) for fact in call_events(number)]
    first, second = records_of(events[:150]), records_of(events[150:], first_offset=150)
    with open_writer(settings_at(tmp_path / "today")) as writer:
        writer.land(Batch(first), now=NOW)
        writer.land(Batch(second), now=NOW)
        expected = {name: writer.table_hash(name) for name in TABLES}
    with open_writer(settings_at(tmp_path / "earlier")) as writer:
        writer.land(Batch(first), now=NOW)
        _store_as_before(writer)
    with open_writer(settings_at(tmp_path / "earlier")) as writer:
        writer.land(Batch(second), now=NOW)

        assert {name: writer.table_hash(name) for name in TABLES} == expected
        assert [(150, 150, 300)] == writer.connection.rows(
            "select count(id), count(data), count(*) from log.stored_events"
        )
        assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []


def test_a_log_that_knows_no_beginnings_of_ids_and_no_revisions_gets_them_with_the_next_event(home: Path) -> None:
    events = [fact for number in range(20) for fact in call_events(number)]
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(events[:50])), now=NOW)
        newest = (
            (STORED, "id_begins"),
            (STORED, "revision"),
            ("log.conflicts", "revision"),
            ("log.offsets", "last_at"),
        )
        for relation, column in newest:
            writer.connection.execute(f"alter table {relation} drop column {column}")
    with open_writer(settings_at(home)) as writer:
        again = writer.land(Batch(records_of(events, first_offset=50)), now=NOW)

        assert (again.events, again.duplicates, again.conflicts) == (50, 50, 0)
        assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []
        writer.land(Batch(records_of([anew(events[0], nth=1), anew(events[60], nth=2)], first_offset=150)), now=NOW)
        assert writer.connection.rows("select count(*), count(revision) from log.events") == [(100, 2)]


@pytest.mark.parametrize("kept", [8, 5])
def test_other_beginnings_of_ids_of_an_earlier_version_are_known(home: Path, kept: int) -> None:
    told = [fact for number in range(20) for fact in call_events(number)]
    events = [
        replace(fact, id=fact_id(fact.source, fact.account, fact.type, fact.data.provider_call_id)) for fact in told
    ]
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(events[:50])), now=NOW)
        other = f"cast(cast({ID} as uuid) as blob)[1:{kept}]"
        written = f"update {STORED} set id_begins = {other} where id_begins is not null"  # noqa: S608
        assert [(50,)] == writer.connection.rows(written)
        found = writer.connection.frame(f"{THOSE_OF_IDS}", {"ids": [events[7].id]})
        assert [events[7].id] == found["id"].to_list()
    with open_writer(settings_at(home)) as writer:
        again = writer.land(Batch(records_of(events, first_offset=50)), now=NOW)

        assert (again.events, again.duplicates, again.conflicts) == (50, 50, 0)


def _store_as_before(writer: Writer) -> None:
    """Make of the log what earlier versions had: a table that holds every event as it is shown."""
    writer.connection.execute("create table log.whole as from log.events")
    writer.connection.execute("drop view log.events; drop table log.stored_events")
    writer.connection.execute("alter table log.whole rename to events")
    writer.connection.execute("alter table log.offsets drop column last_at")


def _whole(row: dict[str, str | None]) -> dict[str, str | None]:
    """Give a row all columns that an event has, in their order."""
    names = [name.strip('"') for name in EVENTS.split(", ")]
    return {name: row.get(name) for name in names}
