"""What every source gives: how to know its requests, what to answer, and which facts its bytes hold; all pure."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from schemas.company import Account, Company
from schemas.envelope import Event
from schemas.instants import Instant
from schemas.records import RawRecord


class Request(Struct, frozen=True, kw_only=True):
    """An HTTP request as it came; nothing of it has been parsed.

    `url` is the full public address with its query, as the provider called (and perhaps signed) it: where the
    account's `settings.public_url` is given, its scheme and host stand in front. Header names are lower case.
    """

    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""
    received_at: Instant


class Answer(Struct, frozen=True, kw_only=True):
    """What a provider is answered."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain"


class Refusal(Struct, frozen=True, kw_only=True):
    """A part of a body that cannot become facts, and why.

    `part` is a JSON path such as `entry[0].changes[1].value.calls[0]`; "" is the whole body. `reason` names fields,
    never their content.
    """

    part: str = ""
    reason: str


class Translation(Struct, frozen=True, kw_only=True):
    """What became of a body: facts, parts refused, and where it holds no fact of ours a word on what it is.

    The codec has read each fact back (`sources.facts`), so that whoever writes it need not prove it again.
    """

    events: tuple[Event, ...] = ()
    refused: tuple[Refusal, ...] = ()
    ignored: str = ""


class IsGenuine(Protocol):
    """Tells whether a request comes from the provider.

    Works on the raw bytes, in constant time, and is true when any one of the (up to two) `secrets` proves it; with
    no secrets it is false, unless the provider has no proof of origin at all. How old a signature may be is judged
    elsewhere (pipelines.sources.proof). Never raises, whatever the request holds.
    """

    def __call__(self, request: Request, *, secrets: Sequence[str]) -> bool:
        """Say whether `request` is genuine."""
        ...


class SignedAt(Protocol):
    """Gives the time that a genuine request was signed with, as it is written there; None where none is signed."""

    def __call__(self, request: Request) -> str | None:
        """Give what stands there, be it a time or not."""
        ...


class Handshake(Protocol):
    """Answers the GET with which a provider makes sure of an address; None when the request does not prove itself."""

    def __call__(self, request: Request, *, verify_secret: str | None) -> Answer | None:
        """Give the answer to a challenge, or None."""
        ...


class Challenge(Protocol):
    """Answers a POST with which a provider makes sure of an address before it sends facts; None for all else.

    It is asked before the origin is proved, so it must give nothing away but what the provider gave us for the
    purpose (`verify_secret`), and what it answers is not kept. Where such a request carries a secret, it must be right.
    """

    def __call__(self, request: Request, *, secrets: Sequence[str], verify_secret: str | None) -> Answer | None:
        """Give the answer to a challenge, or None."""
        ...


class Kept(Protocol):
    """Gives the bytes to keep of a request whose origin is proved: all that facts are made of, and nothing parsed."""

    def __call__(self, request: Request) -> bytes:
        """Give the body of the raw record."""
        ...


class Translate(Protocol):
    """Reads a raw record as facts.

    Pure: the same record gives the same events, ids included. Raises InvalidEvent only when nothing of the body can
    be read; parts that are broken are listed in the translation while the rest goes on. Any other exception is a bug.
    """

    def __call__(self, raw: RawRecord, *, company: Company, account: Account) -> Translation:
        """Give the facts that `raw` holds."""
        ...


def without_time(request: Request) -> None:  # the port's form
    """Find no time: the provider signs none."""


def no_handshake(request: Request, *, verify_secret: str | None) -> Answer | None:  # noqa: ARG001  # the port's form
    """Refuse every GET: the provider makes none."""
    return None


def no_challenge(request: Request, *, secrets: Sequence[str], verify_secret: str | None) -> Answer | None:  # noqa: ARG001  # the port's form
    """Answer no POST before its origin is proved: the provider makes no such request."""
    return None


def as_it_came(request: Request) -> bytes:
    """Keep the body."""
    return request.body


class Source(Struct, frozen=True, kw_only=True):
    """A provider: its name in URLs and events, what people call it, what it can tell us, and its functions.

    `capabilities` are words such as `calls`, `messages`, `recordings`, `transcripts`, `permissions`, `accounts`.
    """

    name: str
    title: str
    capabilities: tuple[str, ...]
    is_genuine: IsGenuine
    translate: Translate
    signed_at: SignedAt = without_time
    handshake: Handshake = no_handshake
    challenge: Challenge = no_challenge
    kept: Kept = as_it_came
    answer: Answer = Answer()
