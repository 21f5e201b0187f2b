"""Mistyped names: the one that was probably meant."""

import difflib
from collections.abc import Iterable

from schemas.errors import Misconfigured


def known(written: str, *, names: Iterable[str], what: str) -> str:
    """Give `written` when it is among `names`. Raises Misconfigured with the nearest, or with all of them."""
    listed = sorted(names)
    if written in listed:
        return written
    near = difflib.get_close_matches(written, listed, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(listed) or 'none'}"
    raise Misconfigured(f"there is no {what} {written!r}; {hint}")
