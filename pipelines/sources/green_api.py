"""GREEN-API: calls, messages and the state of an ordinary WhatsApp that is linked by QR, as webhooks or polled."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.green_api_calls import call
from pipelines.sources.green_api_messages import message, message_status, remembered
from pipelines.sources.green_api_states import quota, socket, state
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.reading import Fields, as_object, items, required, text, word
from pipelines.sources.signatures import holds_token
from pipelines.sources.translations import each, ignored, numbered
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

_READERS: dict[str, Callable[[Scene, Fields], Translation]] = {
    "incomingmessagereceived": partial(message, is_ours=False),
    "outgoingmessagereceived": partial(message, is_ours=True),
    "outgoingapimessagereceived": partial(message, is_ours=True),
    "outgoingmessagestatus": message_status,
    "incomingcall": partial(call, direction="incoming"),
    "outgoingcall": partial(call, direction="outgoing"),
    "stateinstancechanged": state,
    "statusinstancechanged": socket,
    "quotaexceeded": quota,
}
# Calls as the journals list them, under `typeMessage`: the same fields, and no word on the instance.
_CALLS = {name: _READERS[name] for name in ("incomingcall", "outgoingcall")}
_NO_FACTS = {
    "deviceinfo": "the battery and model of the linked phone",
    "incomingblock": "a change of the company's own list of blocked chats",
    "callsrtc": "how a call's sound is negotiated: incomingCall and outgoingCall tell of the call itself",
    "avatarinfo": "a picture of a contact",
    "instancedeleted": "an instance was deleted from the account at GREEN-API",
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the instance's `webhookUrlToken` in `Authorization: Bearer …`: GREEN-API signs nothing."""
    return holds_token(request.headers, secrets=secrets, names=("authorization",))


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one notification, as a webhook or as polled with its receipt, or a list of the journal's messages."""
    scene = Scene(raw, company, account)
    body = parse_json(raw.body)
    if isinstance(body, list):
        listed = items({"the journal": body}, "the journal")
        if not listed:
            return ignored("the journal is empty")
        return each(numbered("", listed), lambda _, one: _one(scene, one))
    if body is None:
        return ignored("the queue of notifications is empty")
    return _one(scene, body)


def _one(scene: Scene, value: Any) -> Translation:
    fields = as_object(value, what="the notification")
    if "receiptId" in fields and "body" in fields:
        fields = as_object(fields["body"], what="body")
    if text(fields, "typeWebhook") is None and text(fields, "typeMessage"):
        told_call = _CALLS.get(required(fields, "typeMessage").lower())
        return told_call(scene, fields) if told_call else remembered(scene, fields)
    return _notification(scene, fields)


def _notification(scene: Scene, fields: Fields) -> Translation:
    written = required(fields, "typeWebhook")
    kind = written.lower()
    if kind in _NO_FACTS:
        return ignored(_NO_FACTS[kind])
    if kind not in _READERS:
        raise InvalidEvent(f"the notification {word(written)} is unknown")
    return _READERS[kind](scene, fields)


SOURCE = Source(
    name="green_api",
    title="GREEN-API (linked WhatsApp)",
    capabilities=("calls", "messages", "accounts"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="The instance's `webhookUrlToken`, which GREEN-API sends in `Authorization: Bearer …`.",
    proof="chosen",
    channel="whatsapp",
    connect_steps=(
        "Think of a long token, write it where `secrets` points, and set it as `webhookUrlToken` of the instance.",
        "Set `webhookUrl` to `/hooks/green_api/ACCOUNT`.",
        "Switch on `incomingWebhook`, `outgoingWebhook`, `outgoingMessageWebhook`, `outgoingAPIMessageWebhook`, "
        "`incomingCallWebhook`, `outgoingCallWebhook`, `stateWebhook`, `editedMessageWebhook` and "
        "`deletedMessageWebhook`.",
        "Where no address of yours can be reached from outside, set no `webhookUrl`: name the instance in "
        "`poll_instance`, and `angime collect` polls its queue instead.",
        "GREEN-API tells how long outgoing calls lasted, and of incoming ones only whether somebody picked up.",
    ),
    settings={
        "poll_instance": Setting("`idInstance` whose queue is polled; what was missed is fetched from its journals."),
        "api_token": Setting("Where `apiTokenInstance` lies, as `env:NAME` or `file:PATH`."),
        "api_url": Setting("`apiUrl` of the instance, when it is not the common one."),
    },
)
