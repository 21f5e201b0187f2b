"""HubSpot: arrays of subscription events about contacts, deals and calls, and the objects of its API as they are."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.hubspot_calls import Told, call
from pipelines.sources.hubspot_cards import (
    contact_event,
    contact_object,
    deal_event,
    deal_link,
    deal_object,
    deals_merged,
)
from pipelines.sources.reading import Fields, as_object, items, member, required, text, word
from pipelines.sources.signatures import hmac_base64, is_same
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import attempt, ignored, joined
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

_KINDS = {"0-1": "contact", "0-2": "company", "0-3": "deal", "0-48": "call"}
_NAMES_OF_EVENTS = frozenset({"subscriptionType", "eventType"})
# How an object is called: by the API, by workflows, and by their older interfaces for contacts and deals.
_NUMBERS = ("id", "objectId", "vid", "dealId", "hs_object_id")
_ACTIONS = frozenset(
    {"creation", "propertychange", "deletion", "merge", "restore", "associationchange", "privacydeletion"}
)
_OTHER_ACTIONS = {
    "deletion": "something was deleted in the CRM: its facts of the past stay",
    "restore": "something that was deleted is there again",
    "merge": "two cards were merged that are neither contacts nor deals",
    "privacydeletion": "a contact asked to be forgotten: erase him here with the command for it",
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `X-HubSpot-Signature-v3`: HMAC-SHA256 in base64 of method, address, body and time.

    The address is signed with its escapes undone (HubSpot, Validating requests), so it is tried both ways. Requests to
    an app carry the older signatures beside this one, which are not read: none of them signs a time, and the first
    not even the address, so that whoever had one request could send it again for ever.
    """
    given = request.headers.get("x-hubspot-signature-v3")
    keys = [secret.encode() for secret in secrets if secret]
    addresses = dict.fromkeys((request.url, unquote(request.url, errors="replace")))
    signed = [
        (request.method + address).encode(errors="backslashreplace")
        + request.body
        + signed_at(request).encode(errors="backslashreplace")
        for address in addresses
    ]
    matches = [is_same(given, hmac_base64(one, key=key, algorithm="sha256")) for one in signed for key in keys]
    return any(matches)


def signed_at(request: Request) -> str:
    """Give the time that stands beside the signature."""
    return request.headers.get("x-hubspot-request-timestamp", "")


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read an array of events, one event, or objects of the API (alone, or under `results`).

    Several changed properties of one call in one array are one fact; every other event is a part of its own.
    """
    scene = Scene(raw, company, account)
    body = parse_json(raw.body)
    if isinstance(body, dict):
        fields = as_object(body, what="the body")
        body = items(fields, "results") if "results" in fields else [fields]
    if not isinstance(body, list):
        raise InvalidEvent("the body is neither an event nor a list of events")
    if not body:
        return ignored("the list is empty")
    return joined(_parts(scene, items({"events": body}, "events")))


def _parts(scene: Scene, body: list[Any]) -> Iterator[Translation]:
    calls: dict[str, list[tuple[str, Fields]]] = {}
    for number, value in enumerate(body):
        part = f"[{number}]"
        try:
            event = as_object(value, what="the event")
            if _NAMES_OF_EVENTS.isdisjoint(event) and ("properties" in event or "hs_object_id" in event):
                yield attempt(part, lambda event=event: _object(scene, event))
                continue
            kind, action = _kind_and_action(event)
            if kind == "call" and action in {"creation", "propertychange"}:
                calls.setdefault(required(event, "objectId"), []).append((part, event))
                continue
        except InvalidEvent as error:
            yield attempt(part, lambda reason=error.reason: _refuse(reason))
            continue
        yield attempt(part, lambda event=event, about=(kind, action): _event(scene, event, about=about))
    for number, events in calls.items():
        yield attempt(events[0][0], lambda number=number, events=events: _call(scene, number, events))


def _kind_and_action(event: Fields) -> tuple[str, str]:
    """Read `deal.propertyChange`, or `object.propertyChange` with the kind of object beside it."""
    written = required(event, "subscriptionType", "eventType")
    kind, _, action = written.partition(".")
    kind, action = kind.lower(), action.lower()
    if kind == "object":
        told = (text(event, "objectTypeId", "objectType") or "").lower()
        kind = _KINDS.get(told, told)
    if kind == "conversation":
        return kind, action
    if action not in _ACTIONS:
        raise InvalidEvent(f"the subscription type {word(action)} is none of HubSpot's")
    return kind, action


def _event(scene: Scene, event: Fields, *, about: tuple[str, str]) -> Translation:
    kind, action = about
    if kind == "contact" and action in {"creation", "propertychange", "merge"}:
        return contact_event(scene, event, action=action)
    if kind == "deal" and action in {"creation", "propertychange", "deletion", "restore"}:
        return deal_event(scene, event, action=action)
    if kind == "deal" and action == "merge":
        return deals_merged(scene, event)
    if action == "associationchange":
        return deal_link(scene, event)
    return ignored(
        _OTHER_ACTIONS.get(action, "an event about an object that is neither a contact nor a deal nor a call")
    )


def _call(scene: Scene, number: str, events: list[tuple[str, Fields]]) -> Translation:
    """Join what the events of one body say of a call: the newest value of each property, at the newest time."""
    ordered = sorted(events, key=lambda one: text(one[1], "occurredAt") or "")
    properties: Fields = {}
    for _, event in ordered:
        name = text(event, "propertyName")
        if name is not None:
            properties[name] = event.get("propertyValue")
    written = text(ordered[-1][1], "occurredAt")
    time = None if written is None else from_epoch_field(written, what="occurredAt")
    return call(scene, Told(number=number, properties=properties, time=time))


def _object(scene: Scene, value: Fields) -> Translation:
    """Read an object as HubSpot's API gives it, or a workflow sends it; its properties tell what it is.

    A workflow names it by one of `_NUMBERS`; a body of one's own making holds the properties without more.
    """
    properties = member(value, "properties") if "properties" in value else value
    fields: Fields = {name: _value(one) for name, one in properties.items()}
    number = required({"hs_object_id": fields.get("hs_object_id"), **value}, *_NUMBERS)
    kind = _KINDS.get(text(value, "objectTypeId") or "", "")
    contacts = _associated(value, "contacts")
    if kind == "call" or any(name.startswith("hs_call_") for name in fields):
        return call(scene, Told(number=number, properties=fields, contacts=contacts))
    if kind == "deal" or "dealstage" in fields or "dealname" in fields:
        return deal_object(scene, number, fields, contacts=contacts)
    if kind == "contact" or any(name in fields for name in ("phone", "mobilephone", "email", "firstname", "lastname")):
        return contact_object(scene, number, fields)
    return ignored("an object that is neither a contact nor a deal nor a call")


def _value(written: Any) -> Any:
    """Give a property's value; older interfaces write it beside its history."""
    return as_object(written, what="the property").get("value") if isinstance(written, dict) else written


