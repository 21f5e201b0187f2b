"""Messages of a VK community: what was written, read, reacted to and pressed, and calls that stand in a chat."""

from typing import Any

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import (
    MAX_MEDIA,
    Chat,
    Medium,
    Reaction,
    Receipt,
    Written,
    reacted,
    stepped,
    told_at,
    written,
)
from pipelines.sources.phones import identity, together
from pipelines.sources.reading import Fields, as_object, items, loose, member, number, required, seconds, text, word
from pipelines.sources.times import after
from pipelines.sources.translations import found, ignored
from schemas.calls import CallEnded, Disposition
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import call_id
from schemas.messages import MessageKind
from schemas.people import Side

FIRST_GROUP_CHAT = 2_000_000_000
MAX_TEXT = 65_536  # as the schema has it: a message may hand on a hundred others

_KINDS: dict[str, MessageKind] = {
    "photo": "image",
    "graffiti": "image",
    "video": "video",
    "audio": "audio",
    "audio_message": "audio",
    "doc": "document",
    "sticker": "sticker",
    "poll": "interactive",
}
# Reactions by their number (VK, messages.getReactionsAssets).
_EMOJIS = dict(enumerate("❤🔥😂👍💩❓😭😡👎👌😃🤔🙏😘😍🎉", start=1))

# How a call ended in words of VK, seen from who called: reached, or given up by one side before an answer.
_CALL_ENDS: dict[str, tuple[Disposition, bool | None]] = {
    "reached": ("completed", None),
    "canceled_by_initiator": ("cancelled", True),
    "canceled_by_receiver": ("rejected", False),
}


class Callback(Struct, frozen=True, kw_only=True):
    """One event of a community: its object, the community, and what tells it from every other event."""

    scene: Scene
    fields: Fields
    group: str | None
    told_by: str


def received(callback: Callback) -> Translation:
    """Read `message_new`: the message stands in its object, in older versions of the API it is the object."""
    return _message(callback, member(callback.fields, "message") or callback.fields, is_reply=False)


def replied(callback: Callback) -> Translation:
    """Read `message_reply`: the community wrote, by hand or through the API."""
    return _message(callback, callback.fields, is_reply=True)


def _message(callback: Callback, fields: Fields, *, is_reply: bool) -> Translation:
    """Read a message of a contact, or one that the community sent; a call that stands in it is a call as well."""
    action = member(fields, "action")
    if action:
        return ignored(f"a service message of the chat, {word(action.get('type'))}")
    writer = required(fields, "from_id", "user_id")
    is_ours = is_reply or writer.startswith("-") or bool(number(fields, "out"))
    chat = _chat(callback, fields, writer=writer, is_ours=is_ours)
    attachments = [as_object(one, what="attachments[]") for one in items(fields, "attachments")]
    calls = [_call(chat, fields, member(one, "call")) for one in attachments if text(one, "type") == "call"]
    if calls:
        return found(*calls)
    body = text(fields, "text", "body")
    if not body and not attachments:
        body, attachments = _handed_on(fields)
    media, words = _carried(attachments)
    kind: MessageKind = "button" if fields.get("payload") else "text"
    if fields.get("geo"):
        kind = "location"
    elif not body and not words:
        kind = "unsupported"
    replied = member(fields, "reply_message")
    told = Written(
        provider_id=_provider_id(fields, peer=_peer(fields, writer=writer)),
        time=told_at(callback.scene, fields.get("date"), what="date"),
        is_ours=is_ours,
        kind=kind,
        text=body or words,
        media=media,
        reply_to=_provider_id(replied, peer=_peer(fields, writer=writer)) if replied else None,
    )
    return found(*written(chat, told))


def pressed(callback: Callback) -> Translation:
    """Read a pressed button (`message_event`); VK tells what it carries, and not its words."""
    fields = callback.fields
    writer = required(fields, "user_id")
    peer = text(fields, "peer_id") or writer
    chat = _chat(callback, {"peer_id": peer}, writer=writer, is_ours=False)
    under = text(fields, "conversation_message_id")
    told = Written(
        provider_id=f"event/{required(fields, 'event_id')}",
        time=callback.scene.raw.received_at,
        is_ours=False,
        kind="button",
        text=_words_of(fields),
        reply_to=f"{peer}/{under}" if under else None,
    )
    return found(*written(chat, told))


def receipt(callback: Callback) -> Translation:
    """Read that a side has seen the chat up to a message: of the contact it is a receipt of that message."""
    fields = callback.fields
    reader = required(fields, "from_id")
    if reader.startswith("-"):
        return ignored("the community has seen a message of the contact")
    peer = text(fields, "peer_id") or reader
    chat = _chat(callback, {"peer_id": peer}, writer=reader, is_ours=False)
    seen = Receipt(
        provider_id=_provider_id({"id": fields.get("read_message_id")} | fields, peer=peer),
        step="read",
        time=callback.scene.raw.received_at,
        word="message_read",
    )
    return found(stepped(chat, seen))


