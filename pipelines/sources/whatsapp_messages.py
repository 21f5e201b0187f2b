"""Messages of WhatsApp Cloud, theirs and ours: `messages[]`, `message_echoes[]` and the history of a linked app."""

from collections.abc import Callable
from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import conversation_of, fact
from pipelines.sources.phones import identity, phone_identity, together
from pipelines.sources.reading import Fields, as_object, flag, items, member, required, text, word
from pipelines.sources.times import after, from_epoch_field
from pipelines.sources.translations import found, ignored
from pipelines.sources.whatsapp_people import Inbox, Person, is_same_number, person
from schemas.errors import InvalidEvent
from schemas.ids import Id, conversation_id, message_id
from schemas.instants import Instant
from schemas.messages import MessageKind, MessageReactedTo, MessageReceived, MessageSent
from schemas.permissions import PermissionDenied, PermissionGranted, PermissionRequested, PermissionRevoked

_MEDIA = frozenset({"image", "audio", "voice", "video", "document", "sticker"})
_KINDS: dict[str, MessageKind] = {
    "text": "text",
    "image": "image",
    "audio": "audio",
    "voice": "audio",
    "video": "video",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
    "contacts": "contacts",
    "interactive": "interactive",
    "button": "button",
    "template": "template",
    "order": "order",
    "system": "system",
    "revoke": "system",
}
_NO_MESSAGES = {
    "errors": "a message of type `errors` says only that the provider could not give it",
    "request_welcome": "a contact opened the chat and has written nothing",
}
# Of older messages of a linked app's history Meta hands out no media (Meta, history webhook).
MEDIA_OF_HISTORY_SECONDS = 14 * 24 * 3600
_ANSWERS = {"accept": PermissionGranted, "accepted": PermissionGranted, "approve": PermissionGranted}
_REFUSALS = frozenset({"reject", "rejected", "decline", "declined"})


def received(box: Inbox, value: Any) -> Translation:
    """Read one item of `messages[]`: what a contact wrote, his reaction, or his answer to a permission request."""
    fields = as_object(value, what="the message")
    contact = person(box, fields, phone="from", user="from_user_id", parent="from_parent_user_id")
    reply = member(fields, "interactive")
    if text(reply, "type") == "call_permission_reply" or "call_permission_reply" in reply:
        return _permission(box, fields, reply=reply, contact=contact)
    return _message(box, fields, contact=_with_new_identity(fields, contact), is_ours=False)


def echoed(box: Inbox, value: Any) -> Translation:
    """Read one item of `message_echoes[]`: what the company wrote from the linked app, or Meta's agent for it."""
    fields = _as_echo(as_object(value, what="the message"))
    contact = person(box, fields, phone="to", user="to_user_id", parent="to_parent_user_id")
    sent = _message(box, fields, contact=contact, is_ours=True)
    if text(member(fields, "interactive"), "type") != "call_permission_request":
        return sent
    if not contact.identities:
        raise InvalidEvent("the contact has no identity")
    asked = PermissionRequested(
        contact=contact.identities, company_number=box.number, request_message_id=text(fields, "id")
    )
    requested = fact(box.scene, asked, identity=(required(fields, "id"),), time=_time(fields))
    return Translation(events=(*sent.events, requested))


def remembered(box: Inbox, value: Any, *, thread: Fields) -> Translation:
    """Read one message of a history thread, whose id is the contact's number; ours are those from our number."""
    fields = as_object(value, what="the message")
    if text(fields, "type") == "media_placeholder":
        if after(_time(fields), seconds=MEDIA_OF_HISTORY_SECONDS) > box.scene.raw.received_at:
            return ignored("a message of the history whose media come by themselves")
        fields = fields | {"type": "unsupported", "unsupported": {"type": "media_placeholder"}}
    context = member(thread, "context")
    known = context | {"wa_id": text(context, "wa_id") or text(thread, "id")}
    contact = person(box, known, phone="wa_id", user="user_id", parent="parent_user_id")
    is_ours = is_same_number(text(fields, "from"), box.number)
    return _message(box, fields, contact=contact, is_ours=is_ours)


def _as_echo(fields: Fields) -> Fields:
    """Give an echo of Meta's agent, which holds its message as it was asked to be sent, as one of a linked app."""
    sent = member(fields, "message")
    if not sent:
        return fields
    told = sent | {"id": fields.get("id"), "timestamp": fields.get("timestamp")}
    if text(sent, "recipient_type") == "group":
        return told | {"to": None, "group_id": sent.get("to")}
    user = text(sent, "recipient") or ""
    return told | {"to_parent_user_id" if ".ENT." in user else "to_user_id": user}


def _time(fields: Fields) -> Instant:
    return from_epoch_field(fields.get("timestamp"), what="timestamp")


