"""Answers that are kept: each is asked for once, and of those that went nothing stays."""

import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import pytest

from dashboards.answers import Answers


class Question:
    """Something to ask, which is as good as itself alone."""


def test_what_is_kept_is_not_asked_again_until_it_went() -> None:
    answers, asked = Answers(most=2), list[str]()

    def give(key: str) -> bytes:
        def ask() -> bytes:
            asked.append(key)
            return key.encode()

        return answers.give(key, ask)

    assert [b"one", b"two", b"one", b"three", b"one", b"two"] == [
        give(key) for key in ("one", "two", "one", "three", "one", "two")
    ]
    assert ["one", "two", "three", "two"] == asked


def test_what_many_ask_at_once_is_asked_once() -> None:
    many, numbers = 16, count()
    answers, all_are_there = Answers(), Barrier(many)

    def ask(_: int) -> bytes:
        all_are_there.wait()
        return answers.give("same", lambda: b"%d" % next(numbers))

    with ThreadPoolExecutor(many) as pool:
        assert [b"0"] * many == list(pool.map(ask, range(many)))


def test_what_was_not_answered_is_asked_again() -> None:
    answers = Answers()

    def fail() -> bytes:
        raise ValueError("no answer")

    for _ in range(2):
        with pytest.raises(ValueError, match="no answer"):
            answers.give("same", fail)
    assert answers.give("same", lambda: b"yes") == b"yes"


def test_of_a_question_whose_answer_went_nothing_is_remembered() -> None:
    answers, question = Answers(most=1), Question()
    known = weakref.ref(question)
    answers.give(question, lambda: b"one")
    answers.give("other", lambda: b"two")
    del question
    assert known() is None
