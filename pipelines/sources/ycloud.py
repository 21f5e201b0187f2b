"""YCloud: WhatsApp Business with its calls and account, in an envelope of its own; Messenger, and short messages."""

from collections.abc import Callable, Sequence

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide
from pipelines.sources.reading import as_object, required, word
from pipelines.sources.signatures import hmac_hex, is_same
from pipelines.sources.translations import ignored
from pipelines.sources.ycloud_messenger import messenger_received, messenger_updated
from pipelines.sources.ycloud_meta import (
    Told,
    account,
    account_deleted,
    call_connect,
    call_status,
    call_terminate,
    echo,
    group_message_updated,
    history,
    inbound,
    message_updated,
    number_deleted,
    number_quality,
)
from pipelines.sources.ycloud_sms import sms_received, sms_updated
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.instants import from_rfc3339
from schemas.records import RawRecord

_READERS: dict[str, Callable[[Told], Translation]] = {
    "whatsapp.call.connect": call_connect,
    "whatsapp.call.status.updated": call_status,
    "whatsapp.call.terminate": call_terminate,
    "whatsapp.inbound_message.received": inbound,
    "whatsapp.group.inbound_message.received": inbound,
    "whatsapp.message.updated": message_updated,
    "whatsapp.group.message.updated": group_message_updated,
    "whatsapp.smb.message.echoes": echo,
    "whatsapp.echo_message.created": echo,
    "whatsapp.echo_message.updated": message_updated,
    "whatsapp.smb.history": history,
    "whatsapp.business_account.updated": account,
    "whatsapp.business_account.deleted": account_deleted,
    "whatsapp.phone_number.quality_updated": number_quality,
    "whatsapp.phone_number.deleted": number_deleted,
    "messenger.inbound_message.received": messenger_received,
    "messenger.message.updated": messenger_updated,
    "sms.message.updated": sms_updated,
    "sms.inbound_message.received": sms_received,
    "sms.inbound.received": sms_received,
}
_NO_FACTS = {
    "whatsapp.template": "a template and its review",
    "whatsapp.phone": "the name of a number",
    "whatsapp.business_account": "the review of an account",
    "whatsapp.meta_business_agent": "the handing over of a chat by an agent that is a machine",
    "messenger.inbound_message": "an edit of a message: it is no new one",
    "messenger.message_reaction": "a reaction to a message of Messenger",
    "whatsapp.flow": "the state of a flow",
    "whatsapp.payment": "a payment in a chat",
    "whatsapp.user": "what marketing a contact wants",
    "whatsapp.group": "the make-up of a group",
    "whatsapp.smb": "the address book of a linked app",
    "contact": "a contact in YCloud's own list",
    "unsubscribe": "who wants no mailings",
    "email": "an e-mail that was sent",
    "voice": "a code that was read out by a machine",
    "verify": "the check of a code",
    "custom_event": "an event of the company's own",
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `YCloud-Signature: t=…,s=…`, the HMAC-SHA256 of `t.body` in hex."""
    signed = f"{signed_at(request)}.".encode(errors="backslashreplace") + request.body
    wanted = [hmac_hex(signed, key=secret.encode(), algorithm="sha256") for secret in secrets if secret]
    matches = [is_same(_given(request).get("s", ""), digest) for digest in wanted]
    return any(matches)


def signed_at(request: Request) -> str:
    """Give the time in the signature's header."""
    return _given(request).get("t", "").strip()


def _given(request: Request) -> dict[str, str]:
    parts = [part.partition("=") for part in request.headers.get("ycloud-signature", "").split(",")]
    return {name.strip(): value for name, _, value in parts}


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event; raises InvalidEvent where its type is unknown."""
    body = as_object(parse_json(raw.body), what="the body")
    kind = required(body, "type").lower()
    if kind not in _READERS:
        words = kind.split(".")
        family = next((name for name in (".".join(words[:2]), words[0]) if name in _NO_FACTS), None)
        family = family or next((name for name in _NO_FACTS if kind.startswith(f"{name}_")), None)
        if family is None:
            raise InvalidEvent(f"the event {word(kind.replace('.', '_'))} is unknown")
        return ignored(_NO_FACTS[family])
    created = body.get("createTime")
    time = from_rfc3339(required(body, "createTime")) if created else raw.received_at
    return _READERS[kind](Told(Scene(raw, company, account), body, time))


SOURCE = Source(
    name="ycloud",
    title="YCloud (WhatsApp Business, Messenger and SMS)",
    capabilities=("calls", "messages", "permissions", "accounts"),
    is_genuine=is_genuine,
    signed_at=signed_at,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`YCloud-Signature`: HMAC-SHA256 of the time and the raw body with the endpoint's secret, no older "
    "than five minutes.",
    proof="copied",
    channel="waba",
    connect_steps=(
        "In YCloud's console under Developers, Webhooks, add the endpoint `/hooks/ycloud/ACCOUNT`.",
        "Copy the endpoint's secret into the file or variable that `secrets` names; two may be valid at once.",
        "Choose the events `whatsapp.call.*`, `whatsapp.inbound_message.received`, `whatsapp.message.updated`, "
        "`whatsapp.business_account.updated`, `whatsapp.phone_number.quality_updated`; with a linked app also "
        "`whatsapp.smb.message.echoes` and `whatsapp.smb.history`; with an agent `whatsapp.echo_message.*`; with "
        "groups `whatsapp.group.inbound_message.received` and `whatsapp.group.message.updated`; with a page of "
        "Facebook `messenger.*`.",
    ),
)
