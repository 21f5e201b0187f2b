"""Events drawn for the tests of landing: calls and messages with their facts, and the Kafka records that hold them."""

import subprocess
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from analytics.connection import Connection, Parameters
from analytics.warehouse import AnalyticsSettings
from schemas import accounts, calls, codec, crm, messages, permissions, transcripts
from schemas.envelope import Event, event, topic_of
from schemas.ids import call_id, conversation_id, deal_id, fact_id, message_id, recording_id
from schemas.instants import Instant, instant
from schemas.people import Identity

NOW = "2026-03-09T12:00:00.000Z"
BEGIN = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
SOURCE, ACCOUNT, COMPANY = "twilio", "main", "acme"


class Origin(Struct, frozen=True):
    """Whose facts they are, and of what."""

    source: str = SOURCE
    account: str = ACCOUNT
    company: str = COMPANY


MAIN = Origin()
# Two companies have an account of one name and contacts of one number, and one company two accounts.
ORIGINS = (MAIN, Origin(source="asterisk", company="bolt"), Origin(source="asterisk", account="pbx"))
SECONDS_APART = (0, 1, 20, 700, 90_000, 400_000)


class KafkaRecord(Struct, frozen=True):
    """A record as the lander takes it."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0


READ_CATALOG = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("begin")
held.execute("select count(*) from sqlite_master").fetchall()
print(flush=True)
sys.stdin.read()
"""


def call_events(
    number: int, *, begin: datetime = BEGIN, recorded_after: Sequence[int] = (0,) * 5, origin: Origin = MAIN
) -> list[Event]:
    """Give the facts of one call that was answered and transcribed; the nth is recorded so many seconds later."""
    known = {
        "call_id": call_id(origin.source, origin.account, f"CA{number}"),
        "provider_call_id": f"CA{number}",
        "direction": "outgoing" if number % 3 == 0 else "incoming",
        "channel": "waba" if number % 3 == 0 else "phone",
        "contact": (Identity("phone", f"+7701{number % 7:07d}"),),
        "operator": f"PJSIP/10{number % 4}",
    }
    recording = recording_id(origin.source, origin.account, f"RE{number}")
    turns = (
        transcripts.Turn(channel=0, role="operator", start_seconds=0, end_seconds=2, text="Good day"),
        transcripts.Turn(channel=1, role="customer", start_seconds=2, end_seconds=4, text="Сәлем"),
    )
    facts = [
        calls.CallOffered(**known),
        calls.CallRang(**known),
        calls.CallAccepted(**known, answered_by="human"),
        calls.CallEnded(**known, talk_seconds=number % 90, total_seconds=number % 90 + 8, disposition="completed"),
        transcripts.CallTranscribed(
            **known,
            recording_id=recording,
            origin="whisperx",
            model="demo",
            language="kk",
            grade="segments",
            duration_seconds=4,
            channels=2,
            turns=turns,
        ),
    ]
    return [
        _event(
            fact,
            identity=f"CA{number}/{place}",
            key=known["call_id"],
            time=begin + timedelta(seconds=4 * place),
            recorded_after=after,
            origin=origin,
        )
        for place, (fact, after) in enumerate(zip(facts, recorded_after, strict=True))
    ]


def message_events(
    number: int, *, begin: datetime = BEGIN, recorded_after: Sequence[int] = (0,) * 3, origin: Origin = MAIN
) -> list[Event]:
    """Give the facts of one message of the company that was delivered and read."""
    conversation = conversation_id(origin.company, "phone", f"+7701{number % 7:07d}")
    known = {
        "message_id": message_id(origin.source, origin.account, f"SM{number}"),
        "provider_message_id": f"SM{number}",
        "conversation_id": conversation,
        "channel": "whatsapp",
        "contact": (Identity("phone", f"+7701{number % 7:07d}"),),
    }
    facts = [
        messages.MessageSent(**known, text="Your order has arrived"),
        messages.MessageDelivered(**known),
        messages.MessageRead(**known),
    ]
    return [
        _event(
            fact,
            identity=f"SM{number}/{place}",
            key=conversation,
            time=begin + timedelta(seconds=9 * place),
            recorded_after=after,
            origin=origin,
        )
        for place, (fact, after) in enumerate(zip(facts, recorded_after, strict=True))
    ]


def missed_events(
    number: int, *, begin: datetime = BEGIN, recorded_after: Sequence[int] = (0,) * 2, origin: Origin = MAIN
) -> list[Event]:
    """Give the facts of an incoming call that nobody answered, on another channel than that of the contact's others."""
    known = {
        "call_id": call_id(origin.source, origin.account, f"MC{number}"),
        "provider_call_id": f"MC{number}",
        "direction": "incoming",
        "channel": "waba",
        "contact": (Identity("whatsapp_user", f"KZ.{number % 4}"),),
    }
    facts = [calls.CallOffered(**known), calls.CallEnded(**known, total_seconds=20, disposition="no_answer")]
    return [
        _event(
            fact,
            identity=f"MC{number}/{place}",
            key=known["call_id"],
            time=begin + timedelta(seconds=20 * place),
            recorded_after=after,
            origin=origin,
        )
        for place, (fact, after) in enumerate(zip(facts, recorded_after, strict=True))
    ]


