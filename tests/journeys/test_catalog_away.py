"""PostgreSQL goes away and comes back under a lander: it waits, and every event stands in the warehouse once."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from pipelines import land
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin, connect_producer
from pipelines.settings import PipelinesSettings
from schemas import codec
from schemas.envelope import Event, topic_of
from tests.analytics.landing_cases import call_events
from tests.journeys.stages import looking_into, wait_for
from tests.postgres import Postgres

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

LANDED = "select count(*) from facts.calls"
CALLS = [call_events(number) for number in range(1, 4)]


def test_a_lander_waits_for_its_catalog_and_lands_every_event_once(
    kafka: local_kafka.Running, catalog: str, postgres: Postgres, tmp_path: Path
) -> None:
    analytics = AnalyticsSettings(home=tmp_path, warehouse_memory_mib=512)
    assert analytics.catalog == catalog
    pipelines = PipelinesSettings(home=tmp_path, kafka=kafka.bootstrap)
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as hands, looking_into(analytics) as ask:
        postgres.stop()
        landing = hands.submit(land.run, pipelines, analytics, stop=stop, forget_recordings=lambda _: None)
        try:
            _send(CALLS[0], to=kafka.bootstrap)
            postgres.start()
            wait_for(lambda: ask(LANDED) == [(1,)])
            postgres.stop()
            _send(CALLS[1], to=kafka.bootstrap)
            postgres.start()
            wait_for(lambda: ask(LANDED) == [(2,)])
            postgres.stop()
            postgres.start()
            _send(CALLS[2], to=kafka.bootstrap)
            wait_for(lambda: ask(LANDED) == [(3,)])
            assert not landing.done()
        finally:
            stop.set()
        landing.result()
    with open_reader(analytics) as reader:
        assert reader.sql("select count(*) - count(distinct id) from log.events").item() == 0
        assert reader.sql("select count(*) from log.conflicts").item() == 0


def _send(events: Iterable[Event], *, to: str) -> None:
    with closing(connect_producer(to)) as producer:
        for fact in events:
            producer.send(topic_of(fact), key=fact.partitionkey.encode(), value=codec.encode(fact))
        producer.flush()
