"""What every door is, what it stands on, and how long it waits after a failure."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from pipelines.arrivals import Arrivals
from pipelines.origins import Origin
from pipelines.positions import Positions

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
CALM_SECONDS = 60.0  # a door that worked this long begins with the shortest wait again


class Ground(Struct, frozen=True, kw_only=True):
    """What a door stands on: whose bytes it fetches, where they go, where it remembers how far it is, and the clock."""

    origin: Origin
    arrivals: Arrivals
    positions: Positions
    now: Callable[[], datetime]

    def setting(self, name: str) -> str:
        """Text of one of the account's settings, empty when it is not set."""
        return self.origin.account.setting(name)

    def listed(self, name: str) -> tuple[str, ...]:
        """Words of one of the account's settings, one alone or a list."""
        return self.origin.account.listed(name)


class Door(Protocol):
    """One way in. `name` tells it from all others and names its stored position."""

    @property
    def name(self) -> str:
        """Source, account and kind of door."""
        ...

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set.

        Moves its position only behind what Kafka has. Raises NotYet when the other side is away or speaks nonsense:
        then it is run anew after a while, and begins where its position stands.
        """
        ...


def wait_after(failures: int) -> float:
    """Give the seconds to wait after so many failures in a row: doubled each time, up to a minute."""
    return min(FIRST_WAIT_SECONDS * 2 ** min(failures, 16), LONGEST_WAIT_SECONDS)
