"""Legs and operators: each ring has its operator of that day, the talk of a call is that of its legs."""

from schemas.company import parse_company
from schemas.envelope import Event
from tests.analytics.drawn import call, draw, drawn_events, tidy, warehouse

TRANSFERRED = """
call  | leg | fact                     | at       | says
moved |     | offered                  | 05:00:00 | direction=incoming; contact=phone:+77010000001
moved | a   | rang                     | 05:00:01 | operator=PJSIP/101
moved | b   | rang                     | 05:00:01 | operator=PJSIP/102
moved | a   | ended                    | 05:01:00 | operator=PJSIP/101; answered_at=05:00:10; talk_seconds=50
moved |     | transferred              | 05:01:00 | to_operator=PJSIP/102
moved | b   | ended                    | 05:02:40 | operator=PJSIP/102; answered_at=05:01:10; talk_seconds=90
moved | c   | ended                    | 05:00:09 | operator=client:aigul; disposition=no_answer
moved |     | ended                    | 05:02:40 | disposition=completed
moved | a   | recording_made_available | 05:03:00 | recording_id=r; url=x
moved | a   | recording_stored         | 05:04:00 | recording_id=r; path=r.wav; sha256=0000000000000000000000000000000000000000000000000000000000000000; size_bytes=1
moved | a   | transcribed              | 05:05:00 | recording_id=r; origin=whisperx; model=m; language=kk; grade=turns; duration_seconds=3; channels=1
"""  # noqa: E501


def _drawn(events: list[Event], relation: str, expected: str) -> list[str]:
    names = {call(event.data.provider_call_id): event.data.provider_call_id for event in events}
    return draw(warehouse(events).sql(f"from {relation}"), like=expected, names=names)


def test_each_leg_of_a_transferred_call_has_its_operator_and_its_talk() -> None:
    expected = """
    call_id | leg_id | operator_id | rang_at  | answered_at | ring_seconds | talk_seconds | outcome   | is_last_talker
    moved   | a      | aigul       | 05:00:01 | 05:00:10    | 9            | 50           | answered  | no
    moved   | b      | oleg        | 05:00:01 | 05:01:10    | 69           | 90           | answered  | yes
    moved   | c      | aigul       | 05:00:01 |             | 8            |              | no_answer | no
    """
    assert tidy(expected) == _drawn(drawn_events(TRANSFERRED), "facts.legs", expected)


def test_a_call_is_counted_once_for_the_last_talker_and_all_talk_is_kept() -> None:
    expected = """
    call_id | operator_id | team_id | rings | is_answered | is_counted | answered_at | ring_seconds | talk_seconds
    moved   | aigul       | sales   | 2     | yes         | no         | 05:00:10    | 9            | 50
    moved   | oleg        | sales   | 1     | yes         | yes        | 05:01:10    | 69           | 90
    """
    assert tidy(expected) == _drawn(drawn_events(TRANSFERRED), "facts.call_operators", expected)


def test_the_last_talker_is_who_talked_to_the_end_and_not_who_rang_last() -> None:
    facts = """
    call | leg | fact  | at       | says
    c    | a   | rang  | 05:00:00 | operator=PJSIP/101; direction=incoming
    c    | b   | rang  | 05:00:05 | operator=PJSIP/102
    c    | b   | ended | 05:01:00 | answered_at=05:00:10; talk_seconds=50
    c    | a   | ended | 05:02:00 | answered_at=05:01:00; talk_seconds=60
    d    | a   | ended | 05:01:00 | operator=PJSIP/101; talk_seconds=40; direction=incoming
    d    |     | transferred | 05:01:00 | to_operator=PJSIP/102
    d    | b   | rang  | 05:01:00 | operator=PJSIP/102
    d    | b   | ended | 05:01:30 | disposition=no_answer
    """
    expected = """
    call_id | operator_id | is_counted | talk_seconds
    c       | aigul       | yes        | 60
    c       | oleg        | no         | 50
    d       | aigul       | yes        | 40
    d       | oleg        | no         |
    """
    assert tidy(expected) == _drawn(drawn_events(facts), "facts.call_operators", expected)