def _associated(value: Fields, name: str) -> tuple[str, ...]:
    associations = member(value, "associations")
    found = items(member(associations, name), "results")
    older = items(associations, "associatedVids")
    told = [as_object(one, what=f"associations.{name}") for one in found] or [{"id": one} for one in older]
    return tuple(required(one, "id", "toObjectId") for one in told)


def _refuse(reason: str) -> Translation:
    raise InvalidEvent(reason)


SOURCE = Source(
    name="hubspot",
    title="HubSpot",
    capabilities=("calls", "recordings", "contacts", "deals"),
    is_genuine=is_genuine,
    signed_at=signed_at,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`X-HubSpot-Signature-v3`: HMAC-SHA256 of method, address, body and time with the app's client "
    "secret, no older than five minutes. HubSpot sends it beside the older v1 and v2, which sign no time and are not "
    "read.",
    proof="copied",
    connect_steps=(
        "Copy the client secret of your app into the file or variable that `secrets` names.",
        "Set the app's target URL to `/hooks/hubspot/ACCOUNT`; behind a proxy write what HubSpot calls into "
        "`public_url`.",
        "Subscribe to contact creation, merge and changes of phone, mobilephone and email; to deal creation, "
        "deletion, restoration, merge, association with contacts and changes of dealstage, amount, hubspot_owner_id, "
        "pipeline and, where deals have currencies of their own, deal_currency_code; where pipelines have stages of "
        "your own of hs_is_closed_won and hs_is_closed_lost; to changes of a call's hs_timestamp, "
        "hs_call_status, hs_call_duration, hs_call_direction, hs_call_disposition, hs_call_from_number, "
        "hs_call_to_number, hs_call_recording_url and hubspot_owner_id.",
        "Or let a workflow post whole objects (`id` and `properties`, or your own body with `hs_object_id`) of deals "
        "and calls to the same address, with the request signature of this app.",
        "Name operators' endpoints by their owner ids in HubSpot.",
        "Where a telephony is connected, too, write `tells_calls = false` under this account: each call would be "
        "counted twice.",
    ),
    settings={
        "public_url": Setting("Scheme and host that HubSpot calls, when a proxy changes them."),
        "won_stages": Setting("Stages that count as won beside `closedwon`, by their ids.", form="list"),
        "lost_stages": Setting("Stages that count as lost beside `closedlost`, by their ids.", form="list"),
        "currency": Setting(
            "Currency of amounts that name none, such as USD. Leave it out where you subscribe to deal_currency_code."
        ),
    },
)
