"""The stage that turns providers' bytes into canonical events: raw → calls, messages, accounts, crm, transcripts, dead.

At least once: a batch of raw records is committed only when everything made of it is acknowledged. What a crash
repeats has the same ids and the same bytes, because translating is pure.
"""

import gc
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from pipelines import dead
from pipelines.kafka.broker import Consumer, Producer, Record, connect_producer, join_group, positions_after
from pipelines.origins import Origins, load_origins
from pipelines.settings import PipelinesSettings
from pipelines.tracing import OFF, Span, Tracer, end_all, open_tracer, traceparent_of
from pipelines.translate import canonical, translation
from schemas.envelope import topic_of
from schemas.errors import InvalidEvent, NotYet
from schemas.instants import Instant, instant
from schemas.records import DeadLetter, RawRecord, dead_to_kafka, raw_from_kafka

STAGE = "normalise"
GROUP = "angime.normalise"
TOPIC = "raw"
BATCH_RECORDS = 500
POLL_SECONDS = 0.5
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
MAX_LETTERS = 16  # of one raw record: each holds the whole body

log = structlog.get_logger()


class Fact(Struct, frozen=True):
    """An event as it goes to Kafka."""

    topic: str
    type: str
    key: bytes
    value: bytes


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a raw record; no facts and no letters where it held nothing for us."""

    facts: tuple[Fact, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    sender: dead.Sender = dead.NOBODY


def normalise(record: Record, *, origins: Origins, now: Instant) -> Outcome:
    """Translate one raw record; `now` is only written on dead letters. Never raises for what the record holds."""
    raw: RawRecord | None = None

    def letter(reason: str, part: str = "") -> DeadLetter:
        return dead.letter(record, reason=reason, stage=STAGE, died_at=now, part=part, raw=raw)

    try:
        raw = raw_from_kafka(record.value, record.headers)
        origin = origins.get((raw.source, raw.account))
        if origin is None:
            reason = f"no account {raw.account} of {raw.source} stands in company.toml"
            return Outcome(letters=(letter(reason),), sender=_sender_of(raw))
        told = translation(origin, raw)
    except InvalidEvent as error:
        return Outcome(letters=(letter(error.reason),), sender=_sender_of(raw))
    facts: list[Fact] = []
    letters = [letter(refusal.reason, refusal.part) for refusal in told.refused]
    for event in told.events:
        if event.type.startswith("call.") and not origin.account.tells_calls:
            continue
        try:
            value = canonical(event, company=origin.company)
            facts.append(Fact(topic_of(event), event.type, event.partitionkey.encode(), value))
        except InvalidEvent as error:
            letters.append(letter(f"{event.type}: {error.reason}"))
    if len(letters) > MAX_LETTERS:
        more = letter(f"{len(letters) - MAX_LETTERS + 1} more parts are refused")
        letters = [*letters[: MAX_LETTERS - 1], more]
    return Outcome(facts=tuple(facts), letters=tuple(letters), sender=_sender_of(raw))


def _sender_of(raw: RawRecord | None) -> dead.Sender:
    return (raw.source, raw.account) if raw is not None else dead.NOBODY


def run(settings: PipelinesSettings, *, stop: threading.Event, on_ready: Callable[[], None] = lambda: None) -> None:
    """Normalise until `stop` is set; `on_ready` is called once the group is joined for the first time.

    While Kafka is away it tries again with back-off, from the last commit. Raises Misconfigured for company files that
    are not right, and when the breaker stops it: then nothing of the batch that tripped it was sent or committed.
    """
    origins = settled(settings)
    breaker = dead.Breaker(STAGE, accounts=len(origins))
    retries = 0
    with closing(open_tracer(settings.traces)) as tracer:
        while not stop.is_set():
            try:
                _work(settings, origins=origins, breaker=breaker, stop=stop, on_ready=on_ready, tracer=tracer)
            except NotYet as error:
                log.warning("normalise_waits", reason=error.reason)
                stop.wait(RETRY_SECONDS[min(retries, len(RETRY_SECONDS) - 1)])
                retries += 1


def settled(settings: PipelinesSettings) -> Origins:
    """Load who may send, and look for no garbage among what is loaded by now; raises as `load_origins` does.

    Through all modules, ours and others', the search took a twelfth of the normaliser's processor time.
    """
    origins = load_origins(settings)
    gc.freeze()
    return origins


def _work(  # noqa: PLR0913  # ports, told apart by name
    settings: PipelinesSettings,
    *,
    origins: Origins,
    breaker: dead.Breaker,
    stop: threading.Event,
    on_ready: Callable[[], None],
    tracer: Tracer,
) -> None:
    """Work with one pair of connections until told to stop, or until Kafka is away."""
    producer = connect_producer(settings.kafka, transport=settings.transport)
    try:
        consumer = join_group(settings.kafka, group=GROUP, topics=[TOPIC], transport=settings.transport)
        try:
            log.info("normalising", accounts=len(origins))
            on_ready()
            while not stop.is_set():
                step(consumer, producer=producer, origins=origins, breaker=breaker, now=_now, tracer=tracer)
        finally:
            consumer.close()
    finally:
        producer.close()


def step(  # noqa: PLR0913  # ports, told apart by name
    consumer: Consumer,
    *,
    producer: Producer,
    origins: Origins,
    breaker: dead.Breaker,
    now: Callable[[], Instant],
    tracer: Tracer = OFF,
) -> int:
    """Take a batch through, and give how many raw records it had: translate, send, wait for the acks, commit."""
    records = consumer.poll(max_records=BATCH_RECORDS, timeout_seconds=POLL_SECONDS)
    if not records:
        return 0
    moment = now()
    spans = [tracer.span(STAGE, traceparent_of(record.headers)) for record in records]
    outcomes = [normalise(record, origins=origins, now=moment) for record in records]
    for outcome in outcomes:
        breaker.observe(reason=outcome.letters[0].reason if outcome.letters else None, sender=outcome.sender)
    _send(outcomes, spans=spans, producer=producer)
    producer.flush()
    consumer.commit(positions_after(records))
    end_all(spans)
    letters = [letter for outcome in outcomes for letter in outcome.letters]
    for letter in letters:
        log.warning(
            "dead_letter", source=letter.source, account=letter.account, offset=letter.offset, reason=letter.reason
        )
    log.debug("normalised", records=len(records), letters=len(letters))
    return len(records)


def _send(outcomes: Sequence[Outcome], *, spans: Sequence[Span | None], producer: Producer) -> None:
    for outcome, span in zip(outcomes, spans, strict=True):
        carried = span.headers if span is not None else ()
        for fact in outcome.facts:
            producer.send(fact.topic, key=fact.key, value=fact.value, headers=carried)
        for letter in outcome.letters:
            key, value, headers = dead_to_kafka(letter)
            producer.send(dead.TOPIC, key=key, value=value, headers=headers)


def _now() -> Instant:
    return instant(datetime.now(UTC))
