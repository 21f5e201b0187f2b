"""Kommo (amoCRM): hooks as forms in brackets, with any number of deals, contacts, notes and messages in one."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pipelines.sources.brackets import branch, nested_fields, rows
from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.kommo_calls import incoming_call, note
from pipelines.sources.kommo_contacts import company_card, contact_card
from pipelines.sources.kommo_deals import (
    added,
    declined,
    deleted,
    edited,
    handed_over,
    incoming,
    moved,
    pipeline_action,
    restored,
)
from pipelines.sources.kommo_messages import message, outgoing_message
from pipelines.sources.reading import Fields, as_object, word
from pipelines.sources.signatures import is_same
from pipelines.sources.translations import attempt, ignored, joined
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

Reader = Callable[[Scene, Fields], Translation]


def _told_elsewhere(reason: str) -> Reader:
    return lambda _scene, _fields: ignored(reason)


_DELETED = _told_elsewhere("something was deleted in the CRM: its facts of the past stay")
_RESTORED = _told_elsewhere("something that was deleted is there again")
_HANDED_OVER = _told_elsewhere("another person is responsible for something that is no deal")
_TASK = _told_elsewhere("a task")
_LIST = _told_elsewhere("an element of a list")
_CUSTOMER = _told_elsewhere("a customer card: its deals and contacts tell their facts themselves")
_TALK = _told_elsewhere("a talk was opened or changed: its messages are told apart")
_TRIGGER = _told_elsewhere("what set off an action of a pipeline: its note or its message tells it")
_TEMPLATE = _told_elsewhere("a message template was reviewed")


def _incoming(scene: Scene, fields: Fields) -> Translation:
    """Read an incoming lead: the deal, and the call where it came by telephone."""
    return joined((incoming(scene, fields), incoming_call(scene, fields)))


_ENTITIES: dict[str, dict[str, Reader]] = {
    "leads": {
        "add": added,
        "status": moved,
        "update": edited,
        "responsible": handed_over,
        "delete": deleted,
        "restore": restored,
        "note": note,
        "call_in": _TRIGGER,
        "chat": _TRIGGER,
        "site_visit": _TRIGGER,
        "mail_in": _TRIGGER,
    },
    "contacts": {"add": contact_card, "update": contact_card, "note": note},
    "companies": {"add": company_card, "update": company_card, "note": note},
    "unsorted": {
        "add": _incoming,
        "update": _told_elsewhere("an incoming lead changed: its deal tells it"),
        "delete": declined,
    },
    "message": {"add": message, "update": _told_elsewhere("a message was changed")},
    "outgoing_message": {"add": outgoing_message},
    "customers": {"note": note},
}
_EVERYWHERE: dict[str, Reader] = {"delete": _DELETED, "restore": _RESTORED, "responsible": _HANDED_OVER}
_OTHERS: dict[str, Reader] = {
    "task": _TASK,
    "tasks": _TASK,
    "catalogs": _LIST,
    "catalog": _LIST,
    "customers": _CUSTOMER,
    "talk": _TALK,
    "whatsapp_template": _TEMPLATE,
    "chat_template": _TEMPLATE,
}
# Beside the account: what a hook of a pipeline's automatic action says of the account and of the action.
_NO_ENTITIES = frozenset({"account", "action", "subdomain", "account_id"})


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Compare the `token` in the address, or the account's id or subdomain in the body, with the secrets.

    Kommo signs nothing. The id is no secret, so a token of one's own in the address is the better proof.
    """
    try:
        told = _proofs(request)
    except (InvalidEvent, ValueError):
        return False
    return any([is_same(one, secret) for one in told for secret in secrets])  # noqa: C419  # all are compared


def _proofs(request: Request) -> list[str]:
    tokens = [value for name, value in parse_qsl(urlsplit(request.url).query) if name == "token"]
    if tokens:
        return tokens
    account = branch(nested_fields(request.body), "account")
    return [str(account[name]) for name in ("id", "subdomain") if isinstance(account.get(name), str | int)]


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read everything that a hook holds; a broken thing is refused by its place and the rest goes on."""
    scene = Scene(raw, company, account)
    fields = nested_fields(raw.body)
    parts = list(_parts(scene, fields))
    if not parts:
        raise InvalidEvent("the hook names no entity of Kommo's")
    return joined(parts)


def _parts(scene: Scene, fields: Fields) -> Iterator[Translation]:
    for entity in fields:
        if entity in _NO_ENTITIES:
            continue
        if entity == "event":
            yield attempt(entity, lambda: pipeline_action(scene, branch(fields, "event")))
            continue
        known = _ENTITIES.get(entity, {})
        if not known and entity not in _OTHERS:
            if isinstance(fields[entity], dict):
                yield attempt(entity, lambda entity=entity: _unknown(entity))
            continue
        actions = branch(fields, entity)
        if "id" in actions:
            yield attempt(entity, _without_action)
            continue
        for action in actions:
            reader = known.get(action) or _EVERYWHERE.get(action) or _OTHERS.get(entity)
            yield from _items(scene, branch(fields, entity), entity=entity, action=action, reader=reader)


def _items(scene: Scene, entity_fields: Fields, *, entity: str, action: str, reader: Reader | None) -> Iterator[Any]:
    if reader is None:
        yield attempt(f"{entity}.{action}", lambda: _unknown(action))
        return
    if not isinstance(entity_fields[action], dict):
        yield attempt(f"{entity}.{action}", lambda: _unknown(action))
        return
    below = branch(entity_fields, action)
    # Hooks of a pipeline's own hold one deal or customer, without a number.
    listed = [("0", below)] if "id" in below else rows(entity_fields, action)
    for number, value in listed:
        part = f"{entity}.{action}[{number}]"
        yield attempt(part, lambda value=value: reader(scene, as_object(value, what="the entity")))


def _without_action() -> Translation:
    raise InvalidEvent("the hook names no action of Kommo's: it may be one of the chats' own interface")


def _unknown(name: str) -> Translation:
    raise InvalidEvent(f"{word(name)} is none of Kommo's entities and actions")


SOURCE = Source(
    name="kommo",
    title="Kommo (amoCRM)",
    capabilities=("calls", "messages", "recordings", "contacts", "deals"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="Kommo signs nothing: a `token` of yours in the address is compared with `secrets`; where the address "
    "has none, the account's id or subdomain in the body is.",
    proof="chosen",
    connect_steps=(
        "Make a long random token and put it where `secrets` points.",
        "Under Settings, Integrations, Web hooks add the address `/hooks/kommo/ACCOUNT?token=TOKEN`.",
        "Choose the events: lead added, edited, deleted and restored, lead stage changed, lead responsible user "
        "changed; contact added and edited; note added to lead, contact and company; incoming message received; "
        "incoming lead added and deleted.",
        "Name operators' endpoints by their user ids in Kommo.",
        "The account's `currency` in the settings is that of the deals: hooks do not name it.",
        "Where a telephony is connected, too, write `tells_calls = false` under this account: each call would be "
        "counted twice.",
    ),
    settings={
        "currency": Setting("Currency of the deals' prices, such as KZT."),
    },
)