def reaction(callback: Callback) -> Translation:
    """Read a reaction by its number; without one it was taken away."""
    fields = callback.fields
    writer, peer = required(fields, "reacted_id"), required(fields, "peer_id")
    is_ours = writer.startswith("-")
    chosen = number(fields, "reaction_id")
    told = Reaction(
        target=f"{peer}/{required(fields, 'cmid', 'conversation_message_id')}",
        emoji=_EMOJIS.get(int(chosen), str(int(chosen))) if chosen else "",
        is_ours=is_ours,
        time=callback.scene.raw.received_at,
        identity=(callback.told_by,),
    )
    return found(reacted(_chat(callback, fields, writer=writer, is_ours=is_ours), told))


def _chat(callback: Callback, fields: Fields, *, writer: str, is_ours: bool) -> Chat:
    """Tell the contact: the peer of a private chat, or who wrote in a group chat."""
    peer, group = _peer(fields, writer=writer), callback.group
    is_group = (number({"peer_id": peer}, "peer_id") or 0) > FIRST_GROUP_CHAT
    contact = (None if is_ours else writer) if is_group else peer
    return Chat(
        scene=callback.scene,
        channel="vk",
        contact=together(identity("vk", contact)),
        company_number=group,
        operator=text(fields, "admin_author_id"),
        thread=("vk_chat", f"{group or ''}/{peer}") if is_group else None,
    )


def _peer(fields: Fields, *, writer: str) -> str:
    return text(fields, "peer_id", "user_id") or writer


def _provider_id(fields: Fields, *, peer: str) -> str:
    """Give a message's id: reactions and receipts know its number in the chat only, which is new in each chat."""
    in_chat = text(fields, "conversation_message_id", "cmid")
    if in_chat and in_chat != "0":
        return f"{peer}/{in_chat}"
    return required(fields, "id", "conversation_message_id")


def _words_of(fields: Fields) -> str | None:
    """Give what tells a button best in its payload, which is any JSON that its programmer thought of."""
    told = loose(fields, "payload") or fields
    values = (told.get(name) for name in ("text", "label", "button", "command", "payload"))
    return next((str(one) for one in values if type(one) is int or (isinstance(one, str) and one.strip())), None)


def _handed_on(fields: Fields) -> tuple[str | None, list[Fields]]:
    """Give texts and attachments of the messages that a message without its own hands on."""
    others = [as_object(one, what="fwd_messages[]") for one in items(fields, "fwd_messages")]
    words = "\n".join(filter(None, (text(one, "text", "body") for one in others)))
    carried = [as_object(part, what="attachments[]") for one in others for part in items(one, "attachments")]
    return words[:MAX_TEXT] or None, carried[:MAX_MEDIA]


def _carried(attachments: list[Fields]) -> tuple[tuple[Medium, ...], str | None]:
    """Give the media of a message, and the words of links and goods in it; what is neither, such as a gift, is none."""
    media: list[Medium] = []
    words: list[str] = []
    for attachment in attachments:
        kind = text(attachment, "type") or ""
        content = member(attachment, kind)
        title = text(content, "title", "url") if kind in {"link", "market", "wall", "article"} else None
        if title:
            words.append(title)
        if kind in _KINDS:
            media.append(Medium(kind=_KINDS[kind], media_id=_media_id(kind, content)))
    return tuple(media), "\n".join(words) or None


def _media_id(kind: str, content: Fields) -> str | None:
    link = text(content, "link_mp3", "link_ogg", "url")
    owner, own = text(content, "owner_id"), text(content, "id", "sticker_id")
    return link or (f"{kind}{owner}_{own}" if owner and own else own)


def _call(chat: Chat, fields: Fields, call: Fields) -> Event:
    """Read a call that stands in the chat when it is over; its time is when it began."""
    state = required(call, "state")
    if state not in _CALL_ENDS:
        raise InvalidEvent(f"the call's state {word(state)} is unknown")
    caller = required(call, "initiator_id")
    is_incoming = not caller.startswith("-")
    disposition, is_ended_by_caller = _CALL_ENDS[state]
    began = told_at(chat.scene, call.get("time") or fields.get("date"), what="time")
    talk = seconds(call, "duration") or 0.0
    provider_id = _provider_id(fields, peer=_peer(fields, writer=caller))
    ended_by: Side = "unknown"
    if is_ended_by_caller is not None:
        ended_by = "contact" if is_ended_by_caller == is_incoming else "company"
    known: dict[str, Any] = {
        "call_id": call_id(chat.scene.raw.source, chat.scene.account.id, provider_id),
        "provider_call_id": provider_id,
        "direction": "incoming" if is_incoming else "outgoing",
        "channel": "vk",
        "contact": chat.contact,
        "company_number": chat.company_number,
        "provider_status": state,
    }
    ended = CallEnded(
        **known,
        started_at=began if talk else None,  # else nothing tells how long it rang
        answered_by="human" if state == "reached" else "unknown",
        talk_seconds=talk if state == "reached" else 0.0,
        disposition=disposition,
        ended_by=ended_by,
    )
    return fact(chat.scene, ended, identity=(provider_id,), time=after(began, seconds=talk))
