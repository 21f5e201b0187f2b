"""The state of a GREEN-API instance: linked, logged out, offline, restricted by WhatsApp or by the tariff."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.linked_chats import epoch, own_number
from pipelines.sources.reading import Fields, member, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.accounts import (
    AccountCameOnline,
    AccountLinked,
    AccountRestricted,
    AccountUnlinked,
    AccountWentOffline,
)
from schemas.envelope import Event
from schemas.errors import InvalidEvent

_STATES: dict[str, type[AccountLinked | AccountUnlinked | AccountWentOffline | AccountCameOnline]] = {
    "authorized": AccountLinked,
    "notauthorized": AccountUnlinked,
    "pendingcode": AccountUnlinked,
    "pendingpassword": AccountUnlinked,
    "sleepmode": AccountWentOffline,
    "offline": AccountWentOffline,
    "online": AccountCameOnline,
}
# A yellow card is WhatsApp's warning: sending is suspended. `blocked` is a ban.
_RESTRICTIONS = frozenset({"blocked", "yellowcard", "suspended"})
_PASSING = frozenset({"starting"})


def state(scene: Scene, fields: Fields) -> Translation:
    """Read `stateInstanceChanged`; raises InvalidEvent where its word is unknown."""
    return _changed(scene, fields, written=required(fields, "stateInstance"))


def socket(scene: Scene, fields: Fields) -> Translation:
    """Read `statusInstanceChanged`: whether the instance's connection stands."""
    return _changed(scene, fields, written=required(fields, "statusInstance"))


def quota(scene: Scene, fields: Fields) -> Translation:
    """Read `quotaExceeded`: GREEN-API refuses what goes beyond the tariff."""
    used_up = text(member(fields, "quotaData"), "method") or "quota"
    return found(_fact(scene, fields, AccountRestricted, status="quotaExceeded", restriction=used_up))


def _changed(scene: Scene, fields: Fields, *, written: str) -> Translation:
    status = written.lower()
    if status in _PASSING:
        return ignored("the instance is starting")
    if status in _RESTRICTIONS:
        return found(_fact(scene, fields, AccountRestricted, status=written, restriction=written))
    if status not in _STATES:
        raise InvalidEvent(f"the state {word(written)} of an instance is unknown")
    return found(_fact(scene, fields, _STATES[status], status=written))


def _fact(scene: Scene, fields: Fields, struct: type[Any], *, status: str, **more: str) -> Event:
    number = own_number(scene, text(member(fields, "instanceData"), "wid"))
    time = epoch(fields, "timestamp")
    told = struct(company_number=number, provider_status=status, **more)
    return fact(scene, told, identity=(time, status, *more.values()), time=time)
