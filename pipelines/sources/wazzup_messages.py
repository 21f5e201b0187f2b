"""Messages of Wazzup, theirs and ours, their statuses, and missed calls, in the forms of both of its APIs."""

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import Chat, Medium, Receipt, Step, Written, kind_of, stepped, told_at, written
from pipelines.sources.messengers import Messenger, messenger_of, named, person_in
from pipelines.sources.phones import phone_identity, together
from pipelines.sources.reading import Fields, flag, member, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.calls import CallEnded
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import call_id
from schemas.instants import Instant
from schemas.messages import MessageKind
from schemas.people import Channel

_KINDS: dict[str, MessageKind] = {
    "text": "text",
    "image": "image",
    "audio": "audio",
    "voice": "audio",
    "video": "video",
    "document": "document",
    "file": "document",
    "sticker": "sticker",
    "vcard": "contacts",
    "contact": "contacts",
    "contacts": "contacts",
    "product": "order",
    "order": "order",
    "geo": "location",
    "location": "location",
    "wapi_template": "template",
    "template": "template",
    "interactive": "interactive",
    "unsupported": "unsupported",
}
# The numbers by which older hooks wrote the kind (Wazzup, API v2).
_NUMBERED = {
    "1": "text",
    "2": "image",
    "3": "audio",
    "4": "video",
    "5": "document",
    "6": "missing_call",
    "7": "vcard",
    "8": "geo",
    "9": "wapi_template",
    "10": "unsupported",
}
_CALLS = frozenset({"missing_call", "missed_call"})
_STEPS: dict[str, Step] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "error": "failed",
    "failed": "failed",
    "rejected": "failed",
    "undelivered": "failed",
}
_NO_FACTS = {
    "edited": "an edit of a message: it is no new one",
    "deleted": "a message that was taken back",
    "inbound": "a message of the contact has no status",
    "accepted": "a message waits to be sent",
    "pending": "a message waits to be sent",
    "queued": "a message waits to be sent",
}
_GROUPS = ("group", "groupchat")  # how kinds of chats of many end: whatsgroup, telegroup, maxgroup
_SIDES = {"inbound": False, "incoming": False, "outbound": True, "outgoing": True}


def message(scene: Scene, fields: Fields) -> Translation:
    """Read one item of `messages[]`."""
    if flag(fields, "isEdited") or text(fields, "status") == "edited":
        return ignored("an edit of a message: it is no new one")
    if flag(fields, "isDeleted"):
        return ignored("a message that was taken back")
    is_ours = flag(fields, "isEcho") or (text(fields, "status") not in {None, "inbound"} and "isEcho" not in fields)
    time = told_at(scene, fields.get("dateTime") or fields.get("timestamp"), what="dateTime")
    chat = _chat(scene, fields, contact=member(fields, "contact"), is_ours=is_ours)
    return _told(chat, fields, provider_id=required(fields, "messageId"), time=time, is_ours=is_ours)


def public_message(scene: Scene, fields: Fields) -> Translation:
    """Read one item of `message.add`, whose chat stands in `recipient`, and who wrote in a group in `sender`."""
    direction = required(fields, "direction").lower()
    if direction not in _SIDES:
        raise InvalidEvent(f"the direction {word(direction)} is unknown")
    recipient = member(fields, "recipient")
    place: Fields = {
        "chatType": text(recipient, "chat_type") or text(fields, "chat_type"),
        "chatId": text(recipient, "chat_id") or text(fields, "chat_id"),
        "channelId": text(fields, "channel_id"),
        "authorId": text(fields, "crm_user_id"),
    }
    chat = _chat(scene, place, contact=recipient, is_ours=_SIDES[direction], sender=member(fields, "sender"))
    time = told_at(scene, fields.get("timestamp"), what="timestamp")
    return _told(chat, fields, provider_id=required(fields, "message_id"), time=time, is_ours=_SIDES[direction])


def status(scene: Scene, fields: Fields) -> Translation:
    """Read one item of `statuses[]` or of `message.status_update`; it names the message alone."""
    status = required(fields, "status").lower()
    if status in _NO_FACTS:
        return ignored(_NO_FACTS[status])
    if status not in _STEPS:
        raise InvalidEvent(f"the message status {word(status)} is unknown")
    reached = Receipt(
        provider_id=required(fields, "messageId", "message_id"),
        step=_STEPS[status],
        time=told_at(scene, fields.get("timestamp"), what="timestamp"),
        word=status,
        error_code=_error_code(fields),
    )
    recipient = member(fields, "recipient")
    known = messenger_of(text(recipient, "chat_type"))
    contact = together(person_in(scene, known, text(recipient, "chat_id")))
    return found(stepped(Chat(scene=scene, channel=_channel(scene, known), contact=contact), reached))


