"""Cold calls: our first call to a contact who never turned to us before."""

from tests.analytics.drawn import call, draw, drawn_events, tidy, warehouse
from tests.analytics.drawn_rows import MESSAGE, calls, figure, fill, meet

CALLS = """
call_id   | started_at          | direction | contact_key | outcome     | is_internal
trial     | 2026-03-01 06:00:00 | outgoing  | phone:+71   | answered    | yes
cold      | 2026-03-02 05:00:00 | outgoing  | phone:+71   | answered    | no
second    | 2026-03-02 06:00:00 | outgoing  | phone:+71   | no_answer   | no
he_called | 2026-03-02 05:00:00 | incoming  | phone:+72   | missed      | no
warm      | 2026-03-02 05:00:01 | outgoing  | phone:+72   | answered    | no
wrote     | 2026-03-02 05:00:00 | outgoing  | phone:+73   | answered    | no
later     | 2026-03-02 05:00:00 | outgoing  | phone:+74   | rejected    | no
called    | 2026-03-02 05:00:00 | incoming  | phone:+74   | answered    | no
blank     | 2026-03-02 05:00:00 | outgoing  | -           | answered    | no
running   | 2026-03-02 05:00:00 | outgoing  | phone:+75   | in_progress | no
colleague | 2026-03-02 05:00:00 | outgoing  | phone:+76   | answered    | yes
"""
MESSAGES = """
message_id | first_at            | direction | contact_key
m          | 2026-03-01 05:00:00 | incoming  | phone:+73
ours       | 2026-03-01 05:00:00 | outgoing  | phone:+71
"""


def test_a_call_is_cold_when_the_contact_never_turned_to_us_before() -> None:
    drawn = fill(calls(CALLS), "facts.messages", MESSAGES, usual=MESSAGE)
    meet(drawn)
    expected = """
    call_id   | is_first | is_cold | turned_to_us_at
    blank     | no       | no      |
    cold      | yes      | yes     |
    colleague | yes      | yes     |
    later     | yes      | yes     | 05:00:00
    running   | yes      | yes     |
    second    | no       | no      |
    trial     | yes      | yes     |
    warm      | yes      | no      | 05:00:00
    wrote     | yes      | no      | 2026-03-01 05:00:00
    """

    assert tidy(expected) == draw(drawn.sql("from reports.cold_calls"), like=expected)


def test_who_only_tried_a_line_had_not_turned_to_us() -> None:
    facts = """
    call  | fact    | at       | says
    trial | offered | 05:00:00 | direction=incoming; contact=phone:+77010000001; is_test=yes
    cold  | offered | 06:00:00 | direction=outgoing; contact=phone:+77010000001
    """
    expected = """
    call_id | is_cold | turned_to_us_at
    cold    | yes     |
    """
    found = warehouse(drawn_events(facts)).sql("from reports.cold_calls")
    assert tidy(expected) == draw(found, like=expected, names={call("cold"): "cold"})


def test_the_share_is_of_outgoing_calls_to_known_contacts() -> None:
    drawn = fill(calls(CALLS), "facts.messages", MESSAGES, usual=MESSAGE)
    meet(drawn)

    assert (2 / 5, 5) == figure(drawn, "cold_call_share")
