"""Who may see what: every way to ask is tried with the rights of people who should not get an answer."""

import base64
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import polars as pl
import pytest

from analytics import questions
from analytics.folding.scratch import Scratch, scratch
from analytics.questions import CallFilter, Period, Reader, Scope, conversations, health
from analytics.reading.rights import OWNER, LimitedReader, Rights
from schemas.ids import conversation_id
from tests.analytics.drawn_rows import sum_again

WEEK = Period(date(2026, 3, 9), date(2026, 3, 15))
NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
UNTIL_NOW = Period(date(2026, 3, 9), date(2026, 3, 12), NOW)
STRANGER = Rights(role="manager", companies=("other",))
TEAMLESS = Rights(role="manager", companies=("nomad",), teams=())
NOBODY = Rights(role="manager", companies=())
SOUTH = Rights(role="manager", companies=("nomad",), teams=("south",))
ANALYST = Rights(role="analyst", companies=("nomad",))
EVERYWHERE = Rights(role="manager", teams=("south",))
MANAGER = Rights(role="manager", companies=("nomad",))

# Meta makes its ids of the number.
WHATSAPP_CALL = "wacid.HBgLNzcwMTEyMzQ1Njc="

# call, company, team, contact
CALLS = """
    one    nomad  north  a
    two    nomad  south  b
    three  other  north  a
"""


@pytest.fixture(scope="module")
def whole() -> Generator[Scratch]:
    opened = scratch()
    opened.build()
    execute = opened.connection.execute
    for company in ("nomad", "other"):
        execute(
            "insert into reference.companies (company, name, time_zone, default_region) values (?, ?, 'UTC', 'KZ')",
            [company, company.upper()],
        )
        execute("insert into reference.teams (company, team_id, name) values (?, 'north', 'North')", [company])
        execute("insert into reference.accounts (company, account, source) values (?, 'pbx', 'asterisk')", [company])
        execute(
            "insert into log.dead (company, reason, stage, source, version, died_at)"
            " values (?, 'secret', 'land', '', '1', '2026-03-12 10:00:00Z')",
            [company],
        )
    for line in CALLS.strip().splitlines():
        call, company, team, contact = line.split()
        execute(
            "insert into facts.calls (call_id, company, team_id, contact_key, contact_name, provider_call_id,"
            " started_at, day, hour, weekday, direction, channel, outcome, is_internal, is_test, is_business_hours)"
            " values (?, ?, ?, ?, ?, ?, '2026-03-12 10:00:00Z', '2026-03-12', 10, 4, 'incoming', 'phone', 'missed',"
            " false, false, true)",
            [call, company, team, f"phone:+7{contact}", f"Name of {contact}", WHATSAPP_CALL],
        )
        execute(
            "insert into log.stored_events"
            " (id, source, type, company, account, time, recorded_at, landed_at, entity, data)"
            " values (?, 'asterisk', 'call.ended', ?, 'pbx', '2026-03-12 10:00:00Z', '2026-03-12 10:00:00Z',"
            " '2026-03-12 10:00:00Z', ?, '{\"contact_name\": \"Name\"}')",
            [call, company, call],
        )
        execute(
            "insert into facts.turns (call_id, company, day, turn, role, start_seconds, end_seconds, text)"
            " values (?, ?, '2026-03-12', 1, 'customer', 0, 1, 'what was said')",
            [call, company],
        )
        execute(
            "insert into facts.messages (message_id, company, contact_key, contact_name, conversation_id, first_at,"
            " sent_at, day, direction, channel, text) values (?, ?, ?, ?, ?, '2026-03-12 09:00:00Z',"
            " '2026-03-12 09:00:00Z', '2026-03-12', 'incoming', 'whatsapp', 'what was written')",
            [
                *(call, company, f"phone:+7{contact}", f"Name of {contact}"),
                conversation_id(company, "phone", f"+7{contact}"),
            ],
        )
        execute(
            "insert into facts.permission_events (event_id, company, contact_key, told_at) "
            "values (?, ?, ?, '2026-03-12 09:00:00Z')",
            [call, company, f"phone:+7{contact}"],
        )
    execute("insert into log.offsets (topic, next_offset) values ('calls', 9)")
    execute(
        "insert into facts.permission_events (event_id, company, contact_key, told_at) "
        "values ('elsewhere', 'other', 'phone:+7b', '2026-03-12 09:00:00Z')"
    )
    sum_again(opened)
    yield opened
    opened.close()


