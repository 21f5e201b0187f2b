"""Mistyped names: the one that was probably meant."""

import difflib
from collections.abc import Iterable

from schemas.errors import Misconfigured


def known(written: str, *, names: Iterable[str], what: str) -> str:
    """Give `written` when it is among `names`. Raises Misconfigured with the nearest, or with all of them."""
    listed = sorted(names)
    if written in listed:
        return written
    near = nearest(written, names=listed)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(listed) or 'none'}"
    raise Misconfigured(f"there is no {what} {written!r}; {hint}")


def nearest(written: str, *, names: Iterable[str]) -> str | None:
    """Give the name that is most like `written`, None where none is like it."""
    return next(iter(difflib.get_close_matches(written, list(names), n=1)), None)
