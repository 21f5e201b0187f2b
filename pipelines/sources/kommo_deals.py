"""Deals of Kommo (leads): opened, moved from stage to stage, won (142) and lost (143), changed, deleted, restored."""

from typing import Any

from pipelines.sources.amounts import money
from pipelines.sources.brackets import branch, leaves, objects
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.kommo_contacts import identities_of
from pipelines.sources.phones import identity, phone_identity, together
from pipelines.sources.reading import Fields, required, text
from pipelines.sources.times import from_epoch_field, from_local
from pipelines.sources.translations import found, ignored
from schemas.crm import DealChanged, DealCreated, DealDeleted, DealFact, DealLost, DealMoved, DealRestored, DealWon
from schemas.envelope import Event
from schemas.ids import deal_id
from schemas.instants import Instant
from schemas.people import Identity

# The two stages that close a deal have the same ids in every account (Kommo, Leads, Pipelines and stages).
WON, LOST = "142", "143"
_LEADS = "2"


def added(scene: Scene, fields: Fields) -> Translation:
    """Read a deal that was opened; one that was entered as closed is won or lost at once."""
    told = leaves(fields)
    known = _known(scene, fields)
    created_at = time_of(scene, told, "date_create", "created_at") or scene.raw.received_at
    opened = fact(scene, DealCreated(**known), identity=(known["provider_deal_id"],), time=created_at)
    closed = _closed(scene, told, known=known, time=created_at, action="add")
    return found(opened, closed)


def moved(scene: Scene, fields: Fields) -> Translation:
    """Read a change of stage; hooks of a pipeline's own do not name the stage before."""
    return _changed(scene, fields, is_move=True)


def edited(scene: Scene, fields: Fields) -> Translation:
    """Read an edit: a move where it names another stage before, a win or loss where the deal stands closed.

    An edit repeats the stage without saying that it changed, so that alone is no move: it tells what the deal is worth
    now and who is responsible.
    """
    return _changed(scene, fields, is_move=False)


def handed_over(scene: Scene, fields: Fields) -> Translation:
    """Read that another person is responsible."""
    return found(_told_of(scene, fields, struct=DealChanged, action="responsible"))


def deleted(scene: Scene, fields: Fields) -> Translation:
    """Read that a deal was deleted; the hook does not say when."""
    return found(_told_of(scene, fields, struct=DealDeleted, action="delete"))


def restored(scene: Scene, fields: Fields) -> Translation:
    """Read that a deal that was deleted is there again."""
    return found(_told_of(scene, fields, struct=DealRestored, action="restore"))


def _told_of(scene: Scene, fields: Fields, *, struct: type[DealFact], action: str) -> Event:
    """Give a fact that holds what is known of a deal but its stage, which it does not say to have changed."""
    told, known = leaves(fields), _known(scene, fields)
    known["stage"] = known["provider_status"] = None
    time = time_of(scene, told, "last_modified", "updated_at") or scene.raw.received_at
    return fact(scene, struct(**known), identity=(known["provider_deal_id"], action, scene.raw.raw_id), time=time)


def _changed(scene: Scene, fields: Fields, *, is_move: bool) -> Translation:
    told = leaves(fields)
    known = _known(scene, fields)
    before = text(told, "old_status_id")
    time = time_of(scene, told, "last_modified", "updated_at") or scene.raw.received_at
    closed = _closed(scene, told, known=known, time=time, action=f"from {before or 'unknown'}")
    if closed is not None and closed.time == time:
        return found(closed)
    if closed is not None or (not is_move and before in {None, text(told, "status_id")}):
        return found(closed, _told_of(scene, fields, struct=DealChanged, action="update"))
    fact_ = DealMoved(**known, from_stage=before)
    return found(fact(scene, fact_, identity=_identity(scene, told, known=known), time=time))


def incoming(scene: Scene, fields: Fields) -> Translation:
    """Read an incoming lead (`unsorted`): the deal that it opened, with the contact who came by it."""
    told = leaves(fields)
    number = text(told, "lead_id") or next((text(leaves(lead), "id") for lead in _below(fields, "leads")), None)
    if number is None:
        return ignored("an incoming lead that has no deal yet")
    known = _known(scene, {"id": number, "pipeline_id": text(told, "pipeline_id")})
    cards = _below(fields, "contacts")
    caller = branch(fields, "source_data").get("from") if text(told, "category") == "sip" else None
    contact = together(
        phone_identity(caller if isinstance(caller, str) else None, region=scene.region),
        *(one for card in cards[:1] for one in identities_of(scene, card)),  # of several, one came by it
    )
    known["contact"] = contact
    created_at = time_of(scene, told, "date_create", "created_at") or scene.raw.received_at
    opened = DealCreated(**known)
    return found(fact(scene, opened, identity=(known["provider_deal_id"], "incoming"), time=created_at))


