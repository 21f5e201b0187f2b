"""One row a call: outcomes, talk, times and people as they are folded from drawn facts."""

from datetime import date
from itertools import pairwise

import msgspec
import pytest

from analytics.questions import thresholds
from schemas.company import Company, parse_company
from schemas.dated import Thresholds
from schemas.envelope import Event
from tests.analytics.drawn import COMPANY, COMPANY_TEXT, call, draw, drawn_events, recording, tidy, warehouse


def _calls(facts: str, expected: str, *, source: str = "twilio") -> list[str]:
    return draw(warehouse(drawn_events(facts, source=source)).sql("from facts.calls"), like=_named(expected))


def _named(expected: str) -> str:
    return expected.replace("call ", "provider_call_id ", 1)


def _drawn(expected: str) -> list[str]:
    return tidy(_named(expected))


def test_outcomes_of_incoming_calls() -> None:
    facts = """
    call      | fact     | at       | says
    answered  | offered  | 05:00:00 | direction=incoming
    answered  | accepted | 05:00:12 | answered_by=human
    answered  | ended    | 05:05:12 | disposition=completed; talk_seconds=300
    missed    | offered  | 05:00:00 | direction=incoming
    missed    | ended    | 05:00:23 | disposition=no_answer
    abandoned | offered  | 05:00:00 | direction=incoming
    abandoned | ended    | 05:00:04 | disposition=cancelled
    at bound  | offered  | 05:00:00 | direction=incoming
    at bound  | ended    | 05:00:05 | disposition=cancelled
    gave up   | offered  | 05:00:00 | direction=incoming
    gave up   | ended    | 05:00:01 | disposition=no_answer; ended_by=company
    voicemail | offered  | 05:00:00 | direction=incoming
    voicemail | accepted | 05:00:20 | answered_by=voicemail
    voicemail | ended    | 05:01:00 | disposition=completed; total_seconds=60
    declined  | offered  | 05:00:00 | direction=incoming
    declined  | ended    | 05:00:07 | disposition=rejected
    open      | offered  | 05:00:00 | direction=incoming
    talking   | offered  | 05:00:00 | direction=incoming
    talking   | accepted | 05:00:06 |
    """
    expected = """
    call      | outcome     | talk_seconds | ring_seconds | answer_seconds | answered_by | ended_at
    answered  | answered    | 300          | 12           | 12             | human       | 05:05:12
    missed    | missed      |              | 23           |                |             | 05:00:23
    abandoned | abandoned   |              | 4            |                |             | 05:00:04
    at bound  | missed      |              | 5            |                |             | 05:00:05
    gave up   | missed      |              | 1            |                |             | 05:00:01
    voicemail | voicemail   |              | 20           |                | voicemail   | 05:01:00
    declined  | rejected    |              | 7            |                |             | 05:00:07
    open      | in_progress |              |              |                |             |
    talking   | in_progress |              | 6            |                | unknown     |
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_outcomes_of_outgoing_calls() -> None:
    facts = """
    call      | fact     | at       | says
    answered  | offered  | 05:00:00 | direction=outgoing
    answered  | rang     | 05:00:03 |
    answered  | accepted | 05:00:13 |
    answered  | ended    | 05:01:13 | disposition=completed
    rang out  | offered  | 05:00:00 | direction=outgoing
    rang out  | ended    | 05:00:40 | disposition=no_answer; ended_by=company
    busy      | offered  | 05:00:00 | direction=outgoing
    busy      | ended    | 05:00:02 | disposition=busy
    cancelled | offered  | 05:00:00 | direction=outgoing
    cancelled | ended    | 05:00:09 | disposition=cancelled
    hung up   | offered  | 05:00:00 | direction=outgoing
    hung up   | ended    | 05:00:09 | ended_by=company
    declined  | offered  | 05:00:00 | direction=outgoing
    declined  | rejected | 05:00:08 | rejected_by=contact
    declined  | ended    | 05:00:09 | disposition=no_answer; provider_status=COMPLETED
    machine   | offered  | 05:00:00 | direction=outgoing
    machine   | accepted | 05:00:10 |
    machine   | ended    | 05:00:30 | disposition=completed; answered_by=machine; talk_seconds=20
    refused   | offered  | 05:00:00 | direction=outgoing
    refused   | accepted | 05:00:10 | answered_by=voicemail
    refused   | ended    | 05:00:30 | disposition=rejected
    limit     | offered  | 05:00:00 | direction=outgoing
    limit     | ended    | 05:00:01 | disposition=not_permitted; error_code=138006
    broken    | offered  | 05:00:00 | direction=outgoing
    broken    | ended    | 05:00:01 | disposition=failed; error_code=131000
    error     | offered  | 05:00:00 | direction=outgoing
    error     | ended    | 05:00:01 | error_code=131000
    """
    expected = """
    call      | outcome       | talk_seconds | ring_seconds | answered_by | ended_by | error_code
    answered  | answered      | 60           | 10           | unknown     | unknown  |
    rang out  | no_answer     |              | 40           |             | company  |
    busy      | busy          |              | 2            |             | unknown  |
    cancelled | cancelled     |              | 9            |             | unknown  |
    hung up   | cancelled     |              | 9            |             | company  |
    declined  | rejected      |              | 9            |             | contact  |
    machine   | machine       |              | 10           | machine     | unknown  |
    refused   | voicemail     |              | 10           | voicemail   | unknown  |
    limit     | not_permitted |              | 1            |             | unknown  | 138006
    broken    | failed        |              | 1            |             | unknown  | 131000
    error     | failed        |              | 1            |             | unknown  | 131000
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_call_is_in_time_up_to_the_last_moment_of_the_service_level() -> None:
    facts = """
    call   | fact     | at           | says
    last   | offered  | 05:00:00     | direction=incoming
    last   | accepted | 05:00:20     | answered_by=human
    last   | ended    | 05:01:00     | disposition=completed
    late   | offered  | 05:00:00     | direction=incoming
    late   | accepted | 05:00:20.001 | answered_by=human
    late   | ended    | 05:01:00     | disposition=completed
    missed | offered  | 05:00:00     | direction=incoming
    missed | ended    | 05:00:10     | disposition=no_answer
    """
    expected = """
    call   | outcome  | is_in_time
    last   | answered | yes
    late   | answered | no
    missed | missed   | no
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_call_is_internal_only_where_no_fact_names_somebody_outside() -> None:
    facts = """
    call    | leg | fact    | at       | says
    click   |     | offered | 05:00:00 | direction=internal; operator=PJSIP/101
    click   |     | ended   | 05:01:00 | direction=internal; operator=PJSIP/101; talk_seconds=40
    click   | out | ended   | 05:01:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=40
    inside  |     | ended   | 05:01:00 | direction=internal; talk_seconds=40
    inside  | b   | ended   | 05:01:00 | operator=PJSIP/102; talk_seconds=40
    """
    expected = """
    call   | direction | is_internal | outcome  | contact_key
    click  | outgoing  | no          | answered | phone:+77010000001
    inside | internal  | yes         | answered |
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_pickup_of_which_nothing_else_is_told_is_no_call() -> None:
    facts = """
    call  | fact     | at       | says
    ghost | accepted | 05:00:10 | answered_by=machine
    named | accepted | 05:00:10 | operator=PJSIP/101
    over  | accepted | 05:00:10 | answered_by=human
    over  | ended    | 05:00:40 |
    """
    expected = """
    call  | outcome
    named | in_progress
    over  | answered
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_what_is_told_of_a_call_under_a_second_id_is_left_out() -> None:
    facts = """
    call   | leg | fact        | at       | says
    moved  |     | offered     | 05:00:00 | direction=incoming
    moved  |     | transferred | 05:00:30 | provider_status=transfer
    moved  |     | ended       | 05:00:30 | provider_status=transfer
    stayed |     | offered     | 05:00:00 | direction=incoming
    stayed |     | transferred | 05:00:30 | provider_status=transfer
    stayed |     | ended       | 05:00:30 | provider_status=transfer
    stayed |     | ended       | 05:01:00 | provider_status=completed; disposition=completed; talk_seconds=50
    """
    of_vonage = """
    call   | is_internal | outcome  | ended_at
    moved  | yes         | missed   | 05:00:30
    stayed | no          | answered | 05:01:00
    """
    of_others = of_vonage.replace("| yes", "| no ")
    assert _drawn(of_vonage) == _calls(facts, of_vonage, source="vonage")
    assert _drawn(of_others) == _calls(facts, of_others, source="whatsapp_cloud")


def test_completed_does_not_mean_answered() -> None:
    facts = """
    call | fact    | at       | says
    in   | offered | 05:00:00 | direction=incoming
    in   | ended   | 05:00:23 | disposition=completed; provider_status=COMPLETED
    out  | offered | 05:00:00 | direction=outgoing
    out  | ended   | 05:00:41 | disposition=completed; provider_status=COMPLETED
    zero | offered | 05:00:00 | direction=incoming
    zero | ended   | 05:00:23 | disposition=completed; provider_status=COMPLETED; talk_seconds=0
    """
    expected = """
    call | outcome   | provider_status | outcome_reason
    in   | missed    | COMPLETED       | incoming, rang 23.0 s, nobody answered (threshold 5 s); the provider's word is COMPLETED
    out  | no_answer | COMPLETED       | outgoing, rang 41.0 s, nobody answered; the provider's word is COMPLETED
    zero | missed    | COMPLETED       | incoming, rang 23.0 s, nobody answered (threshold 5 s); the provider's word is COMPLETED
    """  # noqa: E501
    assert _drawn(expected) == _calls(facts, expected)


def test_who_picked_up_answered_though_nothing_tells_how_long_they_talked() -> None:
    facts = """
    call   | leg | fact     | at       | says
    card   |     | accepted | 05:00:00 | answered_by=human; direction=incoming; operator=PJSIP/101
    card   |     | ended    | 05:00:00 | disposition=completed; answered_by=human
    clock  |     | offered  | 05:00:00 | direction=incoming
    clock  |     | ended    | 05:00:20 | disposition=completed
    clock  |     | accepted | 05:00:30 | answered_by=human
    word   |     | ended    | 05:00:20 | disposition=completed; answered_by=human; direction=outgoing
    leg    | a   | rang     | 05:00:00 | operator=PJSIP/101; direction=incoming
    leg    | a   | accepted | 05:00:09 | answered_by=human
    leg    | a   | ended    | 05:00:09 | disposition=completed
    none   |     | offered  | 05:00:00 | direction=incoming
    none   |     | accepted | 05:00:10 | answered_by=human
    none   |     | ended    | 05:00:40 | disposition=completed; talk_seconds=0
    unsure |     | offered  | 05:00:00 | direction=incoming
    unsure |     | accepted | 05:00:10 |
    unsure |     | ended    | 05:00:10 | disposition=completed
    """
    expected = """
    call   | outcome  | answered_at | answer_seconds | talk_seconds | answered_by | outcome_reason
    card   | answered | 05:00:00    |                |              | human       | a person picked up; how long it rang is not known; nothing tells how long they talked
    clock  | answered | 05:00:30    | 30             |              | human       | a person picked up after 30.0 s of ringing; nothing tells how long they talked
    word   | answered | 05:00:20    |                |              | human       | a person picked up; how long it rang is not known; nothing tells how long they talked
    leg    | answered | 05:00:09    | 9              |              | human       | a person picked up after 9.0 s of ringing; nothing tells how long they talked
    none   | missed   |             |                |              |             | incoming, rang 40.0 s, nobody answered (threshold 5 s)
    unsure | missed   |             |                |              |             | incoming, rang 10.0 s, nobody answered (threshold 5 s)
    """  # noqa: E501
    built = warehouse(drawn_events(facts))
    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))
    took = built.sql("select operator_id, count_if(is_answered) from facts.call_operators group by all").rows()
    assert [("aigul", 2)] == took
    checks = ("facts_out_of_domain", "legs_do_not_add_up")
    assert [] == [check for check in checks if built.sql(f"from checks.{check}").height]


def test_a_failed_call_with_a_duration_stays_failed_unless_somebody_picked_up() -> None:
    facts = """
    call    | fact     | at       | says
    failed  | offered  | 05:00:00 | direction=outgoing
    failed  | ended    | 05:00:20 | disposition=failed; talk_seconds=20; answered_at=05:00:00
    dropped | offered  | 05:00:00 | direction=outgoing
    dropped | accepted | 05:00:10 | answered_by=human
    dropped | ended    | 05:00:30 | disposition=failed; talk_seconds=20
    """
    expected = """
    call    | outcome  | talk_seconds | outcome_reason
    failed  | failed   |              | a technical failure, nobody talked
    dropped | answered | 20           | a person talked for 20.0 s after 10.0 s of ringing
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_menu_that_picks_up_is_no_answer() -> None:
    facts = """
    call      | leg | fact     | at       | says
    menu      |     | offered  | 05:00:00 | direction=incoming
    menu      |     | ended    | 05:00:31 | disposition=completed; answered_by=ivr; talk_seconds=30
    short     |     | offered  | 05:00:00 | direction=incoming
    short     |     | accepted | 05:00:01 | answered_by=ivr
    short     |     | ended    | 05:00:03 | disposition=completed
    then team |     | offered  | 05:00:00 | direction=incoming
    then team |     | accepted | 05:00:01 | answered_by=ivr
    then team | a   | rang     | 05:00:20 | operator=PJSIP/101
    then team | a   | ended    | 05:00:45 | disposition=completed; talk_seconds=15; operator=PJSIP/101
    then team |     | ended    | 05:00:45 | disposition=completed; answered_by=ivr; total_seconds=45
    unnamed   |     | offered  | 05:00:00 | direction=incoming
    unnamed   |     | accepted | 05:00:01 | answered_by=ivr
    unnamed   |     | accepted | 05:00:20 |
    unnamed   |     | ended    | 05:00:50 | disposition=completed
    """
    expected = """
    call      | outcome   | answered_by | ring_seconds | talk_seconds | operator_id
    menu      | missed    | ivr         | 31           |              |
    short     | abandoned | ivr         | 3            |              |
    then team | answered  | unknown     | 10           | 15           | aigul
    unnamed   | answered  | unknown     |              | 30           |
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_machine_was_listened_to_as_long_as_is_said_and_else_from_its_pickup_on() -> None:
    facts = """
    call   | leg | fact     | at       | says
    said   |     | accepted | 05:00:10 | answered_by=machine; direction=outgoing
    said   |     | ended    | 05:00:50 | talk_seconds=30
    picked |     | accepted | 05:00:10 | answered_by=voicemail; direction=outgoing
    picked |     | ended    | 05:00:50 | talk_seconds=0; answered_at=05:00:15
    taken  |     | accepted | 05:00:10 | answered_by=machine; direction=outgoing
    taken  |     | ended    | 05:00:50 |
    clocks |     | accepted | 05:01:00 | answered_by=machine; direction=outgoing
    clocks |     | ended    | 05:00:50 |
    leg    | a   | ended    | 05:00:50 | answered_by=machine; talk_seconds=20; direction=outgoing
    leg    |     | ended    | 05:00:50 | answered_by=machine; talk_seconds=10
    menu   |     | accepted | 05:00:10 | answered_by=ivr; direction=incoming
    menu   |     | ended    | 05:00:50 |
    """
    expected = """
    call   | outcome   | machine_seconds
    said   | machine   | 30
    picked | voicemail | 35
    taken  | machine   | 40
    clocks | machine   | 0
    leg    | machine   | 10
    menu   | missed    |
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_connect_is_not_pickup() -> None:
    facts = """
    call | fact     | at       | says
    out  | offered  | 05:00:00 | direction=outgoing
    out  | rang     | 05:00:04 |
    out  | accepted | 05:00:24 | answered_by=human
    out  | ended    | 05:01:04 | disposition=completed; talk_seconds=40
    """
    expected = """
    call | started_at | rang_at  | answered_at | ended_at | answer_seconds | talk_seconds | total_seconds
    out  | 05:00:00   | 05:00:04 | 05:00:24    | 05:01:04 | 20             | 40           | 64
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_talk_is_summed_over_legs_or_is_the_calls_own_never_both() -> None:
    facts = """
    call     | leg | fact    | at       | says
    transfer |     | offered | 05:00:00 | direction=incoming
    transfer | a   | ended   | 05:01:10 | started_at=05:00:00; answered_at=05:00:10; talk_seconds=60; operator=PJSIP/101
    transfer | b   | ended   | 05:02:20 | started_at=05:01:10; answered_at=05:01:20; talk_seconds=60; operator=PJSIP/102
    transfer |     | ended   | 05:02:20 | disposition=completed; talk_seconds=140
    queue    |     | offered | 05:00:00 | direction=incoming
    queue    | a   | ended   | 05:00:20 | started_at=05:00:00; disposition=no_answer; operator=PJSIP/101
    queue    | b   | ended   | 05:01:20 | started_at=05:00:20; talk_seconds=50; operator=PJSIP/102
    hold     |     | offered | 05:00:00 | direction=incoming
    hold     | a   | ended   | 05:00:40 | started_at=05:00:10; disposition=no_answer; operator=PJSIP/101
    hold     |     | ended   | 05:00:40 | disposition=completed; talk_seconds=39
    person   |     | offered | 05:00:00 | direction=incoming
    person   | a   | ended   | 05:00:40 | started_at=05:00:10; disposition=no_answer; operator=PJSIP/101
    person   |     | ended   | 05:00:40 | disposition=completed; talk_seconds=5; answered_by=human
    """
    expected = """
    call     | outcome  | talk_seconds | legs | operator_id | answered_at | ended_at
    transfer | answered | 120          | 2    | oleg        | 05:00:10    | 05:02:20
    queue    | answered | 50           | 2    | oleg        | 05:00:30    | 05:01:20
    hold     | missed   |              | 1    | aigul       |             | 05:00:40
    person   | answered | 5            | 1    | aigul       | 05:00:35    | 05:00:40
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_of_several_ends_of_one_leg_the_one_that_knows_most_leads() -> None:
    facts = """
    call | leg | fact  | at           | says
    c    | a   | ended | 05:01:00     | disposition=no_answer; direction=incoming; ended_by=contact
    c    | a   | ended | 05:01:00.400 | disposition=completed; talk_seconds=30; answered_at=05:00:30.400
    c    | a   | ended | 05:01:02     | provider_status=completed
    d    |     | ended | 05:01:05     | disposition=busy; talk_seconds=99; answered_at=05:00:05; provider_status=less; error_code=9; ended_by=contact
    d    |     | ended | 05:01:00     | disposition=completed; talk_seconds=30; answered_at=05:00:30; provider_status=more; error_code=1; ended_by=company; total_seconds=60
    e    |     | ended | 05:01:05     | disposition=completed; answered_by=voicemail
    e    |     | ended | 05:01:00     | disposition=completed; answered_by=machine; ended_by=company
    f    |     | rejected | 05:00:09  | rejected_by=company; direction=outgoing
    f    |     | rejected | 05:00:07  | rejected_by=contact
    """  # noqa: E501
    expected = """
    call | outcome  | answered_at | talk_seconds | ended_at   | disposition | ended_by | provider_status | error_code | events
    c    | answered | 05:00:30.4  | 30           | 05:01:00.4 | completed   | contact  | completed       |            | 3
    d    | answered | 05:00:30    | 30           | 05:01:00   | completed   | company  | more            | 1          | 2
    e    | machine  |             |              | 05:01:00   | completed   | company  |                 |            | 2
    f    | rejected |             |              | 05:00:07   | rejected    | contact  |                 |            | 2
    """  # noqa: E501
    assert _drawn(expected) == _calls(facts, expected)


