"""What happened at the simulated company, as its people would tell it: contacts, calls, messages, permissions.

All times are whole seconds since 1970 in UTC, for no provider here tells finer ones.
"""

from typing import Literal

from msgspec import Struct

Direction = Literal["incoming", "outgoing", "internal"]
Outcome = Literal[
    "answered",
    "voicemail",
    "machine",
    "missed",
    "abandoned",
    "rejected",
    "no_answer",
    "busy",
    "cancelled",
    "failed",
    "not_permitted",
    "in_progress",
]
MessageStatus = Literal["received", "sent", "delivered", "read", "failed"]
# The kind of a message of ours that asks for permission to call.
ASKS_TO_CALL = "call_permission_request"


class Contact(Struct, frozen=True, kw_only=True):
    """A person who deals with the company.

    `user_id` is what WhatsApp calls a business-scoped user id; who took a username there shows no number.
    """

    number: str
    name: str
    language: str
    country: str
    user_id: str
    hides_number: bool = False


class Leg(Struct, frozen=True, kw_only=True):
    """The ring of one operator inside a call; `answered_at` None when he or she did not pick up."""

    operator: str
    rang_at: int
    answered_at: int | None
    ended_at: int


class Call(Struct, frozen=True, kw_only=True):
    """One call as it truly was.

    `answered_at` is when a person on the called side picked up, `machine_at` when a menu, a voicemail box or an
    answering machine did. `talk_seconds` counts talk between people alone.
    """

    id: str
    account: str
    source: str
    direction: Direction
    outcome: Outcome
    contact: Contact | None
    began_at: int
    rang_at: int | None = None
    answered_at: int | None = None
    machine_at: int | None = None
    ended_at: int | None = None
    talk_seconds: int = 0
    operator: str | None = None
    legs: tuple[Leg, ...] = ()
    is_menu_only: bool = False
    error_code: int | None = None


class Message(Struct, frozen=True, kw_only=True):
    """One message; an outgoing one carries when it was delivered, read or refused, None where that never came.

    A reaction is no message of its own: `about` is the message that bears its emoji.
    """

    id: str
    account: str
    direction: Literal["incoming", "outgoing"]
    contact: Contact
    sent_at: int
    kind: str
    text: str
    status: MessageStatus
    delivered_at: int | None = None
    read_at: int | None = None
    failed_at: int | None = None
    error_code: int | None = None
    about: str | None = None


class PermissionReply(Struct, frozen=True, kw_only=True):
    """A contact's answer to the question whether we may call, or the permission that his own call gives."""

    id: str
    account: str
    contact: Contact
    at: int
    is_accepted: bool
    is_permanent: bool
    expires_at: int | None
    is_automatic: bool
    context_id: str


class Recorded(Struct, frozen=True, kw_only=True):
    """A recording of one call: `number` is which of the spoken dialogues it holds."""

    id: str
    call_id: str
    account: str
    number: int
    language: str
    seconds: int


class Story(Struct, frozen=True, kw_only=True):
    """Everything that happened up to `now`."""

    seed: int
    now: int
    calls: tuple[Call, ...]
    messages: tuple[Message, ...]
    permissions: tuple[PermissionReply, ...]
    recordings: tuple[Recorded, ...] = ()
