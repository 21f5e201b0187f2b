"""Evolution API: calls, messages and the connection of a WhatsApp that is linked by QR, or of a business number."""

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.evolution_calls import calls
from pipelines.sources.evolution_messages import deleted, edited, messages, statuses
from pipelines.sources.evolution_people import Instance
from pipelines.sources.evolution_states import connection, logged_out, qr_code
from pipelines.sources.facts import Scene
from pipelines.sources.guide import KEPT_IN_THE_BODY, Guide
from pipelines.sources.reading import Fields, as_object, required, text, word
from pipelines.sources.signatures import holds_token, is_same
from pipelines.sources.times import from_local
from pipelines.sources.translations import ignored
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.instants import Instant
from schemas.records import RawRecord

_READERS: dict[str, Callable[[Instance, Any], Translation]] = {
    "messages.upsert": messages,
    "messages.set": messages,
    "send.message": messages,
    "messages.update": statuses,
    "send.message.update": statuses,
    "messages.delete": deleted,
    "messages.edited": edited,
    "call": calls,
    "connection.update": connection,
    "status.instance": connection,
    "qrcode.updated": qr_code,
    "logout.instance": logged_out,
    "remove.instance": logged_out,
}
_NO_FACTS = {
    "application.startup": "the server started",
    "instance.create": "an instance was made",
    "instance.delete": "an instance was taken away",
    "creds": "the keys of an instance",
    "settings": "the settings of an instance",
    "contacts": "names and pictures of contacts, which come with their messages",
    "chats": "the list of chats",
    "chat": "the list of chats",
    "presence": "who is typing",
    "groups": "the make-up of groups",
    "group": "the make-up of groups",
    "group-participants": "the make-up of groups",
    "labels": "labels of chats",
    "typebot": "the state of a bot",
    "chama-ai": "what a bot did",
    "integration": "the state of an integration",
    "new": "a new token of the server's interface",
    "messaging-history": "the progress of loading old messages",
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the instance's API key: in a header of the webhook, or in the body's `apikey`. Nothing is signed."""
    by_header = holds_token(request.headers, secrets=secrets, names=("apikey", "x-api-key", "x-angime-token"))
    told = _key_in(request.body)
    by_body = any([is_same(told, secret) for secret in secrets])  # noqa: C419  # all are compared
    return by_header or by_body


def _key_in(body: bytes) -> str | None:
    try:
        return text(as_object(parse_json(body), what="the body"), "apikey")
    except InvalidEvent:
        return None


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event of an instance, each of what it lists by itself; raises InvalidEvent where it is unknown."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    written = required(body, "event")
    event = written.lower().replace("_", ".")
    if event not in _READERS:
        family = event if event in _NO_FACTS else event.partition(".")[0]
        if family in _NO_FACTS:
            return ignored(_NO_FACTS[family])
        raise InvalidEvent(f"the event {word(written.replace('.', '_'))} is unknown")
    if "data" not in body:
        raise InvalidEvent("data is missing")
    instance = Instance(scene, name=text(body, "instance"), own=text(body, "sender"), time=_time(scene, body))
    return _READERS[event](instance, body["data"])


def _time(scene: Scene, body: Fields) -> Instant:
    """Give when the server sent the event, for facts that bear no time of their own.

    Evolution writes the clock of its container and a `Z` behind it, whatever the container's zone: where it is not
    UTC, the account's `time_zone` says so.
    """
    written = text(body, "date_time")
    if written is None:
        return scene.raw.received_at
    zone = scene.account.time_zone or "UTC"
    return from_local(written.strip().removesuffix("Z"), zone=zone, what="date_time", near=scene.raw.received_at)


SOURCE = Source(
    name="evolution",
    title="Evolution API (linked WhatsApp)",
    capabilities=("calls", "messages", "accounts"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="The instance's API key, in the body's `apikey`, or a token in `Authorization: Bearer …`, `apikey` or "
    "`X-Angime-Token` among the webhook's headers. Nothing is signed: keep the address private." + KEPT_IN_THE_BODY,
    proof="copied",
    channel="whatsapp",
    connect_steps=(
        "Write the instance's API key where `secrets` points. A server with "
        "`AUTHENTICATION_EXPOSE_IN_FETCH_INSTANCES=false` puts no key into the body: then put a token among the "
        "webhook's headers.",
        "Set the instance's webhook (`/webhook/set/INSTANCE`) to `/hooks/evolution/ACCOUNT`, with `byEvents` off and "
        "`base64` off.",
        "An instance calls one address only: where another program has it, let that pass each body on as it came, or "
        "set the server's own, `WEBHOOK_GLOBAL_URL`, which the body's `apikey` proves.",
        "Choose the events `MESSAGES_UPSERT`, `MESSAGES_UPDATE`, `MESSAGES_DELETE`, `SEND_MESSAGE`, `CALL`, "
        "`CONNECTION_UPDATE` and `QRCODE_UPDATED`.",
        "For a number of the WhatsApp Business API connect Meta itself (`whatsapp_cloud`): Evolution may put a message "
        "into another customer's chat when several come at once (its issues 1848 and 2407).",
        "Where the container's clock does not run in UTC, write its zone into the account's `time_zone`.",
        "Calls have no length here: it is the time between the facts that it was accepted and that it ended.",
    ),
)