def test_of_several_pickups_the_first_by_a_person_is_when_and_the_last_tells_by_whom() -> None:
    facts = """
    call | fact     | at       | says
    c    | accepted | 05:00:10 | answered_by=human; direction=incoming
    c    | accepted | 05:00:20 | answered_by=human
    d    | accepted | 05:00:10 | answered_by=ivr; direction=outgoing
    d    | accepted | 05:00:20 | answered_by=machine
    d    | ended    | 05:00:30 | disposition=completed
    """
    expected = """
    call | outcome     | answered_at
    c    | in_progress | 05:00:10
    d    | machine     |
    """
    assert _drawn(expected) == _calls(facts, expected)


# What legs say of how they ended, that first by which the call is told.
ENDS = ("not_permitted", "voicemail", "no_answer", "cancelled", "rejected", "busy", "failed", "completed")


def test_a_call_ended_as_the_leg_did_that_says_most_of_it() -> None:
    facts = "call | leg | fact | at | says\n" + "\n".join(
        f"{first} {place} | {leg} | ended | 05:00:20 | disposition={end}"
        for first, second in pairwise(ENDS)
        for place, ends in enumerate(((first, second), (second, first)))
        for leg, end in zip("ab", ends, strict=True)
    )
    told = warehouse(drawn_events(facts)).sql("select provider_call_id, disposition from facts.calls")

    assert {f"{end} {place}": end for end in ENDS[:-1] for place in (0, 1)} == dict(told.iter_rows())


