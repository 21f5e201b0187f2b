"""The breaker tells their fault from ours; dead letters keep everything untouched."""

import random

import pytest

from pipelines import dead
from pipelines.kafka.broker import Record
from schemas.errors import Halted
from schemas.records import RawRecord, dead_from_kafka, dead_to_kafka


def refusals_until_it_stops(pattern: list[bool]) -> int | None:
    """Give how many records the breaker lets through, or None when it never stops."""
    breaker = dead.Breaker("normalise")
    for number, is_refused in enumerate(pattern):
        try:
            breaker.observe(reason="broken" if is_refused else None)
        except Halted:
            return number
    return None


def test_a_run_of_refusals_stops_the_stage() -> None:
    assert refusals_until_it_stops([True] * 500) == dead.CONSECUTIVE_LIMIT - 1


def test_one_account_alone_stops_nobody_else() -> None:
    breaker = dead.Breaker("normalise", accounts=3)
    for _ in range(5 * dead.WINDOW_RECORDS):
        breaker.observe(reason="broken", sender=("ingest", "hostile"))
    breaker.observe(reason=None, sender=("twilio", "main"))
    for _ in range(dead.CONSECUTIVE_LIMIT - 1):
        breaker.observe(reason="broken", sender=("twilio", "main"))

    with pytest.raises(Halted, match="100 records in a row of one account, and as many of 1 more"):
        breaker.observe(reason="broken", sender=("twilio", "main"))


def test_a_few_refusals_at_the_beginning_stop_nothing() -> None:
    assert refusals_until_it_stops([True] * (dead.CONSECUTIVE_LIMIT - 1) + [False] * 500) is None


def test_most_records_refused_stop_the_stage_although_some_pass() -> None:
    assert refusals_until_it_stops([True, True, False] * 500) == dead.LEAST_RECORDS - 1


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.3])
def test_a_share_of_poison_never_stops_the_stage(share: float) -> None:
    draw = random.Random(7)

    assert refusals_until_it_stops([draw.random() < share for _ in range(20_000)]) is None


def test_old_refusals_are_forgotten() -> None:
    poisoned = ([True] * 40 + [False] * 60) * 10

    assert refusals_until_it_stops(poisoned + [False] * 1_000 + poisoned) is None


def test_the_stage_says_what_to_do() -> None:
    breaker = dead.Breaker("normalise")

    for _ in range(dead.CONSECUTIVE_LIMIT - 1):
        breaker.observe(reason="broken")

    with pytest.raises(
        Halted, match=r'refused 100 records in a row, the last because "broken": .* start the stage again'
    ):
        breaker.observe(reason="broken")


def test_a_letter_goes_through_kafka_untouched() -> None:
    record = Record("raw", 3, 41, b"k", b"\x00\xff", (("h", b"\xfe"),), 0)
    raw = RawRecord(raw_id="r", source="twilio", account="a", company="c", received_at="t")
    letter = dead.letter(
        record, reason="because", stage="normalise", died_at="2026-03-01T08:30:00.000Z", part="x[1]", raw=raw
    )

    assert dead_from_kafka(*dead_to_kafka(letter)) == letter
    assert (letter.body, letter.headers, letter.offset) == (b"\x00\xff", (("h", b"\xfe"),), 41)
