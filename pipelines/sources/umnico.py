"""Umnico: messages of many messengers, the leads they belong to, and who a customer is."""

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.reading import Fields, as_object, required, word
from pipelines.sources.signatures import holds_shared_secret
from pipelines.sources.translations import ignored
from pipelines.sources.umnico_leads import customer, lead_changed, lead_created, lead_deleted
from pipelines.sources.umnico_messages import message, status
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the token that we put into the address: Umnico signs nothing."""
    return holds_shared_secret(request, secrets=secrets, names=("x-angime-token",))


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event; raises InvalidEvent where its kind is unknown or what identifies it is missing."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    kind = required(body, "type", "event").lower()
    if kind in _OTHERS:
        return ignored(_OTHERS[kind])
    read = _READERS.get(kind)
    if read is None and kind.startswith("lead.changed."):
        read = lead_changed
    if read is None:
        raise InvalidEvent(f"the event {word(kind)} is unknown")
    return read(scene, body)


_OTHERS = {
    "customer.deleted": "a customer was deleted",
    "message.changed": "an edit of a message: it is no new one",
    "message.edited": "an edit of a message: it is no new one",
    "message.deleted": "a message that was taken back",
    "test": "Umnico makes sure of the address",
}
_READERS: dict[str, Callable[[Scene, Fields], Any]] = {
    "message.incoming": message,
    "message.outgoing": message,
    "message.status": status,
    "message.status.changed": status,
    "message.changed.status": status,
    "lead.created": lead_created,
    "lead.changed": lead_changed,
    "lead.deleted": lead_deleted,
    "customer.created": customer,
    "customer.changed": customer,
    "lead.changed.customer": customer,
}

SOURCE = Source(
    name="umnico",
    title="Umnico (messengers in one inbox)",
    capabilities=("messages", "deals", "contacts"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="Umnico signs nothing: a long random token of yours in the address, `?token=…`.",
    proof="chosen",
    connect_steps=(
        "Think of a long random token and put it where `secrets` points.",
        "Under Settings, API (or by POST /v1.3/webhooks) add a webhook with the address "
        "`/hooks/umnico/ACCOUNT?token=TOKEN`.",
        "Ask GET /v1.3/statuses for the ids of the statuses that mean won and lost, and name them in the settings.",
    ),
    settings={
        "currency": Setting("Currency of the leads' amounts, such as KZT."),
        "won_statuses": Setting("Ids of the statuses that mean that a lead was won.", form="list"),
        "lost_statuses": Setting("Ids of the statuses that mean that a lead was lost.", form="list"),
    },
)
