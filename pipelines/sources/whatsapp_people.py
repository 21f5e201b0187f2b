"""Who is on both sides of a WhatsApp Cloud webhook: the business number, and the contact with all his identities."""

from typing import Any

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene
from pipelines.sources.phones import identity, phone_identity, together, written_number
from pipelines.sources.reading import Fields, as_object, items, member, text
from pipelines.sources.translations import NOTHING, attempt, each, numbered
from schemas.people import Identity
from schemas.recent import recent

COMMON_ENDING_DIGITS = 8
KNOWN_CONTACTS = 16_384

_IDS = ("wa_id", "user_id", "parent_user_id")


class Inbox(Struct, frozen=True):
    """The business number that one change is about, and the contact cards that came with it.

    `cards` finds a card by the name and value of each of its ids. `only_card` is the single card of a change with a
    single item: it is that item's contact even where their numbers differ in form, as in some countries they do.
    """

    scene: Scene
    number: str | None
    cards: dict[tuple[str, str], Fields]
    only_card: Fields


class Person(Struct, frozen=True):
    """A contact: identities, the phone first, and the name he shows."""

    identities: tuple[Identity, ...] = ()
    name: str | None = None


def inbox(scene: Scene, value: Fields, *, item_count: int, path: str) -> tuple[Inbox, Translation]:
    """Read a change's `metadata` and `contacts`; a broken card is refused by its path, and the items go on without it.

    Raises InvalidEvent where `metadata` is no object.
    """
    cards: dict[tuple[str, str], Fields] = {}
    found: list[Fields] = []

    def read(part: str, card: Any) -> Translation:
        fields = as_object(card, what=part.removeprefix(path))
        member(fields, "profile")
        for name, written in [(name, text(fields, name)) for name in _IDS]:
            if written is not None:
                cards.setdefault((name, written), fields)
        found.append(fields)
        return NOTHING

    refused = NOTHING
    if value.get("contacts") is not None:
        where = f"{path}contacts"
        refused = attempt(where, lambda: each(numbered(where, items(value, "contacts")), read))
    metadata = member(value, "metadata")
    box = Inbox(
        scene=scene,
        number=written_number(text(metadata, "display_phone_number"), region=None)
        or written_number(scene.account.address, region=scene.region),
        cards=cards,
        only_card=found[0] if item_count == 1 and len(found) == 1 else {},
    )
    return box, refused


def person(box: Inbox, fields: Fields, *, phone: str, user: str = "", parent: str = "") -> Person:
    """Find the contact whose phone, user id (BSUID) and parent user id stand in `fields` under these names.

    Any of the three may be missing: a contact who uses a username has no phone here.
    """
    number = text(fields, phone)
    user_id = text(fields, user) if user else None
    parent_id = text(fields, parent) if parent else None
    if not box.cards and not box.only_card:
        return Person(_identities(number, None, user_id, parent_id))
    card = _card(box, {"wa_id": number, "user_id": user_id, "parent_user_id": parent_id})
    profile = member(card, "profile")
    return Person(
        identities=_identities(
            number,
            text(card, "wa_id"),
            user_id or text(card, "user_id"),
            parent_id or text(card, "parent_user_id"),
        ),
        name=text(profile, "name", "username"),
    )


@recent(KNOWN_CONTACTS)
def _identities(number: str | None, on_card: str | None, user: str | None, parent: str | None) -> tuple[Identity, ...]:
    """Give the identities of a contact, who is told of many times within a short while."""
    return together(
        phone_identity(number, region=None),
        phone_identity(on_card, region=None),
        identity("whatsapp_user", user),
        identity("whatsapp_parent_user", parent),
    )


def is_same_number(one: str | None, other: str | None) -> bool:
    """Compare two numbers by their digits."""
    digits = ["".join(filter(str.isdigit, number or "")) for number in (one, other)]
    return bool(digits[0]) and digits[0] == digits[1]


def _card(box: Inbox, written: dict[str, str | None]) -> Fields:
    """Find the card that shares an id with what is written; a single card of a single item need only not differ."""
    for name in _IDS:
        value = written[name]
        if value is not None and (name, value) in box.cards:
            return box.cards[name, value]
    card = box.only_card
    is_other_user = any(
        written[name] and text(card, name) not in {None, written[name]} for name in ("user_id", "parent_user_id")
    )
    return {} if is_other_user or not _is_alike(written["wa_id"], text(card, "wa_id")) else card


def _is_alike(one: str | None, other: str | None) -> bool:
    """Say whether two numbers may be one, written in two ways: a digit put in or left out stands before the last."""
    if one is None or other is None or one == other:
        return True
    endings = ["".join(filter(str.isdigit, number))[-COMMON_ENDING_DIGITS:] for number in (one, other)]
    return not all(endings) or endings[0] == endings[1]
