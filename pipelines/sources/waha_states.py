"""Calls of WAHA and the state of its session: working, waiting for a QR code or a passkey, failed, stopped."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import fact
from pipelines.sources.linked_chats import call_about, epoch, people
from pipelines.sources.reading import Fields, flag, required, text, word
from pipelines.sources.translations import found, ignored
from pipelines.sources.waha_people import Session, id_of
from schemas.accounts import AccountLinked, AccountRestricted, AccountUnlinked, AccountWentOffline
from schemas.calls import CallAccepted, CallOffered, CallRejected
from schemas.errors import InvalidEvent
from schemas.people import Direction

_STATUSES: dict[str, type[AccountLinked | AccountUnlinked | AccountWentOffline]] = {
    "WORKING": AccountLinked,
    "SCAN_QR_CODE": AccountUnlinked,
    "PASSKEY_REQUIRED": AccountUnlinked,
    "PASSKEY_CONFIRMATION_REQUIRED": AccountUnlinked,
    "FAILED": AccountWentOffline,
    "STOPPED": AccountWentOffline,
}
_STATES: dict[str, type[AccountLinked | AccountUnlinked | AccountWentOffline]] = {
    "CONNECTED": AccountLinked,
    "UNPAIRED": AccountUnlinked,
    "UNPAIRED_IDLE": AccountUnlinked,
    "TIMEOUT": AccountWentOffline,
    "CONFLICT": AccountWentOffline,
    "DEPRECATED_VERSION": AccountWentOffline,
    "PROXYBLOCK": AccountWentOffline,
}
# WhatsApp has banned the number for a breach of its terms.
_BANS = frozenset({"TOS_BLOCK", "SMB_TOS_BLOCK"})


def session_status(session: Session, fields: Fields) -> Translation:
    """Read `session.status`; raises InvalidEvent where it is unknown."""
    status = required(fields, "status")
    if status.upper() == "STARTING":
        return ignored("the session is starting")
    return _changed(session, status, words=_STATUSES)


def state(session: Session, fields: Fields) -> Translation:
    """Read `state.change`, which older versions send of WhatsApp Web's own state."""
    status = required(fields, "state")
    if status.upper() in {"OPENING", "PAIRING"}:
        return ignored("the session is starting")
    if status.upper() in _BANS:
        return _told(session, AccountRestricted, status=status, restriction=status)
    return _changed(session, status, words=_STATES)


def _changed(session: Session, status: str, *, words: dict[str, Any]) -> Translation:
    struct = words.get(status.upper())
    if struct is None:
        raise InvalidEvent(f"the status {word(status)} of a session is unknown")
    return _told(session, struct, status=status)


def _told(session: Session, struct: type[Any], *, status: str, **more: str) -> Translation:
    told = struct(company_number=session.number, provider_status=status, **more)
    identity = (session.name or "", session.time, status)
    return found(fact(session.scene, told, identity=identity, time=session.time))


def call(session: Session, fields: Fields, *, event: str) -> Translation:
    """Read an event of a call.

    Assumption: a rejected call was declined on the company's side, for WAHA tells of calls that come in only; who
    gave up one that nobody took it does not say.
    """
    scene = session.scene
    provider_id = id_of(fields, "id")
    if provider_id is None:
        raise InvalidEvent("id is missing")
    begin = text(fields, "from")
    ours = people(scene, session.own)
    is_ours = bool(ours) and people(scene, begin) == ours
    direction: Direction = "outgoing" if is_ours else "incoming"
    about = call_about(
        scene,
        provider_id=provider_id,
        status=event,
        contact=people(scene, text(fields, "to")) if is_ours else people(scene, begin),
    )
    about |= {"direction": direction, "company_number": session.number}
    time = epoch(fields, "timestamp") if fields.get("timestamp") else session.time
    if event == "received":
        media = "video" if flag(fields, "isVideo") else "audio"
        return found(fact(scene, CallOffered(**about, media=media), identity=(provider_id,), time=time))
    if event == "accepted":
        return found(fact(scene, CallAccepted(**about, answered_by="human"), identity=(provider_id,), time=time))
    return found(fact(scene, CallRejected(**about), identity=(provider_id,), time=time))
