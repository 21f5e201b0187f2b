"""Rows held in memory: each part is fetched once, found where it was laid, and given back when it is much."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import polars as pl
import pytest

from analytics.engine.sessions import DuckConnection, open_in_memory
from analytics.reading import held
from analytics.reading.held import MAX_PARTS_AT_ONCE, Held, Shelf

SUMMED = "select sum(number)::bigint as n from held_rows where number in (select unnest($numbers))"


class Lake:
    """Gives the rows of numbers, and notes what it was asked for."""

    def __init__(self, *, word: str = "") -> None:
        self.asked: list[Sequence[int]] = []
        self._word = word

    def fetch(self, parts: Sequence[int]) -> pl.DataFrame:
        """Give a row a number, with the word; of negative ones there is none."""
        self.asked.append(parts)
        if any(number < 0 for number in parts):
            raise ValueError("there is no such part")
        return pl.DataFrame({"number": parts, "word": [self._word] * len(parts)})


def ask(rows: Held, numbers: Sequence[int]) -> int:
    return rows.sql(SUMMED, {"numbers": list(numbers)}, parts=numbers).item()


def test_rows_are_asked_of_the_engine_in_which_they_lie_where_threads_opened_one_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held, "_memory", lambda: DuckConnection(open_in_memory()))
    one, other = (Held(Lake().fetch) for _ in range(2))
    assert (1, 2) == (ask(one, [1]), ask(other, [2]))


def test_only_what_is_not_held_is_fetched() -> None:
    lake = Lake()
    rows = Held(lake.fetch)
    assert [3, 5, 6] == [ask(rows, [1, 2]), ask(rows, [2, 3]), ask(rows, [1, 2, 3])]
    assert [[1, 2], [3]] == lake.asked


def test_what_many_want_at_once_is_fetched_once_and_together() -> None:
    lake, many = Lake(), 32
    rows, all_are_there = Held(lake.fetch), Barrier(many)

    def want(first: int) -> int:
        all_are_there.wait()
        return ask(rows, range(first, first + 14))

    with ThreadPoolExecutor(many) as pool:
        found = list(pool.map(want, range(0, 7 * many, 7)))
    assert [sum(range(first, first + 14)) for first in range(0, 7 * many, 7)] == found
    fetched = [part for parts in lake.asked for part in parts]
    assert sorted(fetched) == list(range(7 * (many + 1)))
    assert max(map(len, lake.asked)) <= MAX_PARTS_AT_ONCE


def test_who_asks_for_what_cannot_be_fetched_is_told_and_nobody_else_waits_for_it() -> None:
    lake = Lake()
    rows = Held(lake.fetch)
    for _ in range(2):
        with pytest.raises(ValueError, match="no such part"):
            ask(rows, [-1, 1])
    assert ask(rows, [1]) == 1
    assert [[-1, 1], [-1, 1], [1]] == lake.asked


def test_who_still_asks_as_of_an_older_snapshot_shares_what_is_newer() -> None:
    shelf, lake = Shelf(), Lake()
    newer, older = (shelf.held("one", snapshot=snapshot, fetch=lake.fetch) for snapshot in (2, 1))
    assert [1, 1] == [ask(newer, [1]), ask(older, [1])]
    assert [[1]] == lake.asked


def test_of_a_newer_snapshot_nothing_is_held() -> None:
    shelf, lake = Shelf(), Lake()
    first, same = (shelf.held("one", snapshot=1, fetch=lake.fetch) for _ in range(2))
    ask(first, [1])
    newer, other = (shelf.held(key, snapshot=2, fetch=lake.fetch) for key in ("one", "two"))
    assert first is same
    assert [1, 1] == [ask(newer, [1]), ask(other, [1])]
    assert [[1], [1], [1]] == lake.asked


def test_what_was_asked_for_longest_ago_goes_when_all_together_are_too_large() -> None:
    shelf, lake = Shelf(max_mib=1), Lake(word="x" * 800)
    old, used = (shelf.held(key, snapshot=1, fetch=lake.fetch) for key in ("old", "used"))
    ask(old, range(1_000))
    ask(used, range(10))
    kept = [shelf.held(key, snapshot=1, fetch=lake.fetch) for key in ("old", "used")]
    assert [True, True] == [found is one for found, one in zip(kept, (old, used), strict=True)]
    ask(used, range(1_000))
    kept = [shelf.held(key, snapshot=1, fetch=lake.fetch) for key in ("used", "old")]
    assert [True, False] == [found is one for found, one in zip(kept, (used, old), strict=True)]
    assert ask(old, range(10)) == sum(range(10))
