"""Callbacks of Twilio for calls that wait, are dialled or are judged by a machine: one call to a person counts once."""

import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from schemas.instants import moment
from tests.pipelines.sources.conftest import RECEIVED_AT
from tests.pipelines.sources.told_calls import Told

CALLER, OURS, OPERATOR = "+77011234567", "+77272000001", "client:aigerim"
BY_INSTRUCTIONS: dict[str, str | bool] = {"answered_by_instructions": True}


def _call(name: str) -> str:
    return f"CA{name.encode().hex():0>32}"


def _form(**fields: str) -> bytes:
    return urlencode({"AccountSid": "AC0123", "ApiVersion": "2010-04-01"} | fields).encode()


def _at(seconds: float) -> str:
    """Give a moment of a story, whose forms without a time come at 0."""
    return format_datetime(moment(RECEIVED_AT) + timedelta(seconds=seconds))


def _statuses(  # what the callbacks of one call or leg say, and when each came
    name: str,
    direction: str,
    begin: str,
    end: str,
    *,
    times: dict[str, float],
    parent: str | None = None,
    **more: str,
) -> tuple[bytes, ...]:
    sides = {"CallSid": _call(name), "Direction": direction, "From": begin, "To": end}
    if parent:
        sides["ParentCallSid"] = _call(parent)
    told: list[bytes] = []
    for number, (status, seconds) in enumerate(times.items()):
        length = {}
        if status == "completed":
            length = {"CallDuration": f"{seconds - times.get('in-progress', seconds):.0f}"}
        stamp = {"SequenceNumber": str(number), "Timestamp": _at(seconds), "CallbackSource": "call-progress-events"}
        told.append(_form(**sides, CallStatus=status, **stamp, **length, **more))
    return tuple(told)


def _came_in(name: str, *, over: float = 40) -> tuple[bytes, ...]:
    times = {"ringing": -30.0, "in-progress": -29.0, "completed": over}
    return _statuses(name, "inbound", CALLER, OURS, times=times)


def _of_operator(name: str, direction: str = "inbound", *, to: str = "", **times: float) -> tuple[bytes, ...]:
    begin, end = (OPERATOR, to) if direction == "inbound" else (OURS, OPERATOR)
    when = {word.replace("_", "-"): seconds for word, seconds in times.items()}
    return _statuses(name, direction, begin, end, times=when or {"ringing": -5, "in-progress": -4, "completed": 41})


def _task(kind: str, call: str, **attributes: Any) -> dict[str, str]:
    return {
        "EventType": kind,
        "WorkspaceSid": "WS01",
        "ResourceSid": "WR01",
        "ReservationSid": "WR01",
        "TaskSid": "WT01",
        "Timestamp": str(int(moment(RECEIVED_AT).timestamp())),
        "TaskAttributes": json.dumps({"call_sid": _call(call), "direction": "inbound", "from": CALLER} | attributes),
        "WorkerAttributes": json.dumps({"contact_uri": OPERATOR, "skills": ["ru"], "level": 1.5}),
    }


def _streamed(form: dict[str, str]) -> bytes:
    snake = {
        "TaskAttributes": "task_attributes",
        "WorkerAttributes": "worker_attributes",
        "ReservationSid": "reservation_sid",
    }
    payload = {snake[name]: value for name, value in form.items() if name in snake}
    told = {"timestamp": RECEIVED_AT, "payload": payload}
    kind = f"com.twilio.taskrouter.{form['EventType']}"
    return json.dumps([{"specversion": "1.0", "type": kind, "source": "AB01", "id": "NO1", "data": told}]).encode()


def _leg(name: str, parent: str, end: str, *, begin: str = OURS, **times: float) -> tuple[bytes, ...]:
    when = {word.replace("_", "-"): seconds for word, seconds in times.items()}
    return _statuses(name, "outbound-dial", begin, end, times=when, parent=parent)


