"""What the people who run Angime decided: dead letters sent again or given up, persons erased."""

from typing import Annotated

from msgspec import Meta, Struct

from schemas.ids import Id
from schemas.instants import Instant

Place = Annotated[
    str, Meta(pattern=r"^[a-z]{1,32}/[0-9]{1,9}/[0-9]{1,18}$", description="topic/partition/offset of the record")
]
Note = Annotated[str, Meta(max_length=256, description="why, in the words of who decided; no personal data")]
MAX_DIGESTS = 64
Digest = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{64}$", description="HMAC-SHA256 of kind:value under the installation's own key"),
]


class LetterDecision(Struct, frozen=True, kw_only=True):
    """Which record, by its place in Kafka: all letters on it are meant."""

    place: Place
    note: Note = ""


class DeadLetterRetried(LetterDecision, frozen=True, kw_only=True):
    """The very bytes of a refused record were sent to its topic again."""


class DeadLetterDiscarded(LetterDecision, frozen=True, kw_only=True):
    """A refused record was given up: its bytes stay where they are and nobody is to look at them again."""


class PersonErased(Struct, frozen=True, kw_only=True):
    """A person's data was removed; who it was is told only by digests, which nobody can read back.

    What was recorded up to `until` and names one of `digests`, or belongs to one of `entities` (calls, messages), is
    never landed again.
    """

    digests: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=MAX_DIGESTS)]
    entities: Annotated[
        tuple[Id, ...], Meta(max_length=100_000, description="calls and messages of the person; ids of our own making")
    ] = ()
    until: Annotated[Instant, Meta(description="what was recorded later is a new acquaintance")]
