"""Telnyx: calls under Call Control or TeXML with their recordings, and short messages, signed with Ed25519."""

from collections.abc import Callable, Sequence

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.reading import as_object, required, text, word
from pipelines.sources.signatures import is_ed25519
from pipelines.sources.telnyx_calls import (
    Told,
    answered,
    bridged,
    detected,
    hung_up,
    initiated,
    recorded,
    ringing,
    transcribed,
)
from pipelines.sources.telnyx_messages import message_finalized, message_received, message_sent
from pipelines.sources.translations import ignored
from pipelines.sources.twilio import translate as read_texml
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.instants import from_rfc3339
from schemas.records import RawRecord

_JSON = {b"{", b"["}

_READERS: dict[str, Callable[[Told], Translation]] = {
    "call.initiated": initiated,
    "call.ringing": ringing,
    "call.answered": answered,
    "call.bridged": bridged,
    "call.hangup": hung_up,
    "call.machine.detection.ended": detected,
    "call.machine.premium.detection.ended": detected,
    "call.recording.saved": recorded,
    "call.recording.transcription.saved": transcribed,
    "message.received": message_received,
    "message.sent": message_sent,
    "message.finalized": message_finalized,
    "message.read": message_finalized,
}
_NO_FACTS = {
    "call.machine": "the end of a machine's greeting",
    "call.recording": "a recording that failed",
    "call.deepfake_detection": "whether a voice is a machine's",
    "call.sip_refer": "a transfer that is under way: its calls report their own answer and end",
    "call.queue": "a queue: its calls report their own answer and end",
    "call.transcription": "a piece of a running transcription: recordings are fetched and transcribed here",
    "call.playback": "what is played into a call",
    "call.speak": "what is read out into a call",
    "call.dtmf": "a key that was pressed",
    "call.gather": "keys that were pressed",
    "call.ai_gather": "what a bot asked",
    "call.ai": "what a bot did",
    "call.conversation": "what a bot did",
    "call.conversation_insights": "what a bot noted",
    "call.cost": "what a call cost",
    "call.enqueued": "a queue: its calls report their own answer and end",
    "call.dequeued": "a queue: its calls report their own answer and end",
    "call.refer": "a transfer that is under way: its calls report their own answer and end",
    "call.sip": "a signal inside a call",
    "call.fork": "a copy of a call's sound",
    "call.siprec": "a copy of a call's sound",
    "call.streaming": "a copy of a call's sound",
    "streaming": "a copy of a call's sound",
    "call.hold": "a call was held",
    "call.unhold": "a call was taken up again",
    "call.noise": "how noise is kept down",
    "call.noise_suppression": "how noise is kept down",
    "call.reinvite": "a signal inside a call",
    "call.payment": "a payment in a call",
    "conference": "a conference: its calls report their own answer and end",
    "fax": "a fax",
    "number_order": "an order of numbers",
    "number": "the state of a number",
    "messaging_profile": "the state of a profile",
    "10dlc": "the registration of a campaign",
    "campaign": "the registration of a campaign",
    "brand": "the registration of a brand",
    "verify": "the check of a code",
    "porting_order": "the move of a number",
    "wireless": "a SIM card",
    "sim_card": "a SIM card",
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `telnyx-signature-ed25519` over `timestamp|body`.

    The secrets are Telnyx's public keys, in base64 as its portal shows them.
    """
    signed = f"{signed_at(request)}|".encode(errors="backslashreplace") + request.body
    given = request.headers.get("telnyx-signature-ed25519", "")
    return is_ed25519(signed, given=given, keys=secrets)


def signed_at(request: Request) -> str:
    """Give the time that stands beside the signature."""
    return request.headers.get("telnyx-timestamp", "").strip()


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event, or one callback of TeXML, which is Twilio's form; raises InvalidEvent where it is unknown."""
    scene = Scene(raw, company, account)
    if raw.body.lstrip()[:1] not in _JSON and b"CallSid=" in raw.body:
        return read_texml(raw, company=company, account=account)
    body = as_object(parse_json(raw.body), what="the body")
    if "CallSid" in body:
        return read_texml(raw, company=company, account=account)
    event = as_object(body.get("data", body), what="data")
    kind = required(event, "event_type").lower()
    if "data" not in body and "." not in kind:  # the first version wrote `call_answered`, and stood bare in the body
        kind = kind.replace("_", ".")
    if kind not in _READERS:
        return ignored(_reason(kind))
    fields = as_object(event.get("payload"), what="payload")
    occurred = text(event, "occurred_at") or text(fields, "occurred_at") or text(event, "created_at")
    time = from_rfc3339(occurred) if occurred else scene.raw.received_at
    return _READERS[kind](Told(scene, event=event, fields=fields, time=time))


def _reason(kind: str) -> str:
    """Say what an event without a fact of ours is; raises InvalidEvent where nobody knows."""
    words = kind.split(".")
    for name in (".".join(words[:2]), words[0]):
        if name in _NO_FACTS:
            return _NO_FACTS[name]
    raise InvalidEvent(f"the event {word(kind.replace('.', '_'))} is unknown")


SOURCE = Source(
    name="telnyx",
    title="Telnyx (voice and messages)",
    capabilities=("calls", "messages", "recordings", "transcripts"),
    is_genuine=is_genuine,
    signed_at=signed_at,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`telnyx-signature-ed25519`: Ed25519 of `telnyx-timestamp`, a bar and the raw body, no older than "
    "five minutes, with Telnyx's public key.",
    proof="copied",
    channel="phone",
    connect_steps=(
        "Copy the public key from Telnyx's portal (Keys and credentials) into the file or variable that `secrets` "
        "names: it takes a secret's place.",
        "Set `/hooks/telnyx/ACCOUNT` as the webhook of the voice application (API version 2) and of the messaging "
        "profile.",
        "Where a TeXML application answers, set the same address as its status callback, as `statusCallback` of what "
        "it dials and as `recordingStatusCallback`.",
        "Dial operators with `link_to` the caller's call, so that their legs are of its session: then it is known who "
        "talked. An operator who is called in a session of his own is internal, and of a caller who is joined with him "
        "(`call.bridged`) is known that somebody talked, with `answered_by_instructions` also since when, and not who.",
        "For recordings record two channels (`channels: dual`), and put an API key where `fetch_secret` points.",
        "Write operators' endpoints as Telnyx does: `sip:user@sip.telnyx.com`, or their numbers.",
    ),
    settings={
        "answered_by_instructions": Setting(
            "`true` when your application picks up incoming calls itself (a menu, a greeting): then only the legs to "
            "operators prove an answer.",
            form="switch",
        ),
    },
)
