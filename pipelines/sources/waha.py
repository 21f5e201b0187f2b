"""WAHA: calls, messages and the session of an ordinary WhatsApp that is linked by QR, as webhooks or over WebSocket."""

from collections.abc import Callable, Sequence

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.reading import Fields, as_object, member, required, text, word
from pipelines.sources.signatures import hmac_hex, holds_token, is_same
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import ignored
from pipelines.sources.waha_messages import acknowledged, edited, message, reacted, revoked, voted
from pipelines.sources.waha_people import Session
from pipelines.sources.waha_states import call, session_status, state
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

_ALGORITHMS = {"": "sha512", "sha512": "sha512"}
_READERS: dict[str, Callable[[Session, Fields], Translation]] = {
    "message": message,
    "message.any": message,
    "message.ack": acknowledged,
    "message.ack.group": acknowledged,
    "message.reaction": reacted,
    "message.revoked": revoked,
    "message.edited": edited,
    "poll.vote": voted,
    "session.status": session_status,
    "state.change": state,
    "call.received": lambda session, fields: call(session, fields, event="received"),
    "call.accepted": lambda session, fields: call(session, fields, event="accepted"),
    "call.rejected": lambda session, fields: call(session, fields, event="rejected"),
}
_NO_FACTS = {
    "message.waiting": "a message that is not decrypted yet, and comes again when it is",
    "poll.vote.failed": "a vote that could not be decrypted",
    "event.response": "an answer to an invitation",
    "event.response.failed": "an answer that could not be decrypted",
    "engine.event": "an event of the engine below, whose facts come by themselves",
    "presence.update": "who is typing",
    "chat.archive": "a chat was put into the archive",
    "contact.update": "the name of a contact",
    "label.upsert": "a label",
    "label.deleted": "a label",
    "label.chat.added": "a label of a chat",
    "label.chat.deleted": "a label of a chat",
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `X-Webhook-Hmac`, the HMAC-SHA512 of the raw body in hex; without it a token among the custom headers."""
    given = request.headers.get("x-webhook-hmac")
    if given is None:
        return holds_token(request.headers, secrets=secrets, names=("x-api-key", "x-angime-token"))
    algorithm = _ALGORITHMS.get(request.headers.get("x-webhook-hmac-algorithm", "").strip().lower(), "")
    if not algorithm:
        return False
    wanted = [hmac_hex(request.body, key=secret.encode(), algorithm=algorithm) for secret in secrets if secret]
    return any([is_same(given, digest) for digest in wanted])  # noqa: C419  # all are compared


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event of a session; raises InvalidEvent where it is unknown."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    event = required(body, "event").lower()
    if event.startswith("group."):
        return ignored("the make-up of a group")
    if event in _NO_FACTS:
        return ignored(_NO_FACTS[event])
    if event not in _READERS:
        raise InvalidEvent(f"the event {word(event.replace('.', '_'))} is unknown")
    me = member(body, "me")
    stamp = body.get("timestamp")
    session = Session(
        scene,
        name=text(body, "session"),
        own=text(me, "id"),
        hidden=text(me, "lid"),
        time=from_epoch_field(stamp, what="timestamp") if stamp else scene.raw.received_at,
    )
    payload = body.get("payload")
    if event == "state.change" and isinstance(payload, str):
        payload = {"state": payload}
    return _READERS[event](session, as_object(payload, what="payload"))


SOURCE = Source(
    name="waha",
    title="WAHA (linked WhatsApp)",
    capabilities=("calls", "messages", "accounts"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`X-Webhook-Hmac`: HMAC-SHA512 of the raw body in hex, with the key of the webhook's `hmac.key`. "
    "Where no key is set, a token in `Authorization: Bearer …`, `X-Api-Key` or `X-Angime-Token` among "
    "its `customHeaders`.",
    proof="chosen",
    channel="whatsapp",
    connect_steps=(
        "Think of a long key, write it where `secrets` points, and set it as `hmac.key` of the session's webhook.",
        "Set the webhook's `url` to `/hooks/waha/ACCOUNT`.",
        "Choose the events `message.any`, `message.ack`, `message.reaction`, `message.edited`, `message.revoked`, "
        "`call.received`, `call.accepted`, `call.rejected` and `session.status`.",
        "Or set no webhook and name WAHA's address in `socket_url`: `angime collect` then listens on its WebSocket.",
        "WAHA tells that calls were received, accepted, declined or given up, and not how long they lasted.",
    ),
    settings={
        "socket_url": Setting(
            "WAHA's address (`http://waha:3000`), whose WebSocket is listened to; messages that were missed are "
            "fetched, calls are not remembered.",
        ),
        "api_token": Setting("Where its API key lies, as `env:NAME` or `file:PATH`."),
        "session": Setting("Name of the session, when it is not `default`."),
    },
)
