"""What YCloud hands on from Meta: its names are brought back to Meta's, and read as Meta's own webhooks are."""

import re
from typing import Any

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene
from pipelines.sources.reading import Fields, as_object, items, loose, member, number, required, text
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import ignored
from pipelines.sources.whatsapp_accounts import account_change
from pipelines.sources.whatsapp_calls import call as meta_call
from pipelines.sources.whatsapp_calls import call_status as meta_call_status
from pipelines.sources.whatsapp_messages import echoed, received
from pipelines.sources.whatsapp_people import Inbox, inbox
from pipelines.sources.whatsapp_statuses import message_status
from schemas.errors import InvalidEvent
from schemas.instants import Instant, from_rfc3339, moment

_TIMES = {"sent": "send_time", "delivered": "deliver_time", "read": "read_time"}
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


class Told(Struct, frozen=True):
    """One event of YCloud: whose it is, its fields, and when it was made."""

    scene: Scene
    body: Fields
    time: Instant

    def part(self, *names: str) -> Fields:
        """Give the object that an event carries, under Meta's names; raises InvalidEvent when it is not there."""
        for name in names:
            if self.body.get(name) is not None:
                return _meta_names(as_object(self.body[name], what=name))
        raise InvalidEvent(f"{names[0]} is missing")


def call_connect(told: Told) -> Translation:
    """Read that a call is being set up."""
    return _call(told, told.part("callingConnect"), event="connect")


def call_terminate(told: Told) -> Translation:
    """Read that a call is over; its times come as epochs in milliseconds."""
    fields = told.part("callingTerminate")
    for name in ("start_time", "end_time"):
        fields[name] = _in_seconds(fields, name)
    return _call(told, fields, event="terminate")


def call_status(told: Told) -> Translation:
    """Read that a call of ours rings, was accepted or rejected."""
    fields = told.part("callingStatusUpdated")
    status = fields | {
        "id": required(fields, "wacid", "id"),
        "recipient_id": text(fields, "recipient_phone", "recipient_id"),
        "recipient_parent_user_id": text(fields, "parent_recipient_user_id", "recipient_parent_user_id"),
        "timestamp": _timestamp(told.time),
    }
    return meta_call_status(_box(told, fields, ours=()), status)


def _call(told: Told, fields: Fields, *, event: str) -> Translation:
    is_ours = (text(fields, "direction") or "").upper() == "BUSINESS_INITIATED"
    wrong = items(fields, "errors") or ([{"code": fields["error_code"]}] if fields.get("error_code") else [])
    known = fields | {
        "id": required(fields, "wacid", "id"),
        "event": text(fields, "event") or event,
        "timestamp": fields.get("end_time") or _timestamp(told.time),
    }
    return meta_call(_box(told, fields, ours=("from",) if is_ours else ("to",)), known, errors=wrong)


def inbound(told: Told) -> Translation:
    """Read a message of a contact, his reaction, or his answer to a request to be called."""
    fields = told.part("whatsappInboundMessage")
    return received(_box(told, fields, ours=("to",)), _message(told, fields))


def echo(told: Told) -> Translation:
    """Read a message that the company wrote in its linked app, or that its agent, a machine, wrote."""
    return _sent(told, told.part("whatsappMessage"))


def _sent(told: Told, fields: Fields) -> Translation:
    addressed = {
        "to_user_id": text(fields, "recipient_user_id", "to_user_id"),
        "to_parent_user_id": text(fields, "parent_recipient_user_id", "to_parent_user_id"),
    }
    return echoed(_box(told, fields, ours=("from",)), _message(told, fields | addressed))


def history(told: Told) -> Translation:
    """Read a message of a linked app's history; a piece of it may hold none."""
    if told.body.get("whatsappInboundMessage") is not None:
        return inbound(told)
    if told.body.get("whatsappMessage") is not None:
        return echo(told)
    return ignored("a part of the history holds no message")


def message_updated(told: Told) -> Translation:
    """Read what became of a message of ours; the event carries the whole message each time."""
    if told.body.get("whatsappMessage") is None and told.body.get("whatsappGroup") is not None:
        return ignored("the status of a message to a group, which another event tells")
    fields = told.part("whatsappMessage")
    status = required(fields, "status").lower()
    if status == "sent" and text(fields, "type"):
        return _sent(told, fields)
    wrong = text(loose(fields, "whatsapp_api_error"), "code") or text(fields, "error_code")
    known = {
        "id": required(fields, "wamid", "id"),
        "status": status,
        "recipient_id": text(fields, "to"),
        "recipient_user_id": text(fields, "recipient_user_id", "to_user_id"),
        "recipient_parent_user_id": text(fields, "parent_recipient_user_id", "recipient_parent_user_id"),
        "timestamp": _timestamp(reached_at(told, fields, status=status)),
        "errors": [{"code": wrong}] if wrong else [],
        "pricing": {"category": text(fields, "pricing_category")},
    }
    return message_status(_box(told, fields, ours=("from",)), known)


