"""Contacts and deals of HubSpot, as events change one property of them or as the whole object."""

from collections.abc import Sequence
from typing import Any

from pipelines.sources.amounts import currency, money
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.phones import MAX_IDENTITIES, as_first_told, card_email, card_phones, identity, together
from pipelines.sources.reading import Fields, flag, items, required, text
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import found, ignored
from schemas.crm import (
    ContactIdentified,
    DealChanged,
    DealCreated,
    DealDeleted,
    DealField,
    DealLinked,
    DealLost,
    DealMerged,
    DealMoved,
    DealParted,
    DealRestored,
    DealWon,
)
from schemas.errors import InvalidEvent
from schemas.ids import deal_id
from schemas.instants import Instant, from_rfc3339
from schemas.people import Identity

_PHONES = ("phone", "mobilephone", "hs_whatsapp_phone_number", "hs_calculated_phone_number")
_WON, _LOST = "closedwon", "closedlost"
_CLOSED = {"hs_is_closed_won": _WON, "hs_is_closed_lost": _LOST}
_CURRENCY = "deal_currency_code"
_WHOLE = {"creation": DealCreated, "deletion": DealDeleted, "restore": DealRestored}
# What may change while a deal stays at its stage, and how our facts call it.
_CHANGING: dict[str, DealField] = {"amount": "amount", "hubspot_owner_id": "operator", "pipeline": "pipeline"}
_DEAL_TO_CONTACT, _CONTACT_TO_DEAL = "DEAL_TO_CONTACT", "CONTACT_TO_DEAL"
# Subscriptions to objects of any kind tell both ends by the ids of their kinds.
_ASSOCIATIONS = {("0-3", "0-1"): _DEAL_TO_CONTACT, ("0-1", "0-3"): _CONTACT_TO_DEAL}


def contact_event(scene: Scene, event: Fields, *, action: str) -> Translation:
    """Read an event about a contact: who he is by a phone or an address that was set, or that two were one."""
    number = required(event, "objectId", "primaryObjectId", "newObjectId")
    known = [identity("crm_hubspot", number)]
    if action == "merge":
        merged = [text({"id": one}, "id") for one in items(event, "mergedObjectIds")]
        others = (text(event, "primaryObjectId"), text(event, "newObjectId"), *merged)
        known += [identity("crm_hubspot", one) for one in others]
    if action == "propertychange":
        name, written = required(event, "propertyName"), text(event, "propertyValue")
        changed = _identities_of(scene, name, written)
        if not changed:
            return ignored("a contact's property changed that does not tell who he is")
        known += changed
    return found(_identified(scene, known, number=number, time=_occurred_at(scene, event)))


def contact_object(scene: Scene, number: str, fields: Fields) -> Translation:
    """Read a whole contact."""
    known = [identity("crm_hubspot", number)]
    known += [one for name in (*_PHONES, "email") for one in _identities_of(scene, name, text(fields, name))]
    names = [text(fields, name) for name in ("firstname", "lastname")]
    time = _written_at(fields, "lastmodifieddate", "createdate") or scene.raw.received_at
    name = " ".join(one for one in names if one) or None
    return found(_identified(scene, known, number=number, time=time, name=name))


def deal_event(scene: Scene, event: Fields, *, action: str) -> Translation:
    """Read an event about a deal: opened, deleted, there again, or a property set anew that tells of it."""
    number = required(event, "objectId")
    time = _occurred_at(scene, event)
    if action in _WHOLE:
        identity_ = (number,) if action == "creation" else (number, time)
        return found(fact(scene, _WHOLE[action](**_known(scene, number, {})), identity=identity_, time=time))
    name, value = required(event, "propertyName"), text(event, "propertyValue")
    if name in _CLOSED:
        if not flag({name: value}, name):
            return ignored("a deal is not closed")
        return found(_at_stage(scene, number, {name: value}, time=time, mark=name))
    if name in _CHANGING or (name == _CURRENCY and value is not None):
        changed = _changed(scene, number, {name: value})
        return found(fact(scene, changed, identity=(number, name, value or "", time), time=time))
    if name != "dealstage" or value is None:
        return ignored("a deal's property changed that tells neither its stage nor its worth nor whose it is")
    return found(_at_stage(scene, number, {"dealstage": value}, time=time, mark=""))


def deals_merged(scene: Scene, event: Fields) -> Translation:
    """Read that deals became one: each but the one that is left went into it, which may have an id of its own."""
    into = required(event, "newObjectId", "primaryObjectId", "objectId")
    merged = [text({"id": one}, "id") for one in items(event, "mergedObjectIds")]
    told = (text(event, "primaryObjectId"), text(event, "objectId"), *merged)
    numbers = dict.fromkeys(one for one in told if one is not None and one != into)
    if not numbers:
        raise InvalidEvent("mergedObjectIds names no other deal than the one that is left")
    time, into_id = _occurred_at(scene, event), deal_id(scene.raw.source, scene.account.id, into)
    return found(
        *(
            fact(scene, DealMerged(**_known(scene, one, {}), into_deal_id=into_id), identity=(one, into), time=time)
            for one in numbers
        )
    )


def deal_link(scene: Scene, event: Fields) -> Translation:
    """Read that a deal and a contact were linked or parted, whichever of the two the event is about."""
    kinds = (text(event, "fromObjectTypeId") or "", text(event, "toObjectTypeId") or "")
    kind = (text(event, "associationType") or _ASSOCIATIONS.get(kinds, "")).upper()
    ends = (text(event, "fromObjectId"), text(event, "toObjectId"))
    if kind not in _ASSOCIATIONS.values():
        return ignored("two cards were linked or parted that are not a deal and a contact")
    number, contact = ends if kind == _DEAL_TO_CONTACT else ends[::-1]
    if number is None or contact is None:
        raise InvalidEvent("fromObjectId or toObjectId is missing")
    time = _occurred_at(scene, event)
    known = {"deal_id": deal_id(scene.raw.source, scene.account.id, number), "provider_deal_id": number}
    struct = DealParted if flag(event, "associationRemoved") else DealLinked
    told = struct(**known, contact=together(identity("crm_hubspot", contact)))
    return found(fact(scene, told, identity=(number, contact, time), time=time))


