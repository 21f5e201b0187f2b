"""Viber bots: messages of contacts, and what became of those the bot sent."""

from collections.abc import Sequence

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide
from pipelines.sources.messaging import (
    MAX_SHORT_TEXT,
    Chat,
    Medium,
    Receipt,
    Step,
    Written,
    stepped,
    told_at,
    written,
)
from pipelines.sources.phones import identity, together
from pipelines.sources.reading import Fields, as_object, member, required, text, word
from pipelines.sources.signatures import is_hmac_sha256_hex
from pipelines.sources.translations import found, ignored
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.messages import MessageKind
from schemas.records import RawRecord

_STEPS: dict[str, Step] = {"sent": "sent", "delivered": "delivered", "seen": "read", "failed": "failed"}
_MEDIA: dict[str, MessageKind] = {"picture": "image", "video": "video", "file": "document", "sticker": "sticker"}
_KINDS: dict[str, MessageKind] = {
    "text": "text",
    "url": "text",
    "contact": "contacts",
    "location": "location",
    "rich_media": "template",
}

# Callbacks that hold no fact of ours, each with what it is.
_OTHERS = {
    "webhook": "Viber makes sure of the address",
    "subscribed": "a contact subscribed to the bot",
    "unsubscribed": "a contact left the bot",
    "conversation_started": "a contact opened the chat and has written nothing yet",
    "client_status": "a contact's device tells its state",
    "action": "a contact did something with a message",
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `X-Viber-Content-Signature`: HMAC-SHA256 of the raw body in hex with the bot's token (Viber, Callbacks)."""
    given = request.headers.get("x-viber-content-signature", "").lower()
    return is_hmac_sha256_hex(request.body, given=given, secrets=secrets)


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one callback; raises InvalidEvent where its kind is unknown or what identifies it is missing."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    event = required(body, "event").lower()
    if event == "message":
        return _message(scene, body)
    if event in _STEPS:
        return _step(scene, body, event=event)
    if event in _OTHERS:
        return ignored(_OTHERS[event])
    raise InvalidEvent(f"the callback {word(event)} is unknown")


def _message(scene: Scene, body: Fields) -> Translation:
    sender, fields = member(body, "sender"), as_object(body.get("message"), what="message")
    kind = (text(fields, "type") or "text").lower()
    medium = Medium(kind=_MEDIA.get(kind, "unsupported"), media_id=text(fields, "sticker_id", "media"))
    told = Written(
        provider_id=required(body, "message_token"),
        time=told_at(scene, body.get("timestamp"), what="timestamp"),
        is_ours=False,
        kind=_KINDS.get(kind, "unsupported"),
        text=_words(fields, kind=kind),
        media=(medium,) if kind in _MEDIA else (),
    )
    return found(*written(_chat(scene, sender, contact=text(sender, "id")), told))


def _words(fields: Fields, *, kind: str) -> str | None:
    if kind == "contact":
        return text(member(fields, "contact"), "name")
    if kind == "location":
        return text(member(fields, "location"), "address") or text(fields, "text")
    return text(fields, "text", "media") if kind == "url" else text(fields, "text")


def _step(scene: Scene, body: Fields, *, event: str) -> Translation:
    reached = Receipt(
        provider_id=required(body, "message_token"),
        step=_STEPS[event],
        time=told_at(scene, body.get("timestamp"), what="timestamp"),
        word=event,
        error_code=(text(body, "error_code", "status", "desc") or "")[:MAX_SHORT_TEXT] or None,
    )
    return found(stepped(_chat(scene, {}, contact=text(body, "user_id")), reached))


def _chat(scene: Scene, sender: Fields, *, contact: str | None) -> Chat:
    return Chat(
        scene=scene,
        channel="viber",
        contact=together(identity("viber", contact)),
        contact_name=text(sender, "name"),
        company_number=scene.account.address or None,
    )


SOURCE = Source(
    name="viber",
    title="Viber (bot)",
    capabilities=("messages",),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`X-Viber-Content-Signature`: HMAC-SHA256 of the raw body in hex, with the bot's token.",
    proof="copied",
    channel="viber",
    connect_steps=(
        "Copy the bot's authentication token from the admin panel into the file or variable that `secrets` names.",
        "With the token in the header `X-Viber-Auth-Token` post to `https://chatapi.viber.com/pa/set_webhook`: `url` "
        "set to `/hooks/viber/ACCOUNT` of your public address, whose certificate must be a trusted one, `event_types` "
        "delivered, seen and failed (messages always come), and `send_name` true, or contacts have no names.",
        "Viber sends back no copy of what the bot writes: post those messages to Angime's own door, each with the "
        "user's id as the contact, of the kind `viber`, or they are known by their receipts only.",
    ),
)
