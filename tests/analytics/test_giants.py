"""Giants: of one contact, call, deal or account there may be as much as anybody cares to send, and all others wait."""

import json
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from msgspec import Struct

from analytics.connection import Connection
from analytics.folding.refresh import Refresher
from analytics.folding.scratch import scratch
from analytics.landing.batches import Lander
from analytics.settings import MIB
from analytics.views import View, read_views
from analytics.warehouse import ROWS_OF_FACTS, Batch, Landed, open_writer
from schemas import accounts, calls, crm, messages, permissions, transcripts
from schemas.envelope import Event, event
from schemas.ids import call_id, conversation_id, deal_id, fact_id, message_id, recording_id
from schemas.instants import instant
from schemas.people import Identity
from tests.analytics.drawn import COMPANY
from tests.analytics.landing_cases import ACCOUNT, BEGIN, NOW, SOURCE, records_of, settings_at

TOLD = 60
# Whoever looks at each pair passes four times the rows; what there is of it beside the giant is passed once.
MOST_TIMES = 2.5
# So many messages as long as any may be, and less room than to fold them all at once takes: for a half it suffices.
LONGEST, ROOM = 40, "85MiB"
# So few that each batch waits in the catalog; to write all that waits at once takes more.
FEW, BATCHES, ROOM_TO_WRITE = 18, 10, "100MiB"
# So little memory that of the longest messages a few of the newest are hot.
HOT_MIB = 16
# So many recordings of one call, each transcribed so often, and less room than to fold all transcripts at once takes.
RECORDINGS, TIMES, TURNS, WORDS, ROOM_FOR_SOME = 6, 2, 400, 40, "150MiB"
CONTACT = (Identity("phone", "+77010000001"),)
OTHERS = ("told_deals", "deal_contacts", "told_legs", "told_operators", "account_states")
GIANTS = [view for view in read_views() if view.is_of_contacts or view.name in OTHERS]


def _told(number: int) -> Iterable[Event]:
    """Give the facts of one more of each: of one contact, one call, one deal and one account."""
    known = {"provider_call_id": "", "channel": "waba", "contact": CONTACT}
    called = known | {"call_id": call_id(SOURCE, ACCOUNT, f"{number}"), "direction": "outgoing"}
    missed = known | {"call_id": call_id(SOURCE, ACCOUNT, f"missed {number}"), "direction": "incoming"}
    giant = known | {"call_id": call_id(SOURCE, ACCOUNT, "giant"), "direction": "incoming"}
    deal = {"deal_id": deal_id(SOURCE, ACCOUNT, "giant"), "provider_deal_id": ""}
    written = {
        "message_id": message_id(SOURCE, ACCOUNT, f"{number}"),
        "provider_message_id": "",
        "conversation_id": conversation_id("acme", "phone", CONTACT[0].value),
        "contact": CONTACT,
    }
    whose = (Identity("phone", f"+7702{number // 2:07}"),)
    facts = [
        permissions.PermissionRequested(contact=CONTACT),
        permissions.PermissionGranted(contact=CONTACT, given_by="user_action"),
        calls.CallOffered(**called),
        calls.CallEnded(**called, disposition="completed" if number % 2 else "no_answer", talk_seconds=number % 2),
        permissions.PermissionRevoked(contact=CONTACT),
        calls.CallOffered(**missed),
        calls.CallEnded(**missed, disposition="no_answer", total_seconds=20),
        calls.CallRang(**giant, leg_id=f"{number}", operator=f"PJSIP/{number}"),
        calls.CallTransferred(**giant, leg_id=f"{number}", to_operator=f"PJSIP/{number + 1}"),
        (messages.MessageReceived if number % 2 else messages.MessageSent)(**written, text="Good day"),
        (crm.DealLinked if number % 2 else crm.DealParted)(**deal, contact=whose),
        crm.DealMoved(**deal, stage=f"{number % 7}", contact=whose),
        (accounts.AccountCameOnline if number % 2 else accounts.AccountRestricted)(),
    ]
    for place, fact in enumerate(facts):
        yield _event(fact, identity=f"{number}", at=BEGIN + timedelta(minutes=number, seconds=place))


