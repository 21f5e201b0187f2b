"""What the agents do, one event in and the next fact out: keep a recording, and turn a kept one into text."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from obstore.store import ObjectStore

from schemas.calls import CallFact, CallRecordingStored
from schemas.catalogue import TYPE_OF_STRUCT
from schemas.codec import encode, prove
from schemas.company import Account, Company
from schemas.envelope import Event, event
from schemas.errors import InvalidEvent, NotYet
from schemas.ids import fact_id
from schemas.instants import Instant
from schemas.people import Role
from schemas.transcripts import CallTranscribed
from streams.fetch import TOTAL_SECONDS, fetch
from streams.redact import without_secrets
from streams.store import forget, is_past, keep, kept, load, path_of
from streams.transcribe import Transcript
from streams.turns import with_roles

Listen = Callable[[bytes, tuple[Role, ...], str | None], Transcript]


class Ears(Struct, frozen=True, kw_only=True):
    """What listening needs: companies by id, secrets by company and account, and the store of recordings.

    `fetch_seconds` is how long a provider may take to hand out a recording; `is_erased` tells of a fact whether it is
    of a person who was erased.
    """

    companies: dict[str, Company]
    fetch_secrets: dict[tuple[str, str], str]
    store: ObjectStore
    fetch_seconds: float = TOTAL_SECONDS
    is_erased: Callable[[Event], bool] = lambda _: False


async def store_recording(available: Event, *, ears: Ears, now: Instant) -> Event | None:
    """Fetch and keep the recording of a `call.recording_made_available` event; None without consent, or past its time.

    Of a person who was erased before, or while it was fetched, what was kept is deleted: a worker that was killed has
    told nobody of it.
    A repetition has the same id and the same data. Raises InvalidEvent and NotYet as the fetch does.
    """
    recording = available.data
    if ears.is_erased(available):
        return await _forget(available, ears=ears)
    if recording.consent == "refused" or is_past(available, company=ears.companies.get(available.company), now=now):
        return None
    account = _account_of(available, ears=ears)
    secret = ears.fetch_secrets.get((available.company, available.account))
    path = path_of(available)
    try:
        content, media_type = await fetch(
            recording.url, account=account, secret=secret, total_seconds=ears.fetch_seconds
        )
    except (InvalidEvent, NotYet):
        # Addresses live for minutes, and a worker that was stopped asks once more for what it has.
        held = await kept(ears.store, path)
        if held is None:
            raise
        content, media_type = held, ""
    else:
        await keep(ears.store, path, content)
        if ears.is_erased(available):
            return await _forget(available, ears=ears)
    stored = CallRecordingStored(
        **_call_of(recording),
        recording_id=recording.recording_id,
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        media_type=recording.media_type or media_type or None,
        channel_roles=recording.channel_roles or account.channel_roles or _roles_of_source(available, ears=ears),
    )
    return _follow(available, stored, identity=(recording.recording_id,), now=now)


async def _forget(available: Event, *, ears: Ears) -> None:
    await asyncio.to_thread(forget, ears.store, path_of(available))


def is_to_be_heard(stored: Event, *, ears: Ears, now: Instant) -> bool:
    """Whether a kept recording may be heard: not past its time, nor of a person who was erased."""
    return not (ears.is_erased(stored) or is_past(stored, company=ears.companies.get(stored.company), now=now))


async def read_recording(stored: Event, *, ears: Ears) -> bytes:
    """Read back a kept recording and check that it is still what was kept."""
    content = await load(ears.store, stored.data.path)
    if hashlib.sha256(content).hexdigest() != stored.data.sha256:
        raise InvalidEvent("the kept recording is not what was stored: its sha256 differs")
    return content


def transcribed(stored: Event, *, transcript: Transcript, ears: Ears, now: Instant) -> Event:
    """Make the `call.transcribed` event of a kept recording, without its secrets; a repetition has the same id.

    Raises InvalidEvent for a transcript that is none by its schema, or larger than an event may be.
    """
    recording = stored.data
    company = _company_of(stored, ears=ears)
    first_voice = company.listening.first_voice.get(recording.direction, "unknown")
    said = CallTranscribed(
        **_call_of(recording),
        recording_id=recording.recording_id,
        origin=transcript.origin,
        model=transcript.model,
        is_demo_model=transcript.is_demo_model,
        language=transcript.language,
        grade=transcript.grade,
        duration_seconds=transcript.duration_seconds,
        channels=transcript.channels,
        turns=with_roles(transcript.turns, first_voice=first_voice),
        separation=transcript.separation,
    )
    said = without_secrets(said, company=company)
    return _follow(stored, said, identity=(recording.recording_id, transcript.model), now=now)


def language_of(stored: Event, *, ears: Ears) -> str | None:
    """Give the language that company data promises for an account's calls; None: the model must find it."""
    return _account_of(stored, ears=ears).language


def _follow(cause: Event, fact: CallFact, *, identity: tuple[str, ...], now: Instant) -> Event:
    """Wrap a fact made from another: it occurred with its cause, was recorded now, and is told anew where its cause is.

    Raises InvalidEvent for one that its readers would refuse, or Kafka, for it is too large.
    """
    made = event(
        fact,
        id=fact_id(cause.source, cause.account, TYPE_OF_STRUCT[type(fact)].name, *identity),
        source=cause.source,
        account=cause.account,
        company=cause.company,
        time=cause.time,
        recordedat=now,
        key=cause.partitionkey,
        causationid=cause.id,
        revision=cause.revision,
    )
    prove(encode(made))
    return made


def _call_of(fact: CallFact) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in CallFact.__struct_fields__}


def _roles_of_source(fact: Event, *, ears: Ears) -> tuple[Role, ...]:
    return _company_of(fact, ears=ears).listening.channel_roles.get(fact.source, ())


def _company_of(fact: Event, *, ears: Ears) -> Company:
    company = ears.companies.get(fact.company)
    if company is None:
        raise InvalidEvent("the company data knows no such company and account")
    return company


def _account_of(fact: Event, *, ears: Ears) -> Account:
    account = _company_of(fact, ears=ears).account(fact.account)
    if account is None:
        raise InvalidEvent("the company data knows no such company and account")
    return account
