"""The company whose story is delivered while faults happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from angime.simulator.delivery import Parcel, parcels
from angime.simulator.house import Told, furnish
from angime.simulator.recordings import RecordingServer, speak
from angime.simulator.traffic import tell

NOW = 1_790_000_000


class Tale(Struct, frozen=True, kw_only=True):
    """A told story: its parcels in the order of delivery, and the provider that hands out its recordings."""

    told: Told
    recordings: int
    recordings_host: str
    deliveries: tuple[Parcel, ...]

    def furnish(self, home: Path) -> Path:
        """Write the company of this story into a home."""
        furnish(home, told=self.told, recordings_host=self.recordings_host)
        return home


@contextmanager
def telling(*, seed: int, days: int, calls: int, recordings: int) -> Iterator[Tale]:
    """Tell a story, and hand out its recordings meanwhile."""
    provider = RecordingServer(seed=seed)
    try:
        spoken = speak(seed=seed, count=recordings)
        lengths = tuple((one.language, one.seconds) for one in spoken)
        story = tell(seed=seed, now=NOW, days=days, calls=calls, spoken=lengths)
        yield Tale(
            told=Told(seed=seed, now=NOW, days=days, calls=calls, recordings_port=provider.port),
            recordings=recordings,
            recordings_host=provider.host,
            deliveries=parcels(story, audio=provider.hold(story, spoken=spoken)),
        )
    finally:
        provider.close()
