"""Calls of WAHA and the state of its session: working, waiting for a QR code or a passkey, failed, stopped."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import fact
from pipelines.sources.linked_chats import call_about, epoch, people
from pipelines.sources.reading import Fields, flag, loose, required, text, word
from pipelines.sources.translations import found, ignored
from pipelines.sources.waha_people import Session, id_of
from schemas.accounts import AccountLinked, AccountRestricted, AccountUnlinked, AccountWentOffline
from schemas.calls import CallAccepted, CallEnded, CallFact, CallOffered, CallRejected
from schemas.errors import InvalidEvent
from schemas.people import Direction, Identity

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
    status = text(fields, "state")
    if status is None:
        return ignored("a change of an engine's connection, of which session.status tells")
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
    """Read an event of a call (WAHA, Calls).

    `call.rejected` tells of a call that was declined, and of one that is over: `_data`, the engine's own event, tells
    which. Engines whose events stand not there tell of calls only that were declined.
    """
    scene = session.scene
    provider_id = id_of(fields, "id")
    if provider_id is None:
        raise InvalidEvent("id is missing")
    engine = loose(fields, "_data")
    direction, contact = _sides(session, fields, engine=engine)
    about = call_about(scene, provider_id=provider_id, status=event, contact=contact)
    about |= {"direction": direction, "company_number": session.number}
    time = epoch(fields, "timestamp") if fields.get("timestamp") else session.time
    told = _of_call(fields, engine=engine, event=event, about=about)
    return found(fact(scene, told, identity=(provider_id,), time=time))


def _of_call(fields: Fields, *, engine: Fields, event: str, about: dict[str, Any]) -> CallFact:
    if event == "received":
        return CallOffered(**about, media="video" if flag(fields, "isVideo") else "audio")
    if event == "accepted":
        return CallAccepted(**about, answered_by="human")
    words = [engine.get("status"), engine.get("Reason")]
    if "timeout" in words:
        return CallEnded(**about, disposition="no_answer", talk_seconds=0.0)
    is_over = "terminate" in words or "Reason" in engine
    return CallEnded(**about) if is_over else CallRejected(**about)


def _sides(session: Session, fields: Fields, *, engine: Fields) -> tuple[Direction, tuple[Identity, ...]]:
    """Tell who called whom: `from` is whose device told it, so that it is our own where a call was taken or declined.

    Who called is the engine's own word: `CallCreator` of GOWS, `callerPn` of NOWEB beside an id that hides the number.
    """
    begin = [text(engine, "CallCreator"), text(engine, "CallCreatorAlt")]
    if not any(begin):
        begin = [text(fields, "from"), text(engine, "callerPn")]
    if not session.is_own(*begin):
        return ("outgoing" if engine.get("fromMe") is True else "incoming"), people(session.scene, *begin)
    others = [one for one in (text(fields, "to"), text(fields, "from")) if not session.is_own(one)]
    return "outgoing", people(session.scene, *others)
