"""Messages of chats, whichever channel carries them: who is in the chat, what was written, and how far it got."""

from typing import Any, Literal

from msgspec import Struct

from pipelines.sources.facts import Scene, conversation_of, fact
from pipelines.sources.phones import MAX_IDENTITY_LENGTH
from pipelines.sources.times import from_written
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import Id, conversation_id, message_id
from schemas.instants import Instant
from schemas.messages import (
    MessageDelivered,
    MessageFailed,
    MessageKind,
    MessageReactedTo,
    MessageRead,
    MessageReceived,
    MessageSent,
)
from schemas.people import Channel, Identity

MAX_MEDIA = 64  # of one message
MAX_SHORT_TEXT = 1024  # as the schema has it: names are cut to it, longer addresses of media are left out

Step = Literal["sent", "delivered", "read", "failed"]

_STEPS = {"sent": MessageSent, "delivered": MessageDelivered, "read": MessageRead, "failed": MessageFailed}
_MEDIA_KINDS: dict[str, MessageKind] = {"image": "image", "audio": "audio", "video": "video"}


class Chat(Struct, frozen=True, kw_only=True):
    """One chat as one hook shows it: the contact with his identities, the company's side, who of it wrote.

    `thread` is the kind and id of a group, or of a chat that the provider alone numbers: it keeps the conversation
    together where the contact's identities do not stand in each of its hooks. Without one the contact does.
    `is_of_one` says that such a chat is this contact's alone, and no group.
    """

    scene: Scene
    channel: Channel
    contact: tuple[Identity, ...] = ()
    contact_name: str | None = None
    company_number: str | None = None
    operator: str | None = None
    thread: tuple[str, str] | None = None
    is_of_one: bool = False


class Medium(Struct, frozen=True, kw_only=True):
    """A picture, voice message or file that a message carries; `media_id` is an id or an address at the provider."""

    kind: MessageKind
    media_id: str | None = None
    media_type: str | None = None


class Written(Struct, frozen=True, kw_only=True):
    """A message as written, by us or by the contact."""

    provider_id: str
    time: Instant
    is_ours: bool
    kind: MessageKind = "text"
    text: str | None = None
    media: tuple[Medium, ...] = ()
    reply_to: str | None = None
    provider_status: str | None = None


class Receipt(Struct, frozen=True, kw_only=True):
    """How far a message of ours got; `word` is the provider's own for the step, `whose` the member of a group."""

    provider_id: str
    step: Step
    time: Instant
    word: str
    whose: str = ""
    error_code: str | None = None


class Reaction(Struct, frozen=True, kw_only=True):
    """An emoji on the message `target`, empty when it was taken away; `identity` tells it from the target's others."""

    target: str
    emoji: str
    is_ours: bool
    time: Instant
    identity: tuple[str, ...]


def written(chat: Chat, message: Written) -> tuple[Event, ...]:
    """Give a fact for the text with its first medium, and one more for each further medium.

    Raises InvalidEvent where nobody can be told with whom it is.
    """
    if len(message.media) > MAX_MEDIA:
        raise InvalidEvent(f"the message carries more than {MAX_MEDIA} media")
    first = message.media[0] if message.media else Medium(kind=message.kind)
    events = [_body(chat, message, provider_id=message.provider_id, medium=first, text=message.text)]
    for number, medium in enumerate(message.media[1:], start=1):
        events.append(_body(chat, message, provider_id=f"{message.provider_id}/{number}", medium=medium, text=None))
    return tuple(events)


def _body(chat: Chat, message: Written, *, provider_id: str, medium: Medium, text: str | None) -> Event:
    struct = MessageSent if message.is_ours else MessageReceived
    told = struct(
        **_about(chat, provider_id, conversation=_conversation(chat)),
        kind=medium.kind,
        text=text,
        media_id=medium.media_id if medium.media_id and len(medium.media_id) <= MAX_SHORT_TEXT else None,
        media_type=medium.media_type,
        reply_to_message_id=_message(chat.scene, message.reply_to) if message.reply_to else None,
        provider_status=message.provider_status,
    )
    return fact(chat.scene, told, identity=(provider_id,), time=message.time, is_of_one=chat.is_of_one)


def stepped(chat: Chat, receipt: Receipt) -> Event:
    """Give the fact that a message of ours was sent, delivered, read or has failed.

    A provider may name the message alone: then its conversation is not known from this fact, and the message's own
    fact outweighs the stand-in that it is given.
    """
    provider_id, step = receipt.provider_id, receipt.step
    conversation = _conversation(chat) if chat.contact or chat.thread else _stand_in(chat.scene, provider_id)
    about = _about(chat, provider_id, conversation=conversation) | {"provider_status": receipt.word}
    more: dict[str, Any] = {"error_code": receipt.error_code} if step == "failed" else {}
    identity = (provider_id, step, receipt.word, *([receipt.whose] if receipt.whose else []))
    told = _STEPS[step](**about, **more)
    return fact(chat.scene, told, identity=identity, time=receipt.time, is_of_one=chat.is_of_one)


def reacted(chat: Chat, reaction: Reaction) -> Event:
    """Give the fact that somebody put an emoji on a message, or took it away."""
    target = reaction.target
    conversation = _conversation(chat) if chat.contact or chat.thread else _stand_in(chat.scene, target)
    told = MessageReactedTo(
        **_about(chat, target, conversation=conversation),
        emoji=reaction.emoji,
        reacted_by="company" if reaction.is_ours else "contact",
    )
    identity = (target, *reaction.identity)
    return fact(chat.scene, told, identity=identity, time=reaction.time, is_of_one=chat.is_of_one)


def told_at(scene: Scene, value: Any, *, what: str) -> Instant:
    """Read a time as written; where the provider sends none it is that of the receipt."""
    return scene.raw.received_at if value is None or value == "" else from_written(value, what=what)


def id_in_chat(written: str, *places: str | None) -> str:
    """Give a message's id: a mere number is the messenger's own, which counts anew in each chat, told by its places."""
    is_number = written.isascii() and written.isdigit()
    return "/".join(filter(None, (*places, written))) if is_number else written


def kind_of(media_type: str | None) -> MessageKind:
    """Tell a medium's kind by its media type; what is neither picture, sound nor film is a document."""
    return _MEDIA_KINDS.get((media_type or "").lower().partition("/")[0], "document")


def _about(chat: Chat, provider_id: str, *, conversation: Id) -> dict[str, Any]:
    return {
        "message_id": _message(chat.scene, provider_id),
        "provider_message_id": provider_id,
        "conversation_id": conversation,
        "channel": chat.channel,
        "contact": chat.contact,
        "contact_name": chat.contact_name[:MAX_SHORT_TEXT] if chat.contact_name else None,
        "company_number": chat.company_number,
        "operator": chat.operator,
    }


def _conversation(chat: Chat) -> Id:
    if chat.thread is None:
        return conversation_of(chat.scene, chat.contact)
    kind, value = chat.thread
    return conversation_id(chat.scene.company.id, kind, value[:MAX_IDENTITY_LENGTH])


def _stand_in(scene: Scene, provider_id: str) -> Id:
    return conversation_id(scene.company.id, f"{scene.raw.source}_message", f"{scene.account.id}/{provider_id}")


def _message(scene: Scene, provider_id: str) -> Id:
    return message_id(scene.raw.source, scene.account.id, provider_id)
