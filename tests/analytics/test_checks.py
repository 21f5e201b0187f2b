"""Checks: each gives the rows that should not exist, and none for an ordinary day."""

from collections.abc import Generator

import pytest

from analytics.connection import BEGIN, ROLLBACK
from analytics.folding.scratch import Scratch
from analytics.views import read_views
from tests.analytics.drawn import call, draw, drawn_events, tidy, warehouse

_CHECKS = [view for view in read_views() if view.layer == "checks"]

_ORDINARY = """
call | leg | fact     | at       | says
a    |     | offered  | 05:00:00 | direction=incoming; contact=phone:+77010000001
a    | l   | rang     | 05:00:01 | operator=PJSIP/101
a    | l   | accepted | 05:00:12 | answered_by=human; operator=PJSIP/101
a    | l   | ended    | 05:05:12 | disposition=completed; talk_seconds=300; operator=PJSIP/101
a    |     | ended    | 05:05:12 | disposition=completed
b    |     | offered  | 05:06:00 | direction=incoming; contact=phone:+77010000001
b    |     | ended    | 05:06:30 | disposition=no_answer
"""


@pytest.fixture(scope="module")
def built() -> Scratch:
    """Build a warehouse that holds an ordinary day."""
    opened = warehouse(drawn_events(_ORDINARY))
    opened.build()
    return opened


@pytest.fixture
def ordinary(built: Scratch) -> Generator[Scratch]:
    """Give it to one test, after which it is as it was."""
    built.connection.execute(BEGIN)
    yield built
    built.connection.execute(ROLLBACK)


@pytest.mark.parametrize("check", _CHECKS, ids=lambda check: check.name)
def test_an_ordinary_day_passes(check: object, ordinary: Scratch) -> None:
    relation = getattr(check, "relation", "")

    assert [] == ordinary.sql(f"from {relation}").rows()


@pytest.mark.parametrize("check", _CHECKS, ids=lambda check: check.name)
def test_a_check_says_how_grave_it_is(check: object) -> None:
    assert getattr(check, "severity", "") in {"fail", "warn"}


def _found(facts: str, check: str, expected: str) -> list[str]:
    events = drawn_events(facts)
    names = {call(event.data.provider_call_id): event.data.provider_call_id for event in events}
    return draw(warehouse(events).sql(f"from checks.{check}"), like=expected, names=names)


def test_a_call_that_ends_before_it_begins_is_found() -> None:
    facts = """
    call | fact     | at       | says
    end  | offered  | 05:00:00 |
    end  | ended    | 04:59:00 |
    pick | offered  | 05:00:00 |
    pick | accepted | 04:59:58 |
    pick | ended    | 05:01:00 |
    good | offered  | 05:00:00 |
    good | ended    | 05:01:00 |
    """
    expected = """
    call_id | started_at | answered_at | ended_at
    end     | 05:00:00   |             | 04:59:00
    pick    | 05:00:00   | 04:59:58    | 05:01:00
    """
    assert tidy(expected) == _found(facts, "call_times_out_of_order", expected)


def test_more_talk_than_time_is_found() -> None:
    facts = """
    call    | fact    | at       | says
    much    | offered | 05:00:00 |
    much    | ended   | 05:00:10 | talk_seconds=60
    rounded | offered | 05:00:00 |
    rounded | ended   | 05:00:10 | talk_seconds=11
    """
    expected = """
    call_id | talk_seconds | total_seconds
    much    | 60           | 10
    """
    assert tidy(expected) == _found(facts, "talk_beyond_total", expected)


def test_an_operator_in_two_calls_is_found() -> None:
    facts = """
    call   | fact  | at       | says
    first  | ended | 05:10:00 | answered_at=05:00:00; talk_seconds=600; operator=PJSIP/101
    second | ended | 05:06:00 | answered_at=05:05:00; talk_seconds=60; operator=client:aigul
    third  | ended | 05:09:00 | answered_at=05:08:00; talk_seconds=60; operator=PJSIP/101
    fourth | ended | 05:11:00 | answered_at=05:10:00; talk_seconds=60; operator=PJSIP/101
    other  | ended | 05:06:00 | answered_at=05:05:00; talk_seconds=60; operator=PJSIP/102
    """
    expected = """
    call_id | operator_id | answered_at | busy_until
    second  | aigul       | 05:05:00    | 05:10:00
    third   | aigul       | 05:08:00    | 05:10:00
    """
    assert tidy(expected) == _found(facts, "operators_in_two_calls", expected)


