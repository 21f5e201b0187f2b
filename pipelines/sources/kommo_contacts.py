"""Contacts and companies of Kommo: the ids, phones and addresses by which one card is known."""

from pipelines.sources.brackets import branch, leaves, objects
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.phones import MAX_IDENTITIES, as_first_told, card_email, card_phones, identity, together
from pipelines.sources.reading import Fields, required, text
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import found
from schemas.crm import ContactIdentified, DealLinked
from schemas.envelope import Event
from schemas.ids import deal_id
from schemas.instants import Instant
from schemas.people import Identity

MAX_DEALS = 100

# Names of the phone field in accounts of the languages in which Kommo is sold, where no code stands beside it.
_PHONES = frozenset({"PHONE", "ТЕЛЕФОН", "TELEFONE", "TELÉFONO", "TELEFON"})
_EMAILS = frozenset({"EMAIL", "E-MAIL", "ПОЧТА"})


def contact_card(scene: Scene, fields: Fields) -> Translation:
    """Read a contact's card; in older hooks companies come here too, told by their `type`."""
    if text(leaves(fields), "type") == "company":
        return company_card(scene, fields)
    return _card(scene, fields, kind="crm_kommo")


def company_card(scene: Scene, fields: Fields) -> Translation:
    """Read a company's card: a customer like any other, with ids of its own."""
    return _card(scene, fields, kind="crm_kommo_company")


def identities_of(scene: Scene, fields: Fields) -> tuple[Identity, ...]:
    """Give all identities of a contact's card: phones first, then its id in Kommo, then e-mail addresses."""
    return together(*_written(scene, fields, kind="crm_kommo"))[:MAX_IDENTITIES]


def _written(scene: Scene, fields: Fields, *, kind: str) -> list[Identity | None]:
    own = identity(kind, text(leaves(fields), "id"))
    phones: list[Identity | None] = []
    emails: list[Identity | None] = []
    for field in (*objects(fields, "custom_fields"), *objects(fields, "custom_fields_values")):
        told = leaves(field)
        names = {(text(told, name) or "").strip().upper() for name in ("code", "field_code", "name", "field_name")}
        for written in _values(field):
            if names & _PHONES:
                phones += card_phones(written, region=scene.region)
            elif names & _EMAILS:
                emails.append(card_email(written))
    return [*phones, own, *emails]


def _card(scene: Scene, fields: Fields, *, kind: str) -> Translation:
    told = leaves(fields)
    number = required(told, "id")
    identities = _written(scene, fields, kind=kind)
    known, values = together(*identities)[:MAX_IDENTITIES], as_first_told(*identities)[:MAX_IDENTITIES]
    written = text(told, "last_modified", "updated_at", "date_create", "created_at")
    time = scene.raw.received_at if written in {None, "0"} else from_epoch_field(written, what="last_modified")
    identified = ContactIdentified(contact=known, contact_name=text(told, "name"))
    # A company's deals are its people's too, and whose they are is better told by these.
    deals = _deals(fields)[:MAX_DEALS] if kind == "crm_kommo" else []
    return found(
        fact(scene, identified, identity=(kind, number, *values, written or scene.raw.raw_id), time=time),
        *(_linked(scene, deal, card=(kind, number), contact=known, time=time) for deal in deals if deal.isdigit()),
    )


def _deals(fields: Fields) -> list[str]:
    """Give the ids of the linked deals: each below its own id (`[7][ID]=7`), or a list of them."""
    told = branch(fields, "linked_leads_id")
    below = ((number, text(leaves(branch(told, number)), "ID", "id")) for number in told)
    return [own or (number if isinstance(told[number], dict) else text(told, number) or "") for number, own in below]


def _linked(scene: Scene, deal: str, *, card: tuple[str, str], contact: tuple[Identity, ...], time: Instant) -> Event:
    """Give that a deal is this contact's: hooks of deals themselves do not name him."""
    linked = DealLinked(
        deal_id=deal_id(scene.raw.source, scene.account.id, deal), provider_deal_id=deal, contact=contact
    )
    return fact(scene, linked, identity=(deal, *card, time), time=time)


def _values(field: Fields) -> list[str]:
    """Give the values of a field: texts, or objects with a `value` and the kind it is of."""
    below = branch(field, "values")
    written = [text(leaves(branch(below, number) or {"value": value}), "value") for number, value in below.items()]
    return [one for one in written if one is not None]