def _told(chat: Chat, fields: Fields, *, provider_id: str, time: Instant, is_ours: bool) -> Translation:
    kind = (text(fields, "type", "message_type", "content_type") or "").lower()
    kind = _NUMBERED.get(kind, kind)
    if kind in _CALLS:
        return _missed(chat, provider_id=provider_id, time=time, is_ours=is_ours, kind=kind)
    if "call" in kind:
        raise InvalidEvent(f"the message type {word(kind)} is unknown")
    address = text(fields, "contentUri", "content_uri", "content_url")
    body = text(fields, "text")
    if not kind:
        kind = "document" if address else "text" if body else "unsupported"
    known = _KINDS.get(kind, "unsupported")
    medium = Medium(kind=known, media_id=address, media_type=text(fields, "mime_type"))
    if kind in {"document", "file"} and medium.media_type:
        medium = Medium(kind=kind_of(medium.media_type), media_id=address, media_type=medium.media_type)
    replied = member(fields, "quotedMessage") or member(fields, "quoted_message")
    told = Written(
        provider_id=provider_id,
        time=time,
        is_ours=is_ours,
        kind=known,
        text=body,
        media=(medium,) if address else (),
        reply_to=text(replied, "messageId", "message_id"),
    )
    failed = _failed(chat, fields, told) if is_ours else None
    return found(*written(chat, told), failed)


def _failed(chat: Chat, fields: Fields, told: Written) -> Event | None:
    """Give the failure of a message that comes with its error."""
    word = (text(fields, "status") or "").lower()
    if _STEPS.get(word) != "failed":
        return None
    failure = Receipt(
        provider_id=told.provider_id, step="failed", time=told.time, word=word, error_code=_error_code(fields)
    )
    return stepped(chat, failure)


def _error_code(fields: Fields) -> str | None:
    if isinstance(fields.get("error"), dict):
        return text(member(fields, "error"), "error", "code")
    return text(fields, "error")


def _missed(chat: Chat, *, provider_id: str, time: Instant, is_ours: bool, kind: str) -> Translation:
    """Read a missed call: all that Wazzup tells of calls, at the time when it came."""
    ended = CallEnded(
        call_id=call_id(chat.scene.raw.source, chat.scene.account.id, provider_id),
        provider_call_id=provider_id,
        direction="outgoing" if is_ours else "incoming",
        channel=chat.channel,
        contact=chat.contact,
        contact_name=chat.contact_name,
        company_number=chat.company_number,
        provider_status=kind,
        talk_seconds=0.0,
        disposition="no_answer",
    )
    return found(fact(chat.scene, ended, identity=(provider_id,), time=time))


def _chat(scene: Scene, fields: Fields, *, contact: Fields, is_ours: bool, sender: Fields | None = None) -> Chat:
    """Tell the chat: its id is the contact's in that messenger; in a group the writer is the contact."""
    kind = (text(fields, "chatType") or "").lower()
    known = messenger_of(kind)
    place = required(fields, "chatId")
    operator = text(fields, "authorId", "authorName") if is_ours else None
    if kind.endswith(_GROUPS) or place.endswith("@g.us"):
        writer = (sender or {}) if not is_ours else {}
        people = together(
            phone_identity(text(writer, "phone"), region=scene.region),
            person_in(scene, known, text(writer, "chat_id")),
        )
        return Chat(
            scene=scene,
            channel=_channel(scene, known),
            contact=people,
            contact_name=text(writer, "name"),
            company_number=_number(scene, fields),
            operator=operator,
            thread=(f"{known.identity.removesuffix('_user')}_group", place),
        )
    person = person_in(scene, named(known, place), place)
    return Chat(
        scene=scene,
        channel=_channel(scene, known),
        contact=together(phone_identity(text(contact, "phone"), region=scene.region), person),
        contact_name=text(contact, "name", "username"),
        company_number=_number(scene, fields),
        operator=operator,
    )


def _channel(scene: Scene, known: Messenger) -> Channel:
    is_waba = known.channel == "whatsapp" and scene.account.channel == "waba"
    return "waba" if is_waba else known.channel


def _number(scene: Scene, fields: Fields) -> str | None:
    return scene.account.address or text(fields, "channelId")
