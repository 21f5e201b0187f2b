"""Dead letters: how they are made, and the breaker that stops a stage when it refuses too much to be their fault."""

from collections import deque

from pipelines.kafka.broker import Record
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
ENOUGH_SENDERS = 2
MAX_SENDERS = 10_000

Sender = tuple[str, str]
"""A source and an account, as a raw record names them."""

NOBODY: Sender = ("", "")


class Breaker:
    """Counts the last records of a stage, by who sent them, whether each was refused.

    Whoever may send at all may send what is refused, as often as he likes: of two `accounts` at least nearly all must
    be, unless there is but one. See docs/adr/0068-one-account-alone-does-not-stop-the-normaliser.md.
    """

    def __init__(self, stage: str, *, accounts: int = 1) -> None:
        self._stage = stage
        self._enough = min(accounts, ENOUGH_SENDERS) or 1
        self._senders: dict[Sender, _Count] = {}
        self._failing: set[Sender] = set()

    def observe(self, *, reason: str | None, sender: Sender = NOBODY) -> None:
        """Count a record, refused for a `reason` or not.

        Raises Halted when too many are refused for it to be the senders' fault.
        """
        if sender not in self._senders and len(self._senders) >= MAX_SENDERS:
            sender = NOBODY
        count = self._senders.get(sender)
        if count is None:
            count = self._senders[sender] = _Count()
        found = count.observe(is_refused=reason is not None)
        if not found:
            self._failing.discard(sender)
            return
        self._failing.add(sender)
        if len(self._failing) >= self._enough:
            raise Halted(f"{self._stage} refused {found}{self._of_each()}, {_advice(reason)}")

    def _of_each(self) -> str:
        return f" of one account, and as many of {len(self._failing) - 1} more" if len(self._failing) > 1 else ""


class _Count:
    """The last records of one sender."""

    def __init__(self) -> None:
        self._window: deque[bool] = deque(maxlen=WINDOW_RECORDS)
        self._refused = 0
        self._consecutive = 0

    def observe(self, *, is_refused: bool) -> str:
        """Count a record; says what is too much, if anything is."""
        if len(self._window) == WINDOW_RECORDS:
            self._refused -= self._window[0]
        self._window.append(is_refused)
        self._refused += is_refused
        self._consecutive = self._consecutive + 1 if is_refused else 0
        if self._consecutive >= CONSECUTIVE_LIMIT:
            return f"{self._consecutive} records in a row"
        if len(self._window) >= LEAST_RECORDS and self._refused > RATIO_LIMIT * len(self._window):
            return f"{self._refused} of the last {len(self._window)} records"
        return ""


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
