"""The connection of an Evolution instance: a QR code is shown, it opens, closes for a reason, is logged out."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.evolution_people import Instance
from pipelines.sources.facts import fact
from pipelines.sources.linked_chats import own_number
from pipelines.sources.reading import Fields, as_object, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.accounts import AccountLinked, AccountRestricted, AccountUnlinked, AccountWentOffline
from schemas.errors import InvalidEvent

# Why WhatsApp closed a connection, as its codes and Baileys' words (DisconnectReason) say: all others are passing.
LOGGED_OUT = "401"
RESTRICTIONS = {"402": "banned for a time", "403": "forbidden", "406": "banned"}


def connection(instance: Instance, data: Any) -> Translation:
    """Read `connection.update`; raises InvalidEvent where its state is unknown."""
    fields = as_object(data, what="data")
    state = required(fields, "state", "status", "connection")
    lower = state.lower()
    if lower == "connecting":
        return ignored("the instance is connecting")
    if lower in {"open", "connected"}:
        return _found(instance, fields, AccountLinked, status=state)
    if lower in {"close", "closed", "disconnected", "removed"}:
        return _closed(instance, fields, status=state)
    if lower == "refused":
        return _found(instance, fields, AccountUnlinked, status=state)
    raise InvalidEvent(f"the state {word(state)} of a connection is unknown")


def _closed(instance: Instance, fields: Fields, *, status: str) -> Translation:
    reason = text(fields, "statusReason", "disconnectionReasonCode")
    shown = f"{status} {reason}" if reason else status
    if reason == LOGGED_OUT or status.lower() == "removed":
        return _found(instance, fields, AccountUnlinked, status=shown)
    if reason in RESTRICTIONS:
        return _found(instance, fields, AccountRestricted, status=shown, restriction=RESTRICTIONS[reason])
    return _found(instance, fields, AccountWentOffline, status=shown)


def qr_code(instance: Instance, data: Any) -> Translation:
    """Read that a QR code waits to be scanned: until then the instance is not linked."""
    fields = as_object(data, what="data")
    return _found(instance, fields, AccountUnlinked, status="qrcode")


def logged_out(instance: Instance, data: Any) -> Translation:
    """Read that the instance was logged out or removed; its data say nothing that counts."""
    fields: Fields = as_object(data, what="data") if isinstance(data, dict) else {}
    return _found(instance, fields, AccountUnlinked, status="logout")


def _found(instance: Instance, fields: Fields, struct: type[Any], *, status: str, **more: str) -> Translation:
    number = own_number(instance.scene, text(fields, "wuid") or instance.own)
    told = struct(company_number=number, provider_status=status, **more)
    identity = (instance.name or "", instance.time, status)
    return found(fact(instance.scene, told, identity=identity, time=instance.time))
