"""Conversations and messages of Pact: whose a conversation is, what was written in it, and how far it got."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import Chat, Medium, Receipt, Step, Written, kind_of, stepped, told_at, written
from pipelines.sources.messengers import Messenger, messenger_of, person_in, phone_in
from pipelines.sources.phones import identity, together
from pipelines.sources.reading import Fields, as_object, flag, items, member, number, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.crm import ContactIdentified
from schemas.errors import InvalidEvent
from schemas.messages import MessageKind

CONVERSATION = "pact_conversation"  # an identity of its own: messages name their conversation, and nobody else
# Assumption: groups and their messages, kinds of their own at Pact, are numbered by themselves.
GROUP = "pact_group"

_STEPS: dict[int, Step] = {1: "sent", 2: "delivered", 3: "read", 4: "read"}
_WAITING = frozenset({-1, 0})


def which_conversation(scene: Scene, fields: Fields) -> Translation:
    """Read whose a conversation is: its number and the contact's id in the messenger are one person's."""
    known = _messenger(fields)
    conversation = required(fields, "external_id")
    contact = together(
        person_in(scene, known, text(fields, "sender_external_id")),
        identity(CONVERSATION, conversation),
    )
    if len(contact) == 1:
        return ignored("a conversation whose contact has no id")
    time = told_at(scene, fields.get("created_at_timestamp") or fields.get("created_at"), what="created_at")
    told = ContactIdentified(contact=contact, contact_name=text(fields, "name"))
    return found(fact(scene, told, identity=(conversation, scene.raw.raw_id), time=time))


def message(scene: Scene, fields: Fields, *, is_group: bool = False) -> Translation:
    """Read a message, of a contact or (`income` is false) of the company; a group's as well."""
    if fields.get("income") is None:
        raise InvalidEvent("income is missing")
    is_ours = not flag(fields, "income")
    place = member(fields, "location")
    kind: MessageKind = "location" if place else "text"
    body, replied = text(fields, "message"), text(fields, "replied_to_id")
    attachments = [_medium(as_object(one, what="attachments[]")) for one in items(fields, "attachments")]
    if body is None and not place and not attachments:
        kind = "unsupported"
    told = Written(
        provider_id=_id(required(fields, "external_id"), is_group=is_group),
        time=_time(scene, fields),
        is_ours=is_ours,
        kind=kind,
        text=body or text(place, "address", "name"),
        media=tuple(attachments),
        reply_to=_id(replied, is_group=is_group) if replied else None,
    )
    writer = None if is_ours else text(fields, "external_public_id")
    return found(*written(_chat(scene, fields, writer=writer, is_group=is_group), told))


def acknowledged(scene: Scene, fields: Fields, *, is_group: bool = False) -> Translation:
    """Read how far a message got: -1 and 0 on its way, 1 sent, 2 delivered, 3 read."""
    ack = number(fields, "ack")
    if ack is None:
        raise InvalidEvent("ack is missing")
    if ack in _WAITING:
        return ignored("a message is on its way")
    if ack not in _STEPS:
        raise InvalidEvent("ack is none of Pact's numbers")
    reached = Receipt(
        provider_id=_id(required(fields, "external_id"), is_group=is_group),
        step=_STEPS[int(ack)],
        time=_time(scene, fields),
        word=f"ack {int(ack)}",
        whose=text(fields, "participant") or "",
    )
    return found(stepped(_chat(scene, fields, writer=text(fields, "participant"), is_group=is_group), reached))


def executed(scene: Scene, fields: Fields) -> Translation:
    """Read what became of a message that was sent in the background; it names the message alone."""
    result = required(fields, "result").upper()
    steps: dict[str, Step] = {"DELIVERED": "delivered", "NOT DELIVERED": "failed", "NOT_DELIVERED": "failed"}
    if result not in steps:
        raise InvalidEvent(f"the result {word(result)} of a delivery is unknown")
    provider_id = text(fields, "message_id")
    if provider_id is None:
        provider_id = f"job/{required(fields, 'id')}"
    reached = Receipt(
        provider_id=provider_id,
        step=steps[result],
        time=told_at(scene, fields.get("date"), what="date"),
        word=result,
        error_code=text(fields, "reason"),
    )
    return found(stepped(Chat(scene=scene, channel="other", company_number=_number(scene, fields)), reached))


def service_message(scene: Scene, fields: Fields) -> Translation:
    """Read what became of a service message, which Pact sent to a contact for the company."""
    if "delivered" not in fields:
        raise InvalidEvent("delivered is missing")
    known = messenger_of(text(fields, "delivered_via"))
    reached = Receipt(
        provider_id=f"service/{required(fields, 'id')}",
        step="delivered" if flag(fields, "delivered") else "failed",
        time=told_at(scene, fields.get("delivered_at"), what="delivered_at"),
        word="service_messages",
    )
    return found(stepped(Chat(scene=scene, channel=known.channel, company_number=_number(scene, fields)), reached))


def _id(written: str, *, is_group: bool) -> str:
    return f"group/{written}" if is_group else written


def _chat(scene: Scene, fields: Fields, *, writer: str | None, is_group: bool) -> Chat:
    """Tell the conversation, and its contact by its number and all else that stands there.

    A group's conversation is nobody's own: its contact is the member, where he is named.
    """
    known = _messenger(fields)
    conversation = required(fields, "conversation_id")
    number_of_writer = phone_in(scene, known, writer)
    own = [person_in(scene, known, text(fields, "sender_external_id")), identity(CONVERSATION, conversation)]
    return Chat(
        scene=scene,
        channel=known.channel,
        contact=together(number_of_writer, *([] if is_group else own)),
        contact_name=text(fields, "name"),
        company_number=_number(scene, fields),
        thread=(GROUP if is_group else CONVERSATION, conversation),
    )


def _messenger(fields: Fields) -> Messenger:
    return messenger_of(text(fields, "channel_type") or text(member(fields, "channel"), "type"))


def _number(scene: Scene, fields: Fields) -> str | None:
    return scene.account.address or text(fields, "channel_id") or text(member(fields, "channel"), "id")


def _time(scene: Scene, fields: Fields) -> Any:
    """Read when it was written in the messenger: Pact hears of some only when a phone that was away is back."""
    for name in ("external_created_at_timestamp", "created_at_timestamp", "timestamp", "created_at"):
        if fields.get(name):
            return told_at(scene, fields[name], what=name)
    return scene.raw.received_at


def _medium(attachment: Fields) -> Medium:
    media_type = text(attachment, "mime_type", "content_type")
    return Medium(
        kind=kind_of(media_type),
        media_id=text(attachment, "attachment_url", "url", "external_id"),
        media_type=media_type,
    )
