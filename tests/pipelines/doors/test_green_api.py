"""GREEN-API is polled: kept first and deleted then, nothing lost and nothing doubled by id, whatever breaks."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pipelines import collect
from pipelines.doors.green_api import GreenApiQueue
from tests.pipelines.doors.http_server import Asked, http_server
from tests.pipelines.doors.world import NOW, World

Until = Callable[[Callable[[], bool]], bool]
TOKEN = "t0ken"


def notification(number: int) -> dict[str, Any]:
    return {
        "typeWebhook": "incomingCall",
        "idMessage": f"CALL{number}",
        "timestamp": 1772445600 + number,
        "from": "77011234567@c.us",
        "status": "missed",
        "instanceData": {"idInstance": 7103, "wid": "77272000000@c.us", "typeInstance": "whatsapp"},
    }


class Queue:
    """GREEN-API's side: a queue of notifications, journals, and a list of what goes wrong next."""

    def __init__(self, *numbers: int) -> None:
        self.waiting = list(numbers)
        self.journals: dict[str, list[Any]] = {}
        self.trouble: list[str] = []
        self.asked: list[tuple[str, str, str]] = []

    def answer(self, asked: Asked) -> tuple[int, bytes] | None:  # noqa: PLR0911  # as many as GREEN-API has
        """Answer as documented, or as the trouble of the moment has it."""
        _, instance, method, token, *more = asked.path.split("/")
        self.asked.append((asked.method, method, asked.query.get("minutes", "")))
        trouble = self.trouble.pop(0) if self.trouble and method.endswith("Notification") else ""
        if trouble == "break":
            return None
        if trouble:
            return int(trouble), b"{}"
        if (instance, token) != ("waInstance7103", TOKEN):
            return 401, b"{}"
        if method in {"lastIncomingCalls", "lastOutgoingCalls", "lastIncomingMessages", "lastOutgoingMessages"}:
            return 200, json.dumps(self.journals.get(method, [])).encode()
        if method == "deleteNotification":
            if self.waiting and str(self.waiting[0]) == more[0]:
                self.waiting.pop(0)
            return 200, b'{"result": true}'
        if not self.waiting:
            return 200, b"null"
        return 200, json.dumps({"receiptId": self.waiting[0], "body": notification(self.waiting[0])}).encode()

    @property
    def minutes(self) -> list[str]:
        """Give how far back the journals of calls were asked."""
        return [minutes for _, method, minutes in self.asked if method == "lastIncomingCalls"]


def polled(world: World, address: str, queue: Queue, until: Until, *, done: Callable[[], bool]) -> None:
    """Hold the door open until `done`, then stop it."""
    door = GreenApiQueue(world.ground("green_api"), address=f"{address}/waInstance7103", token=TOKEN)
    failures: list[BaseException] = []
    holding = threading.Thread(target=collect.hold_open, args=(door, world.stop, failures.append), daemon=True)
    holding.start()
    assert until(done), (queue.asked, len(world.bodies))
    world.stop.set()
    holding.join(30)
    assert (holding.is_alive(), failures) == (False, [])
    world.stop.clear()


def ids(world: World) -> list[str]:
    return [json.loads(body)["idMessage"] for body in world.bodies]


def test_each_notification_is_kept_and_then_deleted(world: World, until: Until) -> None:
    queue = Queue(1, 2, 3)
    with http_server(queue.answer) as address:
        polled(world, address, queue, until, done=lambda: not queue.waiting)

    assert ids(world) == ["CALL1", "CALL2", "CALL3"]
    assert json.loads(world.bodies[0]) == notification(1)


