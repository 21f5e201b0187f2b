"""Every metric of the catalogue at its edges, on one drawn warehouse: each edge is a company with little stories.

A story is one of everything, all at one moment: a call that is answered and written down, a missed call and our call
back, a call with permission, a stranger who writes and is answered, a deal that is won. What it adds to each metric
stands in ONE; the edges are the same story once more, twice, on both sides of midnight, across changes of the clock,
and told backwards, twice. One company has calls beside, of which their sources cannot tell something.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analytics import questions
from analytics.folding.scratch import Scratch
from analytics.metrics.catalogue import QUANTILES, Metric, catalogue, fact_of, lists_calls
from analytics.questions import CallFilter, Period, Scope
from analytics.questions.explain import explain, rows_of
from schemas.company import Company, parse_company
from schemas.envelope import Event
from schemas.ids import conversation_id
from tests.analytics.drawn import drawn_events, warehouse

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
ZONES = {"almaty": "Asia/Almaty", "sao-paulo": "America/Sao_Paulo", "berlin": "Europe/Berlin"}
# When the stories of each company happen, in UTC. Those that are not named by their zone live in Almaty.
STORIES = {
    "none": (),
    "one": ("2026-03-02 05:00:00",),
    "ties": ("2026-03-02 05:00:00", "2026-03-02 05:00:00"),
    "late": ("2026-03-02 05:00:00",),
    "almaty": ("2026-03-01 18:59:59", "2026-03-01 19:00:00"),
    "sao-paulo": ("2026-03-02 02:59:59", "2026-03-02 03:00:00"),
    # The clock leaps from 2 to 3 on 29 March, and falls from 3 to 2 on 25 October.
    "berlin": (
        *("2026-03-28 22:59:59", "2026-03-29 00:59:59", "2026-03-29 01:00:00", "2026-03-29 21:59:59"),
        *("2026-10-24 21:59:59", "2026-10-24 22:00:00", "2026-10-25 00:30:00", "2026-10-25 01:30:00"),
        *("2026-10-25 22:59:59", "2026-10-25 23:00:00"),
    ),
    "in-part": ("2026-03-02 05:00:00",),
}
STORIES_A_DAY = {
    "almaty": {"2026-03-01": 1, "2026-03-02": 1},
    "sao-paulo": {"2026-03-01": 1, "2026-03-02": 1},
    "berlin": {"2026-03-28": 1, "2026-03-29": 3, "2026-10-24": 1, "2026-10-25": 4, "2026-10-26": 1},
}
# Value and sample of one story.
ONE: dict[str, tuple[float, int]] = {
    "answer_rate": (0.5, 2),
    "missed_calls": (1.0, 2),
    "abandonment_rate": (0.0, 2),
    "service_level": (0.5, 2),
    "answer_seconds_median": (10.0, 1),
    "answer_seconds_p90": (10.0, 1),
    "contact_rate": (1.0, 2),
    "talk_minutes": (2.0, 3),
    "talk_seconds_median": (30.0, 3),
    "talk_seconds_p90": (54.0, 3),
    "first_call_resolution": (1.0, 1),
    "cold_call_share": (1.0, 2),  # who turned to us in the same second had not done so before
    "replied_share": (1.0, 1),
    "first_reply_seconds_median": (60.0, 1),
    "first_reply_business_seconds_median": (60.0, 1),
    "reply_seconds_median": (60.0, 1),
    "reply_seconds_p90": (60.0, 1),
    "reply_business_seconds_median": (60.0, 1),
    "talk_ratio": (0.6, 1),
    "talk_share": (0.5, 1),
    "silence_share": (0.2, 1),
    "dead_air_share": (0.2, 1),
    "overlap_share": (2 / 60, 1),
    "operator_monologue_seconds_median": (18.0, 1),
    "customer_monologue_seconds_median": (18.0, 1),
    "patience_seconds_median": (0.0, 1),
    "operator_interruptions_per_hour": (0.0, 1),
    "customer_interruptions_per_hour": (60.0, 1),
    "switches_per_hour": (120.0, 1),
    "switches_per_call_median": (2.0, 1),
    "operator_questions_per_hour": (60.0, 1),
    "operator_questions_per_call_median": (1.0, 1),
    "customer_questions_per_hour": (0.0, 1),
    "customer_questions_per_call_median": (0.0, 1),
    "operator_words_per_minute": (10.0, 1),
    "customer_words_per_minute": (6.0, 1),
    "operator_answer_rate": (1.0, 1),
    "operator_talk_minutes": (2.0, 3),
    "lead_attempt_seconds_median": (35.0, 2),
    "lead_attempt_seconds_p95": (57.5, 2),
    "lead_contact_seconds_median": (10.0, 1),
    "lead_contact_seconds_p95": (10.0, 1),
    "leads_within_5_minutes": (1.0, 2),
    "conversion_after_call": (1 / 3, 3),
    "deals_won_after_call": (1.0, 3),
    "missed_contacts": (1.0, 1),
    "missed_recovered_soon": (1.0, 1),
    "missed_recovered": (1.0, 1),
    "missed_lost": (0.0, 1),
    "callback_attempt_seconds_median": (0.0, 1),
    "callback_contact_seconds_median": (5.0, 1),
    "rings_per_episode": (1.0, 1),
    "call_cost": (6.0, 2),
    "cost_per_answered_minute": (6.0, 2),
    "request_cost": (7.5, 1),
    "risk_signs": (1.0, 1),
    "risk_signs_per_100_calls": (50.0, 3),
    "permitted_share": (1.0, 1),
    "calls_outside_permission": (0.0, 1),
}
# Of two equal stories: sums and counts are twice as large, and a quantile may lie elsewhere between equal neighbours.
TIES = {name: value * 2 for name, (value, _) in ONE.items() if catalogue()[name].kind in {"sum", "count"}} | {
    "talk_seconds_p90": 60.0,
    "lead_attempt_seconds_p95": 60.0,
}
# What is known to lead a naive count astray, and the drawn tests that hold it.
TRAPS = {
    "completed does not mean answered, and a failed call may have a duration": {
        "test_outcomes.py": (
            "test_completed_does_not_mean_answered",
            "test_a_failed_call_with_a_duration_stays_failed_unless_somebody_picked_up",
            "test_a_menu_that_picks_up_is_no_answer",
        ),
    },
    "events come late, twice and out of order": {
        "test_fold_properties.py": ("test_any_order_and_any_repeats_give_the_same_rows",),
        "test_refresh_properties.py": ("test_facts_landed_in_any_order_batch_and_repetition_equal_one_rebuild",),
        "test_call_repeats.py": ("test_a_late_call_makes_its_contacts_first_call_unresolved",),
    },
    "a connection is no pickup": {"test_outcomes.py": ("test_connect_is_not_pickup",)},
    "policies of permission differ, and change with the date": {
        "test_permissions.py": ("test_a_permission_lasts_as_the_policy_says",),
    },
    "nothing tells that a permission ran out": {
        "test_permissions.py": ("test_a_permission_ends_by_what_comes_first",),
    },
    "one name, several numbers": {
        "test_metrics.py": ("test_the_catalogue_says_of_each_metric_all_that_the_domain_asks_for",),
    },
    "identity is not a phone": {
        "test_contacts.py": (
            "test_identities_linked_in_any_order_and_batches_are_the_same_contacts",
            "test_blank_and_anonymous_callers_are_nobody_and_our_own_numbers_join_nobody",
        ),
    },
    "a transcript may come from the provider, split already": {
        "test_turns.py": ("test_turns_are_those_of_the_best_transcript_of_each_recording",),
    },
    "missed callers are reached soon, late, by themselves, or lost": {
        "test_missed_episodes.py": (
            "test_an_episode_closes_with_the_first_call_in_which_somebody_talked",
            "test_the_bounds_of_soon_and_of_lost_are_inclusive_to_the_second",
        ),
    },
    "exported rows add up to the figure, and periods stand beside the ones before": {
        "test_oracle.py": ("test_exported_rows_add_up_to_the_tile",),
        "test_questions.py": (
            "test_the_period_before_has_the_same_weekdays",
            "test_the_period_before_is_cut_at_the_same_moment",
        ),
    },
}


def _company(name: str) -> Company:
    return parse_company(f"""
        id = "{name}"
        name = "{name}"
        time_zone = "{ZONES.get(name, "Asia/Almaty")}"
        default_region = "KZ"
        test_numbers = ["+77019999999"]
        currency = "KZT"
        accounts = [{{ id = "main", source = "twilio" }}]
        teams = [{{ id = "sales", name = "Sales" }}]
        operators = [{{ id = "aigul", name = "Aigul", team = "sales", endpoints = ["PJSIP/101"] }}]

        [[tariffs]]
        id = "trunk"
        accounts = ["main"]
        kind = "per_pulse"
        currency = "KZT"
        rates = [{{ price_per_minute = "6" }}]
        request_rates = [{{ price_per_request = "7.5" }}]
    """)


def _story(company: str, number: int, at: datetime) -> Iterator[Event]:
    """Tell one of everything; who is who depends on the company and the number of the story."""

    def after(seconds: int) -> str:
        return f"{at + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"

    a, b, c, d = (f"phone:+7701{list(STORIES).index(company):03d}{number:02d}{who:02d}" for who in range(4))
    name = f"{company}-{number}"
    who = f"contact={d}; conversation_id={conversation_id(company, 'phone', d)}"
    turns = json.dumps(
        [
            {"channel": channel, "role": role, "start_seconds": begin, "end_seconds": end, "text": text}
            for channel, role, begin, end, text in (
                (0, "operator", 0, 20, "hello, who is calling?"),
                (1, "customer", 18, 38, "a customer"),
                (0, "operator", 38, 48, "good"),
            )
        ]
    )
    yield from drawn_events(
        f"""
        call        | fact        | at           | says
        {name}-in   | rang        | {after(0)}   | direction=incoming; channel=phone; contact={a}; operator=PJSIP/101
        {name}-in   | ended       | {after(70)}  | operator=PJSIP/101; answered_at={after(10)}; talk_seconds=60; answered_by=human
        {name}-in   | transcribed | {after(90)}  | recording_id={name}; origin=whisperx; model=m; language=ru; grade=segments; duration_seconds=60; channels=2; separation=channels; turns={turns}
        {name}-out  | rang        | {after(0)}   | direction=outgoing; channel=waba; contact={b}; operator=PJSIP/101
        {name}-out  | ended       | {after(35)}  | operator=PJSIP/101; answered_at={after(5)}; talk_seconds=30
        {name}-miss | rang        | {after(0)}   | direction=incoming; channel=phone; contact={c}
        {name}-miss | ended       | {after(30)}  | disposition=no_answer
        {name}-back | rang        | {after(0)}   | direction=outgoing; channel=phone; contact={c}; operator=PJSIP/101
        {name}-back | ended       | {after(35)}  | operator=PJSIP/101; answered_at={after(5)}; talk_seconds=30
        {name}-test | rang        | {after(1_800_000)} | direction=incoming; contact=phone:+77019999999
        {name}-test | ended       | {after(1_800_060)} | answered_at={after(1_800_000)}; talk_seconds=60
        """,  # noqa: E501
        company=company,
    )
    yield from drawn_events(
        f"""
        message     | fact     | at          | says
        {name}-asks | received | {after(0)}  | channel=waba; kind=text; text=how much is it; {who}
        {name}-told | sent     | {after(60)} | channel=waba; kind=text; text=so much; {who}
        """,
        company=company,
    )
    yield from drawn_events(
        f"""
        permission | fact      | at         | says
        {name}     | requested | {after(0)} | channel=waba; contact={b}
        {name}     | granted   | {after(0)} | channel=waba; contact={b}; given_by=user_action
        """,
        company=company,
    )
    yield from drawn_events(
        f"""
        account | fact       | at         | says
        {name}  | restricted | {after(0)} | restriction=calling
        """,
        company=company,
    )
    yield from drawn_events(
        f"""
        deal   | fact    | at            | says
        {name} | created | {after(0)}    | contact={a}
        {name} | won     | {after(3600)} | contact={a}
        """,
        company=company,
    )


# What a source tells that never says how long a call rang that somebody took, how long one was talked, that any was
# answered, or what we wrote.
IN_PART = {
    "kommo": """
        call       | fact     | at       | says
        kommo-talk | ended    | 05:00:00 | direction=incoming; talk_seconds=60; disposition=completed
        kommo-out  | ended    | 05:00:00 | direction=incoming; total_seconds=40; disposition=no_answer
    """,
    "waha": """
        call       | fact     | at       | says
        waha-talk  | offered  | 05:00:00 | direction=incoming
        waha-talk  | accepted | 05:00:05 | answered_by=human
    """,
    "wazzup": """
        call       | fact  | at                  | says
        wazzup-out | ended | 2026-03-02 05:00:00 | direction=incoming; contact=phone:+77012000001; disposition=no_answer
        wazzup-now | ended | 2026-03-04 05:00:00 | direction=incoming; contact=phone:+77012000002; disposition=no_answer
    """,
    "pact": """
        message    | account | fact     | at       | says
        pact-asks  | deaf    | received | 05:00:00 | channel=whatsapp; kind=text; text=is anybody there
    """,
}
# Metrics of the company's own: of contacts, some of whom are not known, and of a measure that some calls do not have.
OWN = """
[metrics.contacts_answered]
fact = "calls"
kind = "share"
of = "direction = 'incoming'"
numerator = "outcome = 'answered'"
distinct = "contact_key"
leave_out = []
unit = "share"
good = "up"
title = "Contacts answered"
meaning = "Contacts who were answered, out of all who called."

