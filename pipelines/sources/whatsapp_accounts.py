"""What Meta tells about a WhatsApp business account and its numbers: restrictions, violations, quality, links."""

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.phones import written_number
from pipelines.sources.reading import Fields, as_object, items, member, required, text, word
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import found, ignored
from schemas.accounts import (
    AccountCameOnline,
    AccountFact,
    AccountLinked,
    AccountQualityChanged,
    AccountRestricted,
    AccountUnlinked,
)
from schemas.envelope import Event
from schemas.instants import Instant

_LINKED = frozenset({"ACCOUNT_RECONNECTED", "VERIFIED_ACCOUNT"})
_UNLINKED = frozenset({"ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED", "PARTNER_REMOVED", "PHONE_NUMBER_REMOVED"})
_BANS = frozenset({"DISABLE", "SCHEDULE_FOR_DISABLE"})
_WARNINGS = frozenset({"WARNING", "CRITICAL"})


def account_change(scene: Scene, *, field: str, value: Fields, entry: Fields) -> Translation:
    """Read a change of the account itself; a field or event that says nothing of ours is ignored with its name."""
    if field == "account_update":
        return _update(scene, value=value, entry=entry)
    if field == "phone_number_quality_update":
        event = required(value, "event")
        quality = text(value, "current_limit", "max_daily_conversations_per_business")
        changed = AccountQualityChanged(company_number=_number(value), provider_status=event, quality=quality)
        return found(_fact(scene, changed, entry=entry, identity=(field, event, quality or "")))
    if field == "account_settings_update":
        return _settings(scene, value=value, entry=entry)
    if field == "account_alerts":
        return _alert(scene, value=member(value, "alert_info") or value, entry=entry)
    return ignored(f"the field {word(field)} holds no call, message or account fact")


def _settings(scene: Scene, *, value: Fields, entry: Fields) -> Translation:
    """Read the settings of a number: of calling, Meta tells there which restrictions it has laid on it."""
    told = member(value, "phone_number_settings")
    restrictions = member(member(told, "calling"), "restrictions")
    listed = [as_object(one, what="restrictions_list[]") for one in items(restrictions, "restrictions_list")]
    if not listed:
        return ignored("the settings of a number changed, and no restriction is among them")
    known: Fields = {"company_number": _number(value), "provider_status": "account_settings_update"}
    limits = [
        {"restriction_type": text(one, "type", "restriction_type"), "expiration": one.get("expiration")}
        for one in listed
    ]
    return found(*(_restricted(scene, known, one, entry=entry) for one in limits))


def _update(scene: Scene, *, value: Fields, entry: Fields) -> Translation:
    event = required(value, "event").upper()
    known: Fields = {"company_number": _number(value), "provider_status": event}
    identity = ("account_update", event)
    if event in _LINKED:
        return found(_fact(scene, AccountLinked(**known), entry=entry, identity=identity))
    if event in _UNLINKED:
        return found(_fact(scene, AccountUnlinked(**known), entry=entry, identity=identity))
    if event in {"ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION"}:
        return _judged(scene, known, event=event, value=value, entry=entry)
    if event == "DISABLED_UPDATE":
        return _banned(scene, known, ban=member(value, "ban_info"), entry=entry)
    return ignored(f"the account update {word(event)} holds no fact of ours")


def _judged(scene: Scene, known: Fields, *, event: str, value: Fields, entry: Fields) -> Translation:
    """Read a violation, or restrictions; without any, the violation tells that they are lifted or that Meta warns."""
    violation = text(member(value, "violation_info"), "violation_type")
    restrictions = [as_object(one, what="restriction_info[]") for one in items(value, "restriction_info")]
    ending = "" if restrictions else (violation or "").rpartition("_")[2]
    identity = ("account_update", event, violation or "")
    if event == "ACCOUNT_VIOLATION" or ending == "WARN":
        return found(_fact(scene, AccountQualityChanged(**known, quality=violation), entry=entry, identity=identity))
    if ending == "UNBAN":
        freed = AccountCameOnline(**known | {"provider_status": violation})
        return found(_fact(scene, freed, entry=entry, identity=identity))
    told = restrictions or [{"restriction_type": violation}]
    return found(*(_restricted(scene, known, one, entry=entry) for one in told))


def _restricted(scene: Scene, known: Fields, restriction: Fields, *, entry: Fields) -> Event:
    kind = text(restriction, "restriction_type")
    expires = restriction.get("expiration")
    limited = AccountRestricted(
        **known,
        restriction=kind,
        expires_at=from_epoch_field(expires, what="expiration") if expires else None,
    )
    return _fact(scene, limited, entry=entry, identity=("account_update", "ACCOUNT_RESTRICTION", kind or ""))


def _banned(scene: Scene, known: Fields, *, ban: Fields, entry: Fields) -> Translation:
    state = (text(ban, "waba_ban_state") or "").upper()
    identity = ("account_update", "DISABLED_UPDATE", state)
    known = known | {"provider_status": state or "DISABLED_UPDATE"}
    if state == "REINSTATE":
        return found(_fact(scene, AccountCameOnline(**known), entry=entry, identity=identity))
    if state in _BANS or not state:
        limited = AccountRestricted(**known, restriction=state or "DISABLED_UPDATE")
        return found(_fact(scene, limited, entry=entry, identity=identity))
    return ignored(f"the ban state {word(state)} is unknown")


def _alert(scene: Scene, *, value: Fields, entry: Fields) -> Translation:
    severity = (text(value, "alert_severity") or "").upper()
    if severity not in _WARNINGS:
        return ignored("the account alert is for information only")
    kind = required(value, "alert_type")
    warned = AccountQualityChanged(company_number=_number(value), provider_status=severity, quality=kind)
    return found(_fact(scene, warned, entry=entry, identity=("account_alerts", kind, severity)))


def _number(value: Fields) -> str | None:
    return written_number(text(value, "display_phone_number", "phone_number"), region=None)


def _fact(scene: Scene, struct: AccountFact, *, entry: Fields, identity: tuple[str, ...]) -> Event:
    """Wrap an account fact; without a time of Meta's own it is told apart by the record it came in.

    One entry may tell the same of several numbers.
    """
    when = entry.get("time")
    time: Instant = from_epoch_field(when, what="time") if when else scene.raw.received_at
    told = time if when else scene.raw.raw_id
    number = (struct.company_number,) if struct.company_number else ()
    return fact(scene, struct, identity=(text(entry, "id") or "", told, *identity, *number), time=time)
