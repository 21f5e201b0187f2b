"""Bitrix24: events of telephony and CRM, as forms in brackets or as JSON; most CRM events carry an id and no more."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from pipelines.sources.bitrix24_calls import call_ended, call_offered, call_started
from pipelines.sources.bitrix24_cards import (
    Entity,
    card_added,
    card_deleted,
    card_updated,
    contact_added,
    contact_updated,
)
from pipelines.sources.brackets import OWN, branch, leaves, nested_fields
from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import KEPT_IN_THE_BODY, Guide, Setting
from pipelines.sources.reading import Fields, as_object, required
from pipelines.sources.signatures import is_same
from pipelines.sources.translations import each, ignored
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

Reader = Callable[[Scene, Fields, Fields], Translation]

_DEAL, _LEAD = Entity("deal", stage="STAGE_ID"), Entity("lead", stage="STATUS_ID")
_READERS: dict[str, Reader] = {
    "ONVOXIMPLANTCALLINIT": call_offered,
    "ONVOXIMPLANTCALLSTART": call_started,
    "ONVOXIMPLANTCALLCONNECTED": call_started,
    "ONVOXIMPLANTCALLEND": call_ended,
    "ONCRMDEALADD": lambda scene, event, told: card_added(scene, event, told, entity=_DEAL),
    "ONCRMDEALUPDATE": lambda scene, event, told: card_updated(scene, event, told, entity=_DEAL),
    "ONCRMDEALMOVETOCATEGORY": lambda scene, event, told: card_updated(scene, event, told, entity=_DEAL),
    "ONCRMDEALDELETE": lambda scene, event, told: card_deleted(scene, event, told, entity=_DEAL),
    "ONCRMLEADADD": lambda scene, event, told: card_added(scene, event, told, entity=_LEAD),
    "ONCRMLEADUPDATE": lambda scene, event, told: card_updated(scene, event, told, entity=_LEAD),
    "ONCRMLEADDELETE": lambda scene, event, told: card_deleted(scene, event, told, entity=_LEAD),
    "ONCRMCONTACTADD": lambda scene, event, told: contact_added(scene, event, told, kind="crm_bitrix24"),
    "ONCRMCONTACTUPDATE": lambda scene, event, told: contact_updated(scene, event, told, kind="crm_bitrix24"),
    "ONCRMCOMPANYADD": lambda scene, event, told: contact_added(scene, event, told, kind="crm_bitrix24_company"),
    "ONCRMCOMPANYUPDATE": lambda scene, event, told: contact_updated(scene, event, told, kind="crm_bitrix24_company"),
}
_OTHERS = (
    (re.compile(r"^ONCRM[A-Z]+DELETE$"), "something was deleted in the CRM: its facts of the past stay"),
    (re.compile(r"^ONEXTERNALCALL"), "a wish to call: the telephony that places the call tells it"),
    (re.compile(r"^ONCRM"), "an event of the CRM that is about neither a deal's course nor who a contact is"),
    (re.compile(r"^ONVOXIMPLANT"), "an event of telephony that is about no call"),
    (re.compile(r"^ON(IM|OPENLINE|SESSION)"), "an event of the chats: the messenger's own source tells messages"),
    (re.compile(r"^ONAPP"), "the application was installed, updated or removed"),
)
# `ONTASKADD`, and in younger parts of Bitrix24 `CATALOG.PRICE.ON.ADD`.
_EVENT = re.compile(r"^(ON[A-Z][A-Z0-9_:.\\]{1,62}|[A-Z][A-Z0-9_:.\\]{1,60}[.:\\]ON[A-Z.:]{2,62})$")


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Compare `auth.application_token` of the body with the secrets: Bitrix24 signs nothing else."""
    try:
        events = _events(nested_fields(request.body))
    except InvalidEvent:
        return False
    proved = [_is_proved(event, secrets=secrets) for _, event in events]
    return bool(proved) and all(proved)


def _is_proved(event: Any, *, secrets: Sequence[str]) -> bool:
    token = branch(branch({"event": event}, "event"), "auth").get("application_token")
    given = token if isinstance(token, str) else None
    return any([is_same(given, secret) for secret in secrets])  # noqa: C419  # all are compared


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event, or each of a list; raises InvalidEvent for what is none of Bitrix24's."""
    scene = Scene(raw, company, account)
    events = _events(nested_fields(raw.body))
    if len(events) == 1 and events[0][0] == "":
        return _event(scene, events[0][1])
    return each(((f"[{number}]", event) for number, event in events), lambda _, event: _event(scene, event))


def _events(fields: Fields) -> list[tuple[str, Any]]:
    """Give the events of a body, each with its place in a list, "" where it is the only one."""
    if "event" in fields or not all(name.isdigit() for name in fields if name != OWN):
        return [("", fields)]
    return [(number, event) for number, event in fields.items() if number != OWN]


def _event(scene: Scene, value: Any) -> Translation:
    event = as_object(value, what="the event")
    if "document_id" in event and "event" not in event:
        return ignored("a hook of a robot, which names a card and not what became of it")
    name = required(leaves(event), "event", "EVENT_NAME").upper()
    reader = _READERS.get(name)
    if reader is not None:
        return reader(scene, event, branch(event, "data") or branch(event, "EVENT_DATA"))
    for pattern, reason in _OTHERS:
        if pattern.match(name):
            return ignored(reason)
    if _EVENT.match(name):
        return ignored("an event about neither calls nor deals nor contacts")
    raise InvalidEvent("the event has a name that is none of Bitrix24's")


SOURCE = Source(
    name="bitrix24",
    title="Bitrix24",
    capabilities=("calls", "recordings", "contacts", "deals"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`auth[application_token]` in the body is compared with `secrets`." + KEPT_IN_THE_BODY,
    proof="copied",
    connect_steps=(
        "Under Developer resources add an outgoing webhook with the address `/hooks/bitrix24/ACCOUNT`.",
        "Copy the application token that Bitrix24 shows into the file or variable that `secrets` names.",
        "Choose the events: onVoximplantCallInit, onVoximplantCallStart, onVoximplantCallEnd; onCrmDealAdd, "
        "onCrmDealUpdate, onCrmDealDelete, onCrmLeadAdd, onCrmLeadUpdate, onCrmLeadDelete; onCrmContactAdd, "
        "onCrmContactUpdate.",
        "Bitrix24 sends only the id of a card. A deal's stage, sum and contact are read where a body carries them: "
        "let an application of yours fetch the card and send its fields in `data[FIELDS]` to the same address.",
        "Name operators' endpoints by their user ids in Bitrix24.",
        "Where a telephony is connected, too, write `tells_calls = false` under this account: each call would be "
        "counted twice.",
    ),
    settings={
        "currency": Setting("Currency of sums that name none, such as KZT."),
        "won_stages": Setting(
            "Stages that count as won beside `WON`, as Bitrix24 writes them (`C3:FINAL`).",
            form="list",
        ),
        "lost_stages": Setting("Stages that count as lost beside `LOSE`, `APOLOGY` and `JUNK`.", form="list"),
    },
)