def test_a_call_without_legs_is_its_own_leg_where_somebody_is_known_or_talked() -> None:
    facts = """
    call    | leg | fact    | at       | says
    talked  |     | offered | 05:00:00 | direction=incoming
    talked  |     | ended   | 05:01:00 | answered_at=05:00:20; talk_seconds=40
    named   |     | offered | 05:00:00 | direction=outgoing; operator=PJSIP/101
    named   |     | ended   | 05:00:30 | disposition=busy
    nobody  |     | offered | 05:00:00 | direction=incoming
    nobody  |     | ended   | 05:00:30 | disposition=no_answer
    over    | a   | rang    | 05:00:00 | operator=PJSIP/101
    over    |     | ended   | 05:01:00 | answered_at=05:00:20; talk_seconds=40; answered_by=human
    """
    expected = """
    call_id | leg_id | endpoint  | operator_id | talk_seconds | outcome   | is_last_talker
    talked  |        |           |             | 40           | answered  | no
    named   |        | PJSIP/101 | aigul       |              | busy      | yes
    over    | a      | PJSIP/101 | aigul       |              | no_answer | yes
    over    |        | PJSIP/101 | aigul       | 40           | answered  | yes
    """
    assert tidy(expected) == _drawn(drawn_events(facts), "facts.legs", expected)


def test_who_took_a_call_whose_end_is_never_told_took_it() -> None:
    facts = """
    call  | fact     | at       | says
    taken | offered  | 05:00:00 | direction=incoming; operator=PJSIP/101
    taken | accepted | 05:00:09 | answered_by=human
    """
    expected = """
    call_id | operator_id | answered_at | talk_seconds
    taken   | aigul       | 05:00:09    |
    """
    events = drawn_events(facts, source="waha")
    assert tidy(expected) == _drawn(events, "facts.legs", expected)
    assert tidy(expected) == _drawn(events, "facts.call_operators where outcome = 'answered' and is_answered", expected)


def test_a_leg_rang_as_long_as_its_facts_tell_and_else_nobody_knows() -> None:
    facts = """
    call    | leg | fact    | at       | says
    talked  |     | ended   | 05:01:00 | operator=PJSIP/101; talk_seconds=60; direction=incoming
    rounded | a   | rang    | 05:00:01 | operator=PJSIP/101; direction=incoming
    rounded | a   | ended   | 05:00:30 | talk_seconds=31
    rounded | b   | rang    | 05:00:01 | operator=PJSIP/102
    rounded | b   | ended   | 05:00:09 | disposition=no_answer
    unrung  | a   | ended   | 05:00:40 | talk_seconds=10; direction=incoming
    mailbox | a   | rang    | 05:00:00 | direction=incoming; operator=PJSIP/102
    mailbox | a   | accepted| 05:00:12 | answered_by=machine
    mailbox | a   | ended   | 05:01:00 |
    """
    expected = """
    call_id | leg_id | rang_at  | answered_at | ring_seconds | talk_seconds | outcome
    mailbox | a      | 05:00:00 |             | 12           |              | machine
    rounded | a      | 05:00:01 | 05:00:01    |              | 31           | answered
    rounded | b      | 05:00:01 |             | 8            |              | no_answer
    talked  |        | 05:00:00 | 05:00:00    |              | 60           | answered
    unrung  | a      | 05:00:30 | 05:00:30    |              | 10           | answered
    """
    assert tidy(expected) == _drawn(drawn_events(facts), "facts.legs", expected)
    operators = """
    call_id | operator_id | rang_at  | answered_at | ring_seconds
    rounded | aigul       | 05:00:01 | 05:00:01    |
    mailbox | oleg        | 05:00:00 |             | 12
    rounded | oleg        | 05:00:01 |             | 8
    talked  | aigul       | 05:00:00 | 05:00:00    |
    """
    assert tidy(operators) == _drawn(drawn_events(facts), "facts.call_operators", operators)


def test_what_a_call_says_of_its_only_leg_and_operator_is_stored_once() -> None:
    facts = """
    call  | leg | fact    | at       | says
    alone |     | offered | 05:00:00 | direction=outgoing; operator=PJSIP/101
    alone |     | ended   | 05:01:00 | answered_at=05:00:20; talk_seconds=40
    told  | a   | rang    | 05:00:00 | direction=incoming; operator=PJSIP/101
    told  | a   | ended   | 05:01:00 | answered_at=05:00:20; talk_seconds=40
    """
    stored = """
    call_id
    told
    """
    shown = """
    call_id | operator_id | team_id | rings | is_answered | is_counted | rang_at  | answered_at | ring_seconds | talk_seconds
    alone   | aigul       | sales   | 1     | yes         | yes        | 05:00:00 | 05:00:20    | 20           | 40
    told    | aigul       | sales   | 1     | yes         | yes        | 05:00:00 | 05:00:20    | 20           | 40
    """  # noqa: E501
    for relation, expected in {
        "facts.told_legs": stored,
        "facts.told_operators": stored,
        "facts.call_operators": shown,
    }.items():
        assert tidy(expected) == _drawn(drawn_events(facts), relation, expected)


