"""What a WhatsApp message holds, in the form of the protocol's own fields (`conversation`, `imageMessage`, …).

Bridges that are built on the Baileys or whatsmeow libraries hand these fields out as they are.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from pipelines.sources.reading import Fields, as_object, items, member, text
from schemas.messages import MessageKind

MAX_WRAPPINGS = 8

_WRAPPERS = (
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "editedMessage",
    "deviceSentMessage",
    "groupMentionedMessage",
    "botInvokeMessage",
    "lottieStickerMessage",
    "associatedChildMessage",
    "statusMentionMessage",
)
_KINDS: dict[str, MessageKind] = {
    "conversation": "text",
    "extendedTextMessage": "text",
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "video",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
    "locationMessage": "location",
    "liveLocationMessage": "location",
    "contactMessage": "contacts",
    "contactsArrayMessage": "contacts",
    "buttonsResponseMessage": "button",
    "templateButtonReplyMessage": "button",
    "listResponseMessage": "interactive",
    "interactiveResponseMessage": "interactive",
    "interactiveMessage": "interactive",
    "buttonsMessage": "interactive",
    "listMessage": "interactive",
    "pollCreationMessage": "interactive",
    "pollCreationMessageV2": "interactive",
    "pollCreationMessageV3": "interactive",
    "pollCreationMessageV5": "interactive",
    "eventMessage": "interactive",
    "templateMessage": "template",
    "highlyStructuredMessage": "template",
    "orderMessage": "order",
    "productMessage": "order",
    "groupInviteMessage": "system",
}
# Companions of a message that say nothing by themselves.
_SILENT = {
    "protocolMessage": "a message of the protocol between a phone and its linked devices",
    "senderKeyDistributionMessage": "keys of a group",
    "fastRatchetKeySenderKeyDistributionMessage": "keys of a group",
    "pollUpdateMessage": "an encrypted vote in a poll",
    "encReactionMessage": "an encrypted reaction in a community",
    "encEventResponseMessage": "an encrypted answer to an invitation",
    "secretEncryptedMessage": "an encrypted edit of a message or an invitation",
    "messageHistoryBundle": "older messages of a group for a new member",
    "messageHistoryNotice": "older messages of a group for a new member",
    "keepInChatMessage": "a message was kept in its chat",
    "pinInChatMessage": "a message was pinned in its chat",
    "albumMessage": "the frame around several pictures, which come by themselves",
    "call": "a call, which its own event tells",
    "callLogMesssage": "a call in the chat's history, which its own event tells",
    "chat": "a chat was shown",
}
_TEXTS = (
    "text",
    "caption",
    "selectedDisplayText",
    "title",
    "contentText",
    "displayName",
    "name",
    "description",
    "hydratedContentText",
    "orderTitle",
    "message",
    "groupName",
    "fileName",
)
_INNER = ("body", "hydratedTemplate", "hydratedFourRowTemplate", "product", "interactiveMessageTemplate")


class Content(Struct, frozen=True, kw_only=True):
    """What one message holds: `target` is the message that it answers, changes, takes back or reacts to.

    `emoji` is None but for reactions (empty where one is taken away); `nothing` says why it holds no fact of ours.
    """

    kind: MessageKind = "unsupported"
    text: str | None = None
    media_type: str | None = None
    target: str | None = None
    emoji: str | None = None
    is_change: bool = False
    name: str = ""
    nothing: str = ""


def content(message: Fields) -> Content:
    """Read the fields of a message; an unknown kind is kept as unsupported, under its name."""
    fields = unwrapped(message)
    if "reactionMessage" in fields:
        reaction = member(fields, "reactionMessage")
        emoji = text(reaction, "text") or ""
        return Content(kind="reaction", emoji=emoji, target=_key_id(reaction), name="reactionMessage")
    if "protocolMessage" in fields:
        return _of_protocol(member(fields, "protocolMessage"))
    for name, kind in _KINDS.items():
        if fields.get(name) is not None:
            return _written(fields, name=name, kind=kind)
    for name, reason in _SILENT.items():
        if fields.get(name) is not None:
            return Content(nothing=reason, name=name)
    other = next((name for name in fields if name.endswith("Message") and fields[name] is not None), "")
    return Content(name=other) if other else Content(nothing="a message without content")


def unwrapped(message: Fields) -> Fields:
    """Take a message out of what is put around it: disappearing, seen once, with a caption, edited."""
    fields = message
    for _ in range(MAX_WRAPPINGS):
        inner = next((inside for name in _WRAPPERS if (inside := member(member(fields, name), "message"))), None)
        if inner is None:
            return fields
        fields = inner
    return fields


def _of_protocol(protocol: Fields) -> Content:
    written = (text(protocol, "type") or "0").upper()
    if written in {"0", "REVOKE"} and _key_id(protocol):
        return Content(kind="system", target=_key_id(protocol), is_change=True, name="protocolMessage")
    edited = member(protocol, "editedMessage")
    if edited:
        inner = content(edited)
        return Content(
            kind=inner.kind, text=inner.text, media_type=inner.media_type, target=_key_id(protocol), is_change=True
        )
    return Content(nothing=_SILENT["protocolMessage"], name="protocolMessage")


def _written(fields: Fields, *, name: str, kind: MessageKind) -> Content:
    value = fields[name]
    if isinstance(value, str):
        return Content(kind=kind, text=value or None, name=name)
    held = as_object(value, what=name)
    reader: Callable[[Fields], str | None] = _READERS.get(name, _text)
    context = member(held, "contextInfo") or member(fields, "contextInfo")
    return Content(
        kind=kind,
        text=reader(held),
        media_type=text(held, "mimetype", "mime_type"),
        target=text(context, "stanzaId", "stanzaID"),
        name=name,
    )


def _text(held: Fields) -> str | None:
    for inner in _INNER:
        if isinstance(held.get(inner), dict) and (found := _first(member(held, inner))):
            return found
    return _first(held)


def _first(held: Fields) -> str | None:
    return text({name: held[name] for name in _TEXTS if isinstance(held.get(name), str)}, *_TEXTS)


def _place(held: Fields) -> str | None:
    return ", ".join(part for part in (text(held, "name"), text(held, "address", "caption")) if part) or None


def _cards(held: Fields) -> str | None:
    cards: list[Any] = items(held, "contacts")
    names = [text(as_object(card, what="contacts[]"), "displayName") for card in cards]
    return ", ".join(name for name in names if name) or text(held, "displayName")


_READERS: dict[str, Callable[[Fields], str | None]] = {
    "locationMessage": _place,
    "liveLocationMessage": _place,
    "contactsArrayMessage": _cards,
}


def _key_id(fields: Fields) -> str | None:
    return text(member(fields, "key"), "id", "ID")
