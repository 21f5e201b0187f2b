"""A true call or message as Meta's WhatsApp Business Platform tells it: webhook changes, bodies, signatures.

Sources: "User-initiated calls", "Business-initiated calls", "Obtain User Call Permissions", "Call recording", and the
webhook reference of messages, in the documentation of the WhatsApp Business Platform.
"""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from angime.simulator.company import Line
from angime.simulator.story import ASKS_TO_CALL, Call, Contact, Message, PermissionReply, Recorded

Json = dict[str, Any]
Change = tuple[int, str, Json]  # when Meta would send it, the field, the value


class Sides(Struct, frozen=True, kw_only=True):
    """The business number and the contact of a call."""

    line: Line
    contact: Contact


MAX_ITEMS_A_VALUE = 6
ERROR_TITLES = {
    138004: "Connection error",
    138006: "No approved call permission from the recipient",
    138007: "Connection timeout",
    138012: "Business-initiated call limit reached",
    131026: "Message undeliverable",
    131047: "Re-engagement message",
}


def changes_of_call(chance: random.Random, call: Call, *, line: Line, contact: Contact) -> list[Change]:
    """List what Meta tells of a call: connect, the statuses of a call of ours, terminate."""
    sides = Sides(line=line, contact=contact)
    told: list[Change] = []
    if call.outcome != "not_permitted":
        told.append((call.began_at, "calls", _connect(call, sides)))
    if call.direction == "outgoing":
        told += [
            (at, "calls", _call_status(call, sides, status=_in_some_case(chance, status), at=at))
            for status, at in _statuses(call)
        ]
    if call.ended_at is not None:
        status = _in_some_case(chance, "FAILED" if call.outcome in {"failed", "not_permitted"} else "COMPLETED")
        told.append((call.ended_at, "calls", _terminate(call, sides, status=status, at=call.ended_at)))
    return told


def changes_of_message(message: Message, *, line: Line) -> list[Change]:
    """List what Meta tells of a message: its content when it is the contact's, its statuses when it is ours.

    Of what we write it gives back what asks for permission to call.
    """
    if message.direction == "incoming":
        item = {**_from(message.contact), "id": message.id, "timestamp": str(message.sent_at), **_content(message)}
        value = _value(line) | {"contacts": [_card(message.contact)], "messages": [item]}
        return [(message.sent_at, "messages", value)]
    moments = (
        ("sent", message.sent_at if message.failed_at is None else None),
        ("delivered", message.delivered_at),
        ("read", message.read_at),
        ("failed", message.failed_at),
    )
    echoes: list[Change] = []
    if message.kind == ASKS_TO_CALL and message.failed_at is None:
        echoed = _value(line) | {"message_echoes": [_request(message, line=line)]}
        echoes.append((message.sent_at, "smb_message_echoes", echoed))
    return echoes + [
        (at, "messages", _value(line) | {"statuses": [_message_status(message, status=status, at=at)]})
        for status, at in moments
        if at is not None
    ]


def change_of_permission(reply: PermissionReply, *, line: Line) -> Change:
    """Tell a contact's answer to a call permission request, or the permission that his call brought."""
    answer: Json = {
        "response": "accept" if reply.is_accepted else "reject",
        "is_permanent": reply.is_permanent,
        "response_source": "automatic" if reply.is_automatic else "user_action",
    }
    if reply.expires_at is not None:
        answer["expiration_timestamp"] = str(reply.expires_at)
    item = {
        **_from(reply.contact),
        "id": reply.id,
        "timestamp": str(reply.at),
        "type": "interactive",
        "context": {"id": reply.context_id, **_from(reply.contact)},
        "interactive": {"type": "call_permission_reply", "call_permission_reply": answer},
    }
    return reply.at, "messages", _value(line) | {"contacts": [_card(reply.contact)], "messages": [item]}


def change_of_recording(recorded: Recorded, call: Call, *, line: Line, url: str, content: bytes) -> Change:
    """Tell that a call's recording can be fetched; channel 0 is the business, channel 1 the contact."""
    at = (call.ended_at or call.began_at) + 40
    sha256 = base64.b64encode(hashlib.sha256(content).digest()).decode()
    audio = {"id": recorded.id, "sha256": sha256, "mime_type": "audio/ogg; codecs=opus", "url": url}
    item = {
        "id": call.id,
        **(_from(call.contact) if call.contact is not None else {}),
        "timestamp": str(at),
        "event": "call_recording_available",
        "call_recording": {"type": "audio", "audio": audio},
    }
    return at, "calls", _value(line) | {"calls": [item]}


def body(changes: Sequence[Change], *, line: Line) -> bytes:
    """Pack changes into one webhook body: neighbours of a kind into one value, and the whole into two entries."""
    packed: list[Json] = []
    for _, field, value in changes:
        if not (packed and _is_joined(packed[-1], field=field, value=value)):
            packed.append({"value": value, "field": field})
    middle = (len(packed) + 1) // 2
    entries = [{"id": line.business_id, "changes": part} for part in (packed[:middle], packed[middle:]) if part]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}, ensure_ascii=False).encode()


def headers(content: bytes, *, app_secret: str) -> dict[str, str]:
    """Sign a body as Meta does: HMAC-SHA256 of its bytes with the app secret, in hexadecimal."""
    signature = hmac.new(app_secret.encode(), content, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"}


def _is_joined(last: Json, *, field: str, value: Json) -> bool:
    """Join `value` to the last change where both hold messages, or both statuses of messages."""
    for name in ("messages", "statuses"):
        known = last["value"].get(name)
        if field != "messages" or last["field"] != field or name not in value or not known:
            continue
        if len(known) >= MAX_ITEMS_A_VALUE or last["value"]["metadata"] != value["metadata"]:
            return False
        cards = [*last["value"].get("contacts", []), *value.get("contacts", [])]
        last["value"] = last["value"] | {name: [*known, *value[name]]} | ({"contacts": cards} if cards else {})
        return True
    return False


def _value(line: Line) -> Json:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": line.number.removeprefix("+"), "phone_number_id": line.provider_id},
    }


