"""Search over generated transcripts in a real warehouse: how long the index takes, and how long what the page asks."""

import random
import statistics
import time
import tomllib
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from analytics.questions import Period
from analytics.questions.search import said
from analytics.search.index import FILE, SearchIndex
from analytics.warehouse import AnalyticsSettings, Reader, open_reader, open_writer
from streams.demo_model import RECIPE_PATH, words_of
from tests.bench.asking import SCOPE, fill

CALLS = 100_000
TURNS = 10
WORDS = 15
VOCABULARY = 20_000
QUERIES = 200
COMMON = 60  # words that are looked for: the most frequent
YEAR = Period(date(2025, 3, 1), date(2026, 2, 28))
GOAL_SECONDS = 0.3
ALPHABETS = {
    "ru": "абвгдезийклмнопрст",
    "kk": "аәбгғдеіклмнңоөпрсұүы",
    "pt": "abcdefghilmnoprstu",
    "en": "abcdefghiklmnoprst",
}


def measure(folder: Path, *, rounds: int, calls: int = CALLS) -> dict[str, Any]:
    """Give the seconds of the index, and the 95th percentile of what the page asks; `rounds` times as many searches."""
    words = _vocabulary()
    settings = _filled(folder, words=words, calls=calls)
    with closing(open_reader(settings)) as reader:
        began = time.perf_counter()
        with closing(SearchIndex(settings.warehouse / FILE)) as index:
            index.follow(reader)
        indexed_seconds = time.perf_counter() - began
        chance = random.Random(1)
        spent = [
            _asked(settings, reader, words=words, number=number, chance=chance) for number in range(QUERIES * rounds)
        ]
    slow = statistics.quantiles(spent, n=20)[-1]
    return {
        "search_transcripts": calls,
        "search_index_seconds": round(indexed_seconds, 1),
        "search_index_megabytes": round((settings.warehouse / FILE).stat().st_size / 1e6),
        "search_median_seconds": round(statistics.median(spent), 3),
        "search_p95_seconds": {"seconds": round(slow, 3), "goal": GOAL_SECONDS, "is_met": slow <= GOAL_SECONDS},
    }


def _asked(
    settings: AnalyticsSettings, reader: Reader, *, words: dict[str, list[str]], number: int, chance: random.Random
) -> float:
    """Search as the page does, for one to three words of a language: open the index, bring it up to date, ask."""
    spoken = words[tuple(ALPHABETS)[number % len(ALPHABETS)]]
    text = " ".join(chance.choice(spoken[:COMMON]) for _ in range(1 + number % 3))
    began = time.perf_counter()
    with closing(SearchIndex(settings.warehouse / FILE)) as index:
        index.follow(reader)
        said(reader, index=index, period=YEAR, scope=SCOPE, words=text)
    return time.perf_counter() - began


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


def _filled(folder: Path, *, words: dict[str, list[str]], calls: int) -> AnalyticsSettings:
    """Make a warehouse of a year of calls in four languages in turn; a word is as frequent as its place is low."""
    settings = fill(folder, calls=calls)
    with open_writer(settings) as writer:
        connection = writer.connection
        connection.execute("select setseed(0.5)")
        connection.execute("""
            insert into facts.call_talk by name
            select call_id, company, day, call_id as transcripts, 'segments' as grade from facts.calls
        """)
        for place, spoken in enumerate(words.values()):
            said = ", ".join(
                f"$words[1 + cast(floor(pow({VOCABULARY}, random())) as integer) % {VOCABULARY}]" for _ in range(WORDS)
            )
            connection.execute(
                f"""
                insert into facts.turns by name
                select
                    call_id, company, day, 'r' as recording_id, cast(turn as integer) as turn, 'customer' as role,
                    turn * 5.0 as start_seconds, array_to_string([{said}], ' ') as text
                from facts.calls, range({TURNS}) as turns (turn)
                where right(call_id, 12)::integer % {len(words)} = {place}
                order by day, call_id, turn
                """,  # noqa: S608  # numbers of our own
                {"words": spoken},
            )
    return settings