def test_what_a_call_says_of_its_end_stands_before_what_its_last_leg_says() -> None:
    facts = """
    call  | leg | fact     | at       | says
    legs  | a   | ended    | 05:00:20 | disposition=busy; provider_status=first; ended_by=contact; error_code=1
    legs  | b   | ended    | 05:00:30 | disposition=busy; provider_status=last; ended_by=company; error_code=2
    whole | a   | ended    | 05:00:20 | disposition=busy; provider_status=leg; ended_by=company; error_code=1
    whole |     | ended    | 05:00:10 | disposition=failed; provider_status=call; ended_by=contact; error_code=3
    mail  |     | offered  | 05:00:00 | direction=incoming
    mail  | a   | accepted | 05:00:10 | answered_by=voicemail
    mail  | b   | accepted | 05:00:20 | answered_by=voicemail
    mail  | a   | ended    | 05:00:50 | ended_by=company
    mail  | b   | ended    | 05:00:40 | ended_by=contact
    """
    expected = """
    call  | outcome   | ended_at | disposition | provider_status | ended_by | error_code | ring_seconds | machine_seconds
    legs  | busy      | 05:00:30 | busy        | last            | company  | 2          |              |
    whole | failed    | 05:00:10 | failed      | call            | contact  | 3          |              |
    mail  | voicemail | 05:00:50 | unknown     |                 | company  |            | 10           | 40
    """  # noqa: E501
    assert _drawn(expected) == _calls(facts, expected)