def _card(contact: Contact) -> Json:
    if contact.hides_number:
        return {
            "profile": {"name": contact.name, "username": f"@user{contact.user_id[-6:]}"},
            "user_id": contact.user_id,
        }
    return {"profile": {"name": contact.name}, "wa_id": _digits(contact), "user_id": contact.user_id}


def _digits(contact: Contact) -> str:
    return contact.number.removeprefix("+")


def _from(contact: Contact) -> Json:
    return {"from_user_id": contact.user_id} | ({} if contact.hides_number else {"from": _digits(contact)})


def _to(contact: Contact) -> Json:
    return {"to_user_id": contact.user_id} | ({} if contact.hides_number else {"to": _digits(contact)})


def _who(call: Call, sides: Sides) -> Json:
    ours = sides.line.number.removeprefix("+")
    if call.direction == "incoming":
        return {**_from(sides.contact), "to": ours, "direction": "USER_INITIATED"}
    return {"from": ours, **_to(sides.contact), "direction": "BUSINESS_INITIATED"}


def _connect(call: Call, sides: Sides) -> Json:
    sdp_type = "offer" if call.direction == "incoming" else "answer"
    item = {
        "id": call.id,
        **_who(call, sides),
        "event": "connect",
        "timestamp": str(call.began_at),
        "session": {"sdp_type": sdp_type, "sdp": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"},
    }
    if call.direction == "outgoing" and call.operator is not None:
        item["biz_opaque_callback_data"] = call.operator
    return _value(sides.line) | {"contacts": [_card(sides.contact)], "calls": [item]}


def _statuses(call: Call) -> list[tuple[str, int]]:
    moments = (
        ("RINGING", call.rang_at),
        ("ACCEPTED", call.answered_at),
        ("REJECTED", call.ended_at if call.outcome == "rejected" else None),
    )
    return [(status, at) for status, at in moments if at is not None]


def _call_status(call: Call, sides: Sides, *, status: str, at: int) -> Json:
    item: Json = {
        "id": call.id,
        "type": "call",
        "status": status,
        "timestamp": str(at),
        "recipient_user_id": sides.contact.user_id,
    }
    if not sides.contact.hides_number:
        item["recipient_id"] = _digits(sides.contact)
    if call.operator is not None:
        item["biz_opaque_callback_data"] = call.operator
    return _value(sides.line) | {"statuses": [item]}


def _terminate(call: Call, sides: Sides, *, status: str, at: int) -> Json:
    """Tell the end of a call: COMPLETED also where nobody picked up; only a talk has start, end and duration."""
    item: Json = {
        "id": call.id,
        **_who(call, sides),
        "event": "terminate",
        "timestamp": str(at),
        "status": status,
    }
    if call.answered_at is not None:
        item |= {"start_time": str(call.answered_at), "end_time": str(at), "duration": at - call.answered_at}
    if call.outcome == "failed" and call.direction == "incoming":
        item["duration"] = at - call.began_at  # Meta gives a failed call a duration all the same
    if call.operator is not None and (call.direction == "outgoing" or call.answered_at is not None):
        item["biz_opaque_callback_data"] = call.operator
    value = _value(sides.line) | {"calls": [item]}
    return value | ({"errors": [_error(call.error_code)]} if call.error_code is not None else {})


def _error(code: int) -> Json:
    title = ERROR_TITLES[code]
    href = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
    return {"code": code, "title": title, "message": title, "href": href, "error_data": {"details": title}}


def _content(message: Message) -> Json:
    asset = {"id": hashlib.sha256(message.id.encode()).hexdigest()[:16], "sha256": "c2ltdWxhdGVk"}
    contents: dict[str, Json] = {
        "text": {"body": message.text},
        "image": {"caption": message.text, "mime_type": "image/jpeg", **asset},
        "audio": {"mime_type": "audio/ogg; codecs=opus", "voice": True, **asset},
        "document": {"filename": "file.pdf", "mime_type": "application/pdf", **asset},
        "location": {"latitude": 43.238, "longitude": 76.945},
        "sticker": {"mime_type": "image/webp", "animated": False, **asset},
        "reaction": {"message_id": message.about, "emoji": message.text},
    }
    return {"type": message.kind, message.kind: contents[message.kind]}


def _request(message: Message, *, line: Line) -> Json:
    return {
        "from": line.number.removeprefix("+"),
        **_to(message.contact),
        "id": message.id,
        "timestamp": str(message.sent_at),
        "type": "interactive",
        "interactive": {"type": "call_permission_request", "body": {"text": message.text}},
    }


def _message_status(message: Message, *, status: str, at: int) -> Json:
    item: Json = {
        "id": message.id,
        "status": status,
        "timestamp": str(at),
        "recipient_user_id": message.contact.user_id,
        "conversation": {"id": message.contact.user_id.partition(".")[2], "origin": {"type": "service"}},
        "pricing": {"billable": False, "pricing_model": "PMP", "category": "service"},
    }
    if not message.contact.hides_number:
        item["recipient_id"] = _digits(message.contact)
    if message.error_code is not None and status == "failed":
        item["errors"] = [_error(message.error_code)]
    return item


def _in_some_case(chance: random.Random, word: str) -> str:
    """Write a status as Meta's own examples do: mostly in capitals, at times with one."""
    return word if chance.random() < 0.8 else word.capitalize()
