"""How calls ended: their outcomes, by whatever legs, machines, menus and providers tell of them, and the reason."""

from datetime import date
from itertools import pairwise

import msgspec
import pytest

from analytics.questions import thresholds
from schemas.company import parse_company
from schemas.dated import Thresholds
from tests.analytics.drawn import COMPANY, COMPANY_TEXT, drawn_events, warehouse
from tests.analytics.drawn_calls import calls_of, drawn, folded


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == calls_of(built, like=expected)
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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected, source=source)


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

    assert drawn(expected) == calls_of(built, like=expected)


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

    assert drawn(expected) == calls_of(built, like=expected)


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

    assert drawn(expected) == calls_of(built, like=expected)
    bounds = [thresholds(built, company="acme", day=date(2026, 3, day)) for day in (2, 3, 4)]
    assert [(5, 20), (15, 10), (5, 20)] == [
        (one["short_abandon_seconds"], one["service_level_seconds"]) for one in bounds
    ]


def test_a_reason_repeats_no_words_that_could_be_personal() -> None:
    facts = """
    call | fact  | at       | says
    c    | ended | 05:01:00 | provider_status=+77010000001; error_code=77010000001; contact_name=Айгүл; disposition=busy
    """
    expected = """
    call | outcome_reason
    c    | the line was busy
    """
    assert drawn(expected) == folded(facts, like=expected)