def other_events(
    number: int, *, begin: datetime = BEGIN, recorded_after: Sequence[int] = (0,) * 11, origin: Origin = MAIN
) -> list[Event]:
    """Give a contact's deal, his permissions, who he is, and states of the account: one fact of most types."""
    people = (Identity("phone", f"+7701{number % 7:07d}"), Identity("whatsapp_user", f"KZ.{number % 4}"))
    known = {"deal_id": deal_id(origin.source, origin.account, f"D{number}"), "provider_deal_id": f"D{number}"}
    facts = [
        crm.DealCreated(**known, contact=people[:1], amount="1200.50", currency="KZT"),
        crm.DealMoved(**known, stage="talks", operator=f"PJSIP/10{number % 4}"),
        crm.DealWon(**known, contact=people[1:]) if number % 2 else crm.DealLost(**known, reason="too dear"),
        permissions.PermissionRequested(contact=people[:1]),
        permissions.PermissionGranted(contact=people[:1], given_by="user_action"),
        permissions.PermissionRevoked(contact=people[1:]),
        crm.ContactIdentified(contact=people if number % 3 else people[:1]),
        accounts.AccountRestricted(restriction="BIZ_INITIATED"),
        accounts.AccountCameOnline(),
        crm.DealChanged(**known, amount="1500", emptied=("operator",)),
        crm.DealMerged(**known, into_deal_id=deal_id(origin.source, origin.account, f"D{number + 1}"))
        if number % 2
        else crm.DealDeleted(**known),
    ]
    return [
        _event(
            fact,
            identity=f"O{number}/{place}",
            key=str(number),
            time=begin + timedelta(seconds=900 * place),
            recorded_after=after,
            origin=origin,
        )
        for place, (fact, after) in enumerate(zip(facts, recorded_after, strict=True))
    ]


def records_of(events: Iterable[Event], *, first_offset: int = 0) -> list[KafkaRecord]:
    """Put events onto the first partitions of their topics, in their order; all offsets differ."""
    return [
        KafkaRecord(topic=topic_of(fact), partition=0, offset=offset, value=codec.encode(fact))
        for offset, fact in enumerate(events, start=first_offset)
    ]


def settings_at(home: object, *, hot_events: int = 200_000) -> AnalyticsSettings:
    """Settings of a small warehouse under `home`."""
    return AnalyticsSettings.model_validate(
        {"home": home, "hot_events": hot_events, "warehouse_memory_mib": 512, "warehouse_threads": 1}
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Draw facts of a few calls and messages of two companies, some recorded days late, some doubled, in any order."""
    begins = st.integers(0, 3 * 86_400).map(lambda seconds: BEGIN + timedelta(seconds=seconds))
    late = st.sampled_from(SECONDS_APART)
    origins = st.sampled_from(ORIGINS)
    drawn = ((call_events, 1, 5, 5), (message_events, 0, 3, 3), (missed_events, 0, 4, 2), (other_events, 0, 3, 11))
    facts: list[Event] = []
    for events, fewest, most, length in drawn:
        for number in range(draw(st.integers(fewest, most))):
            after = draw(st.tuples(*[late] * length))
            facts += events(number, begin=draw(begins), recorded_after=after, origin=draw(origins))
    repeated = [fact for fact in facts for _ in range(draw(st.integers(1, 5)))]
    return draw(st.permutations(repeated))


def _event(  # as many as there are things to draw
    fact: Struct, *, identity: str, key: str, time: datetime, recorded_after: int, origin: Origin
) -> Event:
    return event(
        fact,
        id=fact_id(origin.source, origin.account, type(fact).__name__, identity),
        source=origin.source,
        account=origin.account,
        company=origin.company,
        time=instant(time),
        recordedat=_later(time, recorded_after),
        key=key,
    )


def _later(time: datetime, seconds: int) -> Instant:
    return instant(time + timedelta(seconds=seconds, milliseconds=300))


@contextmanager
def reading_the_catalog(home: Path) -> Generator[None]:
    """Hold a state of the catalog, as a page does."""
    words = [sys.executable, "-c", READ_CATALOG, str(settings_at(home).catalog_file)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        yield
        reader.communicate()


class Refused(Exception):
    """A commit that came to nothing."""


class FullDisk:
    """A connection whose next commits come to nothing, as long as the disk is full."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.is_full = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, text: str, parameters: Parameters = ()) -> None:
        """Run statements; a commit while the disk is full ends the transaction and keeps nothing, as in the engine."""
        if self.is_full and text == "commit":
            self._connection.execute("rollback")
            raise Refused
        self._connection.execute(text, parameters)
