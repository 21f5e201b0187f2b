"""What Wazzup tells of its channels (linked, online, restricted), and of a contact that a CRM shall make."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import told_at
from pipelines.sources.messengers import messenger_of, person_in
from pipelines.sources.phones import phone_identity, together
from pipelines.sources.reading import Fields, as_object, items, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.accounts import (
    AccountCameOnline,
    AccountLinked,
    AccountQualityChanged,
    AccountRestricted,
    AccountUnlinked,
    AccountWentOffline,
)
from schemas.crm import ContactIdentified
from schemas.errors import InvalidEvent

# States of a channel in words of Wazzup, without capitals and underscores.
_STATES: dict[str, type[Any]] = {
    "active": AccountCameOnline,
    "phoneunavailable": AccountWentOffline,
    "openelsewhere": AccountWentOffline,
    "qr": AccountUnlinked,
    "qridle": AccountUnlinked,
    "unauthorized": AccountUnlinked,
    "waitforpassword": AccountUnlinked,
    "foreignphone": AccountUnlinked,
    "disabled": AccountUnlinked,
    "deleted": AccountUnlinked,
    "notenoughmoney": AccountRestricted,
    "blocked": AccountRestricted,
    "rejected": AccountRestricted,
    "banned": AccountRestricted,
    "limited": AccountRestricted,
}
_PASSING = frozenset({"init", "onmoderation", "connecting", "starting", "created"})
_OF_EVENTS = {"channel.create": "created", "channel.qr_update": "qr"}
MAX_RESTRICTION = 1024


def channel_state(scene: Scene, fields: Fields) -> Translation:
    """Read the state of a channel; a code to be scanned means that it is not linked."""
    status = text(fields, "state", "status") or _OF_EVENTS.get(text(fields, "event") or "")
    if status is None:
        raise InvalidEvent("state is missing")
    state = status.lower().replace("_", "").replace("-", "").replace(" ", "")
    if text(fields, "event") == "channel.create" and state in {"created", "active"}:
        return _found(scene, fields, AccountLinked, status=status)
    if state in _PASSING:
        return ignored("the channel is starting, or is being judged")
    if state not in _STATES:
        raise InvalidEvent(f"the state {word(status)} of a channel is unknown")
    return _found(scene, fields, _STATES[state], status=status)


def removed(scene: Scene, fields: Fields) -> Translation:
    """Read that a channel was removed."""
    return _found(scene, fields, AccountUnlinked, status="channel.delete")


def tier(scene: Scene, fields: Fields) -> Translation:
    """Read how many conversations a day a WABA may begin now."""
    limit = required(fields, "tier", "waba_tier", "new_tier")
    return _found(scene, fields, AccountQualityChanged, status="channel.waba_tier_update", quality=limit)


def contact_card(scene: Scene, fields: Fields) -> Translation:
    """Read the contact that a CRM shall make: all his ids are one person's."""
    cards = [as_object(one, what="contactData[]") for one in items(fields, "contactData")]
    cards += [as_object(one, what="contact_data[]") for one in items(fields, "contact_data")]
    people = [
        person_in(scene, messenger_of(text(card, "chatType", "chat_type")), text(card, "chatId", "chat_id"))
        for card in cards
    ]
    phones = [phone_identity(text(one, "phone"), region=scene.region) for one in (fields, *cards)]
    contact = together(*phones, *people)
    if not contact:
        raise InvalidEvent("the contact has no identity")
    told = ContactIdentified(contact=contact, contact_name=text(fields, "name"))
    return found(fact(scene, told, identity=(scene.raw.raw_id,), time=scene.raw.received_at))


def _found(scene: Scene, fields: Fields, struct: type[Any], *, status: str, **more: str) -> Translation:
    channel = text(fields, "channelId", "channel_id", "guid")
    when = fields.get("timestamp") or fields.get("dateTime")
    time = told_at(scene, when, what="timestamp")
    if struct is AccountRestricted:
        more["restriction"] = (text(fields, "reason") or status)[:MAX_RESTRICTION]
    told = struct(company_number=scene.account.address or channel, provider_status=status, **more)
    told_by = time if when else scene.raw.raw_id
    return found(fact(scene, told, identity=(channel or "", status, told_by), time=time))
