"""Search finds what was said in any form, best first, and follows the facts."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analytics.folding.scratch import Scratch
from analytics.search.index import SearchIndex, SearchQuery
from schemas.envelope import Event
from tests.analytics.drawn import call, drawn_events, warehouse
from tests.analytics.drawn_talk import talk

NAMES = {call(name): name for name in "abcdef"}
TURNS = """
call | who      | from | to | says
a    | operator | 0    | 4  | Доставка заказа стоит пятьсот тенге, доставка сегодня.
a    | customer | 4    | 8  | А когда вы доставите заказы?
b    | customer | 0    | 4  | Тапсырысым туралы білгім келеді, жеткізесіз бе?
c    | customer | 0    | 4  | Quero saber das minhas entregas e dos pedidos.
d    | customer | 0    | 4  | Where are my deliveries? The delivery was delivered late.
e    | operator | 0    | 4  | Мы говорили о погоде, и только раз о доставке.
f    | customer | 0    | 4  | После вашего звонка скидок уже нет, а копеек жалко.
f    | operator | 4    | 8  | Кітабым мен орныма қара. Os cartões e os papéis.
"""
CALLS = """
call | seconds
a    | 60
b    | 60
c    | 60
d    | 60
e    | 60
f    | 60
"""
ENDED = """
call | fact  | at                  | says
x    | ended | 2026-03-01 06:00:00 |
a    | ended | 2026-03-02 07:00:00 | talk_seconds=9; operator=PJSIP/101
e    | ended | 2026-03-04 06:00:00 | started_at=2026-02-20 06:00:00; talk_seconds=9; operator=PJSIP/102
"""


class Facts:
    """A warehouse whose facts may change under the index; implements analytics.search.index.Reader."""

    def __init__(self, built: Scratch) -> None:
        self.built = built
        self.snapshot = 1
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        self.asked.append((text, parameters))
        return self.built.sql(text, parameters)

    def snapshot_id(self) -> int:
        """Give what changes with the facts."""
        return self.snapshot


def drawn() -> list[Event]:
    """Give the events of the drawn calls."""
    return [*drawn_events(talk(TURNS, CALLS)), *drawn_events(ENDED)]


@pytest.fixture(scope="module")
def facts() -> Facts:
    return Facts(warehouse(drawn()))


@pytest.fixture
def index(tmp_path: Path, facts: Facts) -> Iterator[SearchIndex]:
    made = SearchIndex(tmp_path / "search.sqlite")
    made.follow(facts)
    yield made
    made.close()


def _found(index: SearchIndex, facts: Facts, text: str, **narrowed: Any) -> list[str]:
    query = SearchQuery(text=text, company="acme", **narrowed)
    return [NAMES[one.call_id] for one in index.search(query, reader=facts)]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("доставку", ["a", "e"]),
        ("стоимость доставки", ["a", "e"]),
        ("заказами", ["a"]),
        ("тапсырыстар", ["b"]),
        ("жеткізу", ["b"]),
        ("entrega", ["c"]),
        ("pedido entregas", ["c"]),
        ("delivery", ["d"]),
        ("погода доставка", ["e"]),
        ("ничего подобного", []),
        ("звонок", ["f"]),
        ("скидка", ["f"]),
        ("копейка", ["f"]),
        ("кітап орын", ["f"]),
        ("cartão papel", ["f"]),
    ],
)
def test_words_are_found_in_any_form_and_the_best_call_stands_first(
    index: SearchIndex, facts: Facts, text: str, calls: list[str]
) -> None:
    assert _found(index, facts, text) == calls


def test_period_operator_and_company_narrow_what_is_found(index: SearchIndex, facts: Facts) -> None:
    assert _found(index, facts, "доставка", first=date(2026, 3, 1)) == ["a"]
    assert _found(index, facts, "доставка", last=date(2026, 3, 1)) == ["e"]
    assert _found(index, facts, "доставка", operators=("oleg",)) == ["e"]
    assert _found(index, facts, "доставка", limit=1) == ["a"]
    assert index.search(SearchQuery(text="доставка", company="other"), reader=facts) == []


def test_found_words_are_marked_in_the_turns_that_hold_them(index: SearchIndex, facts: Facts) -> None:
    (found,) = index.search(SearchQuery(text="заказ тенге", company="acme"), reader=facts)
    marked = [[turn.text[mark.start : mark.end] for mark in turn.marks] for turn in found.turns]

    assert marked == [["заказа", "тенге"], ["заказы"]]
    assert [(turn.role, turn.start_seconds) for turn in found.turns] == [("operator", 0.0), ("customer", 4.0)]


@pytest.mark.parametrize("text", ["", "…", '"'])
def test_a_query_without_a_word_finds_nothing(index: SearchIndex, facts: Facts, text: str) -> None:
    assert _found(index, facts, text) == []


def test_signs_of_the_indexs_own_language_are_only_words(index: SearchIndex, facts: Facts) -> None:
    assert _found(index, facts, 'NEAR("доставка" OR * ^ NOT') == ["a", "e"]


def test_the_index_follows_the_facts(tmp_path: Path) -> None:
    facts = Facts(warehouse(drawn_events(talk(TURNS, CALLS))))
    index = SearchIndex(tmp_path / "search.sqlite")
    assert (index.follow(facts), index.follow(facts)) == (6, 0)
    facts.built.connection.execute(f"delete from facts.turns where call_id = '{call('e')}'")  # noqa: S608
    facts.built.connection.execute(f"delete from facts.call_talk where call_id = '{call('e')}'")  # noqa: S608
    facts.built.connection.execute(
        f"update facts.turns set text = 'Қайырлы күн' where call_id = '{call('b')}'"  # noqa: S608
    )
    facts.built.connection.execute(f"update facts.call_talk set transcripts = 'new' where call_id = '{call('b')}'")  # noqa: S608
    facts.snapshot = 2

    assert index.follow(facts) == 1
    assert (_found(index, facts, "доставка"), _found(index, facts, "қайырлы"), _found(index, facts, "жеткізу")) == (
        ["a"],
        ["b"],
        [],
    )
    index.close()
    assert "погод".encode() not in (tmp_path / "search.sqlite").read_bytes()
    with closing(sqlite3.connect(tmp_path / "search.sqlite")) as file:
        kept = file.execute("select count(*), count(calls.id) from told left join calls using (id)").fetchone()
    assert kept == (5, 5)


def test_a_call_that_moved_to_another_day_is_found_there_and_only_days_that_changed_are_read(tmp_path: Path) -> None:
    facts = Facts(warehouse([*drawn_events(talk(TURNS, CALLS)), *drawn_events(ENDED)]))
    index = SearchIndex(tmp_path / "search.sqlite")
    index.follow(facts)
    for table in ("calls", "call_talk", "turns"):
        facts.built.connection.execute(
            f"update facts.{table} set day = date '2026-03-09' where call_id = '{call('a')}'"  # noqa: S608
        )
    facts.snapshot, facts.asked = 2, []

    assert index.follow(facts) == 0
    assert _found(index, facts, "доставка", first=date(2026, 3, 9)) == ["a"]
    assert _found(index, facts, "доставка", last=date(2026, 3, 8)) == ["e"]
    days = [days for _, parameters in facts.asked if (days := parameters.get("days"))]
    assert days == [["2026-03-02", "2026-03-09"]]
    index.close()


@pytest.mark.parametrize("damage", ["no file of SQLite", "pages are gone", "torn", "a bit of a name is turned"])
def test_a_damaged_index_is_made_anew_and_finds_the_same(tmp_path: Path, facts: Facts, damage: str) -> None:
    path = tmp_path / "search.sqlite"
    index = SearchIndex(path)
    index.follow(facts)
    before = _found(index, facts, "доставка")
    index.close()
    whole = path.read_bytes()
    damaged = {
        "no file of SQLite": b"nothing" * 1_000,
        "pages are gone": whole[:4096] + bytes(len(whole) - 4096),
        "torn": whole[: len(whole) // 2],
        "a bit of a name is turned": whole.replace(b"oleg", b"olef"),
    }
    path.write_bytes(damaged[damage])

    index = SearchIndex(path)
    index.follow(facts)

    assert _found(index, facts, "доставка") == before == ["a", "e"]
    index.close()


def test_an_index_of_another_form_is_made_anew(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "search.sqlite"
    with closing(sqlite3.connect(path)) as file:
        file.executescript("create table calls (call_id text); pragma user_version = 4;")

    with closing(SearchIndex(path)) as index:
        index.follow(facts)

        assert _found(index, facts, "доставка") == ["a", "e"]
