"""The lander as `angime land` runs it, but for its log, which tells of every batch: BOOTSTRAP HOME."""

import sys
import threading
from pathlib import Path

from analytics.settings import AnalyticsSettings
from angime import logs
from angime.recordings import forget_recordings
from pipelines import land
from pipelines.settings import PipelinesSettings


def main(bootstrap: str, home: Path) -> None:
    """Land for ever."""
    logs.set_up(level="debug")
    land.run(
        PipelinesSettings(home=home, kafka=bootstrap),
        AnalyticsSettings(home=home),
        stop=threading.Event(),
        forget_recordings=forget_recordings,
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
