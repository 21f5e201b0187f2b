"""Records of FreeSWITCH, of every leg or of the caller's alone: what is one call to a person is counted once."""

import json
from typing import Any

from tests.pipelines.sources.told_calls import Told

BEGAN = 1_772_445_600
CALLER, DIALLED = "+77011234567", "77272000005"
TRUNK, DESK = "sofia/external/+77011234567@gw.example", "sofia/internal/101@10.0.0.5"
OUT = "sofia/external/87011234567"


def _at(seconds: float | None) -> str:
    return "0" if seconds is None else f"{(BEGAN + seconds) * 1_000_000:.0f}"


def part(  # what a part of a call flow holds
    uuid: str,
    *,
    caller: str,
    dialled: str,
    channel: str,
    start: float,
    end: float | None,
    answer: float | None = None,
    bridge: float | None = None,
    transfer: float | None = None,
    originator: list[dict[str, str]] | None = None,
    originatee: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    profile: dict[str, Any] = {
        "caller_id_number": caller,
        "destination_number": dialled,
        "uuid": uuid,
        "chan_name": channel,
    }
    if originator:
        profile["originator"] = {"originator_caller_profiles": originator}
    if originatee:
        profile["originatee"] = {"originatee_caller_profiles": originatee}
    times = {
        "created_time": _at(start),
        "answered_time": _at(answer),
        "bridged_time": _at(bridge),
        "transfer_time": _at(transfer),
        "hangup_time": _at(end),
    }
    return {"caller_profile": profile, "times": times}


def record(
    uuid: str, direction: str, *parts: dict[str, Any], cause: str = "NORMAL_CLEARING", **variables: str
) -> bytes:
    told = {"direction": direction, "uuid": uuid, "hangup_cause": cause} | variables
    return json.dumps({"variables": told, "callflow": list(parts)}).encode()


def _dialled(  # a leg and its moments
    uuid: str,
    *,
    by: str,
    to: str = "101",
    caller: str = CALLER,
    channel: str = DESK,
    from_channel: str = TRUNK,
    start: float = 5,
    answer: float | None = None,
    end: float = 60,
    cause: str = "NORMAL_CLEARING",
    **variables: str,
) -> bytes:
    begun = {"uuid": by, "chan_name": from_channel, "caller_id_number": caller}
    whole = part(
        uuid,
        caller=caller,
        dialled=to,
        channel=channel,
        start=start,
        answer=answer,
        bridge=answer,
        end=end,
        originator=[begun],
    )
    return record(uuid, "outbound", whole, cause=cause, call_uuid=by, **variables)


def _came_in(uuid: str, **times: Any) -> dict[str, Any]:
    return part(uuid, caller=CALLER, dialled=DIALLED, channel=TRUNK, start=0, **times)


def _rung_by_queue(uuid: str, *, agent: str, member: str, to: str = "101", answer: float | None = None) -> bytes:
    whole = part(
        uuid, caller=CALLER, dialled=to, channel=DESK, start=10, answer=answer, bridge=answer, end=60 if answer else 20
    )
    told = {"cc_side": "agent", "cc_agent": agent, "cc_member_session_uuid": member, "cc_queue": "sales@default"}
    return record(uuid, "outbound", whole, cause="NORMAL_CLEARING" if answer else "ORIGINATOR_CANCEL", **told)


def _in_queue(uuid: str, *, answer: float | None = None, end: float = 60) -> bytes:
    told = {"last_app": "callcenter", "cc_side": "member", "cc_queue": "sales@default", "cc_member_session_uuid": uuid}
    if answer:
        told |= {"cc_agent": "101@default", "cc_queue_answered_epoch": f"{BEGAN + answer:.0f}", "last_bridge_to": "x"}
    return record(uuid, "inbound", _came_in(uuid, answer=1, end=end, bridge=answer), **told)


STORIES = {
    "queue": Told(
        "freeswitch",
        (
            _in_queue("q1", answer=20),
            _rung_by_queue("q1a", agent="101@default", member="q1", answer=20),
            _rung_by_queue("q1b", agent="102@default", member="q1", to="102"),
            _rung_by_queue("q1c", agent="8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60", member="q1", to="103"),
        ),
    ),
    "queue, caller alone": Told("freeswitch", (_in_queue("q2", answer=20),)),
    "queue given up": Told(
        "freeswitch", (_in_queue("q3", end=30), _rung_by_queue("q3a", agent="101@default", member="q3"))
    ),
    "behind a menu nobody": Told(
        "freeswitch",
        (
            record("m1", "inbound", _came_in("m1", answer=1, end=40), last_app="bridge"),
            _dialled("m1a", by="m1", start=10, end=40, cause="ORIGINATOR_CANCEL"),
        ),
    ),
    "fifo given up": Told("freeswitch", (record("f1", "inbound", _came_in("f1", answer=1, end=40), last_app="fifo"),)),
    "handed on, caller alone": Told(
        "freeswitch",
        (
            record(
                "h1",
                "inbound",
                part("h1", caller=CALLER, dialled="102", channel=TRUNK, start=0, answer=10, bridge=45, end=60),
                _came_in("h1", answer=10, bridge=10, transfer=40, end=None),
                last_app="bridge",
                dialed_user="102",
            ),
        ),
    ),
    "handed on to a mailbox": Told(
        "freeswitch",
        (
            record(
                "v1",
                "inbound",
                part("v1", caller=CALLER, dialled="*99101", channel=TRUNK, start=0, answer=10, end=60),
                _came_in("v1", answer=10, bridge=10, transfer=40, end=None),
                last_app="voicemail",
            ),
        ),
    ),
    "mailbox of a script": Told(
        "freeswitch",
        (record("b1", "inbound", _came_in("b1", answer=20, end=60), last_app="lua", voicemail_message_seconds="12"),),
    ),
    "from a click": Told(
        "freeswitch",
        (
            record(
                "o1",
                "outbound",
                part("o1", caller="0000000000", dialled="101", channel=DESK, start=0, answer=5, bridge=20, end=60),
            ),
            _dialled(
                "o1a", by="o1", to="87011234567", caller="+77272000005", channel=OUT, from_channel=DESK, answer=20
            ),
        ),
    ),
    "from a click, caller alone": Told(
        "freeswitch",
        (
            record(
                "o2",
                "outbound",
                part(
                    "o2",
                    caller="0000000000",
                    dialled="101",
                    channel=DESK,
                    start=0,
                    answer=5,
                    bridge=20,
                    end=60,
                    originatee=[{"uuid": "o2a", "destination_number": "87011234567", "chan_name": OUT}],
                ),
                last_bridge_to="o2a",
            ),
        ),
    ),
    "from a click nobody took": Told(
        "freeswitch",
        (
            record(
                "o3",
                "outbound",
                part("o3", caller="0000000000", dialled="101", channel=DESK, start=0, end=30),
                cause="NO_ANSWER",
            ),
        ),
    ),
    "dialled for an operator": Told(
        "freeswitch",
        (
            record(
                "d1",
                "outbound",
                part(
                    "d1",
                    caller="+77272000005",
                    dialled="87011234567",
                    channel=OUT,
                    start=0,
                    answer=10,
                    bridge=15,
                    end=60,
                ),
            ),
            _dialled("d1a", by="d1", to="101", caller="+77272000005", from_channel=OUT, start=10, answer=15),
        ),
    ),
    "sent on to a mobile": Told(
        "freeswitch",
        (
            record("s1", "inbound", _came_in("s1", answer=20, bridge=20, end=60), last_app="bridge"),
            _dialled("s1a", by="s1", to="87017770002", channel="sofia/external/87017770002", answer=20),
        ),
    ),
    "loopback that stays": Told(
        "freeswitch",
        (
            record("l1", "inbound", _came_in("l1", answer=20, bridge=20, end=60), last_app="bridge"),
            _dialled("l1a", by="l1", channel="loopback/101-a", answer=20, loopback_leg="A"),
            record(
                "l1b",
                "inbound",
                part("l1b", caller=CALLER, dialled="101", channel="loopback/101-b", start=5, answer=20, end=60),
                loopback_leg="B",
            ),
            _dialled("l1c", by="l1b", from_channel="loopback/101-b", answer=20),
        ),
    ),
    "loopback that gave way": Told(
        "freeswitch",
        (
            record("l2", "inbound", _came_in("l2", answer=20, bridge=20, end=60), last_app="bridge", dialed_user="101"),
            _dialled(
                "l2a", by="l2", channel="loopback/101-a", end=20, loopback_leg="A", loopback_hangup_cause="bowout"
            ),
            record(
                "l2b",
                "inbound",
                part("l2b", caller=CALLER, dialled="101", channel="loopback/101-b", start=5, end=20),
                loopback_leg="B",
                loopback_hangup_cause="bowout",
            ),
            _dialled("l2c", by="l2b", from_channel="loopback/101-b", answer=20),
        ),
    ),
    "picked up at another's telephone": Told(
        "freeswitch",
        (
            record(
                "p1",
                "inbound",
                _came_in("p1", answer=20, bridge=20, end=60),
                last_app="bridge",
                dialed_user="101",
                bridge_channel="sofia/internal/102@10.0.0.6:5060",
                last_bridge_to="p1b",
            ),
            _dialled("p1a", by="p1", end=20, cause="PICKED_OFF"),
            record(
                "p1b",
                "inbound",
                part(
                    "p1b",
                    caller="102",
                    dialled="*8",
                    channel="sofia/internal/102@10.0.0.6",
                    start=18,
                    answer=20,
                    end=60,
                ),
                last_app="intercept",
            ),
        ),
    ),
    "loopback beside another": Told(
        "freeswitch",
        (
            record("g1", "inbound", _came_in("g1", answer=20, bridge=20, end=60), last_app="bridge", dialed_user="101"),
            _dialled(
                "g1a", by="g1", channel="loopback/101-a", end=20, loopback_leg="A", loopback_hangup_cause="bowout"
            ),
            _dialled("g1b", by="g1", to="102", channel="sofia/internal/102@10.0.0.6", end=20, cause="LOSE_RACE"),
        ),
    ),
    "between operators": Told(
        "freeswitch",
        (
            record(
                "i1",
                "inbound",
                part("i1", caller="101", dialled="102", channel=DESK, start=0, answer=5, bridge=5, end=60),
            ),
            _dialled("i1a", by="i1", to="102", caller="101", from_channel=DESK, answer=5),
        ),
    ),
}

COUNTED = """
story                            | direction | contact            | outcome   | talk | operator    | legs
queue                            | incoming  | phone:+77011234567 | answered  | 40   | 101         | 3
queue, caller alone              | incoming  | phone:+77011234567 | answered  | 40   | 101         | 0
queue given up                   | incoming  | phone:+77011234567 | missed    |      | 101         | 1
behind a menu nobody             | incoming  | phone:+77011234567 | missed    |      | 101         | 1
fifo given up                    | incoming  | phone:+77011234567 | missed    |      |             | 0
handed on, caller alone          | incoming  | phone:+77011234567 | answered  | 45   | 102         | 0
handed on to a mailbox           | incoming  | phone:+77011234567 | answered  | 30   |             | 0
mailbox of a script              | incoming  | phone:+77011234567 | voicemail |      |             | 0
from a click                     | outgoing  | phone:+77011234567 | answered  | 40   | 101         | 1
from a click, caller alone       | outgoing  | phone:+77011234567 | answered  | 40   | 101         | 0
dialled for an operator          | outgoing  | phone:+77011234567 | answered  | 45   | 101         | 1
sent on to a mobile              | incoming  | phone:+77011234567 | answered  | 40   | 87017770002 | 1
loopback that stays              | incoming  | phone:+77011234567 | answered  | 40   | 101         | 1
picked up at another's telephone | incoming  | phone:+77011234567 | answered  | 40   | 102         | 1
loopback beside another          | incoming  | phone:+77011234567 | answered  | 40   | 101         | 1
loopback that gave way           | incoming  | phone:+77011234567 | answered  | 40   | 101         | 0
"""
