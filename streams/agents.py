# pyright: basic, reportGeneralTypeIssues=false, reportInvalidTypeArguments=false
"""The agents: thin over `streams.listening`; they read, retry, send the next fact, and bury what cannot be read."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence

import faust
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from schemas.codec import decode, encode
from schemas.envelope import Event, topic_of
from schemas.errors import InvalidEvent, Misconfigured, NotYet
from schemas.instants import Instant
from schemas.records import REPLAYED, TRACEPARENT, DeadLetter, dead_to_kafka
from schemas.topics import PREFIX
from streams.app import topic
from streams.hands import Hands
from streams.hearing import Hearing
from streams.listening import Ears, is_to_be_heard, language_of, read_recording, store_recording, transcribed
from streams.notify import Notifier

# A provider's "not yet" is waited for about ten minutes; then the event becomes a dead letter and can be redelivered.
MAX_ATTEMPTS = 12
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 120.0
# Recordings that are fetched at a time: one provider that stalls holds up nobody, and these fit into memory.
FETCHES_AT_ONCE = 4
STAGE = "streams"
CRASHED = 70

_log = structlog.get_logger("angime.streams")

Step = Callable[[Event], Awaitable[Event | None]]


def add_agents(  # noqa: PLR0913  # each is one thing the worker holds open
    app: faust.App,
    *,
    ears: Ears,
    hearing: Hearing | None,
    notifier: Notifier | None,
    give_up: Callable[[Misconfigured], None],
    clock: Callable[[], Instant],
    version: str,
) -> None:
    """Give the app its agents.

    Without `hearing` recordings are kept and not transcribed; without `notifier` alerts stay on their topic. `give_up`
    is told when only a person can help, and ends the worker.
    """
    desk = _Desk(app, give_up=give_up, clock=clock, version=version)

    async def keep_recording(fact: Event) -> Event | None:
        if fact.type != "call.recording_made_available":
            return None
        return await store_recording(fact, ears=ears, now=clock())

    async def transcribe_recording(fact: Event) -> Event | None:
        if fact.type != "call.recording_stored" or hearing is None:
            return None
        if not is_to_be_heard(fact, ears=ears, now=clock()):
            return None
        content = await read_recording(fact, ears=ears)
        transcript = await hearing.hear(content, roles=fact.data.channel_roles, language=language_of(fact, ears=ears))
        _log.info("transcribed", call=fact.data.call_id, real_time_factor=round(transcript.real_time_factor, 3))
        return transcribed(fact, transcript=transcript, ears=ears, now=clock())

    @app.agent(topic(app, "calls"), name="keep_recordings", concurrency=1)
    async def keep_recordings(stream: faust.StreamT[bytes]) -> None:  # pyright: ignore[reportUnusedFunction]
        await desk.work(stream, step=keep_recording, at_once=FETCHES_AT_ONCE)

    @app.agent(topic(app, "transcripts"), name="transcribe_recordings", concurrency=1)
    async def transcribe_recordings(stream: faust.StreamT[bytes]) -> None:  # pyright: ignore[reportUnusedFunction]
        await desk.work(stream, step=transcribe_recording)

    if notifier is not None:
        _add_notifying(app, notifier=notifier, desk=desk, clock=clock)


def _add_notifying(app: faust.App, *, notifier: Notifier, desk: "_Desk", clock: Callable[[], Instant]) -> None:
    async def notify_people(fact: Event) -> Event | None:
        if fact.type == "alert.raised":
            await asyncio.to_thread(notifier.notify, fact, now=clock())
        return None

    @app.agent(topic(app, "alerts"), name="notify", concurrency=1)
    async def notify(stream: faust.StreamT[bytes]) -> None:  # pyright: ignore[reportUnusedFunction]
        await desk.work(stream, step=notify_people, is_wanted=_is_no_replay)


def _is_no_replay(record: faust.EventT[bytes]) -> bool:
    return not any(name == REPLAYED for name, _ in _pairs(record.message.headers))


class _Desk:
    """What every agent does around its step: decode, retry, send and wait for Kafka, or bury."""

    def __init__(
        self,
        app: faust.App,
        *,
        give_up: Callable[[Misconfigured], None],
        clock: Callable[[], Instant],
        version: str,
    ) -> None:
        self._app = app
        self._give_up = give_up
        self._clock = clock
        self._version = version

    async def work(
        self,
        stream: faust.StreamT[bytes],
        *,
        step: Step,
        at_once: int = 1,
        is_wanted: Callable[[faust.EventT[bytes]], bool] = lambda _: True,
    ) -> None:
        """Do a stream's events, so many at a time; one that waits for its next attempt is none of these."""
        room = asyncio.Semaphore(at_once)

        async def in_turn(fact: Event) -> Event | None:
            async with room:
                return await step(fact)

        async def handle(record: faust.EventT[bytes]) -> None:
            if is_wanted(record):
                await self.handle(record, step=in_turn)

        async with Hands(handle, acknowledge=lambda message: message.ack(self._app.consumer)) as hands:
            async for record in stream.noack().events():  # pyright: ignore[reportAttributeAccessIssue]  # its type forgets it
                await hands.take(record)

    async def handle(self, record: faust.EventT[bytes], *, step: Step) -> None:
        """Do one event whole. Any error that is not a refusal ends the process here.

        Faust would acknowledge the event of an agent that raised; a process that is gone acknowledges nothing. Where
        settings are wrong the event waits until the worker has ended, so that nothing acknowledges it either.
        """
        try:
            await self._handle(record, step=step)
        except Misconfigured as error:
            self._give_up(error)
            await asyncio.Event().wait()
        except Exception:  # noqa: BLE001  # nothing is swallowed: the process ends
            _log.exception("the worker ends, the event will be done again")
            os._exit(CRASHED)

    async def _handle(self, record: faust.EventT[bytes], *, step: Step) -> None:
        try:
            fact = decode(record.value or b"", topic=_name_of(record))
            made = await _with_patience(step, fact)
        except (InvalidEvent, NotYet) as error:
            await self._bury(record, reason=error.reason)
            return
        if made is not None:
            carried = [one for one in _pairs(record.message.headers) if one[0] == TRACEPARENT]
            await self._send(topic_of(made), key=made.partitionkey.encode(), value=encode(made), headers=carried)

    async def _send(
        self, name: str, *, key: bytes, value: bytes, headers: list[tuple[str, bytes]] | None = None
    ) -> None:
        sent = await topic(self._app, name).send(key=key, value=value, headers=headers)
        await sent

    async def _bury(self, record: faust.EventT[bytes], *, reason: str) -> None:
        message = record.message
        letter = DeadLetter(
            reason=reason,
            stage=STAGE,
            topic=_name_of(record),
            partition=message.partition,
            offset=message.offset,
            died_at=self._clock(),
            version=self._version,
            key=message.key or b"",
            body=message.value or b"",
            headers=tuple(_pairs(message.headers)),
        )
        key, value, headers = dead_to_kafka(letter)
        await self._send("dead", key=key, value=value, headers=headers)
        _log.warning("buried", topic=letter.topic, partition=letter.partition, offset=letter.offset, reason=reason)


async def _with_patience(step: Step, fact: Event) -> Event | None:
    attempts = AsyncRetrying(
        retry=retry_if_exception_type(NotYet),
        stop=stop_after_attempt(MAX_ATTEMPTS),
        wait=wait_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
        reraise=True,
    )
    return await attempts(step, fact)


def _name_of(record: faust.EventT[bytes]) -> str:
    return record.message.topic.removeprefix(PREFIX)


def _pairs(
    headers: Mapping[str, bytes | None] | Sequence[tuple[str, bytes | None]] | None,
) -> list[tuple[str, bytes]]:
    listed = headers.items() if isinstance(headers, Mapping) else headers or ()
    return [(name, content or b"") for name, content in listed]
