"""Our own door: CloudEvents of our types, one or a batch, for every module that speaks to us directly."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene, contact_key, conversation_of
from pipelines.sources.guide import Guide
from pipelines.sources.phones import phone_identity, together
from pipelines.sources.reading import Fields, as_object, items, required, text
from pipelines.sources.signatures import holds_token, is_same, key_of_base64
from pipelines.sources.translations import each, found, ignored, numbered
from schemas import codec
from schemas.catalogue import EVENT_TYPES
from schemas.company import Account, Company
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import (
    ID_PATTERN,
    OUR_VERSION,
    VERSION_PLACE,
    Id,
    call_id,
    conversation_id,
    deal_id,
    fact_id,
    message_id,
    recording_id,
)
from schemas.instants import Instant, from_rfc3339
from schemas.people import Identity
from schemas.records import RawRecord
from schemas.standard_webhooks import SECRET_PREFIX, VERSION, signature
from schemas.topics import FACTS

# CloudEvents, HTTP protocol binding: of an event in binary mode the attributes stand in headers, its data in the body.
ATTRIBUTE = "ce-"
WHOLE = "application/cloudevents"

MakeId = Callable[[str, str, str], Id]


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check a Standard Webhooks signature, or else a bearer token.

    The signature is HMAC-SHA256 of `id.timestamp.body` with the key that a `whsec_` secret holds in base64. It proves
    nothing of attributes in headers, so that these need a token.
    """
    given = request.headers.get("webhook-signature")
    if given is None or _is_binary(request):
        return holds_token(request.headers, secrets=secrets)
    told_id, told_time = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    keys = [key_of_base64(secret.removeprefix(SECRET_PREFIX)) for secret in secrets]
    wanted = [signature(key, message_id=told_id, timestamp=told_time, body=request.body) for key in keys if key]
    offered = [one.removeprefix(VERSION) for one in given.split() if one.startswith(VERSION)]
    matches = [is_same(one, right) for one in offered for right in wanted]
    return bool(told_id) and any(matches)


def signed_at(request: Request) -> str | None:
    """Give the time that stands beside a signature; beside a token none does."""
    return request.headers.get("webhook-timestamp", "") if "webhook-signature" in request.headers else None


def kept(request: Request) -> bytes:
    """Give an event in binary mode as the whole JSON that it is in structured mode.

    Its data stand first: whatever else their bytes name, the attributes behind them outweigh it.
    """
    if not _is_binary(request):
        return request.body
    headers = request.headers
    told = {name.removeprefix(ATTRIBUTE): unquote(headers[name]) for name in headers if name.startswith(ATTRIBUTE)}
    attributes = msgspec.json.encode(told | {"datacontenttype": headers.get("content-type", "application/json")})
    return b'{"data":' + request.body + b"," + attributes[1:] if request.body.strip() else attributes