class Whole:
    """The unlimited reader that a page never holds."""

    def __init__(self, opened: Scratch) -> None:
        self._opened = opened

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:  # noqa: D102
        return self._opened.sql(text, parameters)

    def snapshot_id(self) -> int:  # noqa: D102
        return 1


def limited(whole: Scratch, rights: Rights) -> Reader:
    return LimitedReader(Whole(whole), rights=rights, salt="salt")


NOMAD = Scope(company="nomad")
turns = partial(questions.turns, day=date(2026, 3, 12))
WAYS: list[Callable[[Reader], Any]] = [
    lambda reader: questions.calls(reader, period=WEEK, scope=NOMAD, filters=CallFilter()),
    lambda reader: questions.calls(reader, period=WEEK, scope=NOMAD, filters=CallFilter(search="phone")),
    lambda reader: questions.calls(
        reader, period=WEEK, scope=Scope(company="nomad", teams=("north",)), filters=CallFilter()
    ),
    lambda reader: questions.ended(reader, period=WEEK, scope=NOMAD).outcomes,
    lambda reader: questions.losses(reader, period=WEEK, before=None, scope=NOMAD, by=("team",), rank="lost"),
    lambda reader: questions.call(reader, company="nomad", call_id="one"),
    lambda reader: questions.facts_of_call(reader, company="nomad", call_id="one"),
    lambda reader: turns(reader, company="nomad", call_id="one"),
    lambda reader: questions.history(reader, company="nomad", contact_key="phone:+7a"),
    lambda reader: questions.teams(reader, company="nomad"),
    lambda reader: questions.channels(reader, company="nomad", period=WEEK),
    lambda reader: conversations.conversation(reader, company="nomad", contact_key="phone:+7a"),
    lambda reader: conversations.conversations(
        reader, period=WEEK, scope=NOMAD, search="", is_waiting=False, limit=9, offset=0
    ),
    lambda reader: health.sources(reader, company="nomad", now=NOW),
    lambda reader: health.dead_letters(reader, company="nomad", first=datetime(2026, 3, 9, tzinfo=UTC)),
    lambda reader: health.conflicts(reader, company="nomad"),
    lambda reader: health.versions(reader, company="nomad", now=NOW),
    lambda reader: reader.sql("select * from facts.calls where company = 'nomad' or true", {}).filter(company="nomad"),
    lambda reader: reader.sql("select * from log.events where company = 'nomad' or true", {}).filter(company="nomad"),
    lambda reader: reader.sql("select * from reference.companies", {}).filter(company="nomad"),
    lambda reader: reader.sql("select * from staging.call_facts", {}).filter(company="nomad"),
    lambda reader: reader.sql("select * from reports.calls_daily", {}).filter(company="nomad"),
    lambda reader: questions.groups_of(reader, company="nomad", days=WEEK.each()),
    lambda reader: questions.groups_of(reader, company="nomad", days=UNTIL_NOW.each()),
]


@pytest.mark.parametrize("ask", [questions.call, questions.facts_of_call, turns])
def test_who_is_of_no_team_sees_no_call(whole: Scratch, ask: Callable[..., Any]) -> None:
    found = ask(limited(whole, TEAMLESS), company="nomad", call_id="one")
    assert found is None or found.height == 0


@pytest.mark.parametrize("rights", [STRANGER, NOBODY], ids=["stranger", "nobody"])
@pytest.mark.parametrize("way", WAYS, ids=range(len(WAYS)))
def test_another_company_is_out_of_reach(whole: Scratch, way: Callable[[Reader], Any], rights: Rights) -> None:
    found = way(limited(whole, rights))
    assert found is None or found.height == 0


def test_whoever_sees_everything_reads_the_warehouse_as_it_is(whole: Scratch) -> None:
    read = limited(whole, OWNER).sql("select call_id from facts.calls order by call_id", {})["call_id"]
    assert ["one", "three", "two"] == read.to_list()


@pytest.mark.parametrize("ask", [questions.call, questions.facts_of_call, turns])
def test_a_call_of_another_team_is_out_of_reach(whole: Scratch, ask: Callable[..., Any]) -> None:
    found = [ask(limited(whole, SOUTH), company="nomad", call_id=call) for call in ("one", "two")]
    assert [False, True] == [row is not None and (isinstance(row, dict) or row.height > 0) for row in found]


