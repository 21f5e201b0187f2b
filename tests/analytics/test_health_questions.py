"""What the pages on health and conversations ask, on drawn events in a real DuckDB."""

from collections.abc import Generator
from datetime import UTC, date, datetime

import polars as pl
import pytest

from analytics import questions
from analytics.folding.scratch import Scratch, scratch
from analytics.questions import Period, Scope, conversations, health

NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
WEEK = Period(date(2026, 3, 9), date(2026, 3, 15))

# company, account, time, recorded, landed: facts as they lie in the log
EVENTS = """
    nomad  pbx   2026-03-12T10:00  2026-03-12T10:01  2026-03-12T10:01
    nomad  pbx   2026-03-12T11:00  2026-03-12T11:03  2026-03-12T11:05
    nomad  pbx   2026-03-10T22:00  2026-03-12T11:00  2026-03-12T11:00
    nomad  old   2026-01-01T10:00  2026-01-01T10:00  2026-01-01T10:00
    other  pbx   2026-03-12T11:59  2026-03-12T11:59  2026-03-12T11:59
"""
LETTERS = """
    nomad  too_long    2026-03-11T10:00
    nomad  too_long    2026-03-12T10:00
    -      no_company  2026-03-12T09:00
    other  secret      2026-03-12T09:00
    nomad  long_ago    2026-03-01T09:00
"""
# kind, contact, time, direction, outcome or text (`undelivered`: a message that failed), day where it is another
ENTRIES = """
    call     a  10:00  incoming  missed
    message  a  11:00  outgoing  we_call_you
    call     b  10:30  incoming  missed
    message  c  09:00  incoming  where_is_it
    call     c  08:00  outgoing  answered
    message  d  07:00  incoming  from_a_messenger
    call     e  07:30  incoming  missed
    message  f  06:00  incoming  how_much
    message  f  06:30  outgoing  -
    message  g  05:00  incoming  hello
    message  g  05:00  outgoing  answered_at_once
    message  l  04:00  incoming  may_i_ask
    message  l  04:10  outgoing  undelivered
    call     l  04:20  outgoing  no_answer
    call     l  04:30  outgoing  answered          2026-02-16
    message  m  03:00  incoming  hello
    call     m  03:30  outgoing  answered
    call     m  03:40  outgoing  busy
    message  h  10:00  incoming  hello             2026-02-04
    message  h  10:00  outgoing  good_morning      2026-02-16
    message  i  10:00  incoming  hello             2026-02-04
    call     i  10:00  outgoing  no_answer         2026-02-16
    call     j  10:00  incoming  missed            2026-02-04
    call     j  10:00  incoming  answered          2026-02-16
    message  k  10:00  incoming  hello             2026-02-04
    message  k  10:00  incoming  is_anybody_there  2026-02-16
    message  n  10:00  incoming  hello             2026-02-04
    message  n  10:00  outgoing  undelivered       2026-02-16
"""


@pytest.fixture(scope="module")
def reader() -> Generator[Scratch]:
    made = scratch()
    made.build()
    execute = made.connection.execute
    execute(
        "insert into reference.companies (company, name, time_zone, default_region) "
        "values ('nomad', 'Nomad', 'UTC', 'KZ'), ('other', 'Other', 'UTC', 'KZ')"
    )
    execute(
        "insert into reference.accounts (company, account, source, channel) values "
        "('nomad', 'pbx', 'asterisk', 'phone'), ('nomad', 'old', 'asterisk', 'phone')"
    )
    for number, line in enumerate(EVENTS.strip().splitlines()):
        company, account, time, recorded, landed = line.split()
        execute(
            "insert into log.stored_events"
            " (id, source, type, company, account, time, recorded_at, landed_at, entity, dataschema)"
            " values (?, 'asterisk', 'call.ended', ?, ?, ?, ?, ?, ?, 'call.ended/2')",
            [str(number), company, account, f"{time}:00Z", f"{recorded}:00Z", f"{landed}:00Z", f"call-{number}"],
        )
    for line in LETTERS.strip().splitlines():
        company, reason, died = line.split()
        execute(
            "insert into log.dead (company, reason, stage, source, version, died_at) values (?, ?, 'land', '', '1', ?)",
            [company.strip("-"), reason, f"{died}:00Z"],
        )
    for number, line in enumerate(ENTRIES.strip().splitlines()):
        kind, contact, time, direction, told, *other = line.split()
        [day] = other or ["2026-03-12"]
        is_call = kind == "call"
        table, columns = (
            ("calls", "call_id, started_at, outcome") if is_call else ("messages", "message_id, first_at, text")
        )
        execute(
            f"insert into facts.{table} ({columns}, company, contact_key, contact_name, day, direction, channel"  # noqa: S608
            f"{', is_internal, is_test' if is_call else ', status'}) values (?, ?, ?, 'nomad', ?, ?, ?, ?, 'phone', "
            f"{'false, false' if is_call else '?'})",
            [
                str(number),
                f"{day}T{time}:00Z",
                None if told == "-" else told,
                f"phone:{contact}",
                contact.upper(),
                day,
                direction,
                *([] if is_call else ["failed" if told == "undelivered" else "sent"]),
            ],
        )
    execute(
        "insert into facts.identities (company, identity, contact_id) values "
        "('nomad', 'phone:a', 'a'), ('nomad', 'phone:d', 'd'), ('nomad', 'phone:e', 'd'), ('other', 'phone:e', 'e')"
    )
    yield made
    made.close()


