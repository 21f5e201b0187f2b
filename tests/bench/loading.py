"""Everything at once: webhooks at a steady rate and in a burst, visitors on the pages, and recordings that are heard.

All goes through the real doors: receiver, Kafka, normaliser, streams, lander and pages, each a process of its own. What
sends, visits and watches shares the machine with them, and takes its part of it.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop

from analytics.search.index import FILE as SEARCH
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Reader, open_reader, open_writer
from angime import up
from angime.demo_stack import reading
from angime.simulator.delivery import Parcel
from angime.simulator.traffic import tell
from schemas.instants import instant
from tests.bench.pressure import Pressure, Seen
from tests.bench.resources import Used, growth, used_by
from tests.bench.visitors import visit
from tests.torture.peace import facts_of
from tests.torture.stacks import broker_pid, drain, running, send
from tests.torture.tales import NOW, telling

SEED, DAYS = 7, 3
STAGES = up.STAGES
BROKER = "broker"
SENDERS = "senders"  # and visitors: this process
EVENTS_A_SECOND = 500
BURST_TIMES, BURST_SECONDS = 50, 10.0  # the burst of a trial of less than two minutes is shorter
VISITORS = 8
CALLS_A_MINUTE, RECORDINGS_A_MINUTE = 20, 6  # of a story that is told beside, for what is heard in it
BEFORE = 10  # one part in so many of that story is told and heard first: a model takes its room with a recording
SAMPLE_SECONDS = 2.0
LANDED_SECONDS = 600.0
QUIET_SECONDS = 20.0
MOST_ROUNDS, BETWEEN_ROUNDS = 40, timedelta(minutes=11)  # of maintenance: in each the state before may be forgotten
GOAL_P95_SECONDS, STRETCH_P95_SECONDS = 1.5, 1.0
GOAL_BYTES_AN_EVENT = 100
GOAL_GROWTH_SHARE = 0.1  # of a stage's memory, from the second quarter of the time to the last
GOAL_MORE_HANDLES = 8

Samples = dict[str, list[Used]]


class _Load:
    """What the run leaves behind to be told of."""

    def __init__(self, *, burst_seconds: float) -> None:
        self.burst_seconds = burst_seconds
        self.burst_events = round(EVENTS_A_SECOND * BURST_TIMES * burst_seconds)
        self.samples: Samples = {name: [] for name in (*STAGES, BROKER, SENDERS)}
        self.pages: list[float] = []
        self.late_seconds = 0.0
        self.burst_sent_seconds = 0.0
        self.burst_drained_seconds = 0.0


def measure(folder: Path, *, minutes: float) -> dict[str, Any]:
    """Give freshness, what each process takes, bytes an event, how long a burst takes, and what is missing after it."""
    folder.mkdir()
    recordings, calls = max(2, round(RECORDINGS_A_MINUTE * minutes)), max(40, round(CALLS_A_MINUTE * minutes))
    with telling(seed=SEED, days=DAYS, calls=calls, recordings=recordings) as tale:
        home = tale.furnish(folder / "home")
        story = tell(seed=SEED, now=NOW, days=DAYS, calls=calls)
        load = _Load(burst_seconds=min(BURST_SECONDS, BURST_SECONDS * minutes / 2))
        with running(home, stages=STAGES) as stack, reading(home, warehouse_threads=1) as reader:
            first = tale.deliveries[: len(tale.deliveries) // BEFORE]
            send(first, stack, seed=SEED)
            _settled(reader)
            pressure = Pressure(story, base_url=stack.receiver_url)
            burst = pressure.packed(load.burst_events)
            rest = tale.deliveries[len(first) :]
            uvloop.run(_press(load, pressure, stack, reader, rest=rest, minutes=minutes))
            before = _settled(reader)
            load.burst_sent_seconds = uvloop.run(pressure.burst(burst, seconds=load.burst_seconds))
            load.burst_drained_seconds = drain(home, stack, events=before + load.burst_events)
            _settled(reader)  # what was heard meanwhile was counted with the burst
        expected = {fact.id for fact in facts_of(tale.deliveries, home=home)}
    return _figures(load, pressure.seen, minutes=minutes) | _kept(home, calls=pressure.calls, expected=expected)


async def _press(
    load: _Load, pressure: Pressure, stack: up.Stack, reader: Reader, *, rest: Sequence[Parcel], minutes: float
) -> None:
    """Let all happen at once for so many minutes."""
    is_over, catalog = asyncio.Event(), AnalyticsSettings(home=stack.home).catalog_file
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pressure.watch(reader, catalog=catalog, is_over=is_over.is_set))
        tasks.create_task(_tell(rest, stack, seconds=60 * minutes))
        tasks.create_task(_sample(stack, load.samples, is_over=is_over))
        visitors = [
            tasks.create_task(visit(stack.pages_url, number=number, is_over=is_over.is_set))
            for number in range(VISITORS)
        ]
        load.late_seconds = await pressure.steadily(events_a_second=EVENTS_A_SECOND, seconds=60 * minutes)
        is_over.set()
    load.pages = [seconds for one in visitors for seconds in one.result()]


def _settled(reader: Reader) -> int:
    """Wait until nothing more comes, for what is heard comes long after its call; gives the events that are there."""
    before, since = _events(reader), time.monotonic()
    deadline = since + LANDED_SECONDS
    while time.monotonic() - since < QUIET_SECONDS and time.monotonic() < deadline:
        time.sleep(1.0)
        now = _events(reader)
        if now != before:
            before, since = now, time.monotonic()
    return before


async def _tell(deliveries: Sequence[Parcel], stack: up.Stack, *, seconds: float) -> None:
    """Send the story, in which recordings are, spread over the time."""
    parts = max(1, round(seconds / 5))
    size = -(-len(deliveries) // parts)
    began = time.monotonic()
    for number in range(parts):
        some = deliveries[number * size : (number + 1) * size]
        await asyncio.to_thread(send, some, stack, seed=SEED)
        await asyncio.sleep(began + 5 * (number + 1) - time.monotonic())


async def _sample(stack: up.Stack, samples: Samples, *, is_over: asyncio.Event) -> None:
    # To ask where the broker is means to ask itself, and to wait for its answer.
    others = {BROKER: broker_pid(stack), SENDERS: os.getpgrp()}
    while not is_over.is_set():
        groups = {name: others[name] if name in others else stack.pid(name) for name in samples}
        for name, used in used_by(groups).items():
            samples[name].append(used)
        await asyncio.sleep(SAMPLE_SECONDS)


def _figures(load: _Load, seen: Sequence[Seen], *, minutes: float) -> dict[str, Any]:
    ours = {name: used for name, used in load.samples.items() if name != SENDERS}
    waits = [one.seconds for one in seen]
    began = min(one.answered_at for one in seen)
    by_minute = [
        [one.seconds for one in seen if minute <= (one.answered_at - began) / 60 < minute + 1]
        for minute in range(max(1, round(minutes)))
    ]
    p95 = _p95(waits)
    return {
        "load_minutes": minutes,
        "load_events_a_second": EVENTS_A_SECOND,
        "load_sent_late_seconds": round(load.late_seconds, 2),
        "load_probes": len(seen),
        "load_freshness_median_seconds": round(statistics.median(waits), 2),
        "load_freshness_p95": {
            "seconds": round(p95, 2),
            "goal": GOAL_P95_SECONDS,
            "is_met": p95 <= GOAL_P95_SECONDS,
            "stretch": STRETCH_P95_SECONDS,
            "is_stretch_met": p95 <= STRETCH_P95_SECONDS,
        },
        "load_freshness_p95_by_minute": [round(_p95(one), 2) for one in by_minute if one],
        "load_pages_drawn": len(load.pages),
        "load_pages_median_seconds": round(statistics.median(load.pages), 2),
        "load_pages_p95_seconds": round(_p95(load.pages), 2),
        "load_cores": {name: round(_cores(used), 2) for name, used in load.samples.items()},
        "load_cores_waited_for": {name: round(_cores_waited_for(used), 2) for name, used in load.samples.items()},
        "load_rss_mib": {name: round(used[-1].rss_mib) for name, used in load.samples.items()},
        "load_memory_grown": _flat({name: _grown(used) for name, used in ours.items()}),
        "load_handles_grown": _few({name: growth([one.handles for one in used]) for name, used in ours.items()}),
        "load_burst_events": load.burst_events,
        "load_burst_sent_seconds": round(load.burst_sent_seconds, 1),
        "load_burst_drained_seconds": round(load.burst_drained_seconds, 1),
    }


def _cores(used: Sequence[Used]) -> float:
    return (used[-1].cpu_seconds - used[0].cpu_seconds) / max(1.0, used[-1].at_seconds - used[0].at_seconds)


def _cores_waited_for(used: Sequence[Used]) -> float:
    """Give how many threads, on the average, could have run and had no processor."""
    return (used[-1].waited_seconds - used[0].waited_seconds) / max(1.0, used[-1].at_seconds - used[0].at_seconds)


def _grown(used: Sequence[Used]) -> float:
    """By which share of itself the memory grew, when what was taken at the start is left out."""
    return growth([one.rss_mib for one in used]) / statistics.median(one.rss_mib for one in used)


def _flat(grown: Mapping[str, float]) -> dict[str, Any]:
    name, share = max(grown.items(), key=lambda one: one[1])
    return {"share": round(share, 3), "goal": GOAL_GROWTH_SHARE, "is_met": share <= GOAL_GROWTH_SHARE, "most_by": name}


def _few(grown: Mapping[str, float]) -> dict[str, Any]:
    name, more = max(grown.items(), key=lambda one: one[1])
    return {"handles": more, "goal": GOAL_MORE_HANDLES, "is_met": more <= GOAL_MORE_HANDLES, "most_by": name}


def _kept(home: Path, *, calls: set[str], expected: set[str]) -> dict[str, Any]:
    """Look for what was sent, weigh the warehouse after maintenance, and compare its tables with those of a rebuild.

    By then no reader may need what is old.
    """
    settings = AnalyticsSettings(home=home)
    with open_reader(settings) as reader:
        ids = reader.sql("select id from log.events")["id"].to_list()
        there = set(reader.sql("select provider_call_id from facts.calls")["provider_call_id"])
        heard = reader.sql("select count(*) from log.events where type = 'call.transcribed'").item()
    lost = len(calls - there) + len(expected - set(ids))
    doubled = len(ids) - len(set(ids))
    with open_writer(settings) as writer:
        now, sizes = datetime.now(UTC), [0]
        for number in range(MOST_ROUNDS):
            writer.maintain(instant(now + (number + 1) * BETWEEN_ROUNDS))
            sizes.append(_bytes_in(settings.warehouse))
            if sizes[-1] == sizes[-2]:
                break
    by_layer = _bytes_by_layer(settings)
    kept = {name: round(size / len(ids), 1) for name, size in by_layer.items()}
    with open_writer(settings) as writer:
        otherwise = [one["table"] for one in writer.rebuild(verify=True) if not one["same"]]
    bytes_an_event = sum(by_layer.values()) / len(ids)
    return {
        "load_events_landed": len(ids),
        "load_transcribed": heard,
        "load_lost": {"events": lost, "goal": 0, "is_met": lost == 0},
        "load_doubled": {"events": doubled, "goal": 0, "is_met": doubled == 0},
        "load_tables_other_than_rebuilt": {"tables": len(otherwise), "goal": 0, "is_met": not otherwise},
        "load_bytes_an_event": {
            "bytes": round(bytes_an_event, 1),
            "goal": GOAL_BYTES_AN_EVENT,
            "is_met": bytes_an_event <= GOAL_BYTES_AN_EVENT,
        },
        "load_bytes_an_event_in": kept,
    }


def _bytes_in(warehouse: Path) -> int:
    """Weigh the files of a warehouse; the index of the search lies beside it and is made of it."""
    return sum(one.stat().st_size for one in warehouse.rglob("*") if one.is_file() and not one.name.startswith(SEARCH))


def _bytes_by_layer(settings: AnalyticsSettings) -> dict[str, int]:
    """Weigh the data files of each layer; what is left of the whole is the catalog."""
    layers = {folder.name: _bytes_in(folder) for folder in sorted((settings.warehouse / "data").iterdir())}
    return layers | {"catalog": _bytes_in(settings.warehouse) - sum(layers.values())}


def _events(reader: Reader) -> int:
    return reader.sql("select count(*) from log.events").item()


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[-(-len(seconds) * 95 // 100) - 1]