[metrics.ring_seconds_p95]
fact = "calls"
kind = "p95"
of = "true"
numerator = "ring_seconds"
leave_out = []
unit = "seconds"
good = "down"
title = "Ringing"
meaning = "How long 19 of 20 calls ring at most."
"""


@cache
def _warehouse() -> Scratch:
    events: list[Event] = []
    for company, moments in STORIES.items():
        told = [
            event
            for number, moment in enumerate(moments)
            for event in _story(company, number, datetime.fromisoformat(moment).replace(tzinfo=UTC))
        ]
        events += [*reversed(told), *told] if company == "late" else told
    for source, told_in_part in IN_PART.items():
        events += drawn_events(told_in_part, source=source, company="in-part")
    built = warehouse(events, [_company(name) for name in STORIES])
    built.build()
    return built


@cache
def _figures(company: str) -> dict[str, tuple[float | None, int]]:
    found = questions.figures(_warehouse(), period=YEAR, scope=Scope(company=company), metrics=tuple(catalogue()))
    return {metric: (value, sample) for metric, value, sample in found.select("metric", "value", "sample").rows()}


@cache
def _samples(company: str) -> dict[tuple[str, str], int]:
    found = questions.figures(
        _warehouse(), period=YEAR, scope=Scope(company=company), metrics=tuple(catalogue()), by=("day",)
    )
    rows = found.select("metric", "day", "sample").rows()
    return {(metric, str(day)): sample for metric, day, sample in rows if sample}


def test_every_metric_of_the_catalogue_has_its_drawn_case() -> None:
    assert set(catalogue()) == set(ONE)


@pytest.mark.parametrize("metric", list(catalogue()))
def test_without_rows_a_metric_is_empty(metric: str) -> None:
    assert (None, 0) == _figures("none")[metric]


@pytest.mark.parametrize("metric", list(catalogue()))
def test_one_story_counts_as_drawn(metric: str) -> None:
    assert ONE[metric] == _figures("one")[metric]


@pytest.mark.parametrize("metric", list(catalogue()))
def test_two_stories_in_one_second_are_two(metric: str) -> None:
    value, sample = ONE[metric]
    assert (TIES.get(metric, value), sample * 2) == _figures("ties")[metric]


@pytest.mark.parametrize("metric", list(catalogue()))
def test_events_told_backwards_and_twice_give_the_same_figure(metric: str) -> None:
    assert ONE[metric] == _figures("late")[metric]


@pytest.mark.parametrize("company", list(STORIES_A_DAY))
@pytest.mark.parametrize("metric", list(catalogue()))
def test_a_story_belongs_to_the_local_day_on_which_it_began(metric: str, company: str) -> None:
    expected = {day: ONE[metric][1] * stories for day, stories in STORIES_A_DAY[company].items()}
    assert expected == {day: sample for (name, day), sample in _samples(company).items() if name == metric}


@pytest.mark.parametrize("metric", list(catalogue()))
def test_a_figure_of_few_rows_says_so(metric: str) -> None:
    explained = explain(_warehouse(), metric, period=YEAR, scope=Scope(company="berlin"))
    assert (ONE[metric][1] * 10, explained.sample < 20) == (explained.sample, explained.is_small)


def test_the_rows_behind_every_metric_are_those_that_it_counts(own_metrics: Path) -> None:
    own_metrics.write_text(own_metrics.read_text() + OWN)
    catalogue.cache_clear()
    opened, scope = _warehouse(), Scope(company="in-part")
    figures = questions.figures(opened, period=YEAR, scope=scope, metrics=tuple(catalogue()))

    for figure in figures.to_dicts():
        metric = catalogue()[figure["metric"]]
        rows = rows_of(metric, period=YEAR, scope=scope).ask(opened)
        assert (metric.name, _told(metric, figure)) == (metric.name, pytest.approx(_added_up(metric, rows)))
        if lists_calls(metric):
            behind = CallFilter(behind=metric.name)
            is_share = metric.kind == "share"
            added, mark = (pl.col("numerator") == 1, "is_counted") if is_share else (pl.lit(None), pl.lit(None))
            expected = dict(rows.select(fact_of(metric).key, added).iter_rows())
            calls = questions.calls(opened, period=YEAR, scope=scope, filters=behind).select("call_id", mark)
            assert (metric.name, expected) == (metric.name, dict(calls.iter_rows()))
            assert rows.height == questions.count_calls(opened, period=YEAR, scope=scope, filters=behind)["calls"]


def _told(metric: Metric, figure: dict[str, Any]) -> tuple[float, ...]:
    """Give what a figure says of its rows: what they add, how many they are, and of a ratio by what it is divided."""
    if metric.kind == "share":
        return figure["numerator"], figure["denominator"]
    of_ratio = (figure["denominator"] or 0,) if metric.kind == "ratio" else ()
    return figure["numerator"] or 0, figure["numerator"] if metric.kind == "count" else figure["sample"], *of_ratio


def _added_up(metric: Metric, rows: pl.DataFrame) -> tuple[float, ...]:
    """Add up the same of the rows themselves; of what is distinct, each counts once."""
    adds = rows["numerator"]
    if metric.kind in QUANTILES:
        return adds.quantile(QUANTILES[metric.kind], "linear") or 0, rows.height
    if metric.distinct and metric.kind == "share":
        return rows.filter(adds == 1)[metric.distinct].n_unique(), rows[metric.distinct].n_unique()
    if metric.distinct:
        return (rows[metric.distinct].explode().n_unique(),) * 2
    return adds.sum(), rows.height, *((rows["denominator"].sum(),) if metric.kind == "ratio" else ())


@pytest.mark.parametrize("trap", list(TRAPS))
def test_every_known_trap_has_its_drawn_tests(trap: str) -> None:
    held = [(file, name) for file, names in TRAPS[trap].items() for name in names]
    written = {file: (Path(__file__).parent / file).read_text(encoding="utf-8") for file in TRAPS[trap]}
    assert [] == [name for file, name in held if f"def {name}(" not in written[file]]
