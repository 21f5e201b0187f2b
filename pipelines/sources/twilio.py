"""Twilio: voice status callbacks, recordings and messages, sent as forms and signed with the auth token."""

import hashlib
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pipelines.sources.contract import Answer, Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.forms import form_fields, form_pairs
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.reading import Fields, text
from pipelines.sources.signatures import hmac_base64, is_same
from pipelines.sources.translations import attempt, ignored, joined
from pipelines.sources.twilio_calls import call_status, dial_result, machine_detection, recording, transcription
from pipelines.sources.twilio_messages import message
from pipelines.sources.twilio_queues import TASKS, waiting_call
from pipelines.sources.twilio_streams import is_stream, stream
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_PORTS = {"https": 443, "http": 80}

# What else Twilio posts to addresses of ours, known by the first of these fields; each with what it is.
_OTHERS = (
    ("WorkspaceSid", TASKS),
    ("TranscriptionEvent", "a piece of a running transcription: recordings are fetched and transcribed here instead"),
    ("transcript_sid", "a transcript that is ready at Twilio: recordings are fetched and transcribed here instead"),
    ("StreamSid", "a media stream event"),
    ("QueueSid", "a queue event: its calls report their own status"),
    ("QueueResult", "a queue event: its calls report their own status"),
    ("PayloadType", "a debugger event"),
)
# What the address of a callback may name of its call.
_IN_ADDRESS = ("CallSid", "ParentCallSid")
_PROMPTS = ("Digits", "SpeechResult", "msg")
_PROMPT = "a request of a running call's instructions, no status of it"


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `X-Twilio-Signature`: HMAC-SHA1 of the address with its query and the sorted form fields.

    A body that is no form is proved by its SHA-256, which then stands in the signed query as `bodySHA256`. Twilio
    signs the address with or without a default port, so both are tried (Twilio, Webhooks security). With a shared key
    instead of the auth token a second header may name SHA-256.
    """
    given = request.headers.get("x-twilio-signature", "")
    algorithm = _algorithm(request.headers.get("x-twilio-webhooks-signature-settings", ""))
    try:
        fields = _signed_fields(request)
        addresses = _addresses(request.url)
    except (InvalidEvent, ValueError):
        return False
    signed = [(address + fields).encode(errors="backslashreplace") for address in addresses]
    keys = [secret.encode() for secret in secrets if secret]
    wanted = [hmac_base64(one, key=key, algorithm=algorithm) for one in signed for key in keys if algorithm]
    return any([is_same(given, signature) for signature in wanted])  # noqa: C419  # all are compared


def _algorithm(settings: str) -> str:
    """Give the hash that `key=…,algorithm=HMAC_SHA256` names: SHA-1 where it names none, empty for one unknown."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip().lower() == "algorithm":
            return _ALGORITHMS.get(value.strip().upper(), "")
    return "sha1"


def _signed_fields(request: Request) -> str:
    """Give what is signed of the body: the fields of a form; nothing of a body whose hash is in the query.

    Raises InvalidEvent when the hash is not the body's, or the body is neither.
    """
    query = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    wanted = query.get("bodySHA256")
    if wanted is not None:
        if not is_same(hashlib.sha256(request.body).hexdigest(), wanted.lower()):
            raise InvalidEvent("the body is not the one that was signed")
        return ""
    if "json" in request.headers.get("content-type", "").lower():
        raise InvalidEvent("a body that is no form is not signed")
    values: dict[str, set[str]] = {}
    for name, value in form_pairs(request.body):
        values.setdefault(name, set()).add(value)
    return "".join(name + value for name in sorted(values) for value in sorted(values[name]))


def _addresses(url: str) -> list[str]:
    parts = urlsplit(url)
    host = parts.netloc.rsplit(":", 1)[0] if parts.port is not None else parts.netloc
    port = _PORTS.get(parts.scheme, 443) if parts.port is None else parts.port
    hosts = dict.fromkeys((parts.netloc, host, f"{host}:{port}"))
    return [urlunsplit(parts._replace(netloc=one)) for one in hosts]


