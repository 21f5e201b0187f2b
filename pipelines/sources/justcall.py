"""JustCall: calls, ratings, labels and short messages, as its events of today and of its first version tell them."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.justcall_calls import accepted, ended, offered, updated
from pipelines.sources.justcall_messages import message, message_status
from pipelines.sources.reading import Fields, as_object, loose, text, word
from pipelines.sources.signatures import hmac_hex, is_same
from pipelines.sources.translations import ignored
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

# What an event is about and says, by words of its name (`call.completed`, `jc.call_missed`, `sms.sent_received`): its
# page on events names what happens, and only for some what it is called.
_OF_CALLS: tuple[tuple[str, Callable[[Scene, Fields], Translation]], ...] = (
    ("updated", updated),
    ("completed", ended),
    ("missed", ended),
    ("voicemail", ended),
    ("abandoned", ended),
    ("answered", accepted),
    ("initiated", offered),
    ("incoming", offered),
    ("ringing", offered),
)
_OF_MESSAGES: tuple[tuple[str, Callable[[Scene, Fields], Translation]], ...] = (
    ("status", message_status),
    ("delivery", message_status),
    ("delivered", message_status),
    ("failed", message_status),
    ("sent", message),
    ("received", message),
)
_NO_FACTS = (
    ("queue", "a queue: the call itself is told when it is over"),
    ("ai", "a report of a machine on a call: recordings are fetched and transcribed here instead"),
    ("voice", "what a bot did in a call: the call itself is told when it is over"),
    ("contact", "a contact in JustCall's own list"),
    ("agent", "whether an operator is there"),
    ("user", "whether an operator is there"),
    ("dialer", "a campaign: its calls are told by themselves"),
    ("campaign", "a campaign: its calls are told by themselves"),
    ("appointment", "an appointment"),
    ("test", "a test of the address"),
    ("ping", "a test of the address"),
)


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `x-justcall-signature`: HMAC-SHA256 of the secret, the address, the kind and the time, in hex.

    JustCall signs neither the body nor its hash (Dynamic webhook signatures): so the address must be the very one
    that was called.
    """
    body, stamp = _body(request.body), signed_at(request)
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
    return is_signed and is_ours and bool(kind)


def signed_at(request: Request) -> str:
    """Give the time that stands beside the signature: an epoch, or a clock in UTC."""
    return request.headers.get("x-justcall-request-timestamp", "").strip()


# What JavaScript's `encodeURIComponent` leaves as it is, beside letters and digits.
_UNRESERVED = "-_.!~*'()"


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
    words = _words(written)
    reason = next((reason for name, reason in _NO_FACTS if name in words), None)
    if reason is not None:
        return ignored(reason)
    read = _reader(words)
    if read is None:
        raise InvalidEvent(f"the event {word(written.replace('.', '_'))} is unknown")
    if not inner:
        raise InvalidEvent("data is missing")
    return read(scene, inner)


def _words(written: str) -> list[str]:
    return written.lower().replace(".", "_").split("_")


def _reader(words: list[str]) -> Callable[[Scene, Fields], Translation] | None:
    told = _OF_CALLS if "call" in words else _OF_MESSAGES if {"sms", "mms", "whatsapp"} & set(words) else ()
    return next((read for name, read in told if name in words), None)


def _first_version(scene: Scene, fields: Fields) -> Translation:
    """Read an event of the first version, which says by its fields what it is."""
    if text(fields, "messageid", "message_id"):
        return message(scene, fields)
    if not text(fields, "callid", "call_sid", "call_id"):
        raise InvalidEvent("data is neither about a call nor about a message: it has no callid and no messageid")
    read = _reader(_words(text(fields, "type") or "")) or ended
    return read(scene, fields)


SOURCE = Source(
    name="justcall",
    title="JustCall (calls and messages)",
    capabilities=("calls", "messages", "recordings", "transcripts"),
    is_genuine=is_genuine,
    signed_at=signed_at,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`x-justcall-signature`: HMAC-SHA256 with the API secret, no older than five minutes. JustCall signs "
    "the address, the event and the time, not the body: keep the address secret, and use HTTPS only.",
    proof="copied",
    channel="phone",
    connect_steps=(
        "Copy the API secret from APIs and Webhooks into the file or variable that `secrets` names.",
        "Under Webhook settings set `/hooks/justcall/ACCOUNT` as the address of the events of calls (incoming, "
        "initiated, answered, missed, voicemail, completed, updated) and of messages.",
        "Behind a proxy that changes the path, write the address that JustCall calls into `public_url`.",
        "Write operators' endpoints as JustCall does: the operator's e-mail, else his number (`agent_id`).",
    ),
    settings={"public_url": Setting("Scheme, host and path that JustCall calls, when a proxy changes them.")},
)