def _event(fact: Struct, *, identity: str, at: datetime, key: str = "") -> Event:
    return event(
        fact,
        id=fact_id(SOURCE, ACCOUNT, type(fact).__name__, identity),
        source=SOURCE,
        account=ACCOUNT,
        company="acme",
        time=instant(at),
        recordedat=instant(at),
        key=key,
    )


@cache
def _rows_passed() -> dict[str, list[int]]:
    """Count, for each fact, the rows that all steps of its fold give: of few of each, and of twice as many."""
    passed: dict[str, list[int]] = {view.relation: [] for view in GIANTS}
    with closing(scratch([COMPANY])) as built:
        for numbers in (range(TOLD), range(TOLD, 2 * TOLD)):
            built.load_events(told for number in numbers for told in _told(number))
            for view in GIANTS:
                built.sql(f"from {view.relation} limit 0")
                passed[view.relation].append(_passed(built.connection, view))
    return passed


def _passed(connection: Connection, view: View) -> int:
    [(_, plan)] = connection.rows(f"explain (analyze, format json) {view.select}")
    steps = [json.loads(plan)]
    for step in steps:
        steps += step["children"]
    return sum(step.get("operator_cardinality", 0) for step in steps)


def test_what_memory_does_not_suffice_for_at_once_is_landed_in_halves_and_built_in_slices(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.catch_up(NOW)
        writer.connection.execute(f"set memory_limit = '{ROOM}'")

        landed = writer.land(Batch(records_of(map(_longest_message, range(LONGEST)))), now=NOW)

        assert Landed(events=LONGEST) == landed
        assert [(LONGEST,)] == writer.connection.rows("select count(distinct message_id) from facts.messages")
        [(transactions,)] = writer.connection.rows("select count(*) from log.offsets")
        assert transactions > 1
        assert all(built["same"] for built in writer.rebuild(verify=True))


def test_long_rows_that_wait_in_the_catalog_are_written_before_memory_does_not_suffice_for_it(home: Path) -> None:
    records = records_of(map(_longest_message, range(BATCHES * FEW)))
    with open_writer(settings_at(home)) as writer:
        writer.connection.execute(f"set memory_limit = '{ROOM_TO_WRITE}'")

        for first in range(0, len(records), FEW):
            writer.land(Batch(records[first : first + FEW]), now=NOW, folds=False)
        for minute in (10, 20):
            writer.maintain(f"2026-03-09T12:{minute}:00.000Z")

        assert [(len(records),)] == writer.connection.rows("select count(*) from log.events")


def test_long_events_are_hot_only_as_far_as_memory_goes(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        refresher = Refresher(writer.connection, read_views(), companies=())
        lander = Lander(writer.connection, refresher=refresher, hot_events=200_000, memory_mib=HOT_MIB)
        told = [_longest_message(number, at=BEGIN + timedelta(hours=number)) for number in range(LONGEST)]
        for first in range(0, LONGEST, 5):
            lander.land(Batch(records_of(told[first : first + 5], first_offset=first)), now=NOW)
        [(hot_bytes,)] = writer.connection.rows("select sum(strlen(data)) from hot")

        lander.land(Batch(records_of(map(_read, (0, LONGEST - 1)), first_offset=LONGEST)), now=NOW)

        assert 0 < hot_bytes < HOT_MIB * MIB // 4
        assert [(LONGEST, 2)] == writer.connection.rows("select count(text), count(read_at) from facts.messages")


def test_a_call_whose_transcripts_do_not_fit_into_memory_together_is_folded_a_piece_at_a_time(home: Path) -> None:
    numbers = range(RECORDINGS * TIMES)
    with open_writer(settings_at(home)) as writer:
        writer.catch_up(NOW)
        writer.connection.execute(f"set memory_limit = '{ROOM_FOR_SOME}'")

        for number in numbers:
            landed = writer.land(Batch(records_of([_transcript(number)], first_offset=number)), now=NOW)
            assert Landed(events=1) == landed
        writer.catch_up(NOW)

        assert all(built["same"] for built in writer.rebuild(verify=True))
        said = "select count(distinct recording_id), count(*), min(text), max(text) from facts.turns"
        assert [(RECORDINGS, RECORDINGS * TURNS, _said(RECORDINGS), _said(numbers[-1]))] == writer.connection.rows(said)
        talk = "select recordings, turns, customer_words from facts.call_talk"
        assert [(RECORDINGS, RECORDINGS * TURNS, RECORDINGS * TURNS * WORDS)] == writer.connection.rows(talk)


def test_what_is_long_lies_in_files_in_smaller_groups_of_rows(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.connection.execute(f"""
            insert into facts.turns (call_id, turn, words, day)
            select 'giant', turn, json_quote(repeat('word', 500)), date '2026-03-01'
            from range({ROWS_OF_FACTS}) as numbered(turn)
        """)  # noqa: S608  # our own number
        file = f"{settings_at(home).warehouse}/data/facts/turns/*/*/*.parquet"
        [(rows, groups)] = writer.connection.rows(
            "select max(row_group_num_rows), count(distinct row_group_id) from parquet_metadata(?)", [file]
        )

        assert rows < ROWS_OF_FACTS
        assert groups > 1


def _transcript(number: int) -> Event:
    """Give the nth transcript of a call: of each of its recordings one, and then again."""
    said = _said(number).split()
    words = tuple(transcripts.Word(text=word, start_seconds=1.125, end_seconds=1.25, confidence=0.875) for word in said)
    turns = [
        transcripts.Turn(
            channel=0,
            role="customer",
            start_seconds=2 * turn,
            end_seconds=2 * turn + 1,
            text=" ".join(said),
            words=words,
        )
        for turn in range(TURNS)
    ]
    transcribed = transcripts.CallTranscribed(
        call_id=call_id(SOURCE, ACCOUNT, "giant"),
        provider_call_id="giant",
        recording_id=recording_id(SOURCE, ACCOUNT, f"{number % RECORDINGS}"),
        origin="whisperx",
        model=f"{number}",
        language="kk",
        grade="words",
        duration_seconds=2 * TURNS,
        channels=1,
        turns=tuple(turns),
    )
    return _event(transcribed, identity=f"{number}", at=BEGIN + timedelta(minutes=number), key=transcribed.call_id)


def _said(number: int) -> str:
    return " ".join(f"{number:02}ж{word}" for word in range(WORDS))


def _read(number: int) -> Event:
    written = _longest_message(number)
    read = messages.MessageRead(
        message_id=message_id(SOURCE, ACCOUNT, f"{number}"),
        provider_message_id="",
        conversation_id=written.partitionkey,
        contact=(),
    )
    return _event(read, identity=f"{number}", at=BEGIN + timedelta(days=4), key=written.partitionkey)


def _longest_message(number: int, *, at: datetime | None = None) -> Event:
    contact = Identity("phone", f"+7701{number:07}")
    conversation = conversation_id("acme", contact.kind, contact.value)
    written = messages.MessageReceived(
        message_id=message_id(SOURCE, ACCOUNT, f"{number}"),
        provider_message_id="",
        conversation_id=conversation,
        contact=(contact,),
        text="ж" * 65_536,
    )
    return _event(written, identity=f"{number}", at=at or BEGIN + timedelta(seconds=number), key=conversation)


@pytest.mark.parametrize("relation", [view.relation for view in GIANTS])
def test_what_is_twice_as_large_takes_no_more_than_twice_the_work(relation: str) -> None:
    few, many = _rows_passed()[relation]

    assert many <= MOST_TIMES * max(few, TOLD)
