"""Words of a text, and every stem under which a search may find each of them."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Protocol

import polars as pl

MAX_WORDS_KNOWN = 500_000

WORD = re.compile(r"[^\W_]+")
# Russian and Kazakh are mixed in one sentence, and so are English and Portuguese words: each word has a stem in both.
_STEMS_OF = """list_distinct(if(
    regexp_matches(one, '[\\x{0400}-\\x{04FF}]'),
    [stem_word(one, 'ru'), stem_word(one, 'kk'), kazakh_root(stem_word(one, 'kk'))],
    [stem_word(one, 'en'), stem_word(one, 'pt')]
))"""


class Reader(Protocol):
    """A session of the warehouse, which has the macros of `analytics.stems`."""

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        ...


class Stems:
    """The stems of the words met so far, each asked of the warehouse once."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def of(self, words: Iterable[str], *, reader: Reader) -> dict[str, list[str]]:
        """Give every stem under which each of these words may stand; words are in lower case."""
        if len(self._known) > MAX_WORDS_KNOWN:
            self._known = {}
        known, wanted = self._known, set(words)  # another thread may begin with none meanwhile
        new = sorted(word for word in wanted if word not in known)
        if new:
            text = f"select one, {_STEMS_OF} as stems from (select unnest($words) as one)"  # noqa: S608  # of our own
            known.update(reader.sql(text, {"words": new}).iter_rows())
        return {word: known[word] for word in wanted}


STEMS = Stems()  # of the process: each page opens the index anew


def words_of(text: str) -> list[str]:
    """Give the words of a text in their order, composed (NFC) and in lower case."""
    return [word.lower() for word in WORD.findall(unicodedata.normalize("NFC", text))]
