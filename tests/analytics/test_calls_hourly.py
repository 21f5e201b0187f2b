"""The roll-up by hour: what it counts, that it adds up to the facts, and that it stays a tenth of them."""

from tests.analytics.drawn import draw, tidy
from tests.analytics.drawn_rows import calls
from tests.analytics.test_metrics import ORDINARY


def test_calls_are_counted_by_the_local_hour_in_which_they_began() -> None:
    expected = """
    day        | hour | direction | weekday | calls | answered | missed | abandoned | talk_seconds
    2026-03-02 | 10   | incoming  | 1       | 7     | 2        | 1      | 1         | 180
    2026-03-02 | 10   | outgoing  | 1       | 3     | 1        | 0      | 0         | 300.5
    """

    assert tidy(expected) == draw(calls(ORDINARY).sql("from reports.calls_hourly"), like=expected)


def test_it_is_at_most_a_tenth_of_the_facts_at_three_hundred_calls_a_day() -> None:
    lines = ["call_id | started_at | direction"]
    for number in range(600):
        day, hour, minute = 2 + number // 300, 4 + number % 11, number % 60
        direction = ("incoming", "outgoing")[number % 2]
        lines.append(f"{number} | 2026-03-{day:02d} {hour:02d}:{minute:02d}:00 | {direction}")
    warehouse = calls("\n".join(lines))

    [(facts, summed, hours)] = warehouse.sql("""
        select (select count(*) from facts.calls), (select sum(calls) from reports.calls_hourly),
            (select count(*) from reports.calls_hourly)
    """).rows()

    assert facts == summed == 600
    assert hours <= facts / 10