def test_a_call_that_two_sources_tell_of_is_found() -> None:
    spoken = "direction=incoming; channel=phone; contact=phone:+77010000001"
    missed = "direction=incoming; channel=phone; contact=phone:+77010000002"
    telephony = f"""
    call   | fact    | at       | says
    talked | offered | 05:00:00 | {spoken}
    talked | ended   | 05:05:10 | talk_seconds=300
    again  | offered | 05:06:00 | {spoken}
    again  | ended   | 05:06:40 | talk_seconds=20
    missed | offered | 05:00:00 | {missed}
    missed | ended   | 05:00:30 | disposition=no_answer
    """
    crm = f"""
    call   | fact  | at       | says
    logged | ended | 05:05:11 | {spoken}; talk_seconds=301
    note   | ended | 05:00:31 | {missed}; disposition=no_answer
    later  | ended | 05:09:00 | {missed}; disposition=no_answer
    """
    expected = """
    call_id | source | other_call_id | other_source
    logged  | kommo  | talked        | twilio
    note    | kommo  | missed        | twilio
    """
    events = [*drawn_events(telephony), *drawn_events(crm, source="kommo")]
    names = {call(name): name for name in ("talked", "again", "missed", "logged", "note", "later")}
    found = warehouse(events).sql("from checks.calls_told_twice")

    assert tidy(expected) == draw(found, like=expected, names=names)


def test_a_call_that_is_never_over_is_found() -> None:
    facts = """
    call  | fact    | at                  | says
    stuck | offered | 2026-03-02 05:00:00 |
    fresh | offered | 2026-03-03 05:00:01 |
    ahead | offered | 2098-03-03 05:00:01 |
    """
    expected = """
    call_id | started_at
    stuck   | 05:00:00
    """
    assert tidy(expected) == _found(facts, "calls_never_over", expected)


def test_a_source_that_names_no_directions_is_found() -> None:
    facts = "call | fact | at\n" + "\n".join(f"c{number} | offered | 05:00:00" for number in range(20))
    expected = """
    company | source | calls | unknown
    acme    | twilio | 20    | 20
    """
    assert tidy(expected) == _found(facts, "directions_unknown", expected)


def test_an_endpoint_that_is_nobodys_is_found() -> None:
    facts = """
    call | fact  | at       | says
    a    | ended | 05:10:00 | talk_seconds=600; operator=PJSIP/999
    b    | ended | 05:10:00 | talk_seconds=600; operator=PJSIP/101
    c    | ended | 05:10:00 | disposition=no_answer; operator=PJSIP/998
    """
    expected = """
    company | operator_endpoint | calls
    acme    | PJSIP/999         | 1
    """
    assert tidy(expected) == _found(facts, "endpoints_unknown", expected)


def test_a_source_that_tells_no_endings_is_found() -> None:
    facts = "call | fact | at | says\n" + "\n".join(
        f"c{number} | ended | 05:00:00 | direction=incoming" for number in range(20)
    )
    expected = """
    company | source | calls | unknown
    acme    | twilio | 20    | 20
    """
    assert tidy(expected) == _found(facts, "outcomes_unknown", expected)


def test_an_account_that_fell_silent_is_found() -> None:
    facts = """
    call | account | fact    | at                  | says
    a    | old     | offered | 2026-03-02 05:00:00 |
    b    | new     | offered | 2026-03-05 05:00:01 |
    c    | other   | offered | 2026-03-02 05:00:01 |
    """
    expected = """
    account | last_at  | newest_at
    old     | 05:00:00 | 2026-03-05 05:00:01
    """
    assert tidy(expected) == _found(facts, "sources_silent", expected)


def test_an_identity_that_joined_many_is_found() -> None:
    facts = "call | fact | at | says\n" + "\n".join(
        f"c{number} | offered | 05:00:00 | contact=phone:+77010000000,telegram:{number}" for number in range(20)
    )
    assert [("acme", 21)] == warehouse(drawn_events(facts)).sql(
        "select company, identities from checks.contacts_of_many"
    ).rows()


def test_a_roll_up_that_does_not_add_up_is_found(ordinary: Scratch) -> None:
    ordinary.connection.execute("update reports.calls_grouped set calls = calls + 2, all_talk_ms = 298000")
    expected = """
    company | day        | calls | calls_summed | calls_grouped | talk_ms | talk_ms_summed | talk_ms_grouped
    acme    | 2026-03-02 | 2     | 6            | 6             | 300000  | 298000         | 298000
    """
    assert tidy(expected) == draw(ordinary.sql("from checks.calls_daily_differs"), like=expected)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        ("insert into facts.calls from facts.calls limit 1", "facts_not_unique"),
        ("update facts.calls set outcome = 'lost'", "facts_out_of_domain"),
        ("delete from facts.calls", "rows_without_call"),
        ("update facts.told_legs set talk_seconds = 299", "legs_do_not_add_up"),
        ("insert into log.conflicts from log.events limit 1", "events_in_conflict"),
        ("insert into facts.turns (call_id, recording_id, turn) values ('x', 'y', 1)", "turns_without_call"),
        ("insert into facts.call_talk (call_id) values ('x')", "talk_does_not_add_up"),
        ("update log.stored_events set time = recorded_at + interval 2 hours", "events_from_the_future"),
        (
            "insert into facts.messages (message_id, sent_at, read_at) values ('m', '2026-03-02', '2026-03-01')",
            "messages_out_of_order",
        ),
    ],
)
def test_what_only_a_bug_or_a_wrong_clock_can_do_is_found(broken: str, check: str, ordinary: Scratch) -> None:
    ordinary.connection.execute(broken)

    assert 0 < ordinary.sql(f"from checks.{check}").height