def test_one_operator_who_declines_does_not_decide_for_a_team() -> None:
    facts = """
    call | leg | fact     | at       | says
    some |     | offered  | 05:00:00 | direction=incoming
    some | a   | rejected | 05:00:03 | rejected_by=company; operator=PJSIP/101
    some | b   | ended    | 05:00:25 | disposition=no_answer; operator=PJSIP/102
    all  |     | offered  | 05:00:00 | direction=incoming
    all  | a   | rejected | 05:00:03 | rejected_by=company; operator=PJSIP/101
    all  | b   | ended    | 05:00:06 | disposition=rejected; operator=PJSIP/102
    most |     | offered  | 05:00:00 | direction=incoming
    most | a   | ended    | 05:00:06 | disposition=busy; operator=PJSIP/101
    most | b   | ended    | 05:00:07 | disposition=rejected; operator=PJSIP/102
    """
    expected = """
    call | outcome  | operator_id
    some | missed   | oleg
    all  | rejected | oleg
    most | rejected | oleg
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_call_is_not_over_while_one_leg_is_open() -> None:
    facts = """
    call   | leg | fact     | at       | says
    rings  |     | offered  | 05:00:00 | direction=incoming
    rings  | a   | ended    | 05:00:20 | disposition=no_answer
    rings  | b   | rang     | 05:00:20 |
    menu   |     | accepted | 05:00:00 | direction=incoming; answered_by=ivr
    menu   | a   | ended    | 05:00:20 | disposition=no_answer
    closed |     | offered  | 05:00:00 | direction=incoming
    closed | b   | rang     | 05:00:20 |
    closed |     | ended    | 05:00:30 | disposition=no_answer
    """
    expected = """
    call   | outcome
    rings  | in_progress
    menu   | in_progress
    closed | missed
    """
    assert _drawn(expected) == _calls(facts, expected)


@pytest.mark.parametrize(
    ("source", "taken", "ours"),
    [
        ("green_api", "answered", "in_progress"),
        ("waha", "answered", "answered"),
        ("evolution", "in_progress", "in_progress"),
    ],
)
def test_a_pickup_is_an_answer_where_a_bridge_to_whatsapp_tells_no_end(source: str, taken: str, ours: str) -> None:
    facts = """
    call    | fact     | at       | says
    taken   | offered  | 05:00:00 | direction=incoming
    taken   | accepted | 05:00:09 | direction=incoming; answered_by=human
    ours    | accepted | 05:00:09 | direction=outgoing; answered_by=human
    rings   | offered  | 05:00:00 | direction=incoming
    hung up | accepted | 05:00:09 | direction=incoming; answered_by=human
    hung up | rejected | 05:00:49 | direction=incoming
    """
    expected = f"""
    call    | outcome     | answered_at | ended_at | ring_seconds | talk_seconds
    taken   | {taken}     | 05:00:09    |          | 9            |
    ours    | {ours}      | 05:00:09    |          |              |
    rings   | in_progress |             |          |              |
    hung up | answered    | 05:00:09    | 05:00:49 |              | 40
    """
    assert _drawn(expected) == _calls(facts, expected, source=source)


def test_an_end_before_its_beginning_and_a_call_known_by_its_end_alone() -> None:
    facts = """
    call      | fact    | at       | says
    crossed   | ended   | 05:00:25 | disposition=no_answer
    crossed   | offered | 05:00:00 | direction=incoming
    said      | ended   | 05:00:25 | started_at=05:00:00; direction=incoming; disposition=no_answer
    counted   | ended   | 05:01:00 | total_seconds=40; talk_seconds=30; direction=incoming
    only talk | ended   | 05:01:00 | talk_seconds=30; direction=outgoing
    picked up | ended   | 05:01:00 | answered_at=05:00:20; direction=outgoing
    unlike    | ended   | 05:01:00 | disposition=no_answer
    by clocks | offered | 05:00:10 | direction=incoming
    by clocks | ended   | 05:00:04 | started_at=05:00:10; disposition=no_answer
    """
    expected = """
    call      | outcome   | direction | started_at | answered_at | ended_at | talk_seconds | total_seconds
    by clocks | missed    | incoming  | 05:00:10   |             | 05:00:10 |              |
    crossed   | missed    | incoming  | 05:00:00   |             | 05:00:25 |              | 25
    said      | missed    | incoming  | 05:00:00   |             | 05:00:25 |              | 25
    counted   | answered  | incoming  | 05:00:20   | 05:00:30    | 05:01:00 | 30           | 40
    only talk | answered  | outgoing  | 05:00:30   | 05:00:30    | 05:01:00 | 30           | 30
    picked up | answered  | outgoing  | 05:00:20   | 05:00:20    | 05:01:00 | 40           | 40
    unlike    | no_answer | unknown   | 05:01:00   |             | 05:01:00 |              |
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_call_rang_as_long_as_its_facts_tell_and_else_nobody_knows() -> None:
    facts = """
    call      | fact     | at           | says
    at once   | offered  | 05:00:00     | direction=incoming
    at once   | accepted | 05:00:00     | answered_by=human
    at once   | ended    | 05:00:30     | talk_seconds=30
    reckoned  | offered  | 05:00:00     | direction=incoming
    reckoned  | ended    | 05:00:41     | talk_seconds=30
    rounded   | offered  | 05:00:00.700 | direction=incoming
    rounded   | ended    | 05:00:30     | talk_seconds=31
    whole     | ended    | 05:00:30     | started_at=05:00:00; talk_seconds=30; direction=incoming
    the end   | ended    | 05:00:30     | talk_seconds=30; direction=incoming
    its length| ended    | 05:00:30     | talk_seconds=30; total_seconds=42; direction=incoming
    its length| ended    | 05:00:30     | provider_status=completed
    by clocks | offered  | 05:00:10     | direction=incoming
    by clocks | accepted | 05:00:04     | answered_by=human
    by clocks | ended    | 05:00:34     | talk_seconds=30
    missed    | ended    | 05:00:30     | disposition=no_answer; direction=incoming
    declined  | rejected | 05:00:30     | rejected_by=company; direction=incoming
    gave up   | ended    | 05:00:30     | disposition=cancelled; direction=outgoing
    """
    expected = """
    call       | started_at   | rang_at      | answered_at  | answer_seconds | ring_seconds | is_in_time | outcome_reason
    at once    | 05:00:00     | 05:00:00     | 05:00:00     | 0              | 0            | yes        | a person talked for 30.0 s after 0.0 s of ringing
    reckoned   | 05:00:00     | 05:00:00     | 05:00:11     | 11             | 11           | yes        | somebody talked for 30.0 s after 11.0 s of ringing; no fact says that it was a machine
    rounded    | 05:00:00.7   | 05:00:00.7   | 05:00:00.7   |                |              |            | somebody talked for 31.0 s; how long it rang is not known; no fact says that it was a machine
    whole      | 05:00:00     | 05:00:00     | 05:00:00     |                |              |            | somebody talked for 30.0 s; how long it rang is not known; no fact says that it was a machine
    the end    | 05:00:00     | 05:00:00     | 05:00:00     |                |              |            | somebody talked for 30.0 s; how long it rang is not known; no fact says that it was a machine
    its length | 04:59:48     | 04:59:48     | 05:00:00     | 12             | 12           | yes        | somebody talked for 30.0 s after 12.0 s of ringing; no fact says that it was a machine
    by clocks  | 05:00:10     | 05:00:10     | 05:00:04     |                |              |            | a person talked for 30.0 s; how long it rang is not known
    missed     | 05:00:30     | 05:00:30     |              |                |              |            | incoming, nobody answered; how long it rang is not known
    declined   | 05:00:30     | 05:00:30     |              |                |              |            | the called side declined; how long it rang is not known
    gave up    | 05:00:30     | 05:00:30     |              |                |              | no         | outgoing, hung up by us before anybody answered; how long it rang is not known
    """  # noqa: E501
    assert _drawn(expected) == _calls(facts, expected)


