"""Leads and customers of Umnico: a lead's status now, and which ids are one customer."""

from typing import Any

from pipelines.sources.amounts import money
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import told_at
from pipelines.sources.messengers import messenger_of, named, person_in
from pipelines.sources.phones import card_phones, identity, together
from pipelines.sources.reading import Fields, as_object, items, loose, required, text
from pipelines.sources.translations import found, ignored
from pipelines.sources.umnico_messages import CUSTOMER, USER_PREFIX
from schemas.crm import ContactIdentified, DealChanged, DealCreated, DealDeleted, DealLost, DealMoved, DealWon
from schemas.errors import InvalidEvent
from schemas.ids import deal_id
from schemas.people import Identity


def lead_created(scene: Scene, body: Fields) -> Translation:
    """Read a new lead."""
    known, lead = _known(scene, body)
    time = told_at(scene, lead.get("createdAt") or lead.get("created_at"), what="createdAt")
    return found(fact(scene, DealCreated(**known), identity=(known["provider_deal_id"],), time=time))


def lead_changed(scene: Scene, body: Fields) -> Translation:
    """Read a change of a lead: its status now, and without one what it is worth and who is responsible.

    Which statuses are won and lost the account's settings say.
    """
    known, lead = _known(scene, body)
    stage = known["stage"]
    struct: Any = DealMoved
    if stage is None:
        struct = DealChanged
    elif stage in scene.names("won_statuses"):
        struct = DealWon
    elif stage in scene.names("lost_statuses"):
        struct = DealLost
    when = lead.get("updatedAt") or lead.get("updated_at")
    told_by = scene.raw.raw_id
    return found(
        fact(
            scene,
            struct(**known),
            identity=(known["provider_deal_id"], stage or "", told_by),
            time=told_at(scene, when, what="updatedAt"),
        )
    )


def lead_deleted(scene: Scene, body: Fields) -> Translation:
    """Read that a lead was deleted; Umnico does not say when."""
    known, _ = _known(scene, body)
    identity_ = (known["provider_deal_id"], scene.raw.raw_id)
    return found(fact(scene, DealDeleted(**known), identity=identity_, time=scene.raw.received_at))


def customer(scene: Scene, body: Fields) -> Translation:
    """Read which ids are one customer."""
    card = _card(body)
    contact = _people(scene, card)
    if not contact:
        raise InvalidEvent("the customer has no identity")
    if len(contact) == 1:
        return ignored("a customer of whom one id is known")
    told = ContactIdentified(contact=contact, contact_name=text(card, "name", "login"))
    return found(fact(scene, told, identity=(scene.raw.raw_id,), time=scene.raw.received_at))


def _known(scene: Scene, body: Fields) -> tuple[Fields, Fields]:
    lead = loose(body, "lead") or loose(body, "data") or body
    lead_id = text(body, "leadId") or required(lead, "id", "leadId")
    card = loose(lead, "customer")
    known: Fields = {
        "deal_id": deal_id(scene.raw.source, scene.account.id, lead_id),
        "provider_deal_id": lead_id,
        "contact": _people(scene, card),
        "contact_name": text(card, "name", "login"),
        "stage": text(lead, "statusId") or text(loose(lead, "status"), "id"),
        "operator": text(lead, "userId"),
        **money(scene, lead, "amount"),
        "provider_status": text(body, "type", "event"),
    }
    return known, lead


def _card(body: Fields) -> Fields:
    return loose(body, "customer") or loose(loose(body, "lead"), "customer") or loose(body, "data")


def _people(scene: Scene, card: Fields) -> tuple[Identity, ...]:
    """Give a customer's ids: his number and mail address, those of his profiles, and Umnico's own."""
    profiles = [as_object(one, what="profiles[]") for one in items(card, "profiles")]
    people = [_profile(scene, profile) for profile in profiles]
    return together(
        *card_phones(text(card, "phone"), region=scene.region),
        identity("email", (text(card, "email") or "").lower()),
        *people,
        identity(CUSTOMER, text(card, "id", "customerId")),
    )


def _profile(scene: Scene, profile: Fields) -> Identity | None:
    known, written = messenger_of(text(profile, "type")), _bare(text(profile, "socialId", "login"))
    return person_in(scene, named(known, written), written)


def _bare(written: str | None) -> str | None:
    return written.removeprefix(USER_PREFIX) if written else None
