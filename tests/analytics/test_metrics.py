"""Every metric over calls, on drawn calls: the ordinary case, none, one, ties, midnight, zones, what is left out."""

import re
from datetime import date
from functools import cache

import msgspec
import polars as pl
import pytest

from analytics import questions
from analytics.metrics.catalogue import LANGUAGES, catalogue, fact_of, over, reasons_of, whole
from analytics.metrics.sql import WIDEST
from analytics.questions import Scope
from tests.analytics.drawn import COMPANY, DAY, drawn_events
from tests.analytics.drawn import warehouse as landed
from tests.analytics.drawn_rows import ACME, MARCH, calls, figure

kept = cache(calls)
ORDINARY = """
call_id | started_at          | direction | outcome       | answer_seconds | talk_seconds | is_business_hours | is_internal | is_test
a       | 2026-03-02 05:00:00 | incoming  | answered      | 20             | 60           | yes               | no          | no
b       | 2026-03-02 05:00:00 | incoming  | answered      | 20.001         | 120          | yes               | no          | no
c       | 2026-03-02 05:00:00 | incoming  | missed        | -              | -            | yes               | no          | no
d       | 2026-03-02 05:00:00 | incoming  | abandoned     | -              | -            | yes               | no          | no
e       | 2026-03-02 05:00:00 | incoming  | voicemail     | -              | -            | no                | no          | no
f       | 2026-03-02 05:00:00 | incoming  | machine       | -              | -            | yes               | no          | no
g       | 2026-03-02 05:00:00 | incoming  | rejected      | -              | -            | yes               | no          | no
h       | 2026-03-02 05:00:00 | incoming  | in_progress   | -              | -            | yes               | no          | no
i       | 2026-03-02 05:00:00 | incoming  | answered      | 1              | 999          | yes               | yes         | no
j       | 2026-03-02 05:00:00 | incoming  | missed        | -              | -            | yes               | no          | yes
k       | 2026-03-02 05:00:00 | outgoing  | answered      | 5              | 300.5        | yes               | no          | no
l       | 2026-03-02 05:00:00 | outgoing  | no_answer     | -              | -            | yes               | no          | no
m       | 2026-03-02 05:00:00 | outgoing  | not_permitted | -              | -            | yes               | no          | no
n       | 2026-03-02 05:00:00 | internal  | answered      | 1              | 999          | yes               | yes         | no
o       | 2026-03-02 05:00:00 | outgoing  | answered      | 9              | 999          | yes               | yes         | no
p       | 2026-03-02 05:00:00 | outgoing  | answered      | 9              | 999          | yes               | no          | yes
q       | 2026-03-02 05:00:00 | outgoing  | in_progress   | -              | -            | yes               | no          | no
"""  # noqa: E501
NONE = "call_id | started_at"
ONE = """
call_id | started_at          | answer_seconds | talk_seconds
a       | 2026-03-02 05:00:00 | 7.25           | 61.5
"""
TIES = """
call_id | started_at          | answer_seconds | talk_seconds
a       | 2026-03-02 05:00:00 | 0.1            | 0.7
b       | 2026-03-02 05:00:00 | 0.1            | 0.1
c       | 2026-03-02 05:00:00 | 0.2            | 0.1
d       | 2026-03-02 05:00:00 | 0.3            | 0.1
"""


@pytest.mark.parametrize(
    ("metric", "ordinary", "one", "ties"),
    [
        ("answer_rate", (2 / 7, 7), (1.0, 1), (1.0, 4)),
        ("missed_calls", (1.0, 7), (0.0, 1), (0.0, 4)),
        ("abandonment_rate", (1 / 6, 6), (0.0, 1), (0.0, 4)),
        ("service_level", (1 / 5, 5), (1.0, 1), (1.0, 4)),
        ("answer_seconds_median", (20.0005, 2), (7.25, 1), (0.15, 4)),
        ("answer_seconds_p90", (20.0009, 2), (7.25, 1), (0.27, 4)),
        ("contact_rate", (1 / 3, 3), (None, 0), (None, 0)),
        ("talk_minutes", (480.5 / 60, 3), (1.025, 1), (1 / 60, 4)),
        ("talk_seconds_median", (120.0, 3), (61.5, 1), (0.1, 4)),
        ("talk_seconds_p90", (264.4, 3), (61.5, 1), (0.52, 4)),
    ],
)
def test_a_metric_over_calls_counts_what_the_catalogue_says(
    metric: str, ordinary: tuple[float, int], one: tuple[float, int], ties: tuple[float, int]
) -> None:
    counted = [figure(kept(drawn), metric) for drawn in (ORDINARY, ONE, TIES, NONE)]

    assert [ordinary, one, ties, (None, 0)] == counted