def test_a_call_rings_at_people_after_the_menu_and_before_the_pickup() -> None:
    facts = """
    call     | leg | fact        | at       | says
    menu     |     | offered     | 05:00:00 | direction=incoming
    menu     |     | rang        | 05:00:00 |
    menu     |     | accepted    | 05:00:01 | answered_by=ivr
    menu     | a   | rang        | 05:00:20 | operator=PJSIP/101
    menu     | a   | accepted    | 05:00:27 | operator=PJSIP/101
    menu     | a   | ended       | 05:01:00 | operator=PJSIP/101
    menu     |     | ended       | 05:01:00 | answered_by=ivr
    unrung   |     | offered     | 05:00:00 | direction=incoming
    unrung   |     | rang        | 05:00:00 |
    unrung   |     | accepted    | 05:00:01 | answered_by=ivr
    unrung   | a   | ended       | 05:01:00 | talk_seconds=33
    unrung   |     | ended       | 05:01:00 | answered_by=ivr
    transfer |     | offered     | 05:00:00 | direction=incoming
    transfer | a   | accepted    | 05:00:12 | operator=PJSIP/101
    transfer | a   | ended       | 05:01:00 | operator=PJSIP/101
    transfer |     | transferred | 05:01:00 | to_operator=PJSIP/102
    transfer | b   | rang        | 05:01:00 | operator=PJSIP/102
    transfer | b   | accepted    | 05:01:08 | operator=PJSIP/102
    transfer | b   | ended       | 05:02:00 | operator=PJSIP/102
    transfer |     | ended       | 05:02:00 |
    """
    expected = """
    call     | outcome  | rang_at  | answered_at | answer_seconds | talk_seconds | operator_id
    menu     | answered | 05:00:20 | 05:00:27    | 7              | 33           | aigul
    unrung   | answered | 05:00:00 | 05:00:27    |                | 33           |
    transfer | answered | 05:00:00 | 05:00:12    | 12             | 100          | oleg
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_call_known_by_its_recording_alone_is_a_row_all_the_same() -> None:
    facts = """
    call | leg | fact                     | at       | says
    c    | a   | recording_made_available | 05:00:30 | recording_id=r; url=x
    """
    expected = """
    call | outcome     | direction | started_at | legs | has_transcript | is_internal | is_test | events
    c    | in_progress | unknown   | 05:00:30   | 0    | no             | no          | no      | 1
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_the_stored_recording_and_its_best_transcript_stand_beside_the_call() -> None:
    sha, turns = "0" * 64, "grade=words; duration_seconds=9; channels=2"
    facts = f"""
    call  | fact                     | at       | says
    c     | ended                    | 05:00:30 | started_at=05:00:00; talk_seconds=20
    c     | recording_made_available | 05:00:31 | recording_id=first; url=x
    c     | recording_made_available | 05:00:32 | recording_id=second; url=x
    c     | recording_stored         | 06:00:00 | recording_id=second; path=p.wav; sha256={sha}; size_bytes=9
    c     | transcribed              | 06:10:00 | recording_id=second; origin=whisperx; model=old; language=ru; {turns}
    c     | transcribed              | 06:20:00 | recording_id=second; origin=whisperx; model=demo; language=kk; is_demo_model=yes; {turns}
    c     | transcribed              | 06:30:00 | recording_id=second; origin=provider; model=theirs; language=en; {turns}
    quiet | ended                    | 05:00:30 | started_at=05:00:00; talk_seconds=20
    """  # noqa: E501
    expected = """
    call  | recording_path | has_transcript | transcript_language | transcript_model | is_demo_transcript | started_at
    c     | p.wav          | yes            | kk                  | demo             | yes                | 05:00:00
    quiet |                | no             |                     |                  |                    | 05:00:00
    """
    built = warehouse(drawn_events(facts))

    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))
    assert recording("second") == built.sql("select max(recording_id) from facts.calls").item()
    by_provider = warehouse(
        drawn_events(facts), [parse_company(f'{COMPANY_TEXT}\n[listening]\ntranscript = "provider"')]
    )
    assert [("theirs",)] == by_provider.sql("select max(transcript_model) from facts.calls").rows()


