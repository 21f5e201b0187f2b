"""Data files in a bucket of S3: they are written, read, sealed, merged and deleted there, and waited for."""

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics.copies.snapshots import take
from analytics.engine.attaching import make_catalog
from analytics.engine.away import WarehouseAway
from analytics.engine.data_files import files_of
from analytics.engine.seals import Seals
from analytics.engine.sessions import open_session
from analytics.reading import sandbox
from analytics.reading.rights import OWNER
from analytics.settings import AnalyticsSettings
from analytics.warehouse import CATALOG, Batch, Writer, open_reader, open_writer
from schemas.errors import Misconfigured
from schemas.instants import Instant, instant
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at
from tests.torture.bucket import Bucket

CALLS = 60  # more than the catalog takes into itself
PLACE = "/lake/angime/data/"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Generator[Bucket]:
    """Run a bucket, of which the settings of this process tell."""
    with Bucket() as running:
        for name, setting in {"ANGIME_WAREHOUSE_FILES": "s3://lake/angime", **running.address}.items():
            monkeypatch.setenv(name, setting)
        yield running


def test_a_warehouse_in_a_bucket_has_the_rows_and_the_snapshot_of_one_in_a_folder(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.copies.snapshot_tables.SMALL_BYTES", 0)
    in_folder, in_bucket = (
        settings_at(tmp_path / place).model_copy(update={"warehouse_files": files})
        for place, files in (("folder", ""), ("bucket", "s3://lake/angime"))
    )
    for settings in (in_folder, in_bucket):
        with open_writer(settings) as writer:
            _land(writer, 0)
            for hours in (1, 2):
                writer.maintain(_later(hours))
    with open_writer(in_bucket) as writer:
        assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []
    first, second = (take(settings, settings.home / "snapshot") for settings in (in_folder, in_bucket))

    assert first.tables == second.tables
    copied = {path.read_bytes() for path in (in_bucket.home / "snapshot" / "parquet" / "facts.calls").iterdir()}
    assert copied
    assert copied <= {content for name, content in bucket.kept.items() if name.startswith(f"{PLACE}facts/calls/")}


def test_what_maintenance_gives_up_leaves_the_bucket_and_what_stays_is_sealed(bucket: Bucket, tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    with open_writer(settings) as writer:
        for number in range(2):
            _land(writer, number)
        before = set(bucket.kept)
        writer.purge()
        known = set(_known(writer))
    seals = bucket.kept["/lake/angime/seals"].decode().splitlines()

    assert before - set(bucket.kept)
    assert {name.removeprefix("/lake/angime/") for name in bucket.kept} == {
        "seals",
        *(f"data/{path}" for path in known),
    }
    assert sorted(line.split(" ", 3)[3] for line in seals) == sorted(known)
    damaged = next(name for name in bucket.kept if "/log/stored_events/" in name)
    bucket.kept[damaged] = bucket.kept[damaged][:-1] + b"?"
    assert Seals(files_of(settings)).damaged() == [damaged.removeprefix(PLACE)]


def test_a_bucket_that_is_away_is_told_of_and_what_was_not_written_is_written_later(
    bucket: Bucket, tmp_path: Path
) -> None:
    settings = settings_at(tmp_path)
    with open_writer(settings) as writer:
        _land(writer, 0)
    answer = sandbox.ask(settings, text="select count(*) as calls from facts.calls", rights=OWNER)
    with pytest.raises(WarehouseAway, match="the data files are away: s3://lake/angime"):
        _land_while_away(settings, bucket)
    with pytest.raises(WarehouseAway, match="the data files are away: s3://lake/angime refuses"):
        open_reader(settings).sql("select max(talk_seconds) from facts.calls")
    bucket.is_away = False
    with open_writer(settings) as writer:
        _land(writer, 1)
        assert writer.connection.rows("select count(*) from facts.calls") == [(2 * CALLS,)]
    assert (answer.outcome.problem, answer.rows.rows()) == ("", [(CALLS,)])


def test_a_place_that_is_no_bucket_of_s3_is_refused_in_one_line(tmp_path: Path) -> None:
    settings = settings_at(tmp_path).model_copy(update={"warehouse_files": "gs://lake/angime"})
    with pytest.raises(Misconfigured, match="ANGIME_WAREHOUSE_FILES names neither a folder nor a bucket"):
        open_writer(settings)


@pytest.mark.usefixtures("bucket")
def test_keys_are_told_to_the_engine_and_shown_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    settings = settings_at(tmp_path)
    settings.warehouse.mkdir()
    with closing(open_session(settings)) as session:
        make_catalog(session, settings)
        [(shown,)] = session.execute("select secret_string from duckdb_secrets()").fetchall()
    assert "key_id=somebody" in shown
    assert "hunter2" not in shown


def _land_while_away(settings: AnalyticsSettings, bucket: Bucket) -> None:
    with open_writer(settings) as writer:
        bucket.is_away = True
        _land(writer, 1)


def _land(writer: Writer, number: int) -> None:
    events = [event for call in range(CALLS * number, CALLS * (number + 1)) for event in call_events(call)]
    writer.land(Batch(records_of(events, first_offset=5 * CALLS * number)), now=NOW)


def _known(writer: Writer) -> Iterator[str]:
    """Name the files that the catalog knows."""
    tables = writer.connection.rows(
        "select schema_name, table_name from duckdb_tables() where database_name = ?", [CATALOG]
    )
    for layer, name in tables:
        for path, *_ in writer.connection.rows(f"from ducklake_list_files('{CATALOG}', '{name}', schema => '{layer}')"):
            yield path.removeprefix("s3://lake/angime/data/")


def _later(hours: float) -> Instant:
    return instant(datetime(2026, 3, 9, 12, tzinfo=UTC) + timedelta(hours=hours))
