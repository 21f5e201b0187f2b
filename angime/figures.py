"""Figures for Prometheus about the pipeline as a whole: what waits, how fresh the warehouse is, what was refused."""

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from analytics.landing import letters
from analytics.landing.pace import read_pace
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from angime.settings import load
from angime.standing import lags
from pipelines.kafka import local_kafka
from pipelines.kafka.lag import by_topic
from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured, NotYet


class Standing(Collector):
    """Asks Kafka and the warehouse whenever Prometheus asks; what is away is a figure too."""

    def collect(self) -> Iterable[Metric]:
        """Give every figure; those of Kafka or of the warehouse are missing while it is away."""
        yield from _of_kafka()
        yield from _of_warehouse()
        free = GaugeMetricFamily("angime_disk_free_bytes", "bytes free on the disk of ANGIME_HOME")
        home = load(PipelinesSettings).home.absolute()
        free.add_metric([], shutil.disk_usage(next(one for one in (home, *home.parents) if one.exists())).free)
        yield free


def _of_kafka() -> Iterable[Metric]:
    near = GaugeMetricFamily("angime_watch_kafka_near", "1 while Kafka answers")
    waiting = GaugeMetricFamily("angime_lag_records", "records that wait for a stage", labels=["stage", "topic"])
    lost = GaugeMetricFamily(
        "angime_lost_records", "records that Kafka forgot before a stage read them", labels=["stage", "topic"]
    )
    settings = load(PipelinesSettings)
    bootstrap = settings.kafka or local_kafka.status(settings.home).bootstrap or ""
    try:
        rows = by_topic(lags(bootstrap)) if bootstrap else []
    except (NotYet, Misconfigured):
        rows = []
    near.add_metric([], int(bool(rows)))
    for row in rows:
        waiting.add_metric([str(row["stage"]), str(row["topic"])], float(row["waiting"]))
        lost.add_metric([str(row["stage"]), str(row["topic"])], float(row["lost"]))
    yield from (near, waiting, lost)


def _of_warehouse() -> Iterable[Metric]:
    near = GaugeMetricFamily("angime_watch_warehouse_near", "1 while the warehouse can be read")
    try:
        with open_reader(load(AnalyticsSettings)) as reader:
            [row] = reader.sql(_COUNTED).to_dicts()
            decided = letters.counts(reader)
    except (NotYet, Misconfigured):
        near.add_metric([], 0)
        yield near
        return
    near.add_metric([], 1)
    yield near
    for name, meaning in _COUNTERS.items():
        counter = CounterMetricFamily(f"angime_{name}", meaning)
        counter.add_metric([], row[name])
        yield counter
    if pace := read_pace(load(AnalyticsSettings).warehouse):
        yield SummaryMetricFamily(
            "angime_refresh_seconds",
            "how long it takes to fold a batch into the facts, since the lander began",
            count_value=pace.refreshes,
            sum_value=pace.refresh_seconds,
        )
    waiting = GaugeMetricFamily("angime_recordings_waiting", "recordings that are kept and are no text yet")
    waiting.add_metric([], row["untranscribed"])
    yield waiting
    if row["landed_at"] is not None:
        age = GaugeMetricFamily("angime_freshness_seconds", "seconds since something was landed")
        age.add_metric([], (datetime.now(UTC) - row["landed_at"]).total_seconds())
        yield age
    dead = GaugeMetricFamily("angime_dead_letters", "refused records, by what was decided of them", labels=["state"])
    for state, count in decided.items():
        dead.add_metric([state], count)
    yield dead


_COUNTERS = {
    "records_landed": "Kafka records that the warehouse has taken in",
    "events_landed": "events among them that were new",
    "duplicates_landed": "records among them that were known already, or were dropped as those of an erased person",
    "conflicts": "events that came with an id the log had, and other content",
    "erasures": "persons that were erased",
    "recordings_transcribed": "recordings that became text",
    "transcribed_audio_seconds": "seconds of sound among them; its rate is how many times real time is transcribed",
}
_COUNTED = """
select
    cast(coalesce(sum(records), 0) as bigint) as records_landed,
    cast(coalesce(sum(events), 0) as bigint) as events_landed,
    cast(coalesce(sum(records - events - dead), 0) as bigint) as duplicates_landed,
    (select count(*) from log.conflicts) as conflicts,
    (select count(*) from log.events where type = 'person.erased') as erasures,
    (select count(*) from facts.recordings where transcribed_at is not null) as recordings_transcribed,
    (select coalesce(sum(duration_seconds), 0) from facts.recordings where transcribed_at is not null)
        as transcribed_audio_seconds,
    (select count(*) from facts.recordings where stored_at is not null and transcribed_at is null) as untranscribed,
    max(landed_at) as landed_at
from log.offsets
"""