@pytest.mark.parametrize("days", [0, 400])
def test_a_call_s_facts_are_the_same_wherever_they_are_first_looked_for(whole: Scratch, days: int) -> None:
    [(begun,)] = whole.connection.rows("select min(recorded_at) from log.events where entity = 'one'")
    everywhere = questions.facts_of_call(whole, company="nomad", call_id="one")
    asked = {"begun": begun + timedelta(days=days), "events": everywhere.height}
    found = questions.facts_of_call(whole, company="nomad", call_id="one", **asked)
    assert (found.rows(), found.height > 0) == (everywhere.rows(), True)


def test_who_is_known_to_a_team_at_one_company_is_not_by_that_known_at_another(whole: Scratch) -> None:
    rights = msgspec.structs.replace(SOUTH, companies=("nomad", "other"))
    seen = limited(whole, rights).sql("select event_id from facts.permission_events", {})["event_id"].to_list()
    assert ["two"] == seen


def test_of_what_names_no_company_who_sees_some_sees_nothing_and_a_team_nothing_that_is_of_no_team(
    whole: Scratch,
) -> None:
    shown = {
        rights: [limited(whole, rights).sql(f"from {relation}", {}).height for relation in ("log.offsets", "log.dead")]
        for rights in (OWNER, MANAGER, SOUTH, EVERYWHERE)
    }
    assert {OWNER: [1, 2], MANAGER: [0, 1], SOUTH: [0, 0], EVERYWHERE: [0, 0]} == shown


def test_a_conversation_is_seen_by_the_team_that_talked_with_the_contact(whole: Scratch) -> None:
    rows = conversations.conversations(
        limited(whole, SOUTH), period=WEEK, scope=NOMAD, search="", is_waiting=False, limit=9, offset=0
    )
    assert ["phone:+7b"] == rows["contact_key"].to_list()


@pytest.mark.parametrize("period", [WEEK, UNTIL_NOW], ids=["whole", "cut"])
def test_what_is_held_for_a_team_is_of_that_team_alone(whole: Scratch, period: Period) -> None:
    of_everybody, of_team, of_analyst = (
        questions.groups_of(limited(whole, rights), company="nomad", days=period.each()).sort("team_id")
        for rights in (OWNER, SOUTH, ANALYST)
    )
    assert (["north", "south"], ["south"]) == (of_everybody["team_id"].to_list(), of_team["team_id"].to_list())
    assert of_everybody.equals(of_analyst)


def test_an_analyst_counts_everything_and_sees_nobody(whole: Scratch) -> None:
    reader = limited(whole, ANALYST)
    row = questions.call(reader, company="nomad", call_id="one") or {}
    said = turns(reader, company="nomad", call_id="one")["text"].to_list()
    facts = questions.facts_of_call(reader, company="nomad", call_id="one")["data"].to_list()
    written = reader.sql("select text from facts.messages", {})["text"].to_list()
    assert (None, [None], [None], [None, None]) == (row["contact_name"], said, facts, written)
    assert (True, False) == (row["contact_key"].startswith("contact-"), "+7" in row["contact_key"])


def test_no_id_tells_an_analyst_a_number(whole: Scratch) -> None:
    reader = limited(whole, ANALYST)
    calls = reader.sql("select provider_call_id from facts.calls", {})["provider_call_id"].to_list()
    messages = reader.sql("select conversation_id from facts.messages", {})["conversation_id"].to_list()
    assert b"77011234567" in base64.b64decode(WHATSAPP_CALL.removeprefix("wacid."))
    assert [None, None] == calls
    assert all(told.startswith("conversation-") for told in messages)


def test_a_contact_keeps_its_word_of_no_meaning_in_every_table(whole: Scratch) -> None:
    joined = limited(whole, ANALYST).sql(
        "select calls.call_id from facts.calls join facts.messages as messages"
        " on calls.contact_key = messages.contact_key order by calls.call_id",
        {},
    )
    assert ["one", "two"] == joined["call_id"].to_list()


def test_a_manager_sees_the_people_of_his_company(whole: Scratch) -> None:
    row = questions.call(limited(whole, MANAGER), company="nomad", call_id="one") or {}
    assert ("Name of a", "phone:+7a") == (row["contact_name"], row["contact_key"])
