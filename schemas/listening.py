"""What company data says of listening: which transcript counts, who speaks in which channel, what is redacted."""

from typing import Literal

from msgspec import Struct

from schemas.people import Direction, Role
from schemas.transcripts import SECRET_KINDS, SecretKind


class Listening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a company's recordings are heard.

    `transcript` is the one reports use where a recording has both. `redact` lists the secrets that leave a transcript
    before it is kept; an empty list switches redaction off. `channel_roles` names, by source, who speaks in each
    channel, first channel first, where neither the event nor the account says so. `first_voice` names, by direction,
    who speaks first in a recording of one channel; where it is not given, its two voices are of unknown role.
    """

    transcript: Literal["whisperx", "provider"] = "whisperx"
    redact: tuple[SecretKind, ...] = SECRET_KINDS
    channel_roles: dict[str, tuple[Role, ...]] = {}
    first_voice: dict[Direction, Role] = {}
