"""Cards of Bitrix24's CRM: deals and leads with their stage where it is told, contacts with what they are known by."""

import re
from typing import Any

from msgspec import Struct

from pipelines.sources.amounts import money
from pipelines.sources.brackets import branch, leaves, objects, rows
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.phones import MAX_IDENTITIES, as_first_told, card_email, card_phones, identity, together
from pipelines.sources.reading import Fields, required, text
from pipelines.sources.times import from_epoch_field, from_local
from pipelines.sources.translations import found, ignored
from schemas.crm import ContactIdentified, DealChanged, DealCreated, DealDeleted, DealLost, DealMoved, DealWon
from schemas.envelope import Event
from schemas.ids import deal_id
from schemas.instants import Instant
from schemas.people import Identity

MAX_NAME_LENGTH = 1024
# `stageId`, as `crm.item.get` writes what `crm.deal.get` calls `STAGE_ID`.
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")

_WON, _LOST = frozenset({"WON"}), frozenset({"LOSE", "APOLOGY", "JUNK"})
_WON_SEMANTICS, _LOST_SEMANTICS = "S", "F"
_CONVERTED = "CONVERTED"
_NEWER_NAMES = {"CREATED_TIME": "DATE_CREATE", "UPDATED_TIME": "DATE_MODIFY"}


class Entity(Struct, frozen=True):
    """A deal or a lead: they count their ids apart, and call the stage differently."""

    word: str
    stage: str


def card_added(scene: Scene, event: Fields, told: Fields, *, entity: Entity) -> Translation:
    """Read that a deal or lead was opened: true of the id alone, and more where the card's fields came with it."""
    card = leaves(_card(told))
    known = _known(scene, told, card=card, entity=entity)
    time = _told_at(scene, event, card, "DATE_CREATE")
    # The bare id comes from Bitrix24, the whole card later from an application that fetched it: two facts of one deal.
    identity_ = (known["provider_deal_id"], "card") if len(card) > 1 else (known["provider_deal_id"],)
    opened = fact(scene, DealCreated(**known), identity=identity_, time=time)
    return found(opened, _closed(scene, card, known=known, time=time))


def card_updated(scene: Scene, event: Fields, told: Fields, *, entity: Entity) -> Translation:
    """Read a change: with the id alone nobody knows of what, with the stage it is where the deal stands now.

    Without a stage it is what the card tells beside: what the deal is worth, who is responsible, whose it is.
    """
    card = leaves(_card(told))
    number = required(card, "ID")
    stage = text(card, entity.stage, "STAGE_ID")
    known = _known(scene, told, card=card, entity=entity)
    if stage is None:
        if not any(known[name] for name in ("contact", "operator", "amount")) and "CATEGORY_ID" not in card:
            return ignored("a card changed, and the event carries only its id: what changed is not told")
        when = _told_at(scene, event, card, "DATE_MODIFY")
        changed = DealChanged(**known)
        return found(fact(scene, changed, identity=(entity.word, number, when, scene.raw.raw_id), time=when))
    time = _told_at(scene, event, card, "MOVED_TIME", "DATE_MODIFY")
    closed = _closed(scene, card, known=known, time=time)
    if closed is not None:
        return found(closed)
    moved = DealMoved(**known, from_stage=text(card, f"PREVIOUS_{entity.stage}", f"OLD_{entity.stage}"))
    return found(fact(scene, moved, identity=(entity.word, number, stage, time), time=time))


def card_deleted(scene: Scene, event: Fields, told: Fields, *, entity: Entity) -> Translation:
    """Read that a deal or lead was deleted."""
    known = _known(scene, told, card=leaves(_card(told)), entity=entity)
    time = _told_at(scene, event, {})
    return found(fact(scene, DealDeleted(**known), identity=(known["provider_deal_id"], time), time=time))


def contact_added(scene: Scene, event: Fields, told: Fields, *, kind: str) -> Translation:
    """Read that a contact or company is known by this id, and by its phones where the card's fields came with it."""
    fields = _card(told)
    card = leaves(fields)
    number = required(card, "ID")
    identities = _identities(scene, fields, number=number, kind=kind)
    names = [text(card, name) for name in ("NAME", "SECOND_NAME", "LAST_NAME")]
    name = text(card, "TITLE") or " ".join(one for one in names if one)
    identified = ContactIdentified(
        contact=together(*identities)[:MAX_IDENTITIES], contact_name=name[:MAX_NAME_LENGTH] or None
    )
    values = as_first_told(*identities)[:MAX_IDENTITIES]
    when = text(leaves(event), "ts") or scene.raw.raw_id
    identity_ = (kind, number, *values, when)
    return found(
        fact(scene, identified, identity=identity_, time=_told_at(scene, event, card, "DATE_MODIFY", "DATE_CREATE"))
    )