def test_who_calls_talks_in_the_leg_that_rings_at_the_contacts() -> None:
    facts = """
    call  | leg | fact     | at       | says
    asked | to  | rang     | 05:00:02 | direction=outgoing
    asked | to  | ended    | 05:01:00 | answered_at=05:00:20; talk_seconds=40
    asked |     | ended    | 05:01:00 | operator=client:aigul; answered_at=05:00:20; talk_seconds=40
    came  | in  | rang     | 05:00:02 | direction=incoming
    came  | in  | ended    | 05:01:00 | answered_at=05:00:20; talk_seconds=40
    came  |     | ended    | 05:01:00 | operator=client:aigul; talk_seconds=40
    """
    expected = """
    call_id | leg_id | endpoint     | operator_id | talk_seconds | is_last_talker
    asked   | to     | client:aigul | aigul       | 40           | yes
    came    | in     |              |             | 40           | no
    """
    assert tidy(expected) == _drawn(drawn_events(facts), "facts.legs", expected)


def test_a_call_talks_once_while_several_of_its_legs_talk() -> None:
    facts = """
    call    | leg | fact  | at       | says
    agreed  | a   | ended | 05:01:40 | answered_at=05:00:00; talk_seconds=100; operator=PJSIP/101
    agreed  | ask | ended | 05:01:35 | answered_at=05:01:05; talk_seconds=30; operator=PJSIP/101
    agreed  | b   | ended | 05:02:40 | answered_at=05:01:40; talk_seconds=60; operator=PJSIP/102
    three   | a   | ended | 05:10:00 | answered_at=05:00:00; talk_seconds=600; operator=PJSIP/101
    three   | b   | ended | 05:10:01 | answered_at=05:05:00; talk_seconds=301; operator=PJSIP/102
    queue   | a   | ended | 05:01:00 | answered_at=05:00:00; talk_seconds=60; operator=PJSIP/101
    queue   | b   | ended | 05:10:00 | answered_at=05:09:00; talk_seconds=60; operator=PJSIP/102
    clock   | a   | ended | 05:00:00 | answered_at=05:01:00; talk_seconds=60; operator=PJSIP/101
    """
    expected = """
    provider_call_id | talk_seconds | operator_id
    agreed           | 160          | oleg
    three            | 601          | oleg
    queue            | 120          | oleg
    clock            | 60           | aigul
    """
    built = warehouse(drawn_events(facts))
    assert tidy(expected) == draw(built.sql("from facts.calls"), like=expected)
    assert [] == built.sql("from checks.legs_do_not_add_up").rows()
    parts = built.sql("select operator_id, sum(talk_seconds) from facts.call_operators group by all order by all")
    assert [("aigul", 850.0), ("oleg", 421.0)] == parts.rows()


def test_the_talk_of_every_call_is_the_sum_of_its_legs_that_talk_one_after_the_other() -> None:
    built = warehouse(drawn_events(TRANSFERRED))
    query = """
        select calls.talk_seconds, sum(legs.talk_seconds) from facts.calls join facts.legs using (call_id) group by all
    """
    assert built.sql(query).rows() == [(140.0, 140.0)]


def test_an_endpoint_is_the_operators_who_sat_there_on_the_local_day_of_the_call() -> None:
    company = parse_company("""
        id = "acme"
        name = "Acme"
        time_zone = "Asia/Almaty"
        default_region = "KZ"
        teams = [{ id = "sales", name = "Sales" }, { id = "care", name = "Care" }]

        [[operators]]
        id = "aigul"
        name = "Aigul"
        team = "sales"
        seats = [{ endpoint = "PJSIP/101", until = 2026-03-03 }]
        memberships = [{ team = "care", from = 2026-03-02, until = 2026-03-03 }]

        [[operators]]
        id = "oleg"
        name = "Oleg"
        team = "sales"
        seats = [{ endpoint = "PJSIP/101", from = 2026-03-03 }]
    """)
    facts = """
    call  | fact  | at                  | says
    early | ended | 2026-03-01 18:59:59 | operator=PJSIP/101; total_seconds=0
    then  | ended | 2026-03-01 19:00:00 | operator=PJSIP/101; total_seconds=0
    late  | ended | 2026-03-02 19:00:00 | operator=PJSIP/101; total_seconds=0
    """
    expected = """
    call_id | day        | operator_id | team_id
    early   | 2026-03-01 | aigul       | sales
    then    | 2026-03-02 | aigul       | care
    late    | 2026-03-03 | oleg        | sales
    """
    events = drawn_events(facts)
    names = {call(event.data.provider_call_id): event.data.provider_call_id for event in events}
    built = warehouse(events, [company])

    assert tidy(expected) == draw(built.sql("from facts.calls"), like=expected, names=names)
    assert tidy(expected) == draw(built.sql("from facts.legs"), like=expected, names=names)


