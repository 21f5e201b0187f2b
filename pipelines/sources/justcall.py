"""JustCall: calls, ratings, labels and short messages, as its events of today and of its first version tell them."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide
from pipelines.sources.justcall_calls import accepted, ended, offered, updated
from pipelines.sources.justcall_messages import message, message_status
from pipelines.sources.reading import Fields, as_object, loose, text, word
from pipelines.sources.signatures import hmac_hex, is_fresh, is_same
from pipelines.sources.times import from_local
from pipelines.sources.translations import ignored
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.instants import Instant, moment
from schemas.records import RawRecord

MAX_AGE_SECONDS = 300

_READERS: dict[str, Callable[[Scene, Fields], Translation]] = {
    "call.incoming": offered,
    "call.ringing": offered,
    "call.initiated": offered,
    "call.answered": accepted,
    "call.completed": ended,
    "call.missed": ended,
    "call.voicemail": ended,
    "call.abandoned": ended,
    "call.updated": updated,
    "sms.sent_received": message,
    "sms.sent": message,
    "sms.received": message,
    "sms.delivery_status_updated": message_status,
    "sms.status_updated": message_status,
    "sms.delivered": message_status,
    "whatsapp.sent_received": message,
    "whatsapp.sent": message,
    "whatsapp.received": message,
}
# What else JustCall tells, known by words in its name.
_NO_FACTS = (
    ("queue", "a queue: the call itself is told when it is over"),
    ("ai", "a report of a machine on a call: recordings are fetched and transcribed here instead"),
    ("voice_agent", "what a bot did in a call: the call itself is told when it is over"),
    ("contact", "a contact in JustCall's own list"),
    ("agent", "whether an operator is there"),
    ("user", "whether an operator is there"),
    ("dialer", "a campaign: its calls are told by themselves"),
    ("campaign", "a campaign: its calls are told by themselves"),
    ("appointment", "an appointment"),
    ("test", "a test of the address"),
    ("ping", "a test of the address"),
)


def is_genuine(request: Request, *, secrets: Sequence[str], now: Instant) -> bool:
    """Check `x-justcall-signature`: HMAC-SHA256 of the secret, the address, the kind and the time, in hex.

    JustCall signs neither the body nor its hash (Dynamic webhook signatures): so the address must be the very one
    that was called, and the time no older than five minutes.
    """
    body = _body(request.body)
    stamp = request.headers.get("x-justcall-request-timestamp", "").strip()
    address, kind = text_of(body, "webhook_url"), text_of(body, "type")
    told = f"{quote(address, safe=_UNRESERVED)}|{kind}|{stamp}"
    given = request.headers.get("x-justcall-signature", "").strip()
    wanted = [
        hmac_hex(f"{secret}|{told}".encode(errors="replace"), key=secret.encode(), algorithm="sha256")
        for secret in secrets
        if secret
    ]
    is_signed = any([is_same(given, digest) for digest in wanted])  # noqa: C419  # all are compared
    is_ours = is_same(_path(address), _path(request.url))
    return is_signed and is_ours and bool(kind) and _is_fresh(stamp, now=now)


# What JavaScript's `encodeURIComponent` leaves as it is, beside letters and digits.
_UNRESERVED = "-_.!~*'()"


def _is_fresh(stamp: str, *, now: Instant) -> bool:
    """Say whether a time is of the last minutes: an epoch, or a clock in UTC."""
    if stamp.isdigit():
        return is_fresh(stamp, now=now, max_age_seconds=MAX_AGE_SECONDS)
    try:
        told = from_local(stamp, zone="UTC", what="x-justcall-request-timestamp")
    except InvalidEvent:
        return False
    return abs((moment(now) - moment(told)).total_seconds()) <= MAX_AGE_SECONDS


def _path(address: str) -> str:
    """Cut an address down to what a proxy leaves as it is."""
    return "/" + address.partition("://")[2].partition("/")[2]


def _body(body: bytes) -> Fields:
    try:
        return as_object(parse_json(body), what="the body")
    except InvalidEvent:
        return {}


def text_of(body: Fields, name: str) -> str:
    """Give a text of a body that is not proved yet, empty where it is none."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event; raises InvalidEvent where its type is unknown."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    inner = loose(body, "data")
    written = text(body, "type", "event")
    if written is None and "data" in body:
        return _first_version(scene, as_object(body["data"], what="data"))
    if written is None:
        raise InvalidEvent("type is missing")
    kind = written.lower().removeprefix("jc.").replace("call_", "call.").replace("sms_", "sms.")
    if kind in _READERS:
        if not inner:
            raise InvalidEvent("data is missing")
        return _READERS[kind](scene, inner)
    words = kind.replace(".", "_").split("_")
    reason = next((reason for name, reason in _NO_FACTS if name in words or (name in kind and "_" in name)), None)
    if reason is None:
        raise InvalidEvent(f"the event {word(written.replace('.', '_'))} is unknown")
    return ignored(reason)


def _first_version(scene: Scene, fields: Fields) -> Translation:
    """Read an event of the first version, which says by its fields what it is."""
    if text(fields, "messageid", "message_id"):
        return message(scene, fields)
    if not text(fields, "callid", "call_sid", "call_id"):
        raise InvalidEvent("data is neither about a call nor about a message: it has no callid and no messageid")
    kind = (text(fields, "type") or "").lower().removeprefix("jc.").replace("call_", "call.")
    if kind in _READERS:
        return _READERS[kind](scene, fields)
    return ended(scene, fields)


SOURCE = Source(
    name="justcall",
    title="JustCall (calls and messages)",
    capabilities=("calls", "messages", "recordings"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`x-justcall-signature`: HMAC-SHA256 with the API secret, no older than five minutes. JustCall signs "
    "the address, the event and the time, not the body: keep the address secret, and use HTTPS only.",
    connect_steps=(
        "Copy the API secret from APIs and Webhooks into the file or variable that `secrets` names.",
        "Under Webhook settings set `/hooks/justcall/ACCOUNT` as the address of the events of calls (incoming, "
        "initiated, answered, missed, voicemail, completed, updated) and of messages.",
        "Behind a proxy that changes the path, write the address that JustCall calls into `public_url`.",
        "Write operators' endpoints as JustCall does: the operator's e-mail, else his number (`agent_id`).",
    ),
)