def test_what_is_not_known_of_a_wait_is_neither_in_time_nor_late() -> None:
    drawn = """
    call_id | started_at          | outcome  | answer_seconds | talk_seconds
    soon    | 2026-03-02 05:00:00 | answered | 10             | 60
    unknown | 2026-03-02 05:00:00 | answered | -              | 60
    missed  | 2026-03-02 05:00:00 | missed   | -              | -
    """
    counted = ("service_level", "answer_seconds_median", "answer_rate", "talk_minutes")
    assert [(0.5, 2), (10.0, 1), (2 / 3, 3), (2.0, 2)] == [figure(kept(drawn), metric) for metric in counted]
    nobody = "\n".join(line for line in drawn.splitlines() if "unknown" in line or "call_id" in line)
    assert [(None, 0), (None, 0), (1.0, 1), (1.0, 1)] == [figure(kept(nobody), metric) for metric in counted]


TOLD_WHOLE = """
call | fact    | at       | says
in   | offered | 05:00:00 | direction=incoming
in   | ended   | 05:01:10 | answered_at=05:00:10; talk_seconds=60; answered_by=human
out  | offered | 05:00:00 | direction=incoming
out  | ended   | 05:00:30 | disposition=no_answer
left | offered | 05:00:00 | direction=incoming
left | ended   | 05:00:02 | disposition=no_answer
"""
# What sources tell that never say how long a call rang that somebody took; of others, Kommo says it in its log.
TOLD_IN_PART = {
    "kommo": """
    call  | fact  | at       | says
    talk  | ended | 05:00:00 | direction=incoming; talk_seconds=60; disposition=completed
    quick | ended | 05:00:00 | direction=incoming; talk_seconds=0; total_seconds=2; disposition=no_answer
    long  | ended | 05:00:00 | direction=incoming; talk_seconds=0; total_seconds=40; disposition=no_answer
    """,
    "hubspot": """
    call | fact  | at       | says
    talk | ended | 05:01:00 | direction=incoming; started_at=05:00:00; talk_seconds=60; disposition=completed
    long | ended | 05:00:40 | direction=incoming; started_at=05:00:00; total_seconds=40; disposition=no_answer
    """,
    "justcall": """
    call | fact  | at       | says
    talk | ended | 05:01:00 | direction=incoming; started_at=05:00:00; talk_seconds=60; disposition=completed
    long | ended | 05:00:00 | direction=incoming; disposition=no_answer; talk_seconds=0
    """,
    "vk": """
    call  | fact  | at       | says
    talk  | ended | 05:01:00 | direction=incoming; started_at=05:00:00; talk_seconds=60; answered_by=human
    long  | ended | 05:00:00 | direction=incoming; disposition=cancelled; ended_by=contact; talk_seconds=0
    other | ended | 05:00:00 | direction=incoming; disposition=rejected; ended_by=company; talk_seconds=0
    """,
    "wazzup": """
    call | fact  | at                  | says
    long | ended | 05:00:00            | direction=incoming; contact=phone:+77010000001; disposition=no_answer
    next | ended | 2026-03-04 05:00:00 | direction=incoming; contact=phone:+77010000002; disposition=no_answer
    ours | ended | 2026-03-04 06:00:00 | direction=outgoing; contact=phone:+77010000003; disposition=no_answer
    """,
}


@pytest.mark.parametrize("source", list(TOLD_IN_PART))
def test_a_source_that_cannot_tell_a_wait_has_no_figure_of_it_and_changes_none(source: str) -> None:
    told = drawn_events(TOLD_IN_PART[source], source=source)
    others = drawn_events(TOLD_WHOLE)
    waits = ("service_level", "abandonment_rate", "answer_seconds_median")

    alone, both = landed(told), landed([*told, *others])

    assert dict.fromkeys(waits, (None, 0)) == {metric: figure(alone, metric) for metric in waits}
    assert [(1 / 2, 2), (1 / 3, 3), (10.0, 1)] == [figure(both, metric) for metric in waits]


def test_a_source_that_tells_of_missed_calls_alone_has_no_rate_of_answers() -> None:
    told = landed(drawn_events(TOLD_IN_PART["wazzup"], source="wazzup"))
    unknown = ("answer_rate", "contact_rate", "missed_recovered_soon", "missed_recovered", "missed_lost")

    assert dict.fromkeys(unknown, (None, 0)) == {metric: figure(told, metric) for metric in unknown}
    assert [(2.0, 2), (2.0, 2)] == [figure(told, metric) for metric in ("missed_calls", "missed_contacts")]


