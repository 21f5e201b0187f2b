# ruff: noqa: S608  # texts of our own over tables of our own
"""What a page asks of a large warehouse, beside the SQL that one would write by hand for the very same numbers."""

import statistics
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from analytics import questions
from analytics.metrics.catalogue import over
from analytics.questions import Period, Scope
from analytics.views import read_views
from analytics.warehouse import AnalyticsSettings, Reader, connect_file, open_reader, open_writer
from dashboards.page import THREADS_OF_A_STATEMENT
from tests.bench.timing import seconds_of

CALLS = 1_000_000
SECONDS_BETWEEN_CALLS = 31  # a year of calls
WEEK = Period(date(2025, 9, 1), date(2025, 9, 7))
SCOPE = Scope(company="bench")
COMPANY = 'id = "bench"\nname = "Bench"\ntime_zone = "UTC"\ndefault_region = "KZ"\n'
WITHIN = "company = 'bench' and day between date '2025-09-01' and date '2025-09-07'"

_FILL = """
    insert into facts.calls by name
    select
        'call-' || lpad(i::varchar, 12, '0') as call_id, 'bench' as company, 'main' as account, 'twilio' as source,
        if(i % 3 = 0, 'waba', 'phone') as channel, if(i % 2 = 0, 'incoming', 'outgoing') as direction,
        case when hash(i) % 10 < 7 then 'answered' when hash(i) % 10 < 9 then 'missed' else 'abandoned' end as outcome,
        false as is_internal, i % 100 = 0 as is_test, i % 5 > 0 as is_business_hours,
        'phone:+7701' || lpad((hash(i) % 200000)::varchar, 7, '0') as contact_key,
        timestamptz '2025-03-01 00:00:00+00' + to_seconds(i * $seconds) as started_at,
        timezone('UTC', started_at)::date as day, extract(hour from timezone('UTC', started_at))::integer as hour,
        extract(isodow from timezone('UTC', started_at))::integer as weekday,
        case when outcome = 'answered' then (hash(i, 1) % 60000)::double / 1000 end as answer_seconds,
        coalesce(answer_seconds <= 20, false) as is_in_time,
        case when outcome = 'answered' then (hash(i, 2) % 300000)::double / 1000 end as talk_seconds,
        'team-' || i % 7 as team_id, 'operator-' || i % 50 as operator_id
    from range($calls) as numbers(i)
"""

_BY_HAND = f"""
    with counted as (
        select * from facts.calls where {WITHIN} and not is_internal and not is_test and outcome <> 'in_progress'
    )
    select
        count(*) filter (where direction = 'incoming' and outcome = 'answered')
        / count(*) filter (where direction = 'incoming') as answer_rate,
        count(*) filter (where direction = 'incoming' and outcome = 'missed') as missed_calls,
        count(*) filter (where direction = 'incoming' and is_business_hours and outcome = 'abandoned')
        / count(*) filter (where direction = 'incoming' and is_business_hours) as abandonment_rate,
        count(*) filter (
            where direction = 'incoming' and is_business_hours and outcome = 'answered' and answer_seconds <= 20
        )
        / count(*) filter (where direction = 'incoming' and is_business_hours and outcome <> 'abandoned')
        as service_level,
        median(answer_seconds) filter (where direction = 'incoming' and outcome = 'answered') as answer_seconds_median,
        quantile_cont(answer_seconds, 0.9) filter (where direction = 'incoming' and outcome = 'answered')
        as answer_seconds_p90,
        count(*) filter (where direction = 'outgoing' and outcome = 'answered')
        / count(*) filter (where direction = 'outgoing') as contact_rate,
        sum(talk_seconds) filter (where outcome = 'answered') / 60 as talk_minutes,
        median(talk_seconds) filter (where outcome = 'answered') as talk_seconds_median,
        quantile_cont(talk_seconds, 0.9) filter (where outcome = 'answered') as talk_seconds_p90
    from counted
"""