def deal_object(scene: Scene, number: str, fields: Fields, *, contacts: tuple[str, ...]) -> Translation:
    """Read a whole deal: that it was opened, and where it stands now.

    People write days ahead as that on which a deal was closed, or leave there when they meant to; it was by when it is
    told.
    """
    known = _known(scene, number, fields, contacts=contacts)
    opened_at = _written_at(fields, "createdate", "hs_createdate") or scene.raw.received_at
    written_at = _written_at(fields, "hs_lastmodifieddate")
    changed_at = written_at or opened_at
    opened = fact(scene, DealCreated(**known), identity=(number, "object", changed_at), time=opened_at)
    is_closed = _is_won(scene, fields) or _is_lost(scene, fields)
    told_at = written_at or scene.raw.received_at
    closed_at = _written_at(fields, "closedate") if is_closed else None
    stands_at = min(closed_at, told_at) if closed_at else changed_at
    told = [opened]
    if text(fields, "dealstage") is not None:
        told.append(_at_stage(scene, number, fields, time=stands_at, mark="object", contacts=contacts))
    # What it is worth and who is responsible may have changed since it was opened or closed.
    changed = _changed(scene, number, fields, contacts=contacts)
    if changed.emptied or told_at != told[-1].time:
        told.append(fact(scene, changed, identity=(number, "object", written_at or scene.raw.raw_id), time=told_at))
    return found(*told)


def _changed(scene: Scene, number: str, fields: Fields, *, contacts: tuple[str, ...] = ()) -> DealChanged:
    """Give what stands of a deal by these of its properties, and which of them hold nothing."""
    known = _known(scene, number, fields, contacts=contacts)
    emptied: tuple[DealField, ...] = tuple(
        ours for name, ours in _CHANGING.items() if name in fields and text(fields, name) is None
    )
    if known["amount"] is None and text(fields, _CURRENCY) is not None:
        known["currency"] = currency(scene, text(fields, _CURRENCY))
    return DealChanged(**known, emptied=emptied)


def _at_stage(  # noqa: PLR0913  # a deal, its fields, when and by which kind of event
    scene: Scene, number: str, fields: Fields, *, time: Instant, mark: str, contacts: tuple[str, ...] = ()
) -> Any:
    """Give the win, the loss or the move at `time`; one that HubSpot reckons names no stage of its own."""
    known = _known(scene, number, fields, contacts=contacts)
    stage = required({"dealstage": _CLOSED.get(mark), **fields}, "dealstage")
    identity_ = (number, stage, time, *((mark,) if mark else ()))
    if _is_won(scene, fields):
        return fact(scene, DealWon(**known), identity=identity_, time=time)
    if _is_lost(scene, fields):
        reason = text(fields, "closed_lost_reason")
        return fact(scene, DealLost(**known, reason=reason), identity=identity_, time=time)
    return fact(scene, DealMoved(**known), identity=identity_, time=time)


def _is_won(scene: Scene, fields: Fields) -> bool:
    stage = text(fields, "dealstage")
    return stage == _WON or stage in scene.names("won_stages") or flag(fields, "hs_is_closed_won")


def _is_lost(scene: Scene, fields: Fields) -> bool:
    """Say whether a deal that is not won is lost: by its stage, or as HubSpot reckons it for stages of one's own."""
    stage = text(fields, "dealstage")
    is_reckoned = flag(fields, "hs_is_closed_lost") or flag(fields, "hs_is_closed")
    return stage == _LOST or stage in scene.names("lost_stages") or is_reckoned


def _known(scene: Scene, number: str, fields: Fields, *, contacts: tuple[str, ...] = ()) -> dict[str, Any]:
    stage = text(fields, "dealstage")
    return {
        "deal_id": deal_id(scene.raw.source, scene.account.id, number),
        "provider_deal_id": number,
        "contact": together(*(identity("crm_hubspot", one) for one in contacts[:1])),
        "pipeline": text(fields, "pipeline"),
        "stage": stage,
        "operator": text(fields, "hubspot_owner_id"),
        **money(scene, fields, "amount", code="deal_currency_code"),
        "provider_status": stage,
    }


def _identified(
    scene: Scene, known: Sequence[Identity | None], *, number: str, time: Instant, name: str | None = None
) -> Any:
    values = as_first_told(*known)[:MAX_IDENTITIES]
    identified = ContactIdentified(contact=together(*known)[:MAX_IDENTITIES], contact_name=name)
    return fact(scene, identified, identity=(number, *values, time), time=time)


def _identities_of(scene: Scene, name: str, written: str | None) -> tuple[Identity, ...]:
    if name in _PHONES:
        return card_phones(written, region=scene.region)
    email = card_email(written) if name == "email" else None
    return (email,) if email else ()


def _occurred_at(scene: Scene, event: Fields) -> Instant:
    written = text(event, "occurredAt")
    return scene.raw.received_at if written is None else from_epoch_field(written, what="occurredAt")


def _written_at(fields: Fields, *names: str) -> Instant | None:
    for name in names:
        written = text(fields, name)
        if written is not None:
            return from_rfc3339(written) if "-" in written[1:] else from_epoch_field(written, what=name)
    return None
