"""Time zones: where the engine takes a local time for another than sources do, which read theirs by pinned zones.

The engine's zones are a part of it. A country that changed its clocks since it was made has days there that are not its
own: what began within an hour of midnight lies on the wrong one.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.engine.sessions import DuckConnection, open_in_memory

STEP = timedelta(days=28)
STEPS = 13  # before and after, of a year each


def first_apart(zones: Sequence[str], *, at: datetime) -> dict[str, datetime]:
    """Give the zones whose local times are apart within a year before or after `at`, and when it is first seen."""
    moments = [at + STEP * number for number in range(-STEPS, STEPS + 1)]
    with closing(DuckConnection(open_in_memory())) as connection:
        told = connection.rows(
            "select zone, moment, timezone(zone, moment) from (select unnest(?::varchar[]) as zone), "
            "(select unnest(?::timestamptz[]) as moment) order by moment desc",
            [list(zones), moments],
        )
    apart = {zone: at for zone, at, local in told if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local}
    return dict(sorted(apart.items()))