def _message(box: Inbox, fields: Fields, *, contact: Person, is_ours: bool) -> Translation:
    scene = box.scene
    source, account = scene.raw.source, scene.account.id
    provider_id = required(fields, "id")
    kind = (text(fields, "type") or "unsupported").lower()
    group = text(fields, "group_id")
    about = {
        "contact": contact.identities,
        "contact_name": contact.name,
        "company_number": box.number,
        "channel": "waba",
        "conversation_id": conversation_of(scene, contact.identities) if group is None else _group(box, group),
    }
    if kind == "reaction":
        reaction = member(fields, "reaction")
        target = required(reaction, "message_id")
        reacted = MessageReactedTo(
            **about,  # pyright: ignore[reportArgumentType]
            message_id=message_id(source, account, target),
            provider_message_id=target,
            emoji=text(reaction, "emoji") or "",
            reacted_by="company" if is_ours else "contact",
        )
        return found(fact(scene, reacted, identity=(provider_id,), time=_time(fields)))
    if kind in _NO_MESSAGES:
        return ignored(_NO_MESSAGES[kind])
    body = _body(fields, kind=kind)
    reply_to = body.pop("reply_to")
    struct = MessageSent if is_ours else MessageReceived
    written = struct(
        **about,  # pyright: ignore[reportArgumentType]
        **body,
        message_id=message_id(source, account, provider_id),
        provider_message_id=provider_id,
        reply_to_message_id=message_id(source, account, reply_to) if reply_to else None,
    )
    return found(fact(scene, written, identity=(provider_id,), time=_time(fields)))


def _group(box: Inbox, group: str) -> Id:
    return conversation_id(box.scene.company.id, "whatsapp_group", group)


def _body(fields: Fields, *, kind: str) -> dict[str, Any]:
    """Give kind, text, media and what is replied to; a kind unknown to us is kept as unsupported."""
    replied = text(member(fields, "context"), "id", "message_id")
    if kind == "edit":
        edit = member(fields, "edit")
        inner = member(edit, "message")
        body = _body(inner, kind=(text(inner, "type") or "unsupported").lower())
        return body | {"reply_to": text(edit, "original_message_id") or replied}
    if kind == "revoke":
        return {"kind": "system", "reply_to": text(member(fields, "revoke"), "original_message_id") or replied}
    body: dict[str, Any] = {"kind": _KINDS.get(kind, "unsupported"), "reply_to": replied}
    if kind in _MEDIA:
        content = member(fields, kind)
        body |= {"text": text(content, "caption"), "media_id": text(content, "id", "link")}
        body["media_type"] = text(content, "mime_type")
    elif kind in _TEXTS:
        body["text"] = _TEXTS[kind](member(fields, kind))
    elif kind == "contacts":
        body["text"] = _names(fields)
    if body["kind"] == "unsupported":
        body["provider_status"] = _error(fields) or text(member(fields, "unsupported"), "type")
    return body


def _interactive(content: Fields) -> str | None:
    for name in ("button_reply", "list_reply"):
        chosen = member(content, name)
        if chosen:
            return text(chosen, "title", "id")
    return text(member(content, "nfm_reply"), "body") or text(member(content, "body"), "text")


def _place(content: Fields) -> str | None:
    return ", ".join(part for part in (text(content, "name"), text(content, "address")) if part) or None


def _body_text(content: Fields) -> str | None:
    return text(content, "body")


def _button(content: Fields) -> str | None:
    return text(content, "text", "payload")


def _template(content: Fields) -> str | None:
    return text(member(content, "body"), "text")


_TEXTS: dict[str, Callable[[Fields], str | None]] = {
    "text": _body_text,
    "system": _body_text,
    "button": _button,
    "order": _button,
    "template": _template,
    "interactive": _interactive,
    "location": _place,
}


def _names(fields: Fields) -> str | None:
    cards = [as_object(card, what="contacts[]") for card in items(fields, "contacts")]
    names = [text(member(card, "name"), "formatted_name", "first_name") for card in cards]
    return ", ".join(name for name in names if name) or None


def _error(fields: Fields) -> str | None:
    errors = items(fields, "errors")
    return text(as_object(errors[0], what="errors[0]"), "code") if errors else None


def _with_new_identity(fields: Fields, contact: Person) -> Person:
    """Add the number or id to which a contact changed, or from which: one person's, as a system message tells."""
    system = member(fields, "system")
    if not system:
        return contact
    return Person(
        identities=together(
            *contact.identities,
            phone_identity(text(system, "wa_id", "new_wa_id"), region=None),
            identity("whatsapp_user", text(system, "user_id")),
            identity("whatsapp_parent_user", text(system, "parent_user_id")),
            identity("whatsapp_user", text(system, "previous_user_id")),
            identity("whatsapp_parent_user", text(system, "previous_parent_user_id")),
        ),
        name=contact.name,
    )


def _permission(box: Inbox, fields: Fields, *, reply: Fields, contact: Person) -> Translation:
    """Read an answer to a call permission request; its context may be missing, or name a call."""
    answer = member(reply, "call_permission_reply")
    response = required(answer, "response").lower()
    given_by = (text(answer, "response_source") or "unknown").lower()
    about: dict[str, Any] = {
        "contact": contact.identities,
        "company_number": box.number,
        "request_message_id": text(member(fields, "context"), "id"),
        "given_by": given_by if given_by in {"user_action", "automatic"} else "unknown",
    }
    if not contact.identities:
        raise InvalidEvent("the contact has no identity")
    told = (required(fields, "id"),)
    time = _time(fields)
    if response in _ANSWERS:
        expires = answer.get("expiration_timestamp")
        is_permanent = flag(answer, "is_permanent")
        granted = PermissionGranted(
            **about,
            kind="permanent" if is_permanent else "temporary",
            expires_at=None if is_permanent or not expires else from_epoch_field(expires, what="expiration_timestamp"),
        )
        return found(fact(box.scene, granted, identity=told, time=time))
    if response in _REFUSALS:
        return found(fact(box.scene, PermissionDenied(**about), identity=told, time=time))
    if response in {"revoke", "revoked"}:
        return found(fact(box.scene, PermissionRevoked(**about), identity=told, time=time))
    raise InvalidEvent(f"the permission response {word(response)} is unknown")
