"""Facts about messages of every channel."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.calls import Contact, ShortText
from schemas.ids import Id
from schemas.people import Channel

MessageKind = Literal[
    "text",
    "image",
    "audio",
    "video",
    "document",
    "sticker",
    "location",
    "contacts",
    "interactive",
    "button",
    "template",
    "order",
    "reaction",
    "system",
    "unsupported",
]


class MessageFact(Struct, frozen=True, kw_only=True):
    """What any message fact says: which message, in which conversation, with whom."""

    message_id: Annotated[Id, Meta(description="the message; the same for all its facts")]
    provider_message_id: Annotated[ShortText, Meta(description="the provider's own id of the message")]
    conversation_id: Annotated[Id, Meta(description="all messages with one identity of a contact")]
    channel: Channel = "other"
    contact: Contact = ()
    contact_name: Annotated[ShortText | None, Meta(description="the customer's name as the provider has it")] = None
    company_number: Annotated[ShortText | None, Meta(description="the company's own number or id")] = None
    operator: Annotated[ShortText | None, Meta(description="the operator as the provider writes him")] = None
    provider_status: Annotated[ShortText | None, Meta(description="the provider's own word, untouched")] = None


class MessageBody(MessageFact, frozen=True, kw_only=True):
    """A message as written: its text, or the caption of what it carries."""

    kind: MessageKind = "text"
    text: Annotated[str, Meta(max_length=65_536, description="the text, or the caption of what it carries")] | None = (
        None
    )
    reply_to_message_id: Id | None = None
    media_id: ShortText | None = None
    media_type: ShortText | None = None


class MessageReceived(MessageBody, frozen=True, kw_only=True):
    """The contact wrote to the company at `time`."""


class MessageSent(MessageBody, frozen=True, kw_only=True):
    """The company wrote to the contact at `time`."""


class MessageDelivered(MessageFact, frozen=True, kw_only=True):
    """The contact's device has the message since `time`."""


class MessageRead(MessageFact, frozen=True, kw_only=True):
    """The contact has seen the message at `time` (a played voice message counts as read)."""


class MessageFailed(MessageFact, frozen=True, kw_only=True):
    """The message could not be delivered; the provider's error code stands beside it."""

    error_code: ShortText | None = None


class MessageReactedTo(MessageFact, frozen=True, kw_only=True):
    """Somebody put an emoji on the message, or took it away (`emoji` empty)."""

    emoji: ShortText = ""
    reacted_by: Literal["contact", "company"] = "contact"
