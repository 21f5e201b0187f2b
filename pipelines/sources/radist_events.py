"""Messages, deliveries, contacts and connections of Radist, whose chats have numbers of their own."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import Chat, Medium, Receipt, Step, Written, kind_of, stepped, told_at, written
from pipelines.sources.messengers import Messenger, messenger_of, person_in
from pipelines.sources.phones import identity, phone_identity, together
from pipelines.sources.reading import Fields, as_object, items, loose, member, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.accounts import AccountCameOnline, AccountUnlinked, AccountWentOffline
from schemas.crm import ContactIdentified
from schemas.errors import InvalidEvent
from schemas.instants import Instant
from schemas.messages import MessageKind
from schemas.people import Channel, Identity

CHAT = "radist_chat"
CONTACT = "radist_contact"

_KINDS: dict[str, MessageKind] = {
    "text": "text",
    "image": "image",
    "photo": "image",
    "video": "video",
    "audio": "audio",
    "voice": "audio",
    "file": "document",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
    "contact": "contacts",
    "contacts": "contacts",
    "vcard": "contacts",
    "waba_template": "template",
    "template": "template",
    "interactive": "interactive",
    "waba_interactive": "interactive",
    "button": "button",
    "buttons": "interactive",
    "list": "interactive",
}
_SIDES = {"inbound": False, "incoming": False, "outbound": True, "outgoing": True}
_STEPS: dict[str, Step] = {"sent": "sent", "delivered": "delivered", "read": "read", "error": "failed"}
_STATES: dict[str, type[Any]] = {
    "active": AccountCameOnline,
    "connected": AccountCameOnline,
    "online": AccountCameOnline,
    "ok": AccountCameOnline,
    "offline": AccountWentOffline,
    "disconnected": AccountWentOffline,
    "phone_offline": AccountWentOffline,
    "qr": AccountUnlinked,
    "unauthorized": AccountUnlinked,
    "logged_out": AccountUnlinked,
    "logout": AccountUnlinked,
    "deleted": AccountUnlinked,
    "disabled": AccountUnlinked,
}


def message(scene: Scene, event: Fields, kind: str) -> Translation:  # noqa: ARG001  # as its kind
    """Read a message; its content stands under the name of its kind."""
    fields = member(event, "message") or event
    direction = required(fields, "direction").lower()
    if direction not in _SIDES:
        raise InvalidEvent(f"the direction {word(direction)} is unknown")
    is_ours = _SIDES[direction]
    name = (text(fields, "message_type", "type") or "text").lower()
    if "call" in name:
        raise InvalidEvent(f"the message type {word(name)} is unknown")
    content = loose(fields, name)
    known = _KINDS.get(name, "unsupported")
    words = _words(content)
    if not words and isinstance(fields.get(name), str):
        words = text(fields, name)
    address = text(content, "url", "link", "file_url", "media_url")
    media_type = text(content, "mime_type", "mimetype", "content_type")
    if known == "document" and media_type:
        known = kind_of(media_type)
    replied = loose(fields, "reply_to") or loose(fields, "quoted_message")
    told = Written(
        provider_id=required(fields, "message_id", "id"),
        time=_time(scene, fields, event),
        is_ours=is_ours,
        kind=known,
        text=words,
        media=(Medium(kind=known, media_id=address, media_type=media_type),) if address else (),
        reply_to=text(replied, "message_id", "id") or text(fields, "reply_to_message_id"),
    )
    operator = (text(fields, "user_id", "author_id") or text(loose(fields, "user"), "id")) if is_ours else None
    return found(*written(_chat(scene, event, operator=operator), told))


def _words(content: Fields) -> str | None:
    """Give what there is to read in a message; templates, buttons and cards keep it one level deeper."""
    for name in ("text", "caption", "body", "name", "address"):
        inner = loose(content, name)
        words = text(inner, "text", "formatted_name") if inner else text(content, name)
        if words:
            return words
    return None


def delivery(scene: Scene, event: Fields, kind: str) -> Translation:
    """Read how far a message of ours got."""
    fields = member(event, "message") or event
    step = kind.rpartition(".")[2]
    reason = loose(event, "error") or loose(fields, "error")
    reached = Receipt(
        provider_id=required(fields, "message_id", "id"),
        step=_STEPS[step],
        time=_time(scene, event, fields, f"{step}_at", "updated_at", "timestamp"),
        word=kind,
        error_code=text(reason, "code", "error_code", "type") or text(event, "error_code"),
    )
    return found(stepped(_chat(scene, event, operator=None), reached))


def contact(scene: Scene, event: Fields, kind: str) -> Translation:  # noqa: ARG001  # as its kind
    """Read which ids are one contact."""
    card = loose(event, "contact") or event
    people = _people(scene, {"contact": card}, contact_id=text(card, "contact_id", "id"))
    if len(people) < 2:
        return ignored("a contact of whom one id is known")
    told = ContactIdentified(contact=people, contact_name=text(card, "name", "contact_name"))
    return found(fact(scene, told, identity=(scene.raw.raw_id,), time=_time(scene, card, event, "updated_at")))


def connection(scene: Scene, event: Fields, kind: str) -> Translation:
    """Read the state of a connection."""
    fields = loose(event, "connection") or event
    state = text(fields, "status", "state")
    if state is None:
        return ignored("a connection changed, and its state is not told")
    if state.lower() not in _STATES:
        raise InvalidEvent(f"the state {word(state)} of a connection is unknown")
    number = scene.account.address or text(fields, "phone") or text(fields, "connection_id", "id")
    told = _STATES[state.lower()](company_number=number, provider_status=state)
    return found(fact(scene, told, identity=(kind, state, scene.raw.raw_id), time=_time(scene, fields, event)))


def _chat(scene: Scene, event: Fields, *, operator: str | None) -> Chat:
    known = _messenger(event)
    place = text(event, "chat_id") or text(loose(event, "chat"), "chat_id", "id")
    if place is None:
        raise InvalidEvent("chat_id is missing")
    card = loose(event, "contact")
    return Chat(
        scene=scene,
        channel=_channel(scene, known),
        contact=together(*_people(scene, event, contact_id=text(event, "contact_id")), identity(CHAT, place)),
        contact_name=text(card, "name", "contact_name") or text(loose(event, "chat"), "name"),
        company_number=scene.account.address
        or text(event, "connection_id")
        or text(loose(event, "connection"), "connection_id", "id"),
        operator=operator,
        thread=(CHAT, place),
    )


def _messenger(event: Fields) -> Messenger:
    for name in ("connection", "source", "chat"):
        known = text(loose(event, name), "connection_type", "messenger", "source_type", "type")
        if known:
            return messenger_of(known)
    return messenger_of(text(event, "connection_type", "messenger", "source_type"))


def _channel(scene: Scene, known: Messenger) -> Channel:
    return known.channel if known.channel != "other" else scene.account.channel


def _people(scene: Scene, event: Fields, *, contact_id: str | None) -> tuple[Identity, ...]:
    """Give the ids of the contact that stand anywhere in the event: phones, ids in the messenger, Radist's own."""
    known = _messenger(event)
    cards = [loose(event, name) for name in ("contact", "chat", "source", "sender")]
    phones = [text(card, "phone") for card in cards] + [phone for card in cards for phone in _listed(card, "phones")]
    ids = [text(card, "source_chat_id", "external_id", "username_id") for card in cards]
    return together(
        *(phone_identity(phone, region=scene.region) for phone in phones),
        *(person_in(scene, known, one) for one in ids if known.channel != "other"),
        identity(CONTACT, contact_id),
    )


def _listed(card: Fields, name: str) -> list[str]:
    """Give the texts of a list, written plain or each in an object."""
    values = items(card, name) if isinstance(card.get(name), list) else []
    told = [
        text(as_object(one, what=f"{name}[]"), "phone", "value", "number")
        if isinstance(one, dict)
        else text({name: one}, name)
        for one in values
    ]
    return [one for one in told if one]


def _time(scene: Scene, *told: Any) -> Instant:
    """Read the first time that is there, of the objects and names given."""
    objects: list[Fields] = [one for one in told if isinstance(one, dict)]
    names = [*(one for one in told if isinstance(one, str)), "created_at", "timestamp"]
    for fields in objects:
        for name in names:
            if fields.get(name):
                return told_at(scene, fields[name], what=name)
    return scene.raw.received_at
