"""What was made of short texts a short while ago, kept for whoever asks the same again."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

# What is longer together than any identity may be is not kept: a sender could fill the memory with it.
LONGEST_KEPT = 256

P = ParamSpec("P")
T = TypeVar("T")


def recent(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keep the newest so many answers of a pure function of texts, each of which may be None."""

    def keeping(make: Callable[P, T]) -> Callable[P, T]:
        kept: Callable[..., T] = lru_cache(maxsize=most)(make)

        @wraps(make)
        def ask(*texts: P.args, **named: P.kwargs) -> T:
            asked: tuple[Any, ...] = (*texts, *named.values())
            is_short = sum([len(text) for text in asked if text]) <= LONGEST_KEPT
            return kept(*texts, **named) if is_short else make(*texts, **named)

        return ask

    return keeping
