"""The roll-up of calls: what is counted, what is left out, and that it stays a tenth of the facts."""

import random

from schemas.envelope import Event
from tests.analytics.drawn import draw, drawn_events, tidy, warehouse


def test_calls_are_counted_by_outcome_and_what_is_left_out_is_counted_apart() -> None:
    facts = """
    call | fact     | at       | says
    a    | offered  | 05:00:00 | direction=incoming; channel=phone
    a    | accepted | 05:00:20 | answered_by=human
    a    | ended    | 05:01:20 | talk_seconds=60.25
    b    | offered  | 05:00:00 | direction=incoming; channel=phone
    b    | accepted | 05:00:21 | answered_by=human
    b    | ended    | 05:01:21 | talk_seconds=60.25
    c    | offered  | 05:00:00 | direction=incoming; channel=phone
    c    | ended    | 05:00:30 | disposition=no_answer
    d    | offered  | 05:00:00 | direction=incoming; channel=phone; is_test=yes
    d    | ended    | 05:00:30 | talk_seconds=10; disposition=completed
    e    | offered  | 05:00:00 | direction=incoming; channel=phone; contact=phone:+77271111111; is_test=yes
    f    | offered  | 20:00:00 | direction=outgoing; channel=phone
    f    | ended    | 20:00:30 | disposition=busy
    g    | ended    | 05:00:40 | direction=incoming; channel=phone; talk_seconds=40
    """
    expected = """
    day        | direction | is_business_hours | calls | answered | answered_in_time | missed | busy | talk_seconds | answer_seconds | answer_times | internal_calls | test_calls
    2026-03-02 | incoming  | yes               | 4     | 3        | 1                | 1      | 0    | 160.5        | 41             | 2            | 1              | 1
    2026-03-03 | outgoing  | no                | 1     | 0        | 0                | 0      | 1    | 0            | 0              | 0            | 0              | 0
    """  # noqa: E501
    built = warehouse(drawn_events(facts))

    assert tidy(expected) == draw(built.sql("from reports.calls_daily"), like=expected)


def test_the_outcomes_of_the_roll_up_add_up_to_its_calls() -> None:
    built = warehouse(_traffic(calls=400, days=3))
    summed = built.sql(
        """
        select sum(calls), sum(
            answered + voicemail + machine + missed + abandoned + rejected + no_answer + busy + cancelled + failed
            + not_permitted + in_progress
        )
        from reports.calls_daily
        """
    )

    assert [(400, 400)] == summed.rows()


def test_the_roll_up_is_at_most_a_tenth_of_the_facts_at_a_hundred_and_thirty_calls_a_day() -> None:
    built = warehouse(_traffic(calls=1_300, days=10))
    [(facts, reports)] = built.sql(
        "select (select count(*) from facts.calls), (select count(*) from reports.calls_daily)"
    ).rows()

    assert facts == 1_300
    assert reports <= facts / 10


def _traffic(*, calls: int, days: int) -> list[Event]:
    """Draw calls of three sources over working days, a tenth of them outside business hours."""
    chance = random.Random(7)  # repeatable, not secret
    events: list[Event] = []
    for source, channel in (("twilio", "phone"), ("asterisk", "phone"), ("whatsapp_cloud", "waba")):
        lines = ["call | fact | at | says"]
        for number in range(calls // 3 + (source == "twilio") * (calls % 3)):
            at = f"2026-03-{chance.randint(1, days):02d} {chance.choice(('20', *['04', '05', '06', '07', '11'] * 2))}"
            ending = chance.choice(("talk_seconds=30; answered_by=human", "disposition=no_answer", "disposition=busy"))
            direction = chance.choice(("incoming", "outgoing"))
            lines.append(f"{source}{number} | offered | {at}:00:00 | direction={direction}; channel={channel}")
            lines.append(f"{source}{number} | ended | {at}:01:00 | {ending}")
        events += drawn_events("\n".join(lines), source=source)
    return events
