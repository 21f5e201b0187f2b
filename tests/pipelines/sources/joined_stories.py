"""Vonage and Telnyx join legs by an id, and tell some of a call under another: one call to a person counts once."""

import json
from datetime import timedelta
from typing import Any

from schemas.instants import instant, moment
from tests.pipelines.sources.conftest import RECEIVED_AT
from tests.pipelines.sources.told_calls import Told

CALLER, OURS = "77011234567", "77272000004"
DESK = "sip:aigerim@sip.telnyx.com"
BY_INSTRUCTIONS: dict[str, str | bool] = {"answered_by_instructions": True}


def _at(seconds: float) -> str:
    return instant(moment(RECEIVED_AT) + timedelta(seconds=seconds))


def _vonage(uuid: str, conversation: str, begin: str, end: str, **times: float) -> tuple[bytes, ...]:
    """Give what Vonage says of a leg in a conversation: each status, and when it came."""
    sides = {"from": begin, "to": end, "uuid": uuid, "conversation_uuid": conversation}
    sides["direction"] = "inbound" if end == OURS else "outbound"
    told: list[dict[str, Any]] = []
    for status, seconds in times.items():
        length = {}
        if status == "completed":
            talk = {
                "duration": f"{seconds - times.get('answered', 0):.0f}",
                "start_time": _at(times.get("answered", 0)),
            }
            length = talk | {"end_time": _at(seconds)}
        told.append(sides | {"status": status, "timestamp": _at(seconds)} | length)
    return tuple(json.dumps(one).encode() for one in told)


def _moved(uuid: str, begin: str, end: str, seconds: float) -> bytes:
    told = {"conversation_uuid_from": begin, "conversation_uuid_to": end, "uuid": uuid, "status": "transfer"}
    return json.dumps(told | {"timestamp": _at(seconds)}).encode()


def _rest(uuid: str, conversation: str, begin: str, end: str, *, answered: float, over: float) -> bytes:
    return _vonage(uuid, conversation, begin, end, answered=answered, completed=over)[-1]


def _telnyx(leg: str, session: str, begin: str, end: str, direction: str, **times: float) -> tuple[bytes, ...]:
    """Give what Telnyx says of a leg in a session: each event, and when it occurred."""
    sides = {"call_leg_id": leg, "call_session_id": session, "from": begin, "to": end}
    told: list[dict[str, Any]] = []
    for event, seconds in times.items():
        payload = dict(sides)
        if event == "initiated":
            payload["direction"] = direction
        if event == "hangup":
            payload |= {"hangup_cause": "normal_clearing", "end_time": _at(seconds)}
        told.append({"data": {"event_type": f"call.{event}", "occurred_at": _at(seconds), "payload": payload}})
    return tuple(json.dumps(one).encode() for one in told)