STORIES = {
    "detected on a leg": Told(
        "twilio",
        (
            *_of_operator("a1", "outbound-api"),
            *_leg("a1x", "a1", CALLER, ringing=1, in_progress=10, completed=40),
            _form(CallSid=_call("a1x"), AnsweredBy="human", MachineDetectionDuration="3000"),
        ),
    ),
    "detected on a call": Told(
        "twilio",
        (
            *_statuses("a2", "outbound-api", OURS, CALLER, times={"ringing": 1, "in-progress": 10, "completed": 40}),
            _form(CallSid=_call("a2"), AnsweredBy="machine_start", MachineDetectionDuration="3000"),
        ),
    ),
    "queue": Told(
        "twilio",
        (
            *_came_in("q1"),
            _form(
                CallSid=_call("q1"),
                From=CALLER,
                To=OURS,
                Direction="inbound",
                CallStatus="in-progress",
                QueueSid="QU1",
                QueueTime="29",
                DequeingCallSid=_call("q1o"),
            ),
            *_of_operator("q1o", to="support"),
            _form(
                CallSid=_call("q1o"),
                From=OPERATOR,
                To="support",
                Direction="inbound",
                CallStatus="in-progress",
                QueueSid="QU1",
                DialCallStatus="completed",
            ),
        ),
        BY_INSTRUCTIONS,
    ),
    "queue, its end alone": Told(
        "twilio",
        (
            *_came_in("q2"),
            *_of_operator("q2o"),
            _form(
                CallSid=_call("q2"),
                From=CALLER,
                To=OURS,
                Direction="inbound",
                CallStatus="completed",
                QueueSid="QU1",
                QueueTime="29",
                QueueResult="bridged",
            ),
        ),
        BY_INSTRUCTIONS,
    ),
    "queue given up": Told(
        "twilio",
        (
            *_came_in("q3"),
            _form(
                CallSid=_call("q3"),
                From=CALLER,
                To=OURS,
                Direction="inbound",
                CallStatus="completed",
                QueueSid="QU1",
                QueueResult="hangup",
            ),
        ),
        BY_INSTRUCTIONS,
    ),
    "task": Told(
        "twilio",
        (
            *_came_in("t1"),
            _form(**_task("reservation.created", "t1")),
            _form(**_task("reservation.accepted", "t1")),
            _form(**_task("task.completed", "t1")),
            *_of_operator("t1o", "outbound-api"),
        ),
        BY_INSTRUCTIONS,
    ),
    "task, streamed": Told(
        "twilio",
        (*_came_in("t2"), _streamed(_task("reservation.accepted", "t2")), *_of_operator("t2o", "outbound-api")),
        BY_INSTRUCTIONS,
    ),
    "task of a call that we made": Told(
        "twilio",
        (
            *_statuses("t3", "outbound-api", OURS, CALLER, times={"ringing": 1, "no-answer": 40}),
            _form(**_task("reservation.accepted", "t3", direction="outbound")),
        ),
        BY_INSTRUCTIONS,
    ),
    "conference": Told(
        "twilio",
        (
            *_came_in("c1"),
            *(
                _form(
                    CallSid=_call(name),
                    ConferenceSid="CF1",
                    FriendlyName=_call("c1"),
                    StatusCallbackEvent="participant-join",
                    Timestamp=_at(seconds),
                    **label,
                )
                for name, seconds, label in (("c1", -20, {}), ("c1o", 5, {"ParticipantLabel": OPERATOR}))
            ),
            *_of_operator("c1o", "outbound-api"),
        ),
        BY_INSTRUCTIONS,
    ),
    "conference that was left": Told(
        "twilio",
        (
            *_came_in("c2"),
            _form(
                CallSid=_call("c2"),
                From=CALLER,
                To=OURS,
                Direction="inbound",
                CallStatus="in-progress",
                DialCallStatus="answered",
            ),
        ),
    ),
    "an operator who did not pick up": Told("twilio", _of_operator("n1", "outbound-api", ringing=1, no_answer=30)),
    "between operators": Told(
        "twilio",
        (
            *_of_operator("i1", to="client:bolat"),
            *_leg("i1x", "i1", "client:bolat", begin=OPERATOR, ringing=1, in_progress=5, completed=40),
        ),
    ),
    "from a browser, its dial alone": Told(
        "twilio",
        (
            *_of_operator("b1"),
            _form(
                CallSid=_call("b1"),
                From=OPERATOR,
                To="",
                Direction="inbound",
                CallStatus="in-progress",
                DialCallSid=_call("b1x"),
                DialCallStatus="completed",
                DialCallDuration="25",
            ),
        ),
    ),
}

COUNTED = """
story                          | direction | contact            | outcome   | talk | operator       | legs
detected on a leg              | outgoing  | phone:+77011234567 | answered  | 30   | client:aigerim | 1
detected on a call             | outgoing  | phone:+77011234567 | machine   |      |                | 0
queue                          | incoming  | phone:+77011234567 | answered  | 40   |                | 0
queue, its end alone           | incoming  | phone:+77011234567 | answered  |      |                | 0
queue given up                 | incoming  | phone:+77011234567 | missed    |      |                | 0
task                           | incoming  | phone:+77011234567 | answered  | 40   | client:aigerim | 0
task, streamed                 | incoming  | phone:+77011234567 | answered  | 40   | client:aigerim | 0
task of a call that we made    | outgoing  | phone:+77011234567 | no_answer |      |                | 0
conference                     | incoming  | phone:+77011234567 | answered  | 35   | client:aigerim | 0
conference that was left       | incoming  | phone:+77011234567 | answered  | 69   |                | 0
from a browser, its dial alone | outgoing  |                    | answered  | 25   | client:aigerim | 1
"""
