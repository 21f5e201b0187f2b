"""The demo model: a very small Whisper taught by us on synthetic sentences, never to be called speech recognition."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

MODEL_NAME: Final = "demo model"
_FOLDER = Path(__file__).parent
MODEL_FOLDER: Final = _FOLDER / "model"
CLIPS_FOLDER: Final = _FOLDER / "clips"
RECIPE_PATH: Final = _FOLDER / "sentences.toml"


def language_of(texts: Iterable[str]) -> str | None:
    """Name the language whose demo sentences have most of these words; None when none has any.

    The model itself has no notion of language: it knows forty sentences, and each belongs to one.
    """
    heard = [word for text in texts for word in words_of(text)]
    counts = {language: sum(word in known for word in heard) for language, known in _vocabularies().items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else None


def words_of(text: str) -> list[str]:
    """Split a text into words in lower case without punctuation, as word error rates compare them."""
    return re.findall(r"[\w-]+", text.lower())


@cache
def _vocabularies() -> dict[str, frozenset[str]]:
    recipe = tomllib.loads(RECIPE_PATH.read_text(encoding="utf-8"))
    return {
        language: frozenset(word for name, row in rows.items() if name != "espeak" for word in words_of(row["text"]))
        for language, rows in recipe["sentences"].items()
    }
