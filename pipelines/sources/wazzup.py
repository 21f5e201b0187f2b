"""Wazzup: messages, statuses and missed calls of many messengers, and the state of the channels."""

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide
from pipelines.sources.pings import answers_to
from pipelines.sources.reading import Fields, as_object, flag, items, required, text, word
from pipelines.sources.signatures import holds_shared_secret
from pipelines.sources.translations import each, ignored, joined, numbered
from pipelines.sources.wazzup_channels import channel_state, contact_card, removed, tier
from pipelines.sources.wazzup_messages import message, public_message, status
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

Read = Callable[[Scene, Fields], Translation]


def _ignored(reason: str) -> Read:
    return lambda _scene, _fields: ignored(reason)


# What the third version of the API sends: each list (or object) stands in the body under its own name.
_PARTS: dict[str, Read] = {
    "messages": message,
    "statuses": status,
    "channelsUpdates": channel_state,
    "createContact": contact_card,
    "createDeal": _ignored("a CRM is asked to open a deal, which has no id yet"),
    "templateStatus": _ignored("a template was judged"),
    "templateStatuses": _ignored("a template was judged"),
    "wabaTemplateStatus": _ignored("a template was judged"),
}

# What the public API sends: the event is named, and its list is `data`.
_EVENTS: dict[str, Read] = {
    "message.add": public_message,
    "message.status_update": status,
    "message.edit": _ignored("an edit of a message: it is no new one"),
    "message.delete": _ignored("a message that was taken back"),
    "channel.status_update": channel_state,
    "channel.create": channel_state,
    "channel.delete": removed,
    "channel.qr_update": channel_state,
    "channel.waba_tier_update": tier,
    "waba_template.status_update": _ignored("a template was judged"),
    "group_chat.memberships_update": _ignored("the members of a group changed"),
    "group_chat.update": _ignored("a group changed its name or picture"),
    "crm_entities.contact_add": contact_card,
    "crm_entities.deal_add": _ignored("a CRM is asked to open a deal, which has no id yet"),
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `Authorization: Bearer` with the key that the CRM gave to Wazzup, or the token in the address."""
    return holds_shared_secret(request, secrets=secrets)


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read every item of every list in the body; a broken one is refused by its own path."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    if _is_test(body):
        return ignored("Wazzup makes sure of the address")
    if text(body, "event"):
        return _public(scene, body)
    present = [name for name in _PARTS if body.get(name) is not None]
    unknown = [name for name in body if name not in _PARTS and isinstance(body[name], dict | list)]
    if not present and not unknown:
        raise InvalidEvent("the body holds no list of Wazzup's")
    parts = each(((name, name) for name in present), lambda _, name: _part(scene, body, name))
    return joined([parts, each(((name, name) for name in unknown), lambda _, name: _unknown(name))])


def _is_test(body: Fields) -> bool:
    return set(body) == {"test"} and flag(body, "test")


def _unknown(name: str) -> Translation:
    raise InvalidEvent(f"the list {word(name)} is unknown")


def _part(scene: Scene, body: Fields, name: str) -> Translation:
    read = _PARTS[name]
    if isinstance(body[name], dict):
        return read(scene, as_object(body[name], what=name))
    return _each(scene, items(body, name), path=name, read=read)


def _public(scene: Scene, body: Fields) -> Translation:
    event = required(body, "event")
    read = _EVENTS.get(event)
    if read is None:
        raise InvalidEvent(f"the event {word(event)} is unknown")
    about: Fields = {"event": event}
    if isinstance(body.get("data"), dict):
        return read(scene, as_object(body["data"], what="data") | about)
    return _each(scene, items(body, "data"), path="data", read=lambda scene, fields: read(scene, fields | about))


def _each(scene: Scene, values: list[Any], *, path: str, read: Read) -> Translation:
    if not values:
        return ignored(f"{path} is empty")
    return each(numbered(path, values), lambda where, value: read(scene, as_object(value, what=where)))


SOURCE = Source(
    name="wazzup",
    title="Wazzup (messengers in one inbox)",
    capabilities=("messages", "calls", "accounts", "contacts"),
    is_genuine=is_genuine,
    translate=translate,
    challenge=answers_to(_is_test),
)

GUIDE = Guide(
    origin_check="`Authorization: Bearer` with the key (crmKey) that was given to Wazzup; without one, a token of "
    "yours in the address, `?token=…`.",
    proof="chosen",
    connect_steps=(
        "Think of a long random token and put it where `secrets` points; give it to Wazzup as crmKey, or append it to "
        "the address as `?token=TOKEN`.",
        "Call PATCH /v3/webhooks with `webhooksUri` set to `/hooks/wazzup/ACCOUNT` and the subscriptions "
        "messagesAndStatuses, contactsAndDealsCreation and channelsUpdates; with the public API subscribe to the "
        "message, channel and crm_entities events.",
        "Wazzup calls one address only: where another program has it, let that pass each body on as it came.",
        "Wazzup tells of missed calls only: connect the telephony, or a bridge to WhatsApp, for the others.",
        "Set the account's `channel` to `waba` when its WhatsApp channel is a WABA.",
    ),
)