def kept(request: Request) -> bytes:
    """Give the form, and behind it the call that its address names, which Twilio signs with it.

    That of a conference's recording names no call, and that of a machine detected at a dialled number not the call that
    dialled. What a form names itself stands first, and outweighs.
    """
    named = [(name, value) for name, value in parse_qsl(urlsplit(request.url).query) if name in _IN_ADDRESS]
    if not named or request.body.lstrip()[:1] in {b"{", b"["}:
        return request.body
    return request.body + b"&" + urlencode(named).encode()


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one callback: a call's status, a recording, a message or its status; raises InvalidEvent for all else.

    A list of CloudEvents (Event Streams) holds many.
    """
    scene = Scene(raw, company, account)
    if raw.body.lstrip()[:1] in {b"{", b"["}:
        value = parse_json(raw.body)
        if is_stream(value):
            return stream(scene, value, read=_form)
    return _form(scene, form_fields(raw.body))


def _form(scene: Scene, fields: Fields) -> Translation:
    taken = waiting_call(scene, fields)
    if taken is not None:
        return taken
    if text(fields, "ConferenceSid"):
        return _of_conference(scene, fields)
    for name, reason in _OTHERS:
        if text(fields, name):
            return ignored(reason)
    if text(fields, "TranscriptionSid"):
        return transcription(scene, fields)
    if text(fields, "ConversationSid") and text(fields, "EventType"):
        raise InvalidEvent("an event of Conversations, which names no number of ours: messages are read one by one")
    if text(fields, "MessageSid", "SmsSid", "SmsMessageSid"):
        return message(scene, fields)
    if not text(fields, "CallSid"):
        raise InvalidEvent("the form is neither about a call nor about a message: it has no CallSid and no MessageSid")
    return _about_call(scene, fields)


def _of_conference(scene: Scene, fields: Fields) -> Translation:
    if not text(fields, "RecordingSid"):
        return ignored("a conference event: its calls report their own status")
    if not text(fields, "CallSid"):
        return ignored("the recording of a conference, which names no call: its address can, as `?CallSid=`")
    return recording(scene, fields)


def _about_call(scene: Scene, fields: Fields) -> Translation:
    """Read the parts of a callback that is about a call: a status, and the recording that may come with it."""
    parts: list[Translation] = []
    if text(fields, "DialCallSid", "DialCallStatus"):
        parts.append(attempt("DialCallStatus", lambda: dial_result(scene, fields)))
    if text(fields, "CallStatus") and (not parts or text(fields, "CallbackSource", "SequenceNumber")):
        parts.append(_status(scene, fields))
    elif not parts and text(fields, "AnsweredBy"):
        parts.append(machine_detection(scene, fields))
    if text(fields, "RecordingSid"):
        parts.append(attempt("RecordingSid", lambda: recording(scene, fields)) if parts else recording(scene, fields))
    if not parts and any(name in fields for name in _PROMPTS):
        return ignored(_PROMPT)
    if not parts:
        raise InvalidEvent("the form names a call and says nothing of it: it has no CallStatus and no RecordingSid")
    return joined(parts)


def _status(scene: Scene, fields: Fields) -> Translation:
    """Read a status; a request of running instructions repeats the call's status and is none."""
    if any(name in fields for name in _PROMPTS) and not text(fields, "SequenceNumber"):
        return ignored(_PROMPT)
    return call_status(scene, fields)


SOURCE = Source(
    name="twilio",
    title="Twilio (voice and messages)",
    capabilities=("calls", "messages", "recordings", "transcripts"),
    is_genuine=is_genuine,
    translate=translate,
    kept=kept,
    answer=Answer(body="<Response/>", content_type="text/xml"),
)

GUIDE = Guide(
    origin_check="`X-Twilio-Signature`: HMAC-SHA1 of the full address, its query and the form, with the auth token.",
    proof="copied",
    channel="phone",
    connect_steps=(
        "Copy the auth token from the console into the file or variable that `secrets` names.",
        "For each number set the call status callback to `/hooks/twilio/ACCOUNT` by POST; where your instructions "
        "dial operators, set the same address as `statusCallback` of each `<Number>`, `<Client>` or `<Sip>`, with "
        "`statusCallbackEvent` initiated, ringing, answered and completed.",
        "Where callers wait in a queue, set it as `url` of `<Queue>`, through which operators take them: it names both "
        "calls. With TaskRouter set it as the event callback of the workspace, or subscribe Event Streams to "
        "`com.twilio.taskrouter.reservation.accepted`; the `contact_uri` of a worker is the operator's endpoint.",
        "Where they wait in a conference, name it after the caller's `CallSid`, with `participantLabel` the operator's "
        "endpoint, and set it as `statusCallback` with `statusCallbackEvent` join: else Twilio does not tell who "
        "joined whom. In all these cases set `answered_by_instructions`; operators' own calls are internal.",
        "Asynchronous machine detection is read of calls placed through the API. Of a number that `<Dial>` rings "
        "(`amdStatusCallback`) Twilio does not say of which call it is: write that into the address, "
        "`/hooks/twilio/ACCOUNT?ParentCallSid=` and the `CallSid` of the call that dials, else it is left out.",
        "For recordings set `recordingStatusCallback` to it, and record two channels (`record-from-answer-dual`). Of a "
        "conference's recording Twilio does not name the call either: add `?CallSid=` and that of the caller.",
        "For messages set it as the address of incoming messages and as the status callback.",
        "Event Streams with a webhook as their sink are read too: subscribe to voice status callbacks and to messages.",
        "Behind a proxy that changes scheme or host, write the address that Twilio calls into `public_url`.",
    ),
    settings={
        "public_url": Setting("Scheme and host that Twilio calls, when a proxy changes them."),
        "answered_by_instructions": Setting(
            "`true` when your instructions (a menu, a `<Dial>` without `answerOnBridge`) pick up incoming calls: then "
            "only the legs to operators prove an answer.",
            form="switch",
        ),
    },
)
