"""Rows held in memory: each frame is found where it was laid."""

import polars as pl
import pytest

from analytics import held
from analytics.held import Held
from analytics.sessions import DuckConnection, open_in_memory


def test_rows_are_asked_of_the_engine_in_which_they_lie_where_threads_opened_one_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held, "_memory", lambda: DuckConnection(open_in_memory()))
    one, other = (Held(pl.DataFrame({"number": [number]})) for number in (1, 2))

    asked = "select number + $more as n from held_rows"
    assert [rows.sql(asked, {"more": 10})["n"].to_list() for rows in (one, other)] == [[11], [12]]