def contact_updated(scene: Scene, event: Fields, told: Fields, *, kind: str) -> Translation:
    """Read a changed card, where the event carries more than its id."""
    fields = _card(told)
    number = required(leaves(fields), "ID")
    if len(together(*_identities(scene, fields, number=number, kind=kind))) < 2:  # the id alone tells nothing new
        return ignored("a card changed, and the event carries only its id: what changed is not told")
    return contact_added(scene, event, told, kind=kind)


def _card(told: Fields) -> Fields:
    """Give the fields of the card: under `FIELDS`, or bare; by their older names, whichever interface gave them."""
    card = branch(told, "FIELDS") or told
    if "ID" in card or "id" not in card:
        return card
    names = {name: _HUMP.sub("_", name).upper() for name in card}
    named: Fields = {_NEWER_NAMES.get(names[name], names[name]): value for name, value in card.items()}
    for value in objects(card, "fm"):
        kind = text(leaves(value), "typeId") or ""
        below = branch(named, kind)
        named[kind] = {**below, str(len(below)): {"VALUE": leaves(value).get("value")}}
    return named


def _known(scene: Scene, told: Fields, *, card: Fields, entity: Entity) -> dict[str, Any]:
    number = required(card, "ID")
    provider_deal_id = number if entity.word == "deal" else f"{entity.word} {number}"
    stage = text(card, entity.stage, "STAGE_ID")
    contacts = [text({"id": value}, "id") for _, value in rows(_card(told), "CONTACT_IDS")]
    main = text(card, "CONTACT_ID") or next((one for one in contacts if one), None)
    company = text(card, "COMPANY_ID")
    return {
        "deal_id": deal_id(scene.raw.source, scene.account.id, provider_deal_id),
        "provider_deal_id": provider_deal_id,
        "contact": together(
            identity("crm_bitrix24", None if main == "0" else main),
            identity("crm_bitrix24_company", None if company == "0" else company) if main in {None, "0"} else None,
            *_phones(scene, _card(told)),
        ),
        "pipeline": text(card, "CATEGORY_ID") if entity.word == "deal" else entity.word,
        "stage": stage,
        "operator": text(card, "ASSIGNED_BY_ID"),
        **money(scene, card, "OPPORTUNITY", code="CURRENCY_ID"),
        "provider_status": stage,
    }


def _closed(scene: Scene, card: Fields, *, known: dict[str, Any], time: Instant) -> Event | None:
    """Give the win or loss that the stage tells; a pipeline's stages bear its number in front (`C3:WON`).

    A lead that was converted is neither: the deal that it became tells its course.
    """
    written = known["stage"] or ""
    stage = written.rpartition(":")[2]
    semantics = text(card, "STAGE_SEMANTIC_ID", "STATUS_SEMANTIC_ID") or ""
    if stage == _CONVERTED:
        return None
    identity_ = (known["provider_deal_id"], written, time)
    if stage in _WON or semantics == _WON_SEMANTICS or written in scene.names("won_stages"):
        return fact(scene, DealWon(**known), identity=identity_, time=time)
    if stage in _LOST or semantics == _LOST_SEMANTICS or written in scene.names("lost_stages"):
        return fact(scene, DealLost(**known), identity=identity_, time=time)
    return None


def _identities(scene: Scene, fields: Fields, *, number: str, kind: str) -> list[Identity | None]:
    return [
        identity(kind, number),
        *_phones(scene, fields),
        *map(card_email, _values(fields, "EMAIL")),
    ]


def _phones(scene: Scene, fields: Fields) -> list[Identity]:
    return [one for written in _values(fields, "PHONE") for one in card_phones(written, region=scene.region)]


def _values(fields: Fields, name: str) -> list[str]:
    """Give the values of a field of many: objects with a `VALUE` and the kind it is of."""
    written = [text(leaves(value), "VALUE") for value in objects(fields, name)]
    return [one for one in written if one is not None]


def _told_at(scene: Scene, event: Fields, card: Fields, *names: str) -> Instant:
    """Give when the event was sent; where an application sends a card without that, the first time the card tells."""
    written = text(leaves(event), "ts")
    if written is not None:
        return from_epoch_field(written, what="ts")
    changed = next(((name, one) for name in names if (one := text(card, name)) is not None), None)
    return from_local(changed[1], zone=scene.zone, what=changed[0]) if changed else scene.raw.received_at
