"""Messages of GREEN-API: theirs, ours from the phone and through its API, and what became of them."""

import re
from collections.abc import Callable
from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.linked_chats import Chat, alone, chat, epoch, message_about, own_number
from pipelines.sources.reading import Fields, as_object, items, member, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.errors import InvalidEvent
from schemas.ids import Id, message_id
from schemas.messages import (
    MessageDelivered,
    MessageFailed,
    MessageKind,
    MessageReactedTo,
    MessageRead,
    MessageReceived,
    MessageSent,
)
from schemas.people import Channel

_KINDS: dict[str, MessageKind] = {
    "imagemessage": "image",
    "videomessage": "video",
    "documentmessage": "document",
    "audiomessage": "audio",
    "stickermessage": "sticker",
    "locationmessage": "location",
    "contactmessage": "contacts",
    "contactsarraymessage": "contacts",
    "textmessage": "text",
    "extendedtextmessage": "text",
    "extendedtextmessageurl": "text",
    "quotedmessage": "text",
    "editedmessage": "text",
    "deletedmessage": "system",
    "pollmessage": "interactive",
    "pollupdatemessage": "interactive",
    "buttonsmessage": "interactive",
    "listmessage": "interactive",
    "interactivebuttons": "interactive",
    "interactivebuttonsreply": "interactive",
    "interactivebuttonsresponse": "interactive",
    "listresponsemessage": "interactive",
    "buttonsresponsemessage": "button",
    "templatebuttonsreplymessage": "button",
    "templatemessage": "template",
    "productmessage": "order",
    "ordermessage": "order",
    "groupinvitemessage": "system",
}
# Where a type keeps its text; what stands first is asked first.
_PLACES = (
    "textMessageData",
    "extendedTextMessageData",
    "editedMessageData",
    "fileMessageData",
    "contactMessageData",
    "pollMessageData",
    "buttonsMessage",
    "listMessage",
    "templateMessage",
    "interactiveButtons",
    "interactiveButtonsReply",
    "interactiveButtonsResponse",
    "buttonsResponseMessage",
    "buttonsResponseMessageData",
    "templateButtonReplyMessage",
    "listResponseMessage",
    "groupInviteMessageData",
)
_WORDS = (
    "textMessage",
    "text",
    "caption",
    "selectedDisplayText",
    "selectedButtonText",
    "contentText",
    "displayName",
    "name",
    "title",
    "titleText",
    "groupName",
)
_UNREAD = re.compile(r"^\{\{(SWE\d{3})\}\}$", re.ASCII)
_STEPS = {"sent": MessageSent, "delivered": MessageDelivered, "read": MessageRead, "played": MessageRead}
_FAILURES = frozenset({"failed", "noaccount", "notingroup", "yellowcard", "noactivesession"})
_PASSING = frozenset({"pending", "suspended"})
# What an instance links, and how a person is known there where his id is no phone's.
_CHANNELS: dict[str, tuple[Channel, str]] = {
    "telegram": ("telegram", "telegram"),
    "max": ("other", "max"),
    "v3": ("other", "max"),
}


def message(scene: Scene, fields: Fields, *, is_ours: bool) -> Translation:
    """Read one message; an edit is a message of its own that replies to what it changes, and so is a deletion."""
    sender = member(fields, "senderData")
    channel, kind = _channel(fields)
    known = chat(
        scene, text(sender, "chatId"), None if is_ours else _phone(sender), member=text(sender, "sender"), kind=kind
    )
    if known.is_public:
        return ignored("a message of a channel or a status, to nobody in particular")
    name = text(sender, "chatName") if is_ours else text(sender, "senderName", "senderContactName", "chatName")
    content = member(fields, "messageData") | {"voter": text(sender, "sender")}
    return _told(scene, fields, content=content, known=known, name=name, channel=channel, is_ours=is_ours)


def remembered(scene: Scene, fields: Fields) -> Translation:
    """Read one message of the journal (`lastIncomingMessages`, `getChatHistory`), whose content lies flat in it."""
    written = required(fields, "type")
    if written not in {"incoming", "outgoing"}:
        raise InvalidEvent(f"a message of the journal is {word(written)}, neither incoming nor outgoing")
    is_ours = written == "outgoing"
    known = chat(scene, text(fields, "chatId", "senderId"), member=text(fields, "senderId"))
    if known.is_public:
        return ignored("a message of a channel or a status, to nobody in particular")
    name = None if is_ours else text(fields, "senderName", "senderContactName")
    content = fields | {"textMessageData": {"textMessage": fields.get("textMessage")}}
    for place in ("location", "contact"):
        if isinstance(fields.get(place), dict):
            content[f"{place}MessageData"] = fields[place]
    if "downloadUrl" in fields:
        content["fileMessageData"] = {name: fields.get(name) for name in ("downloadUrl", "caption", "mimeType")}
    return _told(scene, fields, content=content, known=known, name=name, channel="whatsapp", is_ours=is_ours)


