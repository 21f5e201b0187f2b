"""The events that the benchmarks move: calls as providers tell them, four facts each, in the order of time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pipelines.kafka.broker import Producer
from schemas.calls import CallAccepted, CallEnded, CallFact, CallOffered, CallRang
from schemas.codec import encode
from schemas.envelope import Event, event
from schemas.ids import call_id, fact_id
from schemas.instants import instant
from schemas.people import Identity

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SECONDS_BETWEEN_CALLS = 7
FACTS_A_CALL = 4
FLUSH_EVERY = 20_000
# The company of these calls, as company.toml describes it.
COMPANY = 'id = "bench"\nname = "Bench"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n'


def events(count: int) -> Iterator[Event]:
    """Give `count` events, four a call."""
    for number in range(-(-count // FACTS_A_CALL)):
        yield from _call(number)


def fill(producer: Producer, *, count: int) -> None:
    """Write `count` events onto the topic of calls."""
    for number, fact in enumerate(events(count), start=1):
        producer.send("calls", key=fact.partitionkey.encode(), value=encode(fact))
        if number % FLUSH_EVERY == 0:
            producer.flush()
    producer.flush()


def _call(number: int) -> Iterator[Event]:
    provider_id = f"CA{number:032x}"
    begun = BEGIN + timedelta(seconds=number * SECONDS_BETWEEN_CALLS)
    known = {
        "call_id": call_id("twilio", "main", provider_id),
        "provider_call_id": provider_id,
        "direction": "incoming" if number % 3 else "outgoing",
        "channel": "phone",
        "contact": (Identity(kind="phone", value=f"+7701{number % 50_000:07d}"),),
        "operator": f"PJSIP/{100 + number % 20}",
    }
    is_answered = number % 5 > 0
    told: list[tuple[int, CallFact]] = [
        (0, CallOffered(**known)),
        (1, CallRang(**known)),
        (12, CallAccepted(**known, answered_by="human") if is_answered else CallRang(**known, leg_id="2")),
        (
            90,
            CallEnded(
                **known,
                talk_seconds=78.0 if is_answered else 0.0,
                disposition="completed" if is_answered else "no_answer",
                answered_by="human" if is_answered else "unknown",
            ),
        ),
    ]
    for place, (after, fact) in enumerate(told):
        at = instant(begun + timedelta(seconds=after))
        yield event(
            fact,
            id=fact_id("twilio", "main", "bench", provider_id, str(place)),
            source="twilio",
            account="main",
            company="bench",
            time=at,
            recordedat=at,
            key=known["call_id"],
        )
