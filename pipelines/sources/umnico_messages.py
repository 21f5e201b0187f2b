"""Messages of Umnico: the text stands in the message's message, the chat in its source, the person in its sender."""

from typing import Any

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import (
    Chat,
    Medium,
    Receipt,
    Step,
    Written,
    id_in_chat,
    kind_of,
    stepped,
    told_at,
    written,
)
from pipelines.sources.messengers import Messenger, messenger_of, person_in
from pipelines.sources.phones import card_phones, identity, together
from pipelines.sources.reading import Fields, as_object, flag, items, loose, member, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.crm import DealCreated
from schemas.errors import InvalidEvent
from schemas.ids import deal_id
from schemas.instants import Instant
from schemas.messages import MessageKind
from schemas.people import Identity

CHAT = "umnico_chat"
CUSTOMER = "umnico_customer"
USER_PREFIX = "user_"  # before the id of a person in Telegram

_KINDS: dict[str, MessageKind] = {
    "photo": "image",
    "image": "image",
    "picture": "image",
    "sticker": "sticker",
    "video": "video",
    "audio": "audio",
    "voice": "audio",
    "ptt": "audio",
    "doc": "document",
    "document": "document",
    "file": "document",
    "location": "location",
    "geo": "location",
    "contact": "contacts",
    "vcard": "contacts",
}
_STEPS: dict[str, Step] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "seen": "read",
    "failed": "failed",
    "error": "failed",
    "undelivered": "failed",
}


class Told(Struct, frozen=True, kw_only=True):
    """One message's event: the message, and the chat that it is part of."""

    fields: Fields
    chat: Chat
    time: Instant

    @property
    def provider_id(self) -> str:
        """The message's id."""
        return self.id_of(required(self.fields, "messageId", "id"))

    def id_of(self, written: str) -> str:
        """Give the id of a message of this chat."""
        return id_in_chat(written, self.chat.thread[1] if self.chat.thread else None)


def message(scene: Scene, body: Fields) -> Translation:
    """Read a message, of the customer or ours; one that opened a lead tells that as well."""
    is_ours = (text(body, "type", "event") or "").lower() == "message.outgoing"
    told = _told(scene, body, is_ours=is_ours)
    content = loose(told.fields, "message") or loose(told.fields, "data") or told.fields
    media = tuple(_medium(as_object(one, what="attachments[]")) for one in items(content, "attachments"))
    words = text(content, "text")
    replied = text(loose(content, "replyTo") or loose(told.fields, "replyTo"), "messageId", "id")
    one = Written(
        provider_id=told.provider_id,
        time=told.time,
        is_ours=is_ours,
        kind="text" if words else "unsupported",
        text=words,
        media=media,
        reply_to=told.id_of(replied) if replied else None,
        provider_status=text(told.fields, "status"),
    )
    lead = text(body, "leadId")
    opened = _opened(told, lead=lead) if lead and flag(body, "isNewLead") else None
    return found(*written(told.chat, one), opened)


def status(scene: Scene, body: Fields) -> Translation:
    """Read how far a message of ours got."""
    told = _told(scene, body, is_ours=True)
    step = (text(told.fields, "status") or text(body, "status") or "").lower()
    if not step:
        raise InvalidEvent("status is missing")
    if step in {"pending", "queued", "new"}:
        return ignored("a message waits to be sent")
    if step not in _STEPS:
        raise InvalidEvent(f"the message status {word(step)} is unknown")
    reached = Receipt(provider_id=told.provider_id, step=_STEPS[step], time=told.time, word=step)
    return found(stepped(told.chat, reached))


def _told(scene: Scene, body: Fields, *, is_ours: bool) -> Told:
    fields = as_object(body.get("message"), what="message")
    place = member(fields, "source")
    known = messenger_of(_messenger(body, fields))
    chat_number = text(place, "realId", "id") or text(body, "leadId")
    sender = member(fields, "sender")
    chat = Chat(
        scene=scene,
        channel=known.channel,
        contact=_contact(scene, known, body=body, fields=fields, is_ours=is_ours),
        contact_name=None if is_ours else text(sender, "name", "login"),
        company_number=scene.account.address or text(loose(fields, "sa"), "login") or text(place, "identifier"),
        operator=text(fields, "userId", "managerId") if is_ours else None,
        thread=(CHAT, chat_number) if chat_number else None,
        is_of_one=True,
    )
    when = fields.get("datetime") or fields.get("timestamp") or fields.get("createdAt")
    return Told(fields=fields, chat=chat, time=told_at(scene, when, what="datetime"))


def _messenger(body: Fields, fields: Fields) -> str | None:
    place = loose(fields, "sa") or loose(body, "socialAccount")
    return text(place, "type") or text(loose(fields, "sender"), "type")


def _contact(scene: Scene, known: Messenger, *, body: Fields, fields: Fields, is_ours: bool) -> tuple[Identity, ...]:
    """Tell the customer; `source.identifier` and the account's login are the company's own.

    Assumption: of a message of ours the sender may be the operator, so that the chat's own ids come first.
    """
    sender, place = member(fields, "sender"), member(fields, "source")
    card = loose(body, "customer")
    of_sender, of_chat = text(sender, "socialId"), text(place, "sender") or _of_chat(known, text(place, "id"))
    written = (of_chat or of_sender) if is_ours else (of_sender or of_chat)
    phones = [one for told in (sender, card) for one in card_phones(text(told, "phone"), region=scene.region)]
    return together(
        *phones,
        person_in(scene, known, written.removeprefix(USER_PREFIX) if written else None),
        identity(CUSTOMER, text(sender, "customerId") or text(card, "id")),
    )


def _of_chat(known: Messenger, written: str | None) -> str | None:
    """Give the id of a chat where it is a person's: others are numbers of Umnico's own."""
    is_person = written is not None and ("@" in written or written.startswith(USER_PREFIX))
    return written if is_person and known.channel in {"whatsapp", "waba", "telegram"} else None


def _opened(told: Told, *, lead: str) -> Any:
    scene = told.chat.scene
    created = DealCreated(
        deal_id=deal_id(scene.raw.source, scene.account.id, lead),
        provider_deal_id=lead,
        contact=told.chat.contact,
        contact_name=told.chat.contact_name,
        provider_status="isNewLead",
    )
    return fact(scene, created, identity=(lead, "message"), time=told.time)


def _medium(attachment: Fields) -> Medium:
    kind = (text(attachment, "type") or "").lower()
    media_type = text(attachment, "mimeType", "mime")
    media = loose(attachment, "media")
    address = text(attachment, "url", "link", "src") or text(media, "url", "src")
    return Medium(kind=_KINDS.get(kind) or kind_of(media_type), media_id=address, media_type=media_type)
