"""Who was erased, from which nobody learns who: digests under the installation's key, and ids of our own making.

The log is where it is known. A file in the home tells it to stages that do not read the log; whoever writes to the
warehouse keeps it.
"""

import hmac
from collections.abc import Iterable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from analytics.engine.drafts import write_whole
from analytics.privacy.keys import installation_key
from analytics.privacy.mentions import TYPES, without_mentions
from analytics.privacy.traces import legible, possible_traces
from schemas.decisions import PersonErased
from schemas.envelope import Event
from schemas.instants import Instant
from schemas.people import Identity
from schemas.records import DeadLetter, received_at

FILE = "erased.json"
# What was said is told of when a recording is fetched or heard, long after; so it is known by when it was said, too.
SOUND = ("call.recording_made_available", "call.recording_stored", "call.transcribed")
# As what kinds of identity these are digested: a trace of one (analytics.privacy.traces), one that people write
# (analytics.privacy.mentions), and the id of a conversation.
TRACE = "trace"
MENTION = "mention"
CONVERSATION = "conversation"

_log = structlog.get_logger()


class _Named(Struct, frozen=True):
    contact: tuple[Identity, ...] = ()
    call_id: str = ""
    message_id: str = ""
    conversation_id: str = ""


class Told(Struct, frozen=True):
    """What of an event in Kafka tells whom it is of."""

    id: str
    type: str
    time: Instant
    recordedat: Instant
    data: _Named


_TOLD = msgspec.json.Decoder(Told)


class Erased(Struct, frozen=True):
    """Who was erased: what was recorded up to an instant of these digests, or is of these entities, is dropped."""

    digests: dict[str, Instant] = {}
    entities: dict[str, Instant] = {}

    @classmethod
    def of(cls, decisions: Iterable[PersonErased]) -> "Erased":
        """Give all who were erased, each up to the latest instant."""
        erased = cls()
        for fact in decisions:
            digests, entities = (dict.fromkeys(told, fact.until) for told in (fact.digests, fact.entities))
            erased = erased.with_those(cls(digests=digests, entities=entities))
        return erased

    def with_those(self, others: "Erased") -> "Erased":
        """Give both."""
        return Erased(digests=_latest(self.digests, others.digests), entities=_latest(self.entities, others.entities))

    def holds(self, fact: Event | Told, *, key: bytes) -> bool:
        """Whether a fact of a call or message is of somebody who was erased; so analytics.privacy.erasure has it."""
        own = {fact.id, getattr(fact.data, "call_id", ""), getattr(fact.data, "message_id", "")}
        if not own.isdisjoint(self.entities):
            return True
        told_at = min(fact.time, fact.recordedat) if fact.type in SOUND else fact.recordedat
        named = [f"{one.kind}:{one.value}" for one in getattr(fact.data, "contact", ())]
        if not named and (conversation := getattr(fact.data, "conversation_id", "")):
            named = [f"{CONVERSATION}:{conversation}"]
        return any(told_at <= self.digests.get(digest(key, one), "") for one in named)

    def holds_bytes(self, value: bytes, *, key: bytes) -> bool:
        """Whether the bytes of an event are such a fact; what is none is nobody's."""
        try:
            return self.holds(_TOLD.decode(value), key=key)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False

    def holds_letter(self, letter: DeadLetter, *, key: bytes) -> bool:
        """Whether a dead letter is such a fact, or names in bytes that were received before somebody's erasure him."""
        if self.holds_bytes(letter.body, key=key):
            return True
        told_at = received_at(letter.headers) or letter.died_at
        if told_at > max(self.digests.values(), default=""):
            return False
        held = possible_traces(legible(letter.key + b"\n" + letter.body))
        written = (digest(key, f"{kind}:{one}") for one in held for kind in (TRACE, MENTION))
        return any(told_at <= self.digests.get(one, "") for one in written)

    def is_mention(self, written: str, *, told_at: Instant, key: bytes) -> bool:
        """Whether this is how people write somebody who was erased at that time or later."""
        return told_at <= self.digests.get(digest(key, f"{MENTION}:{written}"), "")


class Known:
    """Knows from the file of a home, as it is at each question, whose facts are of somebody who was erased."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._erased = Erased()
        self._read: tuple[int, int] | None = None

    def holds(self, fact: Event) -> bool:
        """Whether a fact is of somebody who was erased."""
        erased = self._now()
        return bool(erased.digests) and erased.holds(fact, key=installation_key(self._home))

    def holds_bytes(self, value: bytes) -> bool:
        """Whether the bytes of an event are a fact of somebody who was erased."""
        erased = self._now()
        return bool(erased.digests) and erased.holds_bytes(value, key=installation_key(self._home))

    def without_mentions(self, data: str, *, type_: str, told_at: Instant) -> str:
        """Give the JSON of a fact as the lander keeps it, where it names somebody who was erased."""
        erased = self._now()
        if not erased.digests or not type_.startswith(TYPES):
            return data
        key = installation_key(self._home)
        return without_mentions(data, is_mention=partial(erased.is_mention, told_at=told_at, key=key))[0]

    def _now(self) -> Erased:
        try:
            found = (self._home / FILE).stat()
        except FileNotFoundError:
            return Erased()
        state = (found.st_mtime_ns, found.st_ino)
        if state != self._read:
            self._erased, self._read = _read(self._home), state
        return self._erased


def tell(erased: Erased, *, home: Path) -> None:
    """Let the file of a home tell of these too, besides those of whom it tells."""
    told = _read(home)
    both = told.with_those(erased)
    if both == told:
        return
    write_whole(home / FILE, msgspec.json.encode(both))


def digest(key: bytes, identity: str) -> str:
    """Give the digest of an identity `kind:value`."""
    return hmac.new(key, identity.encode(), sha256).hexdigest()


def _latest(told: Mapping[str, Instant], others: Mapping[str, Instant]) -> dict[str, Instant]:
    return {one: max(told.get(one, ""), others.get(one, "")) for one in [*told, *others]}


def _read(home: Path) -> Erased:
    """Read the file; of one that is not whole nobody is known, until a writer makes it anew."""
    try:
        return msgspec.json.decode((home / FILE).read_bytes(), type=Erased)
    except FileNotFoundError:
        return Erased()
    except (msgspec.DecodeError, UnicodeDecodeError):
        _log.warning("erased_unreadable")
        return Erased()
