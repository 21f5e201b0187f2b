"""Search over generated transcripts: how long the index takes to make, and how long a search takes."""

import random
import statistics
import time
import tomllib
from pathlib import Path
from typing import Any

import polars as pl

from analytics.search import SearchIndex, SearchQuery
from analytics.warehouse import Scratch, scratch
from streams.demo_model import RECIPE_PATH, words_of

CALLS = 100_000
TURNS = 10
WORDS = 15
VOCABULARY = 20_000
QUERIES = 200
GOAL_SECONDS = 0.3
ALPHABETS = {
    "ru": "абвгдезийклмнопрст",
    "kk": "аәбгғдеіклмнңоөпрсұүы",
    "pt": "abcdefghilmnoprstu",
    "en": "abcdefghiklmnoprst",
}


class Facts:
    """Generated facts as the index reads them."""

    def __init__(self, built: Scratch) -> None:
        self._built = built

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        return self._built.sql(text, parameters)

    def snapshot_id(self) -> int:
        """These facts never change."""
        return 1


def measure(folder: Path, *, rounds: int) -> dict[str, Any]:
    """Give the seconds of the index and the 95th percentile of a search; `rounds` times as many searches."""
    folder.mkdir()
    words = _vocabulary()
    reader = Facts(_generated(words))
    index = SearchIndex(folder / "search.sqlite")
    began = time.perf_counter()
    index.follow(reader)
    indexed_seconds = time.perf_counter() - began
    chance = random.Random(1)
    spent: list[float] = []
    for number in range(QUERIES * rounds):
        spoken = words[tuple(ALPHABETS)[number % len(ALPHABETS)]]
        text = " ".join(chance.choice(spoken[:60]) for _ in range(1 + number % 3))
        began = time.perf_counter()
        index.search(SearchQuery(text=text, company="bench"), reader=reader)
        spent.append(time.perf_counter() - began)
    index.close()
    slow = statistics.quantiles(spent, n=20)[-1]
    return {
        "search_transcripts": CALLS,
        "search_index_seconds": round(indexed_seconds, 1),
        "search_index_megabytes": round((folder / "search.sqlite").stat().st_size / 1e6),
        "search_median_seconds": round(statistics.median(spent), 3),
        "search_p95_seconds": {"seconds": round(slow, 3), "goal": GOAL_SECONDS, "is_met": slow <= GOAL_SECONDS},
    }


def _vocabulary() -> dict[str, list[str]]:
    """Of each language the demo's words first, which are common, and then a long tail."""
    chance = random.Random(1)
    recipe = tomllib.loads(RECIPE_PATH.read_text(encoding="utf-8"))["sentences"]
    made: dict[str, list[str]] = {}
    for language, letters in ALPHABETS.items():
        said = [word for name, row in recipe[language].items() if name != "espeak" for word in words_of(row["text"])]
        tail = ("".join(chance.choices(letters, k=chance.randint(4, 9))) for _ in range(VOCABULARY))
        made[language] = list(dict.fromkeys([*said, *tail]))[:VOCABULARY]
    return made


def _generated(words: dict[str, list[str]]) -> Scratch:
    """Facts of calls in four languages in turn, whose words are as often as their place in the list is low."""
    built = scratch()
    built.build()
    connection = built.connection
    connection.execute("select setseed(0.5)")
    connection.execute(f"""
        insert into facts.calls by name
        select
            'call' || number as call_id, 'bench' as company, date '2026-01-01' + cast(number % 360 as integer) as day,
            'operator' || number % 20 as operator_id
        from range({CALLS}) as numbers (number);
        insert into facts.call_talk by name
        select call_id, company, day, call_id as transcripts, 'segments' as grade from facts.calls
    """)  # noqa: S608  # numbers of our own
    for place, spoken in enumerate(words.values()):
        connection.execute(
            f"""
            insert into facts.turns by name
            select
                'call' || number as call_id, 'bench' as company,
                date '2026-01-01' + cast(number % 360 as integer) as day,
                'r' as recording_id, cast(turn as integer) as turn, 'customer' as role, turn * 5.0 as start_seconds,
                array_to_string([
                    {", ".join(f"$words[1 + cast(floor(pow({VOCABULARY}, random())) as integer) % {VOCABULARY}]" for _ in range(WORDS))}
                ], ' ') as text
            from range({place}, {CALLS}, {len(words)}) as numbers (number), range({TURNS}) as turns (turn)
            """,  # noqa: E501, S608  # numbers of our own
            {"words": spoken},
        )
    return built