def test_every_account_tells_how_old_and_how_late_its_facts_are(reader: Scratch) -> None:
    found = health.sources(reader, company="nomad", now=NOW).select(
        "account", "newest_at", "events_lately", "lag_median_seconds", "landed_median_seconds"
    )
    expected = [("old", None, 0, None, None), ("pbx", datetime(2026, 3, 12, 11, 3, tzinfo=UTC), 3, 180.0, 0.0)]
    assert expected == found.rows()


def test_dead_letters_are_counted_by_reason_and_those_of_others_stay_theirs(reader: Scratch) -> None:
    found = health.dead_letters(reader, company="nomad", first=datetime(2026, 3, 9, tzinfo=UTC))
    assert [("too_long", 2), ("no_company", 1)] == found.select("reason", "letters").rows()


def test_a_day_that_got_a_fact_after_it_was_over_is_told(reader: Scratch) -> None:
    found = health.late_days(reader, company="nomad", period=WEEK)
    assert [(date(2026, 3, 10), 1, 1)] == found.select("day", "facts", "calls").rows()


def test_every_check_runs_and_says_what_it_looks_for(reader: Scratch) -> None:
    found = health.checks(reader, company="nomad")
    assert (True, {"fail", "warn"}) == (all(found["meaning"]), set(found["severity"]))


def test_the_versions_of_event_types_are_counted(reader: Scratch) -> None:
    assert [("call.ended/2", 3)] == (
        health.versions(reader, company="nomad", now=NOW).select("dataschema", "events").rows()
    )


def listed(reader: Scratch, *, search: str = "", is_waiting: bool = False) -> pl.DataFrame:
    return conversations.conversations(
        reader, period=WEEK, scope=Scope(company="nomad"), search=search, is_waiting=is_waiting, limit=10, offset=0
    )


def test_whoever_no_word_of_ours_has_reached_waits(reader: Scratch) -> None:
    rows = [("A", "message", False), ("B", "call", True), ("C", "message", True), ("E", "call", True)]
    others = [("F", "message", False), ("G", "message", False), ("L", "call", True), ("M", "call", False)]
    expected = [*rows, *others]
    assert expected == listed(reader).select("contact_name", "last_kind", "is_waiting").rows()


def test_whom_we_answered_outside_of_the_scope_waits_no_more(reader: Scratch) -> None:
    scope = Scope(company="nomad", directions=("incoming",))
    found = conversations.conversations(
        reader, period=WEEK, scope=scope, search="", is_waiting=True, limit=10, offset=0
    )
    assert ["B", "C", "E", "L"] == found["contact_name"].to_list()


def test_whoever_had_our_word_after_the_period_no_longer_waits(reader: Scratch) -> None:
    week = Period(date(2026, 2, 2), date(2026, 2, 8))
    scope = Scope(company="nomad")
    found = conversations.conversations(
        reader, period=week, scope=scope, search="", is_waiting=False, limit=10, offset=0
    )
    expected = [("H", False), ("I", True), ("J", False), ("K", True), ("N", True)]
    assert (expected, {3}) == (found.select("contact_name", "is_waiting").rows(), set(found["waiting"]))


def test_the_last_text_is_that_of_the_last_message_and_not_of_one_before_it(reader: Scratch) -> None:
    found = listed(reader)
    assert ["we_call_you", None, "where_is_it", None, None, "answered_at_once", None, None] == found[
        "last_text"
    ].to_list()
    assert {(8, 4)} == set(found.select("contacts", "waiting").rows())


@pytest.mark.parametrize(
    ("search", "is_waiting", "expected"),
    [
        ("where_is", False, ["C"]),
        ("from_a", False, ["E"]),
        ("", True, ["B", "C", "E", "L"]),
        ("%", False, []),
        ("' or 1=1 --", False, []),
    ],
)
def test_conversations_are_searched(reader: Scratch, search: str, is_waiting: bool, expected: list[str]) -> None:
    assert expected == listed(reader, search=search, is_waiting=is_waiting)["contact_name"].to_list()


@pytest.mark.parametrize("key", ["phone:d", "phone:e"])
def test_who_is_known_in_two_ways_has_one_history(reader: Scratch, key: str) -> None:
    told = conversations.conversation(reader, company="nomad", contact_key=key)
    heard = questions.history(reader, company="nomad", contact_key=key)
    assert (["message", "call"], ["call", "message"]) == (told["kind"].to_list(), heard["kind"].to_list())
    assert told["happened_at"].to_list() == heard["happened_at"].reverse().to_list()


def test_a_history_holds_calls_between_messages_and_belongs_to_its_company(reader: Scratch) -> None:
    told = conversations.conversation(reader, company="nomad", contact_key="phone:a")
    strange = conversations.conversation(reader, company="other", contact_key="phone:a")
    assert ([("call", "missed", None), ("message", None, "we_call_you")], 0) == (
        told.select("kind", "outcome", "text").rows(),
        strange.height,
    )
