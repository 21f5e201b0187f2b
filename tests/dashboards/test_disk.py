"""How much disk a home takes: what its files hold, and not how long they are."""

from pathlib import Path

from dashboards.disk import space


def test_a_file_counts_by_what_it_takes_of_the_disk(tmp_path: Path) -> None:
    for folder in ("kafka", "warehouse"):
        (tmp_path / folder).mkdir()
    with (tmp_path / "kafka" / "index").open("wb") as preallocated:
        preallocated.truncate(10_000_000)
    (tmp_path / "warehouse" / "rows").write_bytes(b"rows" * 25_000)

    [(first, size), (second, nothing)] = space(tmp_path).folders

    assert (first, second, nothing) == ("warehouse", "kafka", 0)
    assert 100_000 <= size < 200_000