def test_a_leg_that_was_picked_up_was_answered_where_its_call_was_though_nothing_tells_its_end() -> None:
    facts = """
    call    | leg | fact     | at       | says
    handed  |     | offered  | 05:00:00 | direction=incoming
    handed  | a   | rang     | 05:00:01 | operator=PJSIP/101
    handed  | a   | accepted | 05:00:09 | operator=PJSIP/101
    handed  | b   | rang     | 05:00:30 | operator=PJSIP/102
    handed  | b   | accepted | 05:00:40 | operator=PJSIP/102
    handed  |     | accepted | 05:00:09 |
    handed  |     | ended    | 05:01:00 |
    lost    |     | offered  | 05:00:00 | direction=incoming
    lost    | a   | rang     | 05:00:01 | operator=PJSIP/101
    lost    | a   | accepted | 05:00:09 | operator=PJSIP/101
    lost    |     | ended    | 05:01:00 | talk_seconds=0
    untimed | a   | ended    | 05:01:00 | started_at=05:00:00; answered_by=human; operator=PJSIP/101; direction=incoming
    logged  | a   | ended    | 05:00:20 | started_at=05:00:00; answered_by=human; operator=PJSIP/101; direction=incoming; answered_at=05:00:20
    again   | a   | rang     | 05:00:00 | operator=PJSIP/101; direction=incoming
    again   | a   | accepted | 05:00:04 | operator=PJSIP/101
    again   | a   | ended    | 05:00:05 | talk_seconds=0
    again   | b   | rang     | 05:00:06 | operator=PJSIP/102
    again   | b   | accepted | 05:00:06 | operator=PJSIP/102
    again   | b   | ended    | 05:00:30 | talk_seconds=24
    again   | c   | accepted | 05:00:06 | operator=PJSIP/103; answered_by=machine
    again   | d   | accepted | 05:00:06 | operator=PJSIP/104; answered_by=ivr
    again   | e   | accepted | 05:00:06 | operator=PJSIP/105
    again   | e   | accepted | 05:00:08 | answered_by=machine
    again   |     | ended    | 05:00:30 |
    goes on | a   | rang     | 05:00:01 | operator=PJSIP/101; direction=incoming
    goes on | a   | ended    | 05:00:09 |
    goes on | b   | rang     | 05:00:10 | operator=PJSIP/102
    goes on | b   | accepted | 05:00:15 | operator=PJSIP/102
    goes on | c   | rang     | 05:00:10 | operator=PJSIP/103
    """  # noqa: E501
    legs = """
    call_id | leg_id | operator_id | rang_at  | answered_at | ring_seconds | talk_seconds | outcome
    handed  |        | oleg        | 05:00:01 | 05:00:09    | 8            | 51           | answered
    handed  | a      | aigul       | 05:00:01 | 05:00:09    | 8            |              | answered
    handed  | b      | oleg        | 05:00:30 | 05:00:40    | 10           |              | answered
    lost    | a      | aigul       | 05:00:01 |             |              |              | no_answer
    untimed | a      | aigul       | 05:00:00 |             |              |              | answered
    logged  | a      | aigul       | 05:00:00 | 05:00:20    | 20           |              | answered
    again   | a      | aigul       | 05:00:00 |             | 5            |              | no_answer
    again   | b      | oleg        | 05:00:06 | 05:00:06    | 0            | 24           | answered
    again   | c      |             | 05:00:00 |             | 6            |              | machine
    again   | d      |             | 05:00:00 |             |              |              | no_answer
    again   | e      |             | 05:00:00 |             | 6            |              | machine
    goes on | a      | aigul       | 05:00:01 |             | 8            |              | no_answer
    goes on | b      | oleg        | 05:00:10 |             |              |              | in_progress
    goes on | c      |             | 05:00:10 |             |              |              | in_progress
    """
    assert tidy(legs) == _drawn(drawn_events(facts), "facts.legs", legs)