def message_status(scene: Scene, fields: Fields) -> Translation:
    """Read what became of a message of ours; raises InvalidEvent where the word is unknown."""
    status = required(fields, "status")
    channel, kind = _channel(fields)
    lower = status.lower()
    if lower in _PASSING:
        return ignored(f"the message status {word(status)} is not yet a fact of ours")
    written = text(fields, "chatId")
    known = chat(scene, written, kind=kind) if written else Chat()  # older instances name the message alone
    if known.is_public:
        return ignored("the status of a message to nobody in particular")
    provider_id = required(fields, "idMessage")
    at = None if written else alone(scene, provider_id)
    about = _about(scene, fields, known, provider_id=provider_id, channel=channel, name=None, at=at)
    about["provider_status"] = status
    time = epoch(fields, "timestamp")
    identity = (provider_id, lower)
    if lower in _FAILURES:
        return found(fact(scene, MessageFailed(**about, error_code=status), identity=identity, time=time))
    if lower not in _STEPS:
        raise InvalidEvent(f"the message status {word(status)} is unknown")
    return found(fact(scene, _STEPS[lower](**about), identity=identity, time=time))


def _told(  # noqa: PLR0913  # what a message is, and who wrote it
    scene: Scene,
    fields: Fields,
    *,
    content: Fields,
    known: Chat,
    name: str | None,
    channel: Channel,
    is_ours: bool,
) -> Translation:
    provider_id = required(fields, "idMessage")
    written = required(content, "typeMessage")
    kind = written.lower()
    time = epoch(fields, "timestamp")
    about = _about(scene, fields, known, provider_id=provider_id, channel=channel, name=name)
    quoted = text(member(content, "quotedMessage"), "stanzaId")
    if kind == "reactionmessage":
        if quoted is None:
            raise InvalidEvent("the reaction does not say to what")
        about |= {"message_id": _id(scene, quoted), "provider_message_id": quoted}
        reacted = MessageReactedTo(
            **about,
            emoji=text(member(content, "extendedTextMessageData"), "text") or "",
            reacted_by="company" if is_ours else "contact",
        )
        return found(fact(scene, reacted, identity=(provider_id,), time=time))
    changed = text(_place(content, "editedMessageData", "deletedMessageData", "pollMessageData"), "stanzaId")
    reply_to = changed or quoted
    struct = MessageSent if is_ours else MessageReceived
    body = struct(
        **about,
        **_body(content, kind=kind),
        reply_to_message_id=_id(scene, reply_to) if reply_to else None,
    )
    return found(fact(scene, body, identity=(provider_id, *((changed,) if changed else ())), time=time))


def _body(content: Fields, *, kind: str) -> dict[str, Any]:
    """Give kind, text and media; `{{SWE001}}` stands for a message that GREEN-API could not read."""
    file = member(content, "fileMessageData")
    unread = _UNREAD.match(_text(content) or "")
    if unread is not None:
        return {"kind": "unsupported", "provider_status": unread.group(1)}
    reader: Callable[[Fields], str | None] = _READERS.get(kind, _text)
    return {
        "kind": _KINDS.get(kind, "unsupported"),
        "provider_status": None if kind in _KINDS else text(content, "typeMessage"),
        "text": reader(content),
        "media_type": text(file, "mimeType"),
        "media_id": _media_id(file),
    }


def _media_id(file: Fields) -> str | None:
    address = text(file, "downloadUrl")
    return address.rpartition("/")[2][:1024] if address else None


def _text(content: Fields) -> str | None:
    for place in _PLACES:
        found_text = text(member(content, place), *_WORDS)
        if found_text is not None:
            return found_text
    return None


def _location(content: Fields) -> str | None:
    place = member(content, "locationMessageData")
    return ", ".join(part for part in (text(place, "nameLocation"), text(place, "address")) if part) or None


def _cards(content: Fields) -> str | None:
    holder = _place(content, "contactsArrayMessageData", "messageData")
    cards = [as_object(card, what="contacts[]") for card in items(holder or content, "contacts")]
    return ", ".join(name for card in cards if (name := text(card, "displayName"))) or None


def _votes(content: Fields) -> str | None:
    """Give what `voter` chose in a poll; where he goes by no id of its voters, all that was chosen."""
    options = [as_object(one, what="votes[]") for one in items(member(content, "pollMessageData"), "votes")]
    chosen = [option for option in options if items(option, "optionVoters")]
    his = [option for option in chosen if content.get("voter") in items(option, "optionVoters")]
    return ", ".join(name for option in his or chosen if (name := text(option, "optionName"))) or None


_READERS: dict[str, Callable[[Fields], str | None]] = {
    "locationmessage": _location,
    "contactsarraymessage": _cards,
    "pollupdatemessage": _votes,
}


def _place(content: Fields, *names: str) -> Fields:
    places = [member(content, name) for name in names]
    return next(filter(None, places), places[0])


def _phone(sender: Fields) -> str | None:
    """Give the phone that stands beside an id which is none; 0 where it is hidden."""
    written = text(sender, "senderPhoneNumber")
    return f"{written}@c.us" if written and written != "0" and "@g.us" not in (text(sender, "chatId") or "") else None


def _about(  # noqa: PLR0913  # what a message fact says of its message
    scene: Scene,
    fields: Fields,
    known: Chat,
    *,
    provider_id: str,
    channel: Channel,
    name: str | None,
    at: Id | None = None,
) -> dict[str, Any]:
    number = own_number(scene, text(member(fields, "instanceData"), "wid"))
    return message_about(scene, known, provider_id=provider_id, channel=channel, name=name, number=number, at=at)


def _channel(fields: Fields) -> tuple[Channel, str]:
    return _CHANNELS.get((text(member(fields, "instanceData"), "typeInstance") or "").lower(), ("whatsapp", "chat"))


def _id(scene: Scene, provider_id: str) -> str:
    return message_id(scene.raw.source, scene.account.id, provider_id)