def _is_binary(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").strip().lower()
    return f"{ATTRIBUTE}specversion" in request.headers and not media_type.startswith(WHOLE)


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event or a batch; in a batch a broken one is refused by its place and the rest goes on."""
    scene = Scene(raw, company, account)
    body = codec.parse_json(raw.body)
    if isinstance(body, dict):
        return found(_event(scene, body))
    if not isinstance(body, list):
        raise InvalidEvent("the body is neither an event nor a list of events")
    batch = items({"the batch": body}, "the batch")
    if not batch:
        return ignored("the batch is empty")
    return each(numbered("", batch), lambda _, value: found(_event(scene, value)))


def _event(scene: Scene, value: Any) -> Event:
    """Read one CloudEvent as ours: tenant and receipt are forced, ids and times brought to our form.

    Raises InvalidEvent when it is none, names another tenant, or its data do not fit its type.
    """
    given = as_object(value, what="the event")
    _check_envelope(scene, given)
    name = required(given, "type")
    event_type = EVENT_TYPES.get(name)
    if event_type is None:
        raise InvalidEvent("the event type is none of those in docs/events.md")
    if event_type.topic not in FACTS:
        raise InvalidEvent("only Angime itself tells what was decided or noticed")
    fields = _data(scene, given, topic=event_type.topic, name=name)
    key = _key(scene, fields, topic=event_type.topic, name=name)
    attributes: Fields = {
        "id": _own_id(scene, given, name=name),
        "source": scene.raw.source,
        "type": name,
        "subject": key,
        "time": _instant(required(given, "time"), what="time"),
        "recordedat": scene.raw.received_at,
        "company": scene.company.id,
        "account": scene.account.id,
        "partitionkey": key,
        "dataschema": text(given, "dataschema") or event_type.dataschema,
        "causationid": scene.raw.raw_id,
        "data": fields,
    }
    return codec.decode(msgspec.json.encode(attributes))


def _instant(written: str, *, what: str) -> Instant:
    """Read a time; raises InvalidEvent that names where it stands."""
    try:
        return from_rfc3339(written)
    except InvalidEvent as error:
        raise InvalidEvent(f"{what}: {error.reason}") from None


def _check_envelope(scene: Scene, given: Fields) -> None:
    if "specversion" not in given:
        raise InvalidEvent("specversion is missing: the body is the whole CloudEvent, not its data alone")
    if required(given, "specversion") != "1.0":
        raise InvalidEvent("specversion is not 1.0")
    required(given, "source")
    for name, ours in (("company", scene.company.id), ("account", scene.account.id)):
        told = text(given, name)
        if told is not None and told != ours:
            raise InvalidEvent(f"{name} is not the one this address belongs to")
    media_type = (text(given, "datacontenttype") or "application/json").partition(";")[0].strip().lower()
    if not (media_type == "application/json" or media_type.endswith("+json")) or "data_base64" in given:
        raise InvalidEvent("the data are not JSON")


def _own_id(scene: Scene, given: Fields, *, name: str) -> Id:
    """Keep an id that is a UUID of the sender's; any other is made one, from it and its source, always the same."""
    written = required(given, "id")
    return _trusted(written) or fact_id(scene.raw.source, scene.account.id, name, required(given, "source"), written)


def _data(scene: Scene, given: Fields, *, topic: str, name: str) -> Fields:
    fields = {
        field: _instant(value, what=f"data.{field}") if field.endswith("_at") and isinstance(value, str) else value
        for field, value in as_object(given.get("data"), what="data").items()
    }
    if "contact" in fields:
        fields["contact"] = [msgspec.to_builtins(one) for one in _people(scene, items(fields, "contact"))]
    if topic in {"calls", "transcripts"}:
        _name_call(scene, fields)
    if name == "call.recording_stored":
        _check_path(scene, required(fields, "path"))
    if name.startswith("message."):
        _name_message(scene, fields)
    if name.startswith("deal."):
        _name(scene, fields, what="deal", make=deal_id)
        into = text(fields, "into_deal_id")
        if into is not None:
            fields["into_deal_id"] = _trusted(into) or deal_id(scene.raw.source, scene.account.id, into)
    return fields


def _people(scene: Scene, written: Sequence[Any]) -> tuple[Identity, ...]:
    """Give the identities of a contact, phones first, with those by which other sources know the same numbers."""
    return together(*(_identity(scene, one) for one in written))


def _identity(scene: Scene, value: Any) -> Identity:
    """Bring a phone to E.164; other identities are kept as they are."""
    one = as_object(value, what="contact[]")
    kind, written = required(one, "kind"), required(one, "value")
    if kind != "phone":
        return Identity(kind=kind, value=written)
    known = phone_identity(written, region=scene.region)
    if known is None:
        raise InvalidEvent("a phone of the contact is hidden: leave it out")
    return known


def _name_call(scene: Scene, fields: Fields) -> None:
    _name(scene, fields, what="call", make=call_id)
    recording = text(fields, "recording_id")
    if recording is not None:
        # It is looked for among those of its call alone.
        fields["recording_id"] = _uuid(recording) or recording_id(scene.raw.source, scene.account.id, recording)


def _name_message(scene: Scene, fields: Fields) -> None:
    _name(scene, fields, what="message", make=message_id)
    replied = text(fields, "reply_to_message_id")
    if replied is not None:
        fields["reply_to_message_id"] = _uuid(replied) or message_id(scene.raw.source, scene.account.id, replied)
    company, contact = scene.company.id, _contact(fields)
    conversation = text(fields, "conversation_id")
    if conversation is None:
        fields["conversation_id"] = conversation_of(scene, contact)
    else:
        ours = (conversation_id(company, one.kind, one.value) for one in contact)
        fields["conversation_id"] = _trusted(conversation, ours) or conversation_id(company, "ingest", conversation)


def _name(scene: Scene, fields: Fields, *, what: str, make: MakeId) -> None:
    """Fill in the id of a call, message or deal: UUIDs are kept, other names are made UUIDs.

    An id of ours is kept where an account of the company tells of it, which the provider's own id beside it proves.
    """
    written = required(fields, f"{what}_id", f"provider_{what}_id")
    provider_id = text(fields, f"provider_{what}_id") or written
    ours = (make(account.source, account.id, provider_id) for account in scene.company.accounts)
    fields[f"{what}_id"] = _trusted(written, ours) or make(scene.raw.source, scene.account.id, written)
    fields[f"provider_{what}_id"] = provider_id


def _check_path(scene: Scene, path: str) -> None:
    """Raise InvalidEvent for a recording that lies outside the company's folder."""
    first, *rest = path.split("/")
    if first != scene.company.id or not rest or not {"", ".", ".."}.isdisjoint(rest):
        raise InvalidEvent("path is not in the company's folder of the store")


def _contact(fields: Fields) -> tuple[Identity, ...]:
    return tuple(Identity(kind=one["kind"], value=one["value"]) for one in items(fields, "contact"))


def _uuid(written: str) -> Id | None:
    return written.lower() if ID_PATTERN.match(written.lower()) else None


def _trusted(written: str, ours: Iterable[Id] = ()) -> Id | None:
    """Give a UUID that is none of our making, or one of `ours`: anybody can make those of another company's calls."""
    known = _uuid(written)
    return known if known and (known[VERSION_PLACE] != OUR_VERSION or known in ours) else None


def _key(scene: Scene, fields: Fields, *, topic: str, name: str) -> str:
    if topic in {"calls", "transcripts"}:
        return required(fields, "call_id")
    if name.startswith("message."):
        return required(fields, "conversation_id")
    if name.startswith("deal."):
        return required(fields, "deal_id")
    if name.startswith(("permission.", "contact.")):
        contact = _contact(fields)
        if not contact:
            raise InvalidEvent("the contact has no identity")
        return contact_key(contact)
    return scene.account.id


SOURCE = Source(
    name="ingest",
    title="Angime's own door (CloudEvents)",
    capabilities=("calls", "messages", "recordings", "transcripts", "permissions", "accounts", "contacts", "deals"),
    is_genuine=is_genuine,
    signed_at=signed_at,
    translate=translate,
    kept=kept,
)

GUIDE = Guide(
    origin_check="A Standard Webhooks signature (`webhook-id`, `webhook-timestamp`, `webhook-signature`) no older than "
    "five minutes, or a bearer token.",
    proof="chosen",
    connect_steps=(
        "Make a secret: `whsec_` and 24 or more random bytes in base64 to sign with, or any long token to send.",
        "Put it where `secrets` points; two may be valid at once while you change it.",
        "Post CloudEvents 1.0 in JSON, one or a list, of the types in docs/events.md to `/hooks/ingest/ACCOUNT`; or "
        "one with its attributes in headers (`ce-id`, `ce-type` …) and its data as the body, with a bearer token, for "
        "a signature does not cover headers.",
        "Use UUIDs as ids, or names that never change: the same id is the same fact, however often it is sent.",
        "Of a call that another account of yours tells of, send Angime's `call_id` with its `provider_call_id`, and so "
        "of messages and deals; without, a UUID of version 5, as Angime makes them, is taken for a name.",
        "What was accepted is read afterwards: `angime dead list` says which events were refused, and why.",
    ),
)