@pytest.mark.parametrize(
    "trouble", [["break"], ["500", "429"], ["", "break"], ["", "500", "", "502"], ["466", "break", "", "", "break"]]
)
def test_what_breaks_loses_nothing_and_repeats_the_same_body_at_most(
    world: World, until: Until, trouble: list[str]
) -> None:
    queue = Queue(1, 2, 3)
    queue.trouble = trouble
    with http_server(queue.answer) as address:
        polled(world, address, queue, until, done=lambda: not queue.waiting)

    assert list(dict.fromkeys(ids(world))) == ["CALL1", "CALL2", "CALL3"]
    assert len({record.headers for record in world.kafka.records("raw")}) == 3


def test_while_kafka_is_away_nothing_is_deleted(world: World, until: Until) -> None:
    queue = Queue(1)
    world.kafka.is_away = True
    with http_server(queue.answer) as address:
        polled(world, address, queue, until, done=lambda: ("GET", "receiveNotification", "") in queue.asked)
        assert queue.waiting == [1]
        assert not any(method == "DELETE" for method, _, _ in queue.asked)
        world.kafka.is_away = False
        polled(world, address, queue, until, done=lambda: not queue.waiting)

    assert ids(world) == ["CALL1"]


def test_after_an_absence_the_journal_of_calls_fills_the_gap(world: World, until: Until) -> None:
    queue = Queue()
    missed = {"type": "incoming", "typeMessage": "incomingCall", **notification(9)}
    del missed["typeWebhook"]
    queue.journals["lastIncomingCalls"] = [missed]
    door = GreenApiQueue(world.ground("green_api"), address="", token=TOKEN)
    world.ground().positions.save(door.name, {"seen_at": (NOW - timedelta(hours=2)).isoformat()})
    with http_server(queue.answer) as address:
        polled(world, address, queue, until, done=lambda: ("GET", "receiveNotification", "") in queue.asked)

    assert queue.minutes == ["125"]
    assert ids(world) == ["CALL9"]
    assert not any(method == "lastIncomingMessages" for _, method, _ in queue.asked)


def test_a_position_of_a_clock_that_was_ahead_is_as_old_as_it_seemed_new(world: World, until: Until) -> None:
    queue = Queue()
    door = GreenApiQueue(world.ground("green_api"), address="", token=TOKEN)
    world.ground().positions.save(door.name, {"seen_at": (NOW + timedelta(hours=2)).isoformat()})
    with http_server(queue.answer) as address:
        polled(world, address, queue, until, done=lambda: ("GET", "receiveNotification", "") in queue.asked)

    assert queue.minutes == ["125"]


def test_a_call_of_the_journal_and_its_notification_are_the_same_fact(world: World) -> None:
    from pipelines.origins import raw_record

    ground = world.ground("green_api")
    listed = {"type": "incoming", "typeMessage": "incomingCall", **notification(9)}
    del listed["typeWebhook"]
    told = [
        ground.origin.source.translate(
            raw_record(ground.origin, json.dumps(body).encode(), received_at="2026-03-02T12:00:00.000Z"),
            company=ground.origin.company,
            account=ground.origin.account,
        ).events
        for body in (notification(9), listed)
    ]

    assert [event.type for event in told[1]] == ["call.ended"]
    assert [event.id for event in told[0]] == [event.id for event in told[1]]


def test_a_short_absence_needs_no_journal_and_the_first_time_asks_for_a_day(world: World, until: Until) -> None:
    queue = Queue()
    with http_server(queue.answer) as address:
        for _ in range(2):
            before = len(queue.asked)
            polled(world, address, queue, until, done=lambda before=before: len(queue.asked) > before + 4)

    assert queue.minutes == ["1440"]
    assert any(method == "lastIncomingMessages" for _, method, _ in queue.asked)


def test_a_token_is_never_in_what_is_said(world: World, until: Until, capsys: pytest.CaptureFixture[str]) -> None:
    queue = Queue(1)
    queue.trouble = ["break", "500"]
    with http_server(queue.answer) as address:
        polled(world, address, queue, until, done=lambda: not queue.waiting)
    said = capsys.readouterr()

    assert "door_closed" in said.out + said.err
    assert TOKEN not in said.out + said.err