def test_every_metric_over_calls_has_a_drawn_case() -> None:
    [cases] = [
        mark.args[1]
        for mark in test_a_metric_over_calls_counts_what_the_catalogue_says.pytestmark  # pyright: ignore[reportFunctionMemberAccess]
        if mark.name == "parametrize"
    ]

    assert list(over("calls")) == [case[0] for case in cases]


def test_a_call_counts_on_the_local_day_on_which_it_began() -> None:
    warehouse = calls("""
        call_id | started_at
        a       | 2026-03-01 18:59:59
        b       | 2026-03-01 19:00:00
        c       | 2026-03-02 18:59:59
        d       | 2026-03-02 19:00:00
    """)

    days = questions.figures(warehouse, period=MARCH, scope=ACME, metrics=("answer_rate",), by=("day",))

    assert [("2026-03-01", 1), ("2026-03-02", 2), ("2026-03-03", 1)] == [
        (str(day), sample) for day, sample in days.select("day", "sample").rows()
    ]


def test_a_day_of_a_clock_change_has_all_its_calls() -> None:
    in_berlin = msgspec.structs.replace(COMPANY, time_zone="Europe/Berlin")
    warehouse = calls(
        """
        call_id | started_at
        a       | 2026-03-28 22:59:59
        b       | 2026-03-28 23:00:00
        c       | 2026-03-29 00:59:59
        d       | 2026-03-29 01:00:00
        e       | 2026-03-29 21:59:59
        f       | 2026-03-29 22:00:00
        """,
        companies=(in_berlin,),
    )

    hours = questions.figures(warehouse, period=MARCH, scope=ACME, metrics=("answer_rate",), by=("day", "hour"))

    assert [(28, 23, 1), (29, 0, 1), (29, 1, 1), (29, 3, 1), (29, 23, 1), (30, 0, 1)] == [
        (day.day, hour, sample) for day, hour, sample in hours.select("day", "hour", "sample").rows()
    ]


def test_a_metric_is_empty_where_its_fact_cannot_be_narrowed_so() -> None:
    warehouse = kept(ORDINARY)

    assert (None, 0) == figure(warehouse, "answer_rate", scope=Scope(company="acme", operators=("nobody",)))


def test_the_table_of_days_holds_the_very_numbers_of_the_pages() -> None:
    warehouse = kept(ORDINARY)

    daily = warehouse.sql("select * exclude (company) from metrics.daily order by day, metric")
    asked = questions.figures(warehouse, period=MARCH, scope=ACME, metrics=tuple(catalogue()), by=("day",))

    shown = asked.filter(pl.col("sample") > 0).select(daily.columns).sort("day", "metric")
    assert {DAY} == {str(day) for day in daily["day"]}
    assert shown.rows() == daily.rows()


def test_who_asks_the_table_of_days_for_one_metric_has_its_fact_read_alone() -> None:
    asked = "explain (format json) select value from metrics.daily where metric = 'contact_rate' and day = $day"

    [(_, plan)] = kept(ORDINARY).sql(asked, {"day": date(2026, 3, 2)}).rows()

    assert ["calls"] == [table.rpartition(".")[2] for table in re.findall(r'"Table": "([^"]+)"', plan)]


def test_the_formula_for_people_gives_the_number_itself() -> None:
    warehouse = kept(ORDINARY)

    told = {name: warehouse.sql(metric.formula).item() for name, metric in over("calls").items()}

    assert {name: pytest.approx(figure(warehouse, name)[0]) for name in over("calls")} == told


def test_every_formula_is_sql_of_which_a_page_cuts_no_line_off() -> None:
    warehouse = kept(ORDINARY)
    formulas = [metric.formula for metric in catalogue().values()]
    assert {1} == {warehouse.sql(formula).height for formula in formulas}
    assert [] == [line for formula in formulas for line in formula.splitlines() if len(line) > WIDEST]


def test_the_catalogue_says_of_each_metric_all_that_the_domain_asks_for() -> None:
    for metric in catalogue().values():
        assert metric.of
        assert metric.numerator
        assert [reason.title.en for reason, _ in reasons_of(metric)] or not metric.leave_out
        assert fact_of(metric).dimensions
        assert all(metric.title.of(language) and metric.meaning.of(language) for language in LANGUAGES)


def test_the_catalogue_is_a_table_too() -> None:
    listed = kept(NONE).sql("select metric, version from metrics.catalogue").rows()

    assert [(name, whole().version) for name in catalogue()] == listed