def fill(folder: Path, *, calls: int = CALLS) -> AnalyticsSettings:
    """Make a warehouse of a year of calls, without the events that they would be folded from."""
    folder.mkdir()
    (folder / "company.toml").write_text(COMPANY)
    settings = AnalyticsSettings(home=folder)
    with open_writer(settings) as writer:
        seconds = SECONDS_BETWEEN_CALLS * CALLS / calls
        writer.connection.execute(_FILL, {"calls": calls, "seconds": seconds})
        for view in read_views():
            if view.is_index or (view.layer == "reports" and view.is_table):
                writer.connection.execute(f"insert into {view.relation} by name {view.select}")
    return settings


def measure(folder: Path, *, rounds: int, calls: int = CALLS) -> dict[str, Any]:
    """Give medians and 95th percentiles in milliseconds: tiles of a week, a week by day, one call by its id.

    Beside them the SQL that one would write by hand, over the same warehouse and over a file of plain DuckDB; all as
    pages ask, each statement on one thread.
    """
    settings = fill(folder, calls=calls).model_copy(update={"warehouse_threads": THREADS_OF_A_STATEMENT})
    one = f"call-{calls // 2:012d}"
    with open_reader(settings) as reader, connect_file(_native_file(settings)) as plain:
        asked = {
            "tiles_of_a_week": lambda: tiles(reader),
            "tiles_of_a_week_by_hand": lambda: reader.sql(_BY_HAND),
            "tiles_of_a_week_native_file": lambda: plain.sql(_BY_HAND).pl(),
            "a_week_by_day": lambda: tiles(reader, by=("day",)),
            "one_call": lambda: questions.call(reader, company="bench", call_id=one),
            "one_call_native_file": lambda: plain.sql(f"from facts.calls where call_id = '{one}'").pl(),
        }
        found = in_turn(asked, rounds=rounds * 4)
    medians = {name: statistics.median(times) for name, times in found.items()}
    p95_ms = {name: sorted(times)[int(len(times) * 0.95)] for name, times in found.items()}
    return {
        "asking_calls": calls,
        "asking_median_ms": {name: round(median, 1) for name, median in medians.items()},
        "asking_p95_ms": {name: round(ms, 1) for name, ms in p95_ms.items()},
        "asking_v_by_hand": _at_most(medians["tiles_of_a_week"] / medians["tiles_of_a_week_by_hand"], goal=1.3),
        "asking_a_week_p95_ms": _at_most(max(p95_ms["tiles_of_a_week"], p95_ms["a_week_by_day"]), goal=200.0),
        "asking_one_call_median_ms": _at_most(medians["one_call"], goal=50.0),
    }


def _native_file(settings: AnalyticsSettings) -> Path:
    """Copy the calls, in the order of time, into a file of plain DuckDB."""
    file = settings.home / "native.duckdb"
    with open_writer(settings) as writer:
        writer.connection.execute(f"attach '{file}' as plain")
        writer.connection.execute("create schema plain.facts")
        writer.connection.execute("create table plain.facts.calls as from facts.calls order by started_at")
        writer.connection.execute("detach plain")
    return file


def _at_most(figure: float, *, goal: float) -> dict[str, Any]:
    return {"figure": round(figure, 2), "goal": goal, "is_met": figure <= goal}


def tiles(reader: Reader, *, by: tuple[questions.Dimension, ...] = ()) -> None:
    """Ask every figure of calls in a week, all together or by something."""
    questions.figures(reader, period=WEEK, scope=SCOPE, metrics=tuple(over("calls")), by=by)


def in_turn(asked: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Ask each once to warm up, and then time one after another in each round: a machine may slow down meanwhile."""
    for ask in asked.values():
        ask()
    milliseconds: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, ask in asked.items():
            milliseconds[name].append(seconds_of(ask) * 1000)
    return milliseconds
