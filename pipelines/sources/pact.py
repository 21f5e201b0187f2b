"""Pact: conversations and messages of WhatsApp, Instagram and other channels, and the state of a linked phone."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.guide import Guide
from pipelines.sources.messaging import told_at
from pipelines.sources.pact_messages import acknowledged, executed, message, service_message, which_conversation
from pipelines.sources.pings import answers_to
from pipelines.sources.reading import Fields, as_object, member, required, text, word
from pipelines.sources.signatures import holds_shared_secret
from pipelines.sources.translations import found, ignored
from schemas.accounts import AccountCameOnline, AccountLinked, AccountUnlinked, AccountWentOffline
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

_STATES: dict[str, type[AccountLinked | AccountUnlinked | AccountCameOnline | AccountWentOffline]] = {
    "authorized": AccountLinked,
    "synchronized": AccountCameOnline,
    "phone online": AccountCameOnline,
    "phone offline": AccountWentOffline,
    "unavailable": AccountWentOffline,
    "disabled": AccountUnlinked,
    "ig was set disabled": AccountUnlinked,
}
_PASSING = frozenset({"trying_resume_work", "trying resume work"})


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the token that we put into the address: Pact itself proves nothing (Pact, Webhooks)."""
    return holds_shared_secret(request, secrets=secrets, names=("x-angime-token",))


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one webhook; raises InvalidEvent where its kind is unknown or what identifies it is missing."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    if _is_ping(body):
        return ignored("Pact makes sure of the address")
    kind = (required(body, "type").lower(), (text(body, "event") or "").lower())
    if kind[0] == "qr_code":
        return _qr_code(scene, body)
    read = _READERS.get(kind) or _READERS.get((kind[0], ""))
    if read is not None:
        return read(scene, as_object(body.get("data"), what="data"))
    raise InvalidEvent(f"the webhook {word(kind[0])} with the event {word(kind[1])} is unknown")


def _is_ping(body: Fields) -> bool:
    return text(body, "operation") == "test" and "type" not in body


def _qr_code(scene: Scene, body: Fields) -> Translation:
    """Read that a QR code waits to be scanned: until then the channel is not linked. The code itself is not kept."""
    told = AccountUnlinked(company_number=_number(scene, text(body, "channel_id")), provider_status="qr_code")
    return found(fact(scene, told, identity=("qr_code", scene.raw.raw_id), time=scene.raw.received_at))


def _system(scene: Scene, fields: Fields) -> Translation:
    """Read the state of a channel, in Pact's own words."""
    status = required(fields, "message")
    state = status.strip().lower()
    if state in _PASSING:
        return ignored("the channel tries to go on after a conflict")
    if state not in _STATES:
        raise InvalidEvent(f"the state {word(status.replace(' ', '_'))} of a channel is unknown")
    channel = text(member(fields, "details"), "entity_id")
    time = told_at(scene, fields.get("date_timestamp") or fields.get("date"), what="date")
    told = _STATES[state](company_number=_number(scene, channel), provider_status=status)
    return found(fact(scene, told, identity=(channel or "", state, time), time=time))


def _number(scene: Scene, channel: str | None) -> str | None:
    return scene.account.address or channel


def _member(scene: Scene, fields: Fields) -> Translation:  # noqa: ARG001  # as its kind
    return ignored("a member of a group has written for the first time")


_READERS: dict[tuple[str, str], Callable[[Scene, Fields], Any]] = {
    ("conversation", "new"): which_conversation,
    ("conversation", "update"): which_conversation,
    ("message", "new"): message,
    ("message", "ack"): acknowledged,
    ("group_conversation", ""): lambda _scene, _fields: ignored("a group has a conversation"),
    ("group_message", "new"): partial(message, is_group=True),
    ("group_message", "ack"): partial(acknowledged, is_group=True),
    ("group_conversation_contact", ""): _member,
    ("job", "executed"): executed,
    ("service_messages", "update"): service_message,
    ("system", ""): _system,
}

SOURCE = Source(
    name="pact",
    title="Pact (messengers in one inbox)",
    capabilities=("messages", "accounts", "contacts"),
    is_genuine=is_genuine,
    translate=translate,
    challenge=answers_to(_is_ping),
)

GUIDE = Guide(
    origin_check="Pact signs nothing: a long random token of yours in the address, `?token=…`. Let the proxy in front "
    "pass Pact's addresses only, if it tells them to you.",
    proof="chosen",
    connect_steps=(
        "Think of a long random token and put it where `secrets` points.",
        "In the company's settings at Pact set the webhook's address to `/hooks/pact/ACCOUNT?token=TOKEN`.",
        "Pact calls one address only: where another program has it, let that pass each body on as it came.",
        "Pact publishes no calls: connect the telephony, or a bridge to WhatsApp, for those.",
    ),
)
