"""What is written of a log: all of it, but once a minute what a library repeats, or what we wait for."""

import logging

import pytest
import structlog

from angime.logs import SELDOM_SECONDS, seldom, waiting_seldom

AWAY = "Unable connect to node with id %s: %s"


def test_what_a_client_repeats_while_kafka_is_away_is_written_once_a_minute() -> None:
    moments = iter([0.0, 0.1, 0.2, SELDOM_SECONDS, *[SELDOM_SECONDS + 0.1] * 3])
    is_due = seldom(clock=lambda: next(moments))
    told = [("aiokafka", AWAY), ("aiokafka", AWAY), ("aiokafka.consumer.fetcher", AWAY), ("aiokafka", AWAY)]
    records = [
        _record(name, words)
        for name, words in (*told, ("aiokafka", "Closed"), ("faust", AWAY), ("faust", AWAY), *[("uvicorn", AWAY)] * 2)
    ]

    assert [is_due(record) for record in records] == [True, False, True, True, True, True, False, True, True]


def test_what_is_waited_for_is_said_when_it_begins_and_once_a_minute() -> None:
    moments = iter([0.0, 1.0, 2.0, SELDOM_SECONDS])
    written = waiting_seldom(clock=lambda: next(moments))
    away, other = {"event": "kafka_away", "reason": "nobody answers"}, {"event": "kafka_away", "reason": "it hangs up"}

    assert written(None, "warning", away) == away
    with pytest.raises(structlog.DropEvent):
        written(None, "warning", away)
    assert [written(None, "warning", said) for said in (other, away)] == [other, away]
    assert [written(None, "info", {"event": "landing"}) for _ in range(2)] == [{"event": "landing"}] * 2


def _record(name: str, words: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "client.py", 1, words, (1, "refused"), None)
