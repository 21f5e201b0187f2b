"""A model that is missing is waited for: nothing is heard wrongly or lost, a file says why, and then it goes on."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analytics.questions.waiting import waiting
from schemas.errors import InvalidEvent, Misconfigured
from schemas.people import Role
from schemas.standing import WAITING_FILE, Waiting
from streams.hearing import FAILURES, Hearing
from streams.transcribe import Transcript

SINCE = "2026-03-09T12:00:00.000Z"
HEARD = Transcript(
    model="small",
    is_demo_model=False,
    language="ru",
    grade="segments",
    duration_seconds=2.0,
    channels=1,
    turns=(),
    engine="",
    model_load_seconds=0.0,
    transcribe_seconds=0.1,
)


class _Model:
    """A model of a folder that may not be there yet, and that fails at some bytes; it counts what it heard."""

    def __init__(self, *, is_there: bool = False) -> None:
        self.is_there = is_there
        self.heard: list[str | None] = []

    def load(self) -> None:
        if not self.is_there:
            raise Misconfigured("there is no model in it")

    def listen(self, content: bytes, roles: tuple[Role, ...], language: str | None) -> Transcript:  # noqa: ARG002  # the port
        self.load()
        if content == b"poison":
            raise IndexError("what was said")
        self.heard.append(language)
        return HEARD


def _hearing(model: _Model, *, pool: ThreadPoolExecutor, home: Path) -> Hearing:
    return Hearing(
        load=model.load, listen=model.listen, pool=pool, home=home, clock=lambda: SINCE, look_again_seconds=0.01
    )


async def _comes_to_be(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not claim():  # noqa: ASYNC110  # a file sets no event
            await asyncio.sleep(0.01)


def test_recordings_wait_for_a_missing_model_and_are_heard_once_when_it_is_there(tmp_path: Path) -> None:
    model = _Model()

    async def story(pool: ThreadPoolExecutor) -> tuple[Waiting | None, list[Transcript]]:
        hearing = _hearing(model, pool=pool, home=tmp_path)
        loading = asyncio.create_task(hearing.load())
        hears = [asyncio.create_task(hearing.hear(b"wav", roles=(), language=one)) for one in ("ru", "kk")]
        await _comes_to_be((tmp_path / WAITING_FILE).exists)
        said = waiting(tmp_path)
        model.is_there = True
        await loading
        return said, [await one for one in hears]

    with ThreadPoolExecutor(1) as pool:
        said, heard = asyncio.run(story(pool))

    assert said == Waiting(since=SINCE, reason="there is no model in it")
    assert (heard, sorted(map(str, model.heard))) == ([HEARD, HEARD], ["kk", "ru"])
    assert waiting(tmp_path) is None


def test_a_model_that_goes_away_is_said_to_be_waited_for_again(tmp_path: Path) -> None:
    model = _Model()

    async def story(pool: ThreadPoolExecutor) -> list[bool]:
        hearing = _hearing(model, pool=pool, home=tmp_path)
        told: list[bool] = []
        for _ in range(2):
            model.is_there = False
            hears = asyncio.create_task(hearing.hear(b"wav", roles=(), language=None))
            await _comes_to_be((tmp_path / WAITING_FILE).exists)
            model.is_there = True
            await hears
            told.append((tmp_path / WAITING_FILE).exists())
        return told

    with ThreadPoolExecutor(1) as pool:
        assert asyncio.run(story(pool)) == [False, False]


def test_a_recording_that_ends_the_worker_again_and_again_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    model = _Model(is_there=True)

    async def hear(content: bytes) -> Transcript:
        return await _hearing(model, pool=pool, home=tmp_path).hear(content, roles=(), language=None)

    with ThreadPoolExecutor(1) as pool:
        for _ in range(2):  # the second time as redelivered, when it was buried
            for _ in range(FAILURES):
                with pytest.raises(IndexError):
                    asyncio.run(hear(b"poison"))
                assert asyncio.run(hear(b"wav")) == HEARD
            with pytest.raises(InvalidEvent) as refused:
                asyncio.run(hear(b"poison"))
            assert refused.value.reason == "the model ended 3 times at this recording: IndexError"


def test_a_recording_that_was_heard_at_last_failed_never(tmp_path: Path) -> None:
    model = _Model(is_there=True)

    async def hear() -> None:
        hearing = _hearing(model, pool=pool, home=tmp_path)
        await hearing.hear(b"wav", roles=(), language=None)

    def fail() -> None:
        raise OSError

    with ThreadPoolExecutor(1) as pool:
        for _ in range(FAILURES):
            model.load = fail  # type: ignore[method-assign]
            with pytest.raises(OSError):  # noqa: PT011  # the machine's
                asyncio.run(hear())
            del model.load
            asyncio.run(hear())

    assert len(model.heard) == FAILURES


def test_what_is_no_note_of_waiting_says_nothing(tmp_path: Path) -> None:
    (tmp_path / WAITING_FILE).parent.mkdir()
    (tmp_path / WAITING_FILE).write_text("{")

    assert waiting(tmp_path) is None
