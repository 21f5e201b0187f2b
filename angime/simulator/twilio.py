"""A true call as Twilio tells it: status callbacks of the call and of its legs, recordings, and the signature.

Sources: "Voice webhooks", "Call resource: statuscallback", "TwiML Dial: answerOnBridge", "Recordings", and "Webhooks
security" in Twilio's documentation. Incoming calls are bridged with `answerOnBridge`, so that the caller's call rings
until an operator picks up; operators call out from their browser, where their own call is `inbound` to Twilio.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from math import ceil

from angime.simulator.company import Line
from angime.simulator.story import Call, Contact, Leg, Recorded

Form = dict[str, str]
Callback = tuple[int, Form]  # when Twilio would send it, and the form

_FINAL = {"no_answer": "no-answer", "cancelled": "canceled", "machine": "completed", "answered": "completed"}
_SIP = {"completed": "200", "busy": "486", "no-answer": "487", "canceled": "487", "failed": "404"}


def callbacks(call: Call, *, line: Line, contact: Contact) -> list[Callback]:
    """List the status callbacks of a call, in the order in which Twilio numbers them."""
    if call.direction == "incoming":
        return _incoming(call, line=line, contact=contact)
    if call.operator is None:
        return _placed_by_program(call, line=line, contact=contact)
    return _from_browser(call, line=line, contact=contact)


def recording_callback(recorded: Recorded, call: Call, *, line: Line, url: str) -> Callback:
    """Tell that the two-channel recording of a call's talk is there."""
    began_at = call.answered_at or call.began_at
    form = {
        "AccountSid": line.provider_id,
        "CallSid": call.id,
        "RecordingSid": f"RE{recorded.id}",
        "RecordingUrl": url,
        "RecordingStatus": "completed",
        "RecordingDuration": str(recorded.seconds),
        "RecordingChannels": "2",
        "RecordingStartTime": _rfc2822(began_at),
        "RecordingSource": "DialVerb",
        "RecordingTrack": "both",
        "ErrorCode": "0",
    }
    return began_at + recorded.seconds + 10, form


def signature(url: str, form: Mapping[str, str], *, auth_token: str) -> str:
    """Sign a request as Twilio does: HMAC-SHA1 of the address and the sorted fields, in base64."""
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def leg_sid(call: Call, number: int) -> str:
    """Name the leg that a call dialled."""
    return "CA" + hashlib.md5(f"{call.id}/{number}".encode(), usedforsecurity=False).hexdigest()


def _incoming(call: Call, *, line: Line, contact: Contact) -> list[Callback]:
    told: list[Callback] = []
    for number, leg in enumerate(call.legs):
        who = {
            **_numbers(contact.number, f"client:{leg.operator}", country=contact.country),
            "CallSid": leg_sid(call, number),
            "ParentCallSid": call.id,
            "Direction": "outbound-dial",
        }
        told += _leg(who, leg, line=line, is_unfinished=call.outcome == "in_progress")
    if call.ended_at is None:
        return told
    whole = {
        **_numbers(contact.number, line.number, country=contact.country),
        "CallSid": call.id,
        "Direction": "inbound",
    }
    status = "completed" if call.answered_at is not None else "no-answer"
    final = _ending(status, seconds=call.talk_seconds)
    return [*told, _callback(call.ended_at, whole | final, line=line, sequence=0)]


def _leg(who: Form, leg: Leg, *, line: Line, is_unfinished: bool) -> list[Callback]:
    told = [
        _callback(leg.rang_at, who | {"CallStatus": "initiated"}, line=line, sequence=0),
        _callback(leg.rang_at, who | {"CallStatus": "ringing"}, line=line, sequence=1),
    ]
    if is_unfinished:
        return told
    if leg.answered_at is None:
        return [*told, _callback(leg.ended_at, who | _ending("no-answer", seconds=0), line=line, sequence=2)]
    final = _ending("completed", seconds=leg.ended_at - leg.answered_at)
    return [
        *told,
        _callback(leg.answered_at, who | {"CallStatus": "in-progress"}, line=line, sequence=2),
        _callback(leg.ended_at, who | final, line=line, sequence=3),
    ]


def _placed_by_program(call: Call, *, line: Line, contact: Contact) -> list[Callback]:
    who = {
        **_numbers(line.number, contact.number, country="BR"),
        "CallSid": call.id,
        "Direction": "outbound-api",
    }
    return _outgoing(call, who, line=line)


def _from_browser(call: Call, *, line: Line, contact: Contact) -> list[Callback]:
    """Tell the leg to the contact, and then the operator's own call, which ends as the leg does."""
    leg = {
        **_numbers(line.number, contact.number, country="BR"),
        "CallSid": leg_sid(call, 0),
        "ParentCallSid": call.id,
        "Direction": "outbound-dial",
    }
    told = _outgoing(call, leg, line=line)
    own = {
        **_numbers(f"client:{call.operator}", contact.number, country=""),
        "CallSid": call.id,
        "Direction": "inbound",
    }
    final = _ending(_FINAL.get(call.outcome, call.outcome), seconds=call.talk_seconds)
    return [*told, _callback(call.ended_at or call.began_at, own | final, line=line, sequence=0)]


def _outgoing(call: Call, who: Form, *, line: Line) -> list[Callback]:
    told = [_callback(call.began_at, who | {"CallStatus": "initiated"}, line=line, sequence=0)]
    if call.rang_at is not None:
        told.append(_callback(call.rang_at, who | {"CallStatus": "ringing"}, line=line, sequence=1))
    picked_up_at = call.answered_at or call.machine_at
    if picked_up_at is not None:
        told.append(_callback(picked_up_at, who | {"CallStatus": "in-progress"}, line=line, sequence=2))
    ended_at = call.ended_at or call.began_at
    final = _ending(_FINAL.get(call.outcome, call.outcome), seconds=ended_at - (picked_up_at or ended_at))
    if call.operator is None and picked_up_at is not None:
        final["AnsweredBy"] = "machine_start" if call.outcome == "machine" else "human"
    return [*told, _callback(ended_at, who | final, line=line, sequence=3)]


def _ending(status: str, *, seconds: int) -> Form:
    """Give the fields of a last status: `CallDuration` in seconds, `Duration` in begun minutes."""
    return {
        "CallStatus": status,
        "CallDuration": str(seconds),
        "Duration": str(ceil(seconds / 60)),
        "SipResponseCode": _SIP[status],
    }


def _callback(at: int, fields: Form, *, line: Line, sequence: int) -> Callback:
    form = {
        "AccountSid": line.provider_id,
        "ApiVersion": "2010-04-01",
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": _rfc2822(at),
        **fields,
    }
    return at, form


def _numbers(begin: str, end: str, *, country: str) -> Form:
    return {
        "From": begin,
        "Caller": begin,
        "To": end,
        "Called": end,
        "FromCountry": country,
        "CallerCountry": country,
        "FromCity": "",
        "FromState": "",
        "FromZip": "",
    }


def _rfc2822(moment: int) -> str:
    return format_datetime(datetime.fromtimestamp(moment, UTC))
