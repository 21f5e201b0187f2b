"""Who stands behind the chat ids of a linked WhatsApp, as every bridge to it writes them, and what facts say of him."""

import re
from typing import Any

from msgspec import Struct

from pipelines.sources.facts import Scene, conversation_of
from pipelines.sources.phones import identity, phone_identity, together, written_number
from pipelines.sources.reading import Fields, as_object
from pipelines.sources.times import from_epoch_field
from schemas.errors import InvalidEvent
from schemas.ids import Id, call_id, conversation_id, message_id
from schemas.instants import Instant
from schemas.messages import MessageKind
from schemas.people import Channel, Identity

# `77011234567:12@s.whatsapp.net` is device 12 of an account; `77011234567_1:12@…` names an agent as well.
_CHAT_ID = re.compile(r"^([^@\s:]{1,128}?)(?:_\d+)?(?::\d+)?@([a-z.]{2,32})$", re.ASCII)
_PHONES = frozenset({"c.us", "s.whatsapp.net"})
_GROUPS = frozenset({"g.us"})
_LISTS = frozenset({"broadcast", "newsletter", "call", "bot"})
_KIND_OF_MEDIA: dict[str, MessageKind] = {"image": "image", "audio": "audio", "video": "video"}


class Chat(Struct, frozen=True, kw_only=True):
    """A chat: with one contact, or of a group, whose contact is then the member who wrote.

    `is_public` marks channels, lists and statuses, in which nobody talks with the company.
    """

    contact: tuple[Identity, ...] = ()
    group: str | None = None
    is_public: bool = False


def chat(scene: Scene, *written: str | None, member: str | None = None, kind: str = "chat") -> Chat:
    """Read the ids of one chat: all that are given are the same person's; `member` wrote where it is a group's.

    `kind` names the identity behind an id that has no `@`, as bridges to other messengers write them.
    Raises InvalidEvent where none is given.
    """
    known = [one for one in written if one and one.strip()]
    if not known:
        raise InvalidEvent("the chat has no id")
    server = _parts(known[0])[1]
    if server in _LISTS:
        return Chat(is_public=True)
    if server in _GROUPS:
        return Chat(group=known[0].strip(), contact=people(scene, member, kind=kind))
    return Chat(contact=people(scene, *known, kind=kind))


def people(scene: Scene, *written: str | None, kind: str = "chat") -> tuple[Identity, ...]:
    """Give the identities that chat ids stand for, phones first."""
    return together(*(_person(scene, one, kind=kind) for one in written if one))


def conversation(scene: Scene, known: Chat) -> Id:
    """Give the conversation of a chat; raises InvalidEvent where nobody is known in it."""
    if known.group is not None:
        return conversation_id(scene.company.id, "whatsapp_group", known.group)
    return conversation_of(scene, known.contact)


def alone(scene: Scene, provider_id: str) -> Id:
    """Give what stands in for the conversation where a status names its message and no chat."""
    return conversation_id(scene.company.id, f"{scene.raw.source}_message", f"{scene.account.id}/{provider_id}")


def own_number(scene: Scene, written: str | None) -> str | None:
    """Give the company's number behind its own chat id, else the account's."""
    user, server = _parts(written or "")
    if server in _PHONES:
        return written_number(user, region=None)
    return written_number(scene.account.address, region=scene.region)


def message_about(  # noqa: PLR0913  # what a message fact says of its message
    scene: Scene,
    known: Chat,
    *,
    provider_id: str,
    channel: Channel,
    name: str | None,
    number: str | None,
    at: Id | None = None,
) -> dict[str, Any]:
    """Give what every fact of a message says; `at` is its conversation where the chat does not tell it."""
    return {
        "message_id": message_id(scene.raw.source, scene.account.id, provider_id),
        "provider_message_id": provider_id,
        "conversation_id": at or conversation(scene, known),
        "channel": channel,
        "contact": known.contact,
        "contact_name": name,
        "company_number": number,
    }


def call_about(scene: Scene, *, provider_id: str, status: str, contact: tuple[Identity, ...]) -> dict[str, Any]:
    """Give what every fact of a call of a linked WhatsApp says."""
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_id),
        "provider_call_id": provider_id,
        "channel": "whatsapp",
        "contact": contact,
        "provider_status": status,
    }


def media_kind(media_type: str | None) -> MessageKind:
    """Tell the kind of a message by the media type of what it carries."""
    written = (media_type or "").lower()
    if written == "image/webp":
        return "sticker"
    return _KIND_OF_MEDIA.get(written.partition("/")[0], "document")


def epoch(fields: Fields, *names: str) -> Instant:
    """Read the first epoch that is there, also one that JavaScript wrote as the two halves of a long number.

    Raises InvalidEvent when none is there.
    """
    for name in names:
        value = fields.get(name)
        if isinstance(value, dict):
            value = as_object(value, what=name).get("low")
        if value is not None and value != "":
            return from_epoch_field(value, what=name)
    raise InvalidEvent(f"{names[0]} is missing")


def _person(scene: Scene, written: str, *, kind: str) -> Identity | None:
    user, server = _parts(written)
    if server in _PHONES:
        return phone_identity(user, region=None)
    if server == "lid":
        return identity("whatsapp_lid", user)
    if server in _GROUPS or server in _LISTS:
        return None
    if not server and kind == "chat":
        return phone_identity(written, region=scene.region)
    return identity("whatsapp_chat" if server else kind, written)


def _parts(written: str) -> tuple[str, str]:
    parts = _CHAT_ID.match(written.strip())
    return (parts.group(1), parts.group(2)) if parts else (written.strip(), "")
