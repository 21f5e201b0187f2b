"""Dead letters are decided on: their very bytes sent to their topic again, or given up; either is written down."""

from collections.abc import Iterator, Sequence

from pipelines.kafka.ports import Producer
from schemas.codec import encode
from schemas.decisions import DeadLetterDiscarded, DeadLetterRetried
from schemas.envelope import Event, event, topic_of
from schemas.errors import Misconfigured
from schemas.ids import fact_id
from schemas.instants import Instant
from schemas.ourselves import US
from schemas.records import DeadLetter
from schemas.topics import TOPICS

BATCH_BYTES = 16 * 1024 * 1024
BATCH_LETTERS = 500


def retry(letters: Sequence[DeadLetter], *, producer: Producer, note: str, now: Instant) -> int:
    """Send the records of `letters` to their topics again, each once with its key, bytes and headers; gives how many.

    What they become has the same ids as before, so that nothing good is doubled; what is refused again is a new
    letter. That it was sent is written down after Kafka has it: a crash between makes us send it once more. Raises
    Misconfigured for a letter of a topic that is not ours, before anything is sent.
    """
    records = _one_a_record(letters)
    unknown = sorted({letter.topic for letter in records} - set(TOPICS))
    if unknown:
        raise Misconfigured(f"there is no topic {unknown[0]} to send to; `angime topics list` shows them all")
    for batch in _batches(records):
        for letter in batch:
            producer.send(letter.topic, key=letter.key, value=letter.body, headers=letter.headers)
        producer.flush()
        _decide(batch, producer=producer, decision=DeadLetterRetried, note=note, now=now)
    return len(records)


def discard(letters: Sequence[DeadLetter], *, producer: Producer, note: str, now: Instant) -> int:
    """Write down that the records of `letters` are given up; their bytes stay. Gives how many."""
    records = _one_a_record(letters)
    for batch in _batches(records):
        _decide(batch, producer=producer, decision=DeadLetterDiscarded, note=note, now=now)
    return len(records)


def _decide(
    letters: Sequence[DeadLetter],
    *,
    producer: Producer,
    decision: type[DeadLetterRetried | DeadLetterDiscarded],
    note: str,
    now: Instant,
) -> None:
    for letter in letters:
        send_decision(_decision(letter, decision=decision, note=note, now=now), producer=producer)
    producer.flush()


def send_decision(decided: Event, *, producer: Producer) -> None:
    """Hand a decision to Kafka; it is safe after the producer's next flush."""
    producer.send(topic_of(decided), key=decided.partitionkey.encode(), value=encode(decided))


def _decision(
    letter: DeadLetter, *, decision: type[DeadLetterRetried | DeadLetterDiscarded], note: str, now: Instant
) -> Event:
    place = f"{letter.topic}/{letter.partition}/{letter.offset}"
    return event(
        decision(place=place, note=note),
        id=fact_id(US, US, decision.__name__, place, now),
        source=US,
        account=US,
        company=letter.company or US,
        time=now,
        recordedat=now,
        key=place,
    )


def _one_a_record(letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Leave one letter a record: several parts of one body are sent together, or not at all."""
    return list({(letter.topic, letter.partition, letter.offset): letter for letter in letters}.values())


def _batches(letters: Sequence[DeadLetter]) -> Iterator[list[DeadLetter]]:
    batch: list[DeadLetter] = []
    size = 0
    for letter in letters:
        batch.append(letter)
        size += len(letter.body)
        if len(batch) == BATCH_LETTERS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
