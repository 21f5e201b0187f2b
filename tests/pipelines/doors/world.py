"""What the doors of a test stand on: a company, a cluster in memory, and stored positions."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.arrivals import Arrivals
from pipelines.doors.contract import Ground
from pipelines.doors.files import FollowedFile
from pipelines.origins import Origin
from pipelines.positions import Positions
from pipelines.sources import SOURCES
from schemas.company import Account, Company
from tests.fakes import MemoryKafka

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NEVER = -1e12  # files are written by the real clock


class World:
    """One installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kafka = MemoryKafka({"raw": 1})
        self.stop = threading.Event()
        self.files: list[FollowedFile] = []

    def follow(self, path: Path) -> FollowedFile:
        """Follow a file, as a process that has just started would."""
        self.files.append(FollowedFile(self.ground(), path, grace_seconds=NEVER))
        return self.files[-1]

    def close(self) -> None:
        """Let all files go."""
        for file in self.files:
            file.close()

    def ground(self, source: str = "asterisk", **settings: Any) -> Ground:
        """Give what a door stands on, as a process that has just started would make it."""
        account = Account(id="pbx", source=source, settings=settings)
        company = Company(id="demo", name="Demo", time_zone="Asia/Almaty", default_region="KZ", accounts=(account,))
        return Ground(
            origin=Origin(company=company, account=account, source=SOURCES[source]),
            arrivals=Arrivals(connect=self.kafka.producer, now=lambda: "2026-03-02T12:00:00.000Z"),
            positions=Positions(self.folder / "doors"),
            now=lambda: NOW,
        )

    @property
    def bodies(self) -> list[bytes]:
        """Give the bodies that Kafka has, in their order."""
        return [record.value or b"" for record in self.kafka.records("raw")]
