"""When a call was picked up and over, how long it rang and was talked, and on which day of the company it was."""

import msgspec

from tests.analytics.drawn import COMPANY, drawn_events, warehouse
from tests.analytics.drawn_calls import calls_of, drawn, folded


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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
    assert drawn(expected) == folded(facts, like=expected)


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

    assert drawn(expected) == calls_of(built, like=expected)


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

    assert drawn(expected) == calls_of(built, like=expected)
