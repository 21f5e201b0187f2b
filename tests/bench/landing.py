"""Kafka to warehouse in bulk: the lander beside what people write first, dlt, and a bare loop without guarantees."""

import json
import os
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

import confluent_kafka
import duckdb
import duckdb_extensions
import kafka
import pyarrow as pa

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_writer
from pipelines.kafka.broker import assign
from pipelines.land import TOPICS, land
from schemas.instants import instant
from schemas.topics import TOPICS as DECLARED
from tests.bench.events import COMPANY
from tests.environments import DLT, make_environment

ROWS_AT_ONCE = 500
RECORDS_AT_ONCE = 20_000
COLUMNS = "id, source, type, subject, time, recordedat, company, account, data"
ENVELOPE = (
    '{"id":"VARCHAR","source":"VARCHAR","type":"VARCHAR","subject":"VARCHAR","time":"TIMESTAMPTZ",'
    '"recordedat":"TIMESTAMPTZ","company":"VARCHAR","account":"VARCHAR","data":"JSON"}'
)


# With the engine and the client that are pinned here.
DLT_PACKAGES = (DLT, *(f"{name}=={version(name)}" for name in ("duckdb", "confluent-kafka")))


DltForm = Literal["rows", "arrow"]
DLT_FORMS: dict[str, DltForm] = {"dlt": "rows", "dlt_in_arrow": "arrow"}


class Landed(NamedTuple):
    """Events a second of one run: until all lay in the log, and until the facts folded from them did too."""

    in_log: float
    with_facts: float


def ours(bootstrap: str, folder: Path, *, count: int) -> Landed:
    """Land `count` records as `angime land` does: each read and checked, deduplicated, with offsets in the transaction.

    The yardsticks end where the log is written. So does the first figure; the second ends where the facts are built.
    """
    folder.mkdir()
    (folder / "company.toml").write_text(COMPANY)
    stop = threading.Event()
    with open_writer(AnalyticsSettings(home=folder)) as writer, ThreadPoolExecutor(1) as hands:
        consumer = assign(bootstrap, topics=TOPICS, offsets=writer.next_offsets())
        began = time.perf_counter()
        landing = hands.submit(land, consumer, writer=writer, stop=stop)
        while sum(writer.next_offsets().values()) < count and not landing.done():
            time.sleep(0.01)
        in_log_seconds = time.perf_counter() - began
        stop.set()
        landing.result()
        writer.catch_up(instant(datetime.now(UTC)))
        seconds = time.perf_counter() - began
        consumer.close()
    return Landed(count / in_log_seconds, count / seconds)


def naive(bootstrap: str, folder: Path, *, count: int, in_batches: bool = False) -> float:
    """kafka-python, `json.loads` and `executemany` into a DuckDB file: what people write first. Events a second.

    By itself `executemany` commits each row; `in_batches` it is put into a transaction, as they write next.
    """
    folder.mkdir()
    consumer = kafka.KafkaConsumer(
        DECLARED["calls"].kafka_name,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    session = duckdb.connect(str(folder / "naive.duckdb"))
    session.execute(
        "create table events (id text, source text, type text, subject text, time timestamptz, "
        "recordedat timestamptz, company text, account text, data json)"
    )
    rows: list[tuple[str, ...]] = []
    landed, began = 0, time.perf_counter()
    for record in consumer:
        fields = json.loads(record.value)
        fields["data"] = json.dumps(fields["data"])
        rows.append(tuple(fields[name] for name in COLUMNS.split(", ")))
        if len(rows) == ROWS_AT_ONCE:
            if in_batches:
                session.begin()
            session.executemany("insert into events values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            if in_batches:
                session.commit()
            landed += len(rows)
            rows.clear()
        if landed >= count:
            break
    seconds = time.perf_counter() - began
    consumer.close()
    session.close()
    return landed / seconds


def bare(bootstrap: str, folder: Path, *, count: int) -> float:
    """confluent-kafka and one Arrow column into the same lake: no checks, no dedupe, no offsets, no facts.

    Events a second.
    """
    folder.mkdir()
    consumer = _consumer(bootstrap)
    session = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    for extension in ("ducklake", "sqlite_scanner"):
        duckdb_extensions.import_extension(extension, con=session)
        session.load_extension(extension)
    session.execute(f"attach 'ducklake:sqlite:{folder}/catalog.sqlite' as lake (data_path '{folder}/data/')")
    session.execute("call lake.set_option('parquet_compression', 'zstd')")
    session.execute("set preserve_insertion_order = false")
    session.execute(
        "create table lake.events (id text, source text, type text, subject text, time timestamptz, "
        "recordedat timestamptz, company text, account text, data json)"
    )
    landed, began = 0, time.perf_counter()
    while landed < count:
        messages = consumer.consume(RECORDS_AT_ONCE, timeout=0.5)
        if not messages:
            continue
        session.register("batch", pa.table({"value": pa.array([one.value() for one in messages], pa.string())}))
        session.execute(
            f"insert into lake.events select unnest(from_json(value, '{ENVELOPE}')) from batch"  # noqa: S608
        )
        landed += len(messages)
    seconds = time.perf_counter() - began
    consumer.close()
    session.close()
    return landed / seconds


def reading(bootstrap: str, *, count: int) -> float:
    """The same client that only reads, and keeps nothing: what no lander in Python goes beyond. Events a second."""
    consumer = _consumer(bootstrap)
    read, began = 0, time.perf_counter()
    while read < count:
        read += sum(len(message.value()) > 0 for message in consumer.consume(RECORDS_AT_ONCE, timeout=0.5))
    seconds = time.perf_counter() - began
    consumer.close()
    return read / seconds


def _consumer(bootstrap: str) -> confluent_kafka.Consumer:
    """Connect a client to all that lies on the topic of calls, in a group of its own that commits nothing."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": str(uuid.uuid4()),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([DECLARED["calls"].kafka_name])
    return consumer


def install_dlt(folder: Path) -> Path:
    """Give a Python that has dlt."""
    return make_environment(folder, DLT_PACKAGES)


def through_dlt(python: Path, bootstrap: str, folder: Path, *, count: int, form: DltForm) -> float:
    """Let dlt merge batches by id into a DuckDB file, in an environment of its own. Events a second.

    With next offsets, and unchecked; see tests.bench.dlt_lander. `rows` are what people write first, `arrow` next.
    """
    folder.mkdir()
    own = {"HOME": str(folder), "DLT_DATA_DIR": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    module = Path(__file__).with_name("dlt_lander.py")
    command = [python, module, bootstrap, DECLARED["calls"].kafka_name, str(count), folder, form]
    done = subprocess.run(command, env=os.environ | own, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["events"] / told["seconds"]