def test_a_leg_in_which_nobody_talked_ended_as_its_provider_says() -> None:
    ends = ("rejected", "busy", "cancelled", "failed", "not_permitted", "voicemail", "no_answer", "completed")
    facts = "call | leg | fact | at | says\n" + "\n".join(
        [
            *(f"{end} | a | ended | 05:00:20 | direction=outgoing; disposition={end}" for end in ends),
            "box | a | ended | 05:00:20 | direction=outgoing; answered_by=voicemail",
            "gone | a | rang | 05:00:00 | direction=outgoing",
            "gone |   | ended | 05:00:20 | disposition=busy",
            "kept | a | rang | 05:00:00 | direction=outgoing",
            f"kept | r | recording_stored | 05:00:20 | recording_id=r; path=r.wav; sha256={'0' * 64}; size_bytes=1",
        ]
    )
    asked = "select provider_call_id, legs.outcome from facts.legs join facts.calls using (call_id)"

    assert {end: end for end in ends[:-1]} | {
        "completed": "no_answer",
        "box": "voicemail",
        "gone": "no_answer",
        "kept": "in_progress",
    } == dict(warehouse(drawn_events(facts)).sql(asked).iter_rows())


def test_what_rings_more_than_once_at_an_operator_s_is_taken_together() -> None:
    facts = """
    call    | leg | fact  | at       | says
    tried   | a   | rang  | 05:00:00 | operator=PJSIP/101; direction=incoming
    tried   | a   | ended | 05:00:10 | disposition=no_answer
    tried   | b   | rang  | 05:00:20 | operator=client:aigul
    tried   | b   | ended | 05:00:45 | disposition=no_answer
    took    | a   | rang  | 05:00:00 | operator=PJSIP/101; direction=incoming
    took    | a   | ended | 05:00:30 | answered_at=05:00:05; talk_seconds=25
    took    | b   | rang  | 05:00:31 | operator=client:aigul
    took    | b   | ended | 05:01:00 | answered_at=05:00:35; talk_seconds=25
    unknown | a   | rang  | 05:00:00 | operator=PJSIP/101; direction=incoming
    unknown | a   | ended | 05:00:10 | disposition=no_answer
    unknown | b   | ended | 05:00:30 | operator=client:aigul; answered_by=human
    """
    expected = """
    call_id | rings | rang_at  | answered_at | ring_seconds | talk_seconds | is_answered
    tried   | 2     | 05:00:00 |             | 45           |              | no
    took    | 2     | 05:00:00 | 05:00:05    | 5            | 50           | yes
    unknown | 2     | 05:00:00 |             |              |              | yes
    """
    assert tidy(expected) == _drawn(drawn_events(facts), "facts.call_operators", expected)


def test_a_leg_and_an_operator_are_of_the_kind_of_their_call() -> None:
    inside, test, outside = "phone:+77271111111", "phone:+77019999999", "phone:+77010000001"
    kinds = {
        "inner": ("main", "05:01:00", f"direction=incoming; channel=phone; contact={inside}"),
        "test": ("main", "05:01:00", f"direction=incoming; channel=phone; contact={test}"),
        "night": ("second", "15:01:00", f"direction=outgoing; channel=waba; contact={outside}"),
    }
    facts = "call | account | leg | fact | at | says\n" + "\n".join(
        f"{name}{leg} | {account} | {leg} | ended | {at} | operator=PJSIP/102; disposition=no_answer; {says}"
        for name, (account, at, says) in kinds.items()
        for leg in ("", "a")
    )
    expected = """
    call_id | company | source | account | channel | direction | is_business_hours | is_left_out | operator_id | team_id
    inner   | acme    | twilio | main    | phone   | incoming  | yes               | yes         | oleg        | sales
    innera  | acme    | twilio | main    | phone   | incoming  | yes               | yes         | oleg        | sales
    test    | acme    | twilio | main    | phone   | incoming  | yes               | yes         | oleg        | sales
    testa   | acme    | twilio | main    | phone   | incoming  | yes               | yes         | oleg        | sales
    night   | acme    | twilio | second  | waba    | outgoing  | no                | no          | oleg        | sales
    nighta  | acme    | twilio | second  | waba    | outgoing  | no                | no          | oleg        | sales
    """
    events = drawn_events(facts)
    assert tidy(expected) == _drawn(events, "facts.legs where outcome = 'no_answer'", expected)
    assert tidy(expected) == _drawn(events, "facts.call_operators where outcome in ('missed', 'no_answer')", expected)


def test_nobody_answered_in_the_only_leg_of_an_abandoned_call() -> None:
    facts = """
    call | fact    | at       | says
    soon | offered | 05:00:00 | direction=incoming; operator=PJSIP/101
    soon | ended   | 05:00:03 | ended_by=contact
    """
    events = drawn_events(facts)
    assert _drawn(events, "facts.calls", "call_id | outcome") == ["call_id | outcome", "soon    | abandoned"]
    assert _drawn(events, "facts.legs", "call_id | outcome") == ["call_id | outcome", "soon    | no_answer"]
