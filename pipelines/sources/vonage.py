"""Vonage: voice events, recordings, and messages of its Messages and SMS interfaces, proved by a signed token."""

from collections.abc import Callable, Sequence

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.forms import form_fields
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.json_tokens import claims, hashes_body, issued
from pipelines.sources.reading import Fields, as_object, text
from pipelines.sources.signatures import BEARER
from pipelines.sources.translations import ignored
from pipelines.sources.vonage_calls import recording, status, transfer
from pipelines.sources.vonage_messages import message, message_status, sms, sms_receipt
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

# What a body about a call is, by the first of these fields that it has.
_READERS: dict[str, Callable[[Scene, Fields], Translation]] = {
    "recording_url": recording,
    "conversation_uuid_to": transfer,
    "status": status,
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the JSON Web Token in `Authorization`: HS256 with the signature secret, `payload_hash` over the raw body.

    Source: Vonage, Decoding signed webhooks.
    """
    told = claims(_token(request), secrets=secrets)
    return told is not None and hashes_body(told, request.body, name="payload_hash")


def signed_at(request: Request) -> str:
    """Give when the token was issued."""
    return issued(_token(request))


def _token(request: Request) -> str:
    given = request.headers.get("authorization", "")
    return given[len(BEARER) :].strip() if given[: len(BEARER)].lower() == BEARER else ""


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event of a call, one message or one receipt; raises InvalidEvent for all else."""
    scene = Scene(raw, company, account)
    if raw.body.lstrip()[:1] in {b"{", b"["}:
        fields = as_object(parse_json(raw.body), what="the body")
    else:
        fields = form_fields(raw.body)
    if text(fields, "message_uuid"):
        is_status = text(fields, "status") is not None
        return message_status(scene, fields) if is_status else message(scene, fields)
    if text(fields, "messageId", "message-id"):
        return sms_receipt(scene, fields) if _is_receipt(fields) else sms(scene, fields)
    return _about_call(scene, fields)


def _is_receipt(fields: Fields) -> bool:
    return text(fields, "status", "err-code", "scts") is not None and text(fields, "text", "keyword") is None


def _about_call(scene: Scene, fields: Fields) -> Translation:
    if text(fields, "transcription_url"):
        return ignored("a transcription that is ready: recordings are fetched and transcribed here instead")
    for name, read in _READERS.items():
        if text(fields, name):
            return read(scene, fields)
    if not text(fields, "uuid", "conversation_uuid", "call_uuid"):
        raise InvalidEvent("the body is neither about a call nor about a message: it has no uuid and no message_uuid")
    if text(fields, "reason"):
        return ignored("a fault in a call's instructions, no status of it")
    if fields.get("dtmf") or fields.get("speech"):
        return ignored("keys that were pressed, or words that were said to a machine")
    return ignored("a request of a call's instructions, no status of it")


SOURCE = Source(
    name="vonage",
    title="Vonage (voice and messages)",
    capabilities=("calls", "messages", "recordings"),
    is_genuine=is_genuine,
    signed_at=signed_at,
    translate=translate,
)

GUIDE = Guide(
    origin_check="A JSON Web Token in `Authorization: Bearer …`: HS256 with the account's signature secret, its "
    "`payload_hash` over the raw body, issued within five minutes.",
    proof="copied",
    channel="phone",
    connect_steps=(
        "In Vonage's dashboard under API settings copy the signature secret (256 bits) into the file or variable that "
        "`secrets` names.",
        "In the application's voice settings switch signed callbacks on, and set the event address to "
        "`/hooks/vonage/ACCOUNT` by POST.",
        "In your call control objects set the same address as `eventUrl` of `record`, with `split` conversation and "
        "two channels; recordings are fetched with a token of the application, put where `fetch_secret` points.",
        "A leg that is moved into another conversation (a transfer, or a named conversation) is told under that one: "
        "the contact's call is counted there, and what was before, with the talk of operators in it, is internal. So "
        "is an operator's call into a conversation in which no contact is.",
        "For messages set it as inbound and as status address of the application, with the Messages API.",
        "Write operators' endpoints as Vonage does: the name of the app's user, or the number without a plus.",
    ),
    settings={
        "answered_by_instructions": Setting(
            "`true` when your instructions (a menu, a greeting) pick up incoming calls: then only the legs to "
            "operators prove an answer.",
            form="switch",
        ),
    },
)
