"""A warehouse filled without Kafka, for benches that begin with one: its events are what a lander's would be."""

from pathlib import Path

from tests.bench import rebuilding


def test_a_filled_warehouse_builds_its_facts(tmp_path: Path) -> None:
    rebuilding.fill(tmp_path / "home", count=40)

    with rebuilding.opened(tmp_path / "home") as writer:
        writer.rebuild()
        assert writer.connection.rows("select count(*), count(distinct call_id) from facts.calls") == [(10, 10)]
        assert writer.connection.rows("select count(*) from log.events") == [(40,)]
