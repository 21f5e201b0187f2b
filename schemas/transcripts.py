"""What was said in a call: turns by speaker, with words, in one form for WhisperX and for providers."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from schemas.calls import CallFact, Seconds, ShortText
from schemas.ids import Id
from schemas.people import Role

Share = Annotated[float, Meta(ge=0, le=1)]
Grade = Literal["words", "segments", "turns"]
Separation = Literal["channels", "voices", "none", "unknown"]
SecretKind = Literal["card", "iban", "iin", "cpf", "passport", "snils", "email", "phone"]
SECRET_KINDS: tuple[SecretKind, ...] = get_args(SecretKind)


class Word(Struct, frozen=True, kw_only=True):
    """One spoken word; times in seconds from the recording's start, None when no aligner placed it."""

    text: ShortText
    start_seconds: Seconds | None = None
    end_seconds: Seconds | None = None
    confidence: Share | None = None


class Turn(Struct, frozen=True, kw_only=True):
    """A stretch of speech of one speaker, in one audio channel (counted from 0).

    `speaker` tells voices of one channel apart, counted from 0; None where the channel has one speaker or nobody knows.
    """

    channel: Annotated[int, Meta(ge=0, le=15)]
    speaker: Annotated[int, Meta(ge=0, le=63)] | None = None
    role: Role
    start_seconds: Seconds
    end_seconds: Seconds
    text: Annotated[str, Meta(max_length=65_536)] = ""
    confidence: Share | None = None
    words: Annotated[tuple[Word, ...], Meta(max_length=20_000)] = ()


class Beep(Struct, frozen=True, kw_only=True):
    """A stretch of the recording in which a secret is heard, which whoever plays it must not hear."""

    channel: Annotated[int, Meta(ge=0, le=15)]
    start_seconds: Seconds
    end_seconds: Seconds
    kind: SecretKind


class CallTranscribed(CallFact, frozen=True, kw_only=True):
    """A recording became text; `grade` says how fine: words with times, segments with times, or turns only.

    `separation` says how speakers were told apart: each has a channel, or by their voices in one channel, or not at
    all. Secrets are replaced by their kind in brackets before the event is made, and `beeps` says where they are heard.
    """

    recording_id: Id
    origin: Literal["whisperx", "provider"]
    model: ShortText
    is_demo_model: bool = False
    language: Annotated[str, Meta(pattern=r"^([a-z]{2,3}|unknown)$")]
    grade: Grade
    duration_seconds: Seconds
    channels: Annotated[int, Meta(ge=1, le=16)]
    turns: Annotated[tuple[Turn, ...], Meta(max_length=20_000)] = ()
    separation: Separation = "unknown"
    beeps: Annotated[tuple[Beep, ...], Meta(max_length=20_000)] = ()
