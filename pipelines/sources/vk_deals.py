"""What VK tells of a deal: a filled lead form, and an order of the community's shop until it is done or cancelled."""

from typing import Any

from pipelines.sources.amounts import money
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import told_at
from pipelines.sources.phones import card_phones, identity, together
from pipelines.sources.reading import Fields, as_object, items, member, required, text, word
from pipelines.sources.translations import found
from pipelines.sources.vk_messages import Callback
from schemas.crm import ContactIdentified, DealCreated, DealLost, DealMoved, DealWon
from schemas.errors import InvalidEvent
from schemas.ids import deal_id

MINOR_UNITS = 100  # VK counts prices in hundredths

# States of an order by their number (VK, market.getOrders).
_STATES = {
    "0": "new",
    "1": "agreed",
    "2": "being_packed",
    "3": "being_delivered",
    "4": "done",
    "5": "cancelled",
    "6": "returned",
}
_WON = frozenset({"4"})
_LOST = frozenset({"5", "6"})


def lead_form(callback: Callback) -> Translation:
    """Read a filled lead form: a deal was opened, and where the form asks for a phone, whose it is."""
    scene, fields = callback.scene, callback.fields
    lead = required(fields, "lead_id")
    answers = [as_object(one, what="answers[]") for one in items(fields, "answers")]
    by_key = {text(answer, "key") or "": answer for answer in answers}
    phone = text(by_key.get("phone_number", {}), "answer")
    names = [text(by_key.get(key, {}), "answer") for key in ("first_name", "last_name")]
    contact = together(*card_phones(phone, region=scene.region), identity("vk", text(fields, "user_id")))
    name = " ".join(part for part in names if part) or None
    time = scene.raw.received_at
    created = DealCreated(
        deal_id=deal_id(scene.raw.source, scene.account.id, f"lead/{lead}"),
        provider_deal_id=f"lead/{lead}",
        contact=contact,
        contact_name=name,
        pipeline=text(fields, "form_name", "form_id"),
        provider_status="lead_forms_new",
    )
    told = [fact(scene, created, identity=(f"lead/{lead}",), time=time)]
    if len(contact) > 1:
        known = ContactIdentified(contact=contact, contact_name=name)
        told.append(fact(scene, known, identity=(f"lead/{lead}",), time=time))
    return found(*told)


def order(callback: Callback) -> Translation:
    """Read a new order of the community's shop."""
    scene, fields = callback.scene, callback.fields
    known = _known(scene, fields)
    time = told_at(scene, fields.get("date"), what="date")
    return found(fact(scene, DealCreated(**known), identity=(known["provider_deal_id"],), time=time))


def order_changed(callback: Callback) -> Translation:
    """Read an order's change; VK tells its state now, and not when it came to it."""
    scene, fields = callback.scene, callback.fields
    known = _known(scene, fields)
    state = required(fields, "status")
    if state not in _STATES:
        raise InvalidEvent(f"the order's status {word(state)} is unknown")
    struct: Any = DealWon if state in _WON else DealLost if state in _LOST else DealMoved
    return found(
        fact(
            scene,
            struct(**known),
            identity=(known["provider_deal_id"], state, callback.told_by),
            time=scene.raw.received_at,
        )
    )


def _known(scene: Scene, fields: Fields) -> dict[str, Any]:
    number = required(fields, "id", "display_order_id")
    user = text(fields, "user_id")
    provider_id = f"order/{user or ''}/{number}"
    state = text(fields, "status")
    price = member(fields, "total_price")
    recipient = member(fields, "recipient")
    told = {"amount": price.get("amount"), "currency": text(member(price, "currency"), "name")}
    return {
        "deal_id": deal_id(scene.raw.source, scene.account.id, provider_id),
        "provider_deal_id": provider_id,
        "contact": together(
            *card_phones(text(recipient, "phone"), region=scene.region),
            identity("vk", user),
        ),
        "contact_name": text(recipient, "name"),
        "stage": _STATES.get(state or "", state),
        **money(scene, told, "amount", code="currency", minor_units=MINOR_UNITS),
        "provider_status": state,
    }