def test_of_stored_recordings_the_one_with_a_transcript_stands_beside_the_call_and_then_the_earliest() -> None:
    sha, turns = "0" * 64, "origin=whisperx; model=m; language=ru; grade=words; duration_seconds=9; channels=2"
    facts = f"""
    call  | fact                     | at       | says
    heard | recording_made_available | 05:00:31 | recording_id=first; url=x
    heard | recording_made_available | 05:00:32 | recording_id=second; url=x
    heard | recording_stored         | 06:00:00 | recording_id=first; path=1.wav; sha256={sha}; size_bytes=9
    heard | recording_stored         | 06:00:00 | recording_id=second; path=2.wav; sha256={sha}; size_bytes=9
    heard | transcribed              | 06:10:00 | recording_id=second; {turns}
    early | recording_made_available | 05:00:32 | recording_id=b; url=x
    early | recording_made_available | 05:00:31 | recording_id=c; url=x
    early | recording_made_available | 05:00:33 | recording_id=a; url=x
    early | recording_stored         | 06:00:00 | recording_id=b; path=b.wav; sha256={sha}; size_bytes=9
    early | recording_stored         | 06:00:00 | recording_id=c; path=c.wav; sha256={sha}; size_bytes=9
    early | recording_stored         | 06:00:00 | recording_id=a; path=a.wav; sha256={sha}; size_bytes=9
    """
    expected = """
    call  | recording_path | has_transcript
    heard | 2.wav          | yes
    early | c.wav          | no
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_what_is_said_of_the_call_outweighs_its_legs_and_the_earlier_the_later() -> None:
    facts = """
    call | leg | fact    | at       | says
    c    | a   | rang    | 05:00:01 | direction=internal; channel=phone; contact=sip:101; contact_name=Leg; device=computer
    c    |     | offered | 05:00:02 | direction=incoming; contact=whatsapp_user:KZ.1; contact_name=Айгүл; company_number=+77270000000
    c    |     | rang    | 05:00:03 | contact=phone:+77010000001; contact_name=Later; channel=whatsapp
    """  # noqa: E501
    expected = """
    call | direction | channel  | contact_key        | contact_name | company_number | device   | media
    c    | incoming  | whatsapp | phone:+77010000001 | Айгүл        | +77270000000   | computer | audio
    """
    assert _drawn(expected) == _calls(facts, expected)


WORDS = (
    "direction=incoming; channel=waba; contact=vk:1; contact_name=A; company_number=+71; device=phone; media=video",
    "direction=outgoing; channel=viber; contact=vk:2; contact_name=B; company_number=+72; device=computer; media=audio",
)


@pytest.mark.parametrize(("said", "others"), [WORDS, WORDS[::-1]])
def test_whatever_the_words_those_of_the_call_stand_and_of_several_the_earliest(said: str, others: str) -> None:
    facts = f"""
    call | account | leg | fact    | at       | says
    a    | leg     | x   | offered | 05:00:01 | {others}
    a    | first   |     | offered | 05:00:02 | {said}
    a    | later   |     | offered | 05:00:03 | {others}
    b    | first   | x   | offered | 05:00:01 | {said}
    b    | leg     | y   | offered | 05:00:02 | {others}
    b    | later   | x   | offered | 05:00:03 | {others}
    """
    told = warehouse(drawn_events(facts)).sql("""
        select account, direction, channel, contact_key, contact_name, company_number, device, media from facts.calls
    """)

    assert [("first", *(word.partition("=")[2] for word in said.split("; ")))] * 2 == told.rows()


def test_a_transfer_without_legs_names_the_operator_who_took_over() -> None:
    facts = """
    call | fact        | at       | says
    c    | accepted    | 05:00:10 | operator=PJSIP/101; answered_by=human; direction=incoming
    c    | transferred | 05:01:00 | from_operator=PJSIP/101; to_operator=client:aigul
    c    | transferred | 05:02:00 | from_operator=client:aigul; to_operator=PJSIP/102
    c    | ended       | 05:03:00 | disposition=completed; operator=PJSIP/101
    """
    expected = """
    call | outcome  | transfers | operator_endpoint | operator_id | team_id
    c    | answered | 2         | PJSIP/102         | oleg        | sales
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_internal_and_test_calls_are_marked() -> None:
    facts = """
    call     | fact    | at       | says
    colleague| offered | 05:00:00 | direction=internal; contact=sip:102
    office   | offered | 05:00:00 | direction=incoming; contact=phone:+77271111111
    marked   | offered | 05:00:00 | direction=incoming; contact=phone:+77010000001; is_test=yes
    tester   | offered | 05:00:00 | direction=incoming; contact=phone:+77019999999
    test line| offered | 05:00:00 | direction=incoming; contact=phone:+77010000001; company_number=+77019999999
    customer | offered | 05:00:00 | direction=incoming; contact=phone:+77010000001
    unknown  | offered | 05:00:00 | direction=incoming
    """
    expected = """
    call      | is_internal | is_test
    colleague | yes         | no
    office    | yes         | no
    marked    | no          | yes
    tester    | no          | yes
    test line | no          | yes
    customer  | no          | no
    unknown   | no          | no
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_the_day_is_the_local_date_of_the_start_and_hours_may_have_a_pause() -> None:
    facts = """
    call          | fact    | at                  | says
    before nine   | offered | 03:59:59.999        |
    at nine       | offered | 04:00:00            |
    at one        | offered | 08:00:00            |
    at two        | offered | 09:00:00            |
    after six     | offered | 13:00:00            |
    last minute   | offered | 18:59:59.999        |
    past midnight | offered | 19:00:00            |
    saturday late | offered | 2026-03-07 18:59:59 |
    holiday       | offered | 2026-03-09 05:00:00 |
    sunday        | offered | 2026-03-08 05:00:00 |
    """
    expected = """
    call          | day        | hour | weekday | is_business_hours
    before nine   | 2026-03-02 | 8    | 1       | no
    at nine       | 2026-03-02 | 9    | 1       | yes
    at one        | 2026-03-02 | 13   | 1       | no
    at two        | 2026-03-02 | 14   | 1       | yes
    after six     | 2026-03-02 | 18   | 1       | no
    last minute   | 2026-03-02 | 23   | 1       | no
    past midnight | 2026-03-03 | 0    | 2       | no
    saturday late | 2026-03-07 | 23   | 6       | yes
    holiday       | 2026-03-09 | 10   | 1       | no
    sunday        | 2026-03-08 | 10   | 7       | no
    """
    built = warehouse(drawn_events(facts), [msgspec.structs.replace(COMPANY, time_zone="Asia/Almaty")])

    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))


def test_a_company_in_a_zone_with_summer_time_keeps_its_own_clock() -> None:
    facts = """
    call        | fact    | at                  | says
    winter      | offered | 2026-03-28 23:30:00 |
    last winter | offered | 2026-03-29 00:59:59 |
    summer      | offered | 2026-03-29 01:00:00 |
    autumn      | offered | 2026-10-25 00:30:00 |
    again       | offered | 2026-10-25 01:30:00 |
    """
    expected = """
    call        | day        | hour | is_business_hours
    winter      | 2026-03-29 | 0    | yes
    last winter | 2026-03-29 | 1    | yes
    summer      | 2026-03-29 | 3    | yes
    autumn      | 2026-10-25 | 2    | yes
    again       | 2026-10-25 | 2    | yes
    """
    berlin = msgspec.structs.replace(COMPANY, time_zone="Europe/Berlin", hours={})
    built = warehouse(drawn_events(facts), [berlin])

    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))


def test_a_company_without_data_is_counted_in_utc_with_the_usual_threshold() -> None:
    facts = """
    call | fact    | at       | says
    c    | offered | 23:30:00 | direction=incoming
    c    | ended   | 23:30:04 | disposition=no_answer
    """
    expected = """
    call | day        | hour | is_business_hours | outcome   | operator_id
    c    | 2026-03-02 | 23   | yes               | abandoned |
    """
    built = warehouse(drawn_events(facts), [])

    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))


def test_the_short_abandon_threshold_is_the_companys() -> None:
    facts = """
    call | fact    | at       | says
    c    | offered | 05:00:00 | direction=incoming
    c    | ended   | 05:00:12 | disposition=no_answer
    """
    expected = """
    call | outcome   | outcome_reason
    c    | abandoned | incoming, the caller hung up after 12.0 s, sooner than the threshold of 15 s
    """
    patient = msgspec.structs.replace(COMPANY, thresholds=Thresholds(short_abandon_seconds=15))
    built = warehouse(drawn_events(facts), [patient])

    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))


def test_what_is_dated_judges_the_calls_of_its_own_days_and_the_usual_all_others() -> None:
    facts = """
    call         | fact     | at                  | says
    hasty        | offered  | 2026-03-02 18:59:59 | direction=incoming
    hasty        | ended    | 2026-03-02 19:00:11 | disposition=no_answer
    hasty dated  | offered  | 2026-03-02 19:00:00 | direction=incoming
    hasty dated  | ended    | 2026-03-02 19:00:12 | disposition=no_answer
    hasty after  | offered  | 2026-03-03 19:00:00 | direction=incoming
    hasty after  | ended    | 2026-03-03 19:00:12 | disposition=no_answer
    slow         | offered  | 2026-03-02 05:00:00 | direction=incoming
    slow         | accepted | 2026-03-02 05:00:15 |
    slow         | ended    | 2026-03-02 05:01:00 | talk_seconds=45; answered_by=human
    slow dated   | offered  | 2026-03-03 05:00:00 | direction=incoming
    slow dated   | accepted | 2026-03-03 05:00:15 |
    slow dated   | ended    | 2026-03-03 05:01:00 | talk_seconds=45; answered_by=human
    tester       | offered  | 2026-03-02 18:59:59 | direction=incoming; contact=phone:+77010000077
    tester dated | offered  | 2026-03-02 19:00:00 | direction=incoming; contact=phone:+77010000077
    always       | offered  | 2026-03-03 05:00:00 | direction=incoming; contact=phone:+77019999999
    """
    expected = """
    call         | outcome     | is_in_time | is_business_hours | is_test
    hasty        | missed      | no         | no                | no
    hasty dated  | abandoned   | no         | yes               | no
    hasty after  | missed      | no         | no                | no
    slow         | answered    | yes        | yes               | no
    slow dated   | answered    | no         | no                | no
    tester       | in_progress | no         | no                | no
    tester dated | in_progress | no         | yes               | yes
    always       | in_progress | no         | no                | yes
    """
    dated = parse_company(f"""
    {COMPANY_TEXT}
    [[dated_thresholds]]
    from = 2026-03-03
    until = 2026-03-04
    short_abandon_seconds = 15
    service_level_seconds = 10

    [[dated_hours]]
    from = 2026-03-03
    until = 2026-03-04
    hours = {{ tue = ["00:00-09:00"] }}

    [[dated_numbers]]
    number = "+7 701 000-00-77"
    kind = "test"
    from = 2026-03-03
    until = 2026-03-04

    [[dated_numbers]]
    number = "+77019999999"
    kind = "test"
    """)
    built = warehouse(drawn_events(facts), [dated])

    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))
    bounds = [thresholds(built, company="acme", day=date(2026, 3, day)) for day in (2, 3, 4)]
    assert [(5, 20), (15, 10), (5, 20)] == [
        (one["short_abandon_seconds"], one["service_level_seconds"]) for one in bounds
    ]


def test_the_company_s_own_numbers_may_be_written_as_at_home() -> None:
    facts = """
    call   | fact  | at                  | says
    always | ended | 2026-03-03 05:01:00 | contact=phone:+77019999999
    dated  | ended | 2026-03-03 05:01:00 | contact=phone:+77010000077
    later  | ended | 2026-03-05 05:01:00 | contact=phone:+77010000077
    """
    expected = """
    call   | is_test
    always | yes
    dated  | yes
    later  | no
    """
    at_home = parse_company(f"""
    {COMPANY_TEXT.replace('"+77019999999"', '"8 (701) 999-99-99"')}
    [[dated_numbers]]
    number = "8 701 000-00-77"
    kind = "test"
    until = 2026-03-04

    [[dated_numbers]]
    number = "+77010000077"
    kind = "test"
    from = 2026-03-03
    until = 2026-03-05
    """)
    built = warehouse(drawn_events(facts), [at_home])

    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))


def test_the_company_s_own_numbers_may_be_written_as_in_its_city() -> None:
    facts = """
    call  | fact  | at       | says
    ours  | ended | 05:01:00 | contact=phone:+77272999999
    other | ended | 05:01:00 | contact=phone:+77172999999
    """
    expected = """
    call  | is_test
    ours  | yes
    other | no
    """
    text = COMPANY_TEXT.replace('"+77019999999"', '"299-99-99"').replace('"KZ"', '"KZ"\n    area_code = "727"', 1)
    built = warehouse(drawn_events(facts), [parse_company(text)])

    assert _drawn(expected) == draw(built.sql("from facts.calls"), like=_named(expected))


AS_MESSENGERS_WRITE = [
    ("+525512345678", "+52 1 55 1234-5678"),
    ("+525512345678", "521 55 1234 5678"),
    ("+525512345678", "+52 55 1234 5678"),
    ("+553188887777", "+55 31 98888-7777"),
    ("+5531988887777", "+55 31 8888-7777"),
    ("+5491123456789", "+54 11 2345-6789"),
    ("+541123456789", "+54 9 11 2345-6789"),
    ("+77011234567", "00 7 701 123-45-67"),
    ("+78005553535", "8 800 555-35-35"),
]


def test_the_company_s_own_numbers_may_be_written_as_messengers_write_them() -> None:
    companies: list[Company] = []
    events: list[Event] = []
    for number, (told, written) in enumerate(AS_MESSENGERS_WRITE):
        name = f"c{number}"
        text = COMPANY_TEXT.replace('"acme"', f'"{name}"').replace('"+77019999999"', f'"{written}"')
        companies.append(parse_company(text))
        facts = f"""
        call         | fact  | at       | says
        ours {name}  | ended | 05:01:00 | contact=phone:{told}
        other {name} | ended | 05:01:00 | contact=phone:{told[:-1]}0
        """
        events += drawn_events(facts, company=name)
    tested = "select provider_call_id from facts.calls where is_test order by company"

    assert [(f"ours c{number}",) for number in range(len(AS_MESSENGERS_WRITE))] == (
        warehouse(events, companies).sql(tested).rows()
    )


def test_a_reason_repeats_no_words_that_could_be_personal() -> None:
    facts = """
    call | fact  | at       | says
    c    | ended | 05:01:00 | provider_status=+77010000001; error_code=77010000001; contact_name=Айгүл; disposition=busy
    """
    expected = """
    call | outcome_reason
    c    | the line was busy
    """
    assert _drawn(expected) == _calls(facts, expected)


def test_a_fact_that_cannot_be_read_spoils_no_other() -> None:
    facts = """
    call | fact    | at       | says
    good | offered | 05:00:00 | direction=incoming
    odd  | offered | 05:00:00 | direction=incoming
    """
    built = warehouse(drawn_events(facts))
    built.connection.execute(
        'update log.stored_events set short_data = \'"direction": 3, "contact": "x", "is_test": []}\' where entity = ?',
        [call("odd")],
    )

    assert [("good", "incoming"), (None, "3")] == built.sql(
        "select provider_call_id, direction from facts.calls order by all nulls last"
    ).rows()
