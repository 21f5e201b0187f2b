"""A company grows: its warehouse is moved to PostgreSQL and a bucket, and the lander goes on there, each event once."""

import json
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
from tests.forked import forked
from tests.journeys.stages import looking_into, wait_for
from tests.postgres import PASSWORD, Postgres
from tests.torture.bucket import Bucket

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


def test_a_lander_goes_on_where_its_warehouse_was_moved_to_and_back(
    kafka: local_kafka.Running, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    old = AnalyticsSettings(home=tmp_path, warehouse_memory_mib=512)
    there = {"catalog": postgres.new_database(), "files": "s3://lake/angime"}
    new = old.model_copy(update={"catalog": there["catalog"], "warehouse_files": there["files"]})
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    _send(call_events(1), to=kafka.bootstrap)
    _land(old, kafka, calls=1)
    _send(call_events(2), to=kafka.bootstrap)
    with Bucket() as bucket:
        for name, setting in bucket.address.items():
            monkeypatch.setenv(name, setting)
        words = ["move", "--catalog", there["catalog"], "--files", there["files"]]
        looked = forked(*words, "--json", home=tmp_path)
        assert (looked.code, "nothing was moved" in looked.err, bucket.kept) == (0, True, {})
        moved = forked(*words, "--yes", "--json", home=tmp_path)
        assert moved.code == 0, moved.err
        told = json.loads(moved.out)
        assert {name: told[name] for name in ("files", "size_bytes", "catalog_rows")} == json.loads(looked.out)
        assert told["settings"] == {
            "ANGIME_CATALOG": there["catalog"],
            "ANGIME_WAREHOUSE_FILES": there["files"],
            "ANGIME_WAREHOUSE_FOLDER": None,
        }
        said = " ".join(moved.err.split())
        assert f"set ANGIME_CATALOG={there['catalog']}, set ANGIME_WAREHOUSE_FILES=s3://lake/angime; then" in said
        assert "to go back: unset ANGIME_CATALOG, unset ANGIME_WAREHOUSE_FILES; that one" in said
        assert [text.split()[0] for text in told["how_to_delete"]] == ["rm", "rm"]
        _land(new, kafka, calls=2)
        _send([*call_events(2), *call_events(3)], to=kafka.bootstrap)
        _land(new, kafka, calls=3)
    _land(old, kafka, calls=3)


def _land(settings: AnalyticsSettings, kafka: local_kafka.Running, *, calls: int) -> None:
    """Let a lander run until so many calls are there, each of whose events is there once."""
    stop = threading.Event()
    pipelines = PipelinesSettings(home=settings.home, kafka=kafka.bootstrap)
    with ThreadPoolExecutor(1) as hands:
        landing = hands.submit(land.run, pipelines, settings, stop=stop, forget_recordings=lambda _: None)
        try:
            with looking_into(settings) as ask:
                wait_for(lambda: landing.done() or ask("select count(*) from facts.calls") == [(calls,)])
        finally:
            stop.set()
        landing.result()
    with open_reader(settings) as reader:
        asked = "select count(*), count(distinct id), (select sum(events) from log.offsets) from log.events"
        assert reader.sql(asked).row(0) == (5 * calls,) * 3
        assert reader.sql("select count(*) from log.conflicts").item() == 0


def _send(events: Iterable[Event], *, to: str) -> None:
    with closing(connect_producer(to)) as producer:
        for fact in events:
            producer.send(topic_of(fact), key=fact.partitionkey.encode(), value=codec.encode(fact))
        producer.flush()
