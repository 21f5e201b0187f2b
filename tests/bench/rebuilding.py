# ruff: noqa: S608  # texts of our own over tables of our own
"""Facts made anew from a large log, beside the same folds as plain `create table as` over plain Parquet in memory.

The yardstick writes nothing to disk, keeps no state for readers, and folds what several facts read once, as we do.
"""

import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from analytics.folding.scratch import scratch
from analytics.log import store_events
from analytics.views import read_views
from analytics.warehouse import AnalyticsSettings, Writer, open_writer
from schemas.catalogue import EVENT_TYPES
from schemas.company import parse_company
from tests.bench import events

SMALLER = 10  # the log is built at a tenth of its size as well: ten times the events may take eleven times as long

_SCHEMAS = ", ".join(f"'{name}': '{kind.dataschema}'" for name, kind in EVENT_TYPES.items())
_TOLD = f"""
    with calls as (
        select
            i, md5('call' || i)::uuid::varchar as call_id, 'CA' || lpad(i::varchar, 30, '0') as provider_call_id,
            timestamptz '2025-03-01 00:00:00+00' + to_seconds(i * 31536000 / $calls) as begun, i % 5 > 0 as is_answered,
            '"call_id":"' || call_id || '","provider_call_id":"' || provider_call_id || '","direction":"'
            || if(i % 3 > 0, 'incoming', 'outgoing') || '","channel":"phone","contact":[{{"kind":"phone","value":"+7701'
            || lpad((hash(i) % 50000)::varchar, 7, '0') || '"}}],"operator":"PJSIP/' || 100 + i % 20 || '"' as known
        from range($calls) as numbers(i)
    ),
    told as (
        select call_id, begun, i, unnest([
            {{'type': 'call.offered', 'after': 0, 'says': ''}},
            {{'type': 'call.rang', 'after': 1, 'says': ''}},
            {{'type': if(is_answered, 'call.accepted', 'call.rang'), 'after': 12,
            'says': if(is_answered, ',"answered_by":"human"', ',"leg_id":"2"')}},
            {{'type': 'call.ended', 'after': 90, 'says': if(is_answered,
            ',"talk_seconds":78.0,"disposition":"completed","answered_by":"human"', ',"disposition":"no_answer"')}}
        ]) as fact, known from calls
    )
    select
        md5(call_id || fact.type || fact.after)::uuid::varchar as id, 'twilio' as source, fact.type as type,
        call_id as subject, begun + to_seconds(fact.after) as time, time as recorded_at, 'bench' as company,
        'main' as account, call_id as partition_key, map {{{_SCHEMAS}}}[fact.type] as dataschema,
        '{{' || known || fact.says || '}}' as data, call_id as entity, 'calls' as topic, 0 as partition,
        i * 4 as offset, time as landed_at, cast(null as varchar) as causation_id, cast(null as timestamptz) as revision
    from told
"""


def measure(folder: Path, *, rounds: int, count: int) -> dict[str, Any]:
    """Give seconds and ratios of rebuilds; the median of `rounds`, absolutes beside ratios."""
    folder.mkdir()
    at_start = _peak_mib(resource.RUSAGE_SELF)
    ours_small = statistics.median(_seconds(folder / "small", count=count // SMALLER) for _ in range(rounds))
    peak_small = _peak_mib(resource.RUSAGE_SELF)
    home = folder / "large"
    both = [(_seconds(home, count=count), _native(home)) for _ in range(rounds)]
    ours, ideal = (statistics.median(one[place] for one in both) for place in (0, 1))
    peak = _peak_mib(resource.RUSAGE_SELF)
    return {
        "rebuild_events": count,
        "rebuild_seconds": {"ours": round(ours, 2), "native": round(ideal, 2), "a_tenth": round(ours_small, 2)},
        "rebuild_v_native": {"ratio": round(ours / ideal, 2), "goal": 2.0, "is_met": ours <= 2 * ideal},
        "rebuild_v_a_tenth": {"ratio": round(ours / ours_small, 2), "goal": 11.0, "is_met": ours <= 11 * ours_small},
        "rebuild_peak_mib": {
            "at_start": at_start,
            "a_tenth": peak_small,
            "ours": peak,
            "native": _peak_mib(resource.RUSAGE_CHILDREN),
        },
    }


def fill(home: Path, *, count: int) -> None:
    """Make a lake whose log holds `count` events, and nothing folded from them."""
    with opened(home) as writer:
        store_events(writer.connection, f"({_TOLD})", {"calls": count // 4})


def opened(home: Path) -> Writer:
    """Open the warehouse of a home for writing, with the company of the events."""
    home.mkdir(exist_ok=True)
    (home / "company.toml").write_text(events.COMPANY)
    return open_writer(AnalyticsSettings(home=home))


def _seconds(home: Path, *, count: int) -> float:
    """Rebuild the facts of a lake of `count` events."""
    with opened(home) as writer:
        if not home.with_suffix(".parquet").exists():
            store_events(writer.connection, f"({_TOLD})", {"calls": count // 4})
            writer.connection.execute(
                f"copy (from log.events order by recorded_at) to '{home.with_suffix('.parquet')}' (compression zstd)"
            )
        began = time.perf_counter()
        writer.rebuild()
        return time.perf_counter() - began


def _native(home: Path) -> float:
    """Run the same folds over the same events in plain Parquet, in a process of their own: they take much memory."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as other:
        return other.submit(_seconds_native, home).result()


def _seconds_native(home: Path) -> float:
    """Run the same statements, without a lake: one a table, and one a fold that several facts read."""
    native = scratch([parse_company(events.COMPANY)])
    native.connection.use_threads(AnalyticsSettings(home=home).warehouse_threads)
    native.connection.create_view("log.events", f"from read_parquet('{home.with_suffix('.parquet')}')")
    began = time.perf_counter()
    for view in read_views():
        is_fold = view.layer == "staging" and any(relation.startswith("staging.") for relation in view.reads)
        kind = "table" if view.is_table or is_fold else "view"
        native.connection.execute(f"create {kind} {view.relation} as {view.select}")
    seconds = time.perf_counter() - began
    native.close()
    return seconds


def _peak_mib(whose: int) -> int:
    return round(resource.getrusage(whose).ru_maxrss / 1024)