STORIES = {
    "moved behind a menu": Told(
        "vonage",
        (
            *_vonage("v1", "CON-v1", CALLER, OURS, started=0, answered=1),
            _moved("v1", "CON-v1", "CON-v1b", 10),
            *_vonage("v1o", "CON-v1b", CALLER, "aigerim", started=11, ringing=12, answered=20, completed=60),
            _rest("v1", "CON-v1b", CALLER, OURS, answered=1, over=60),
        ),
        BY_INSTRUCTIONS,
    ),
    "moved, and nobody there": Told(
        "vonage",
        (
            *_vonage("v2", "CON-v2", CALLER, OURS, started=0, answered=1),
            _moved("v2", "CON-v2", "CON-v2b", 10),
            _rest("v2", "CON-v2b", CALLER, OURS, answered=1, over=60),
        ),
        BY_INSTRUCTIONS,
    ),
    "moved from an operator": Told(
        "vonage",
        (
            *_vonage("v3", "CON-v3", CALLER, OURS, started=0, answered=5),
            *_vonage("v3o", "CON-v3", CALLER, "aigerim", started=1, ringing=2, answered=5, completed=31),
            _moved("v3", "CON-v3", "CON-v3b", 30),
            *_vonage("v3p", "CON-v3b", CALLER, "bolat", started=31, ringing=32, answered=40, completed=60),
            _rest("v3", "CON-v3b", CALLER, OURS, answered=5, over=60),
        ),
    ),
    "an operator moved": Told(
        "vonage",
        (
            *_vonage("v4", "CON-v4", CALLER, OURS, started=0, answered=5, completed=60),
            *_vonage("v4o", "CON-v4", CALLER, "aigerim", started=1, ringing=2, answered=5),
            _moved("v4o", "CON-v4", "CON-v4b", 30),
            _rest("v4o", "CON-v4b", CALLER, "aigerim", answered=5, over=60),
        ),
    ),
    "an operator who joins": Told(
        "vonage",
        (
            *_vonage("v5", "CON-v5", CALLER, OURS, started=0, answered=1),
            _moved("v5", "CON-v5", "CON-room", 2),
            *_vonage("v5o", "CON-v5o", OURS, "aigerim", started=5, ringing=6, answered=20),
            _moved("v5o", "CON-v5o", "CON-room", 21),
            _rest("v5o", "CON-room", OURS, "aigerim", answered=20, over=60),
            _rest("v5", "CON-room", CALLER, OURS, answered=1, over=60),
        ),
        BY_INSTRUCTIONS,
    ),
    "dialled for a caller": Told(
        "telnyx",
        (
            *_telnyx("t1", "s1", CALLER, f"+{OURS}", "incoming", initiated=0, answered=1, bridged=20, hangup=60),
            *_telnyx("t1o", "s1o", f"+{OURS}", DESK, "outgoing", initiated=10, answered=19, bridged=20, hangup=60),
        ),
        BY_INSTRUCTIONS,
    ),
    "dialled as the caller": Told(
        "telnyx",
        (
            *_telnyx("t2", "s2", CALLER, f"+{OURS}", "incoming", initiated=0, answered=1, bridged=20, hangup=60),
            *_telnyx("t2o", "s2o", CALLER, DESK, "outgoing", initiated=10, answered=19, bridged=20, hangup=60),
        ),
        BY_INSTRUCTIONS,
    ),
    "waited in vain": Told(
        "telnyx",
        (
            *_telnyx("t3", "s3", CALLER, f"+{OURS}", "incoming", initiated=0, answered=1, hangup=60),
            *_telnyx("t3o", "s3o", f"+{OURS}", DESK, "outgoing", initiated=10, hangup=40),
        ),
        BY_INSTRUCTIONS,
    ),
    "dialled in vain, then alone": Told(
        "telnyx",
        (
            *_telnyx("t5", "s5", CALLER, f"+{OURS}", "incoming", initiated=0, answered=1, bridged=20, hangup=60),
            *_telnyx("t5a", "s5", f"+{OURS}", DESK, "outgoing", initiated=2, hangup=10),
            *_telnyx("t5o", "s5o", f"+{OURS}", DESK, "outgoing", initiated=10, answered=19, bridged=20, hangup=60),
        ),
    ),
    "an operator's own leg": Told(
        "telnyx", _telnyx("t6", "s6", DESK, CALLER, "outgoing", initiated=0, answered=9, hangup=60)
    ),
    "dialled in the same session": Told(
        "telnyx",
        (
            *_telnyx("t4", "s4", CALLER, f"+{OURS}", "incoming", initiated=0, answered=1, bridged=20, hangup=60),
            *_telnyx("t4o", "s4", f"+{OURS}", DESK, "outgoing", initiated=10, answered=20, bridged=20, hangup=60),
        ),
        BY_INSTRUCTIONS,
    ),
}

COUNTED = """
story                       | direction | contact            | outcome  | talk | operator                   | legs
moved behind a menu         | incoming  | phone:+77011234567 | answered | 40   | aigerim                    | 1
moved, and nobody there     | incoming  | phone:+77011234567 | missed   |      |                            | 0
moved from an operator      | incoming  | phone:+77011234567 | answered | 20   | bolat                      | 1
an operator moved           | incoming  | phone:+77011234567 | answered | 55   | aigerim                    | 1
an operator who joins       | incoming  | phone:+77011234567 | answered | 40   | aigerim                    | 1
dialled for a caller        | incoming  | phone:+77011234567 | answered | 40   |                            | 0
dialled as the caller       | incoming  | phone:+77011234567 | answered | 40   |                            | 0
waited in vain              | incoming  | phone:+77011234567 | missed   |      |                            | 0
dialled in vain, then alone | incoming  | phone:+77011234567 | answered | 59   | sip:aigerim@sip.telnyx.com | 1
an operator's own leg       | outgoing  | phone:+77011234567 | answered | 51   | sip:aigerim@sip.telnyx.com | 1
dialled in the same session | incoming  | phone:+77011234567 | answered | 40   | sip:aigerim@sip.telnyx.com | 1
"""
