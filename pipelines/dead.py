"""Dead letters: how they are made, and the breaker that stops a stage when it refuses too much to be their fault."""

from collections import deque

from pipelines.broker import Record
from schemas.errors import Halted
from schemas.instants import Instant
from schemas.ourselves import our_version
from schemas.records import DeadLetter, RawRecord

TOPIC = "dead"

# A provider sends a broken webhook now and then; our bug breaks nearly all. Between a poison of some per cent and that
# lie these limits: neither can be met by the other.
CONSECUTIVE_LIMIT = 100
WINDOW_RECORDS = 1_000
LEAST_RECORDS = 200  # below this many a ratio says little
RATIO_LIMIT = 0.5


class Breaker:
    """Counts the last records of a stage, whether each was refused."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._window: deque[bool] = deque(maxlen=WINDOW_RECORDS)
        self._refused = 0
        self._consecutive = 0

    def observe(self, *, reason: str | None) -> None:
        """Count a record, refused for a `reason` or not.

        Raises Halted when too many are refused for it to be the senders' fault.
        """
        is_refused = reason is not None
        if len(self._window) == WINDOW_RECORDS:
            self._refused -= self._window[0]
        self._window.append(is_refused)
        self._refused += is_refused
        self._consecutive = self._consecutive + 1 if is_refused else 0
        if self._consecutive >= CONSECUTIVE_LIMIT:
            raise Halted(f"{self._stage} refused {self._consecutive} records in a row, {_advice(reason)}")
        if len(self._window) >= LEAST_RECORDS and self._refused > RATIO_LIMIT * len(self._window):
            raise Halted(
                f"{self._stage} refused {self._refused} of the last {len(self._window)} records, {_advice(reason)}"
            )


def _advice(reason: str | None) -> str:
    last = f'the last because "{reason}"' if reason else "though not the last one"
    return (
        f"{last}: this is rather our fault, or that of company.toml, than the senders'. "
        "Nothing was skipped: mend it, and start the stage again"
    )


def letter(  # noqa: PLR0913  # a dead letter has as many circumstances
    record: Record, *, reason: str, stage: str, died_at: Instant, part: str = "", raw: RawRecord | None = None
) -> DeadLetter:
    """Write the dead letter of a record that cannot go on, its bytes and headers untouched."""
    return DeadLetter(
        reason=reason,
        stage=stage,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        died_at=died_at,
        version=our_version(),
        part=part,
        source=raw.source if raw else "",
        account=raw.account if raw else "",
        company=raw.company if raw else "",
        key=record.key or b"",
        body=record.value or b"",
        headers=record.headers,
    )
