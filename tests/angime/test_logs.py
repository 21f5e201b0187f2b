"""What of a library's own log is written: all of it, but the same words of one that repeats them once a minute."""

import logging

from angime.logs import SELDOM_SECONDS, seldom

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


def _record(name: str, words: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "client.py", 1, words, (1, "refused"), None)