def group_message_updated(told: Told) -> Translation:
    """Read what became of a message of ours to a group: as a whole, or at one of its members."""
    fields = told.part("whatsappGroupMessage")
    status = required(fields, "status").lower()
    is_members = (text(fields, "status_scope") or "").lower() == "member"
    if is_members and status in {"failed", "expired"}:
        return ignored("one member of a group did not get a message")
    if not is_members and status == "sent" and text(fields, "type"):
        return _sent(told, fields | {"to": None})
    wrong = text(loose(fields, "whatsapp_api_error"), "code") or text(fields, "error_code")
    member_of = {
        "recipient_participant_id": text(fields, "to"),
        "recipient_participant_user_id": text(fields, "recipient_user_id"),
        "recipient_participant_parent_user_id": text(fields, "parent_recipient_user_id"),
    }
    known = (member_of if is_members else {}) | {
        "id": required(fields, "wamid", "id"),
        "status": status,
        "recipient_type": "group",
        "recipient_id": required(fields, "group_id"),
        "timestamp": _timestamp(reached_at(told, fields, status=status)),
        "errors": [{"code": wrong}] if wrong else [],
    }
    return message_status(_box(told, fields, ours=("from",)), known)


def account(told: Told) -> Translation:
    """Read a change of the business account: violations, restrictions, bans, links."""
    fields = told.part("whatsappBusinessAccount")
    if text(fields, "update_event") is None:
        return ignored("the business account changed, and what changed is no fact of ours")
    value = {
        "event": required(fields, "update_event"),
        "violation_info": {"violation_type": text(fields, "violation_type")},
        "restriction_info": [_restriction(one) for one in items(fields, "restrictions")],
        "ban_info": {"waba_ban_state": text(fields, "ban_state")},
    }
    return _account(told, fields, field="account_update", value=value)


def account_deleted(told: Told) -> Translation:
    """Read that the business account was taken away."""
    return _account(
        told, told.part("whatsappBusinessAccount"), field="account_update", value={"event": "ACCOUNT_DELETED"}
    )


def number_deleted(told: Told) -> Translation:
    """Read that a number was taken away from the business account."""
    fields = told.part("whatsappPhoneNumber")
    value = {"event": "PHONE_NUMBER_REMOVED", "phone_number": text(fields, "display_phone_number", "phone_number")}
    return _account(told, fields, field="account_update", value=value)


def number_quality(told: Told) -> Translation:
    """Read that a number's quality, its limit of messages or its link changed."""
    fields = told.part("whatsappPhoneNumber")
    phone = text(fields, "display_phone_number", "phone_number")
    linked = text(fields, "update_event")
    if linked is not None:
        return _account(told, fields, field="account_update", value={"event": linked, "phone_number": phone})
    value = {
        "event": text(fields, "quality_update_event") or "QUALITY",
        "current_limit": text(fields, "quality_rating", "messaging_limit"),
        "display_phone_number": phone,
    }
    return _account(told, fields, field="phone_number_quality_update", value=value)


def _account(told: Told, fields: Fields, *, field: str, value: Fields) -> Translation:
    entry: Fields = {"id": text(fields, "id"), "time": _timestamp(told.time)}
    return account_change(told.scene, field=field, value=value, entry=entry)


def _restriction(value: Any) -> Fields:
    one = as_object(value, what="restrictions[]")
    expires = one.get("expiration")
    if isinstance(expires, str) and not expires.strip().isdigit():
        return one | {"expiration": _timestamp(from_rfc3339(expires.strip()))}
    return one


def _message(told: Told, fields: Fields) -> Fields:
    """Give a message as Meta writes it: its own id, its time as an epoch."""
    time = time_of(fields, "send_time", "create_time") or told.time
    return fields | {"id": required(fields, "wamid", "id"), "timestamp": _timestamp(time)}


def _box(told: Told, fields: Fields, *, ours: tuple[str, ...]) -> Inbox:
    profile = member(fields, "customer_profile")
    card = {"profile": {"name": text(profile, "name", "username"), "username": text(profile, "username")}}
    value: Fields = {"metadata": {"display_phone_number": text(fields, *ours) if ours else None}, "contacts": [card]}
    box, _ = inbox(told.scene, value, item_count=1, path="")
    return box


def reached_at(told: Told, fields: Fields, *, status: str) -> Instant:
    """Give when a message of ours got so far."""
    return time_of(fields, _TIMES.get(status, ""), "update_time") or told.time


def time_of(fields: Fields, *names: str) -> Instant | None:
    """Read the first time that is there, written as a clock or as an epoch."""
    for name in names:
        value = fields.get(name) if name else None
        if value is None or value == "":
            continue
        if isinstance(value, str) and not value.strip().isdigit():
            return from_rfc3339(value.strip())
        return from_epoch_field(value, what=name)
    return None


def _in_seconds(fields: Fields, name: str) -> float | None:
    if number(fields, name) is None or number(fields, name) == 0:
        return None
    return moment(from_epoch_field(fields[name], what=name)).timestamp()


def _timestamp(time: Instant) -> float:
    return moment(time).timestamp()


def _meta_names(value: Any) -> Any:
    """Write the names of fields with underscores, as Meta does, where YCloud writes them with humps.

    A body is no deeper than the codec's `parse_json` lets through.
    """
    if isinstance(value, dict):
        fields = as_object(value, what="the event")
        return {_HUMP.sub(r"_\1", name).lower(): _meta_names(one) for name, one in fields.items()}
    if isinstance(value, list):
        return [_meta_names(one) for one in items({"list": value}, "list")]
    return value
