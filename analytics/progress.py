"""How fast long work goes, and how long the rest of it will take: said now and then, while it is done."""

import time
from collections.abc import Callable

SAY_SECONDS = 2.0
LEAST_SHARE = 0.01  # less than that may have waited for all kinds of things, and tells nothing of the rest


class Pace:
    """Says every SAY_SECONDS how many are done, of what it is told, and once some are, how long the rest will take."""

    def __init__(
        self, say: Callable[[str], None], *, of: str = "records", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._of = of
        self._clock = clock
        self._began = self._said = clock()

    def tell(self, done: float, total: float) -> None:
        """Hear how far it is."""
        moment = self._clock()
        if moment - self._said >= SAY_SECONDS:
            self._said = moment
            rate = done / (moment - self._began)
            is_told = done and done >= LEAST_SHARE * total
            left = max(0.0, total - done)  # more can come while it is done
            pace = f", {rate:.0f} a second, {left / rate:.0f} s left" if is_told else ""
            self._say(f"{done:.0f} of {total:.0f} {self._of}{pace}")