def declined(scene: Scene, fields: Fields) -> Translation:
    """Read that an incoming lead was declined: its deal is lost; of an accepted one the deal tells its course."""
    told = leaves(fields)
    below = branch(branch(fields, "decline_result"), "leads")
    numbers = [one for one in (text(leaves(below), number) for number in below) if one is not None]
    if text(told, "action") != "decline" or not numbers:
        return ignored("an incoming lead was accepted, or declined before it had a deal")
    time = time_of(scene, told, "created_at") or scene.raw.received_at
    return found(*(_declined(scene, told, number=number, time=time) for number in numbers))


def _declined(scene: Scene, told: Fields, *, number: str, time: Instant) -> Event:
    known = _known(scene, {"id": number, "responsible_user_id": text(told, "modified_user_id")})
    return fact(scene, DealLost(**known, reason="declined"), identity=(number, "declined"), time=time)


def pipeline_action(scene: Scene, event: Fields) -> Translation:
    """Read the hook of an automatic action of a pipeline: the deal stands at this stage since then."""
    card = branch(event, "data")
    if text(leaves(card), "element_type") not in {None, _LEADS}:
        return ignored("an automatic action about something that is no deal")
    known = _known(scene, card)
    time = time_of(scene, leaves(event), "time") or scene.raw.received_at
    closed = _closed(scene, leaves(card), known=known, time=time, action=time)
    if closed is not None:
        return found(closed)
    identity_ = (known["provider_deal_id"], known["stage"] or "", time)
    return found(fact(scene, DealMoved(**known), identity=identity_, time=time))


def time_of(scene: Scene, told: Fields, *names: str) -> Instant | None:
    """Give the first of `names`: an epoch, or a clock time in the account's zone; None when none is there."""
    for name in names:
        written = text(told, name)
        if written is None or written == "0":
            continue
        if "-" in written[1:]:
            return from_local(written, zone=scene.zone, what=name)
        return from_epoch_field(written, what=name)
    return None


def _below(fields: Fields, name: str) -> list[Fields]:
    """Give the things called `name` below an incoming lead's `data`: numbered, or one alone."""
    place = branch(fields, "data") or branch(fields, "_embedded")
    below = branch(place, name)
    return [below] if "id" in below else objects(place, name)


def _known(scene: Scene, fields: Fields) -> dict[str, Any]:
    told = leaves(fields)
    number = required(told, "id")
    return {
        "deal_id": deal_id(scene.raw.source, scene.account.id, number),
        "provider_deal_id": number,
        "contact": _contact(fields),
        "pipeline": text(told, "pipeline_id"),
        "stage": text(told, "status_id"),
        "operator": text(told, "responsible_user_id"),
        **money(scene, told, "price", "sale"),
        "provider_status": text(told, "status_id"),
    }


def _contact(fields: Fields) -> tuple[Identity, ...]:
    """Give the deal's main contact where the hook names him."""
    told = leaves(fields)
    main = text(told, "main_contact_id", "contact_id") or text(leaves(branch(fields, "main_contact")), "id")
    embedded = objects(branch(fields, "_embedded"), "contacts") or objects(fields, "contacts")
    return together(identity("crm_kommo", main or (text(leaves(embedded[0]), "id") if embedded else None)))


def _closed(scene: Scene, told: Fields, *, known: dict[str, Any], time: Instant, action: str) -> Event | None:
    """Give the win or the loss that the stage tells; where the hook knows when it was closed, at that time."""
    stage = text(told, "status_id")
    if stage not in {WON, LOST}:
        return None
    closed_at = time_of(scene, told, "closed_at", "date_close") or time
    identity = (*_identity(scene, told, known=known), action)
    if stage == WON:
        return fact(scene, DealWon(**known), identity=identity, time=closed_at)
    reason = text(told, "loss_reason_name", "loss_reason_id", "loss_reason")
    return fact(scene, DealLost(**known, reason=None if reason == "0" else reason), identity=identity, time=closed_at)


def _identity(scene: Scene, told: Fields, *, known: dict[str, Any]) -> tuple[str, ...]:
    """Tell one change of stage from every other; a hook without a time is known by its bytes."""
    when = text(told, "last_modified", "updated_at", "date_create", "created_at") or scene.raw.raw_id
    return (known["provider_deal_id"], text(told, "status_id") or "", when)
