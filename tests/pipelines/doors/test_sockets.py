"""Sockets that drop, double, reorder and stall: nothing is lost that can be fetched, nothing is doubled by id."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from pipelines import collect
from pipelines.doors.ari import AriSpeech
from pipelines.doors.chatapp import ChatAppSpeech, License, Login, login_of
from pipelines.doors.sockets import SocketDoor, Speech
from pipelines.doors.waha import WahaSpeech
from pipelines.origins import raw_record
from schemas.errors import Misconfigured, NotYet
from tests.pipelines.doors.http_server import Asked, http_server
from tests.pipelines.doors.world import NOW, World

Until = Callable[[Callable[[], bool]], bool]
Talk = Callable[[ServerConnection], None]
LICENSES = (License("55570", "caWhatsApp"), License("55570", "telegram"))
ENDLESS_SECONDS = 60.0


@contextmanager
def socket_server(talk: Talk) -> Iterator[str]:
    """Serve until the block ends; `talk` has each connection to itself, and a broken one is nothing to complain of."""

    def handle(connection: ServerConnection) -> None:
        try:
            talk(connection)
        except ConnectionClosed:
            return

    server: Server = serve(handle, "127.0.0.1", 0, close_timeout=0.2)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        serving.join(10)


@contextmanager
def listening(world: World, speech: Speech, source: str, *, answer_seconds: float = 30.0) -> Iterator[None]:
    """Hold the door open while the block runs."""
    door = SocketDoor(world.ground(source), speech, answer_seconds=answer_seconds)
    failures: list[BaseException] = []
    holding = threading.Thread(target=collect.hold_open, args=(door, world.stop, failures.append), daemon=True)
    holding.start()
    try:
        yield
    finally:
        world.stop.set()
        holding.join(30)
        world.stop.clear()
    assert (holding.is_alive(), failures) == (False, [])


def seen(world: World, source: str, *, ago: timedelta) -> None:
    """Say that the door was heard last so long ago."""
    world.ground().positions.save(f"{source}-pbx-socket", {"seen_at": (NOW - ago).isoformat()})


class Chats:
    """ChatApp's side: the socket in the Pusher protocol, the proof of channels, chats and messages."""

    def __init__(self) -> None:
        self.connections = 0
        self.token = "t0ken"
        self.logins: list[dict[str, str]] = []
        self.activity_seconds = 120.0
        self.subscribed: list[dict[str, Any]] = []
        self.heard: list[str] = []
        self.messages: list[dict[str, Any]] = []

    def answer(self, asked: Asked) -> tuple[int, bytes] | None:
        """Prove a channel, or list chats and messages."""
        if asked.path == "/v1/tokens":
            self.logins.append(json.loads(asked.body))
            return 200, json.dumps({"success": True, "data": {"accessToken": self.token}}).encode()
        if asked.headers.get("authorization") != self.token:
            return 401, b"{}"
        if asked.path == "/broadcasting/auth":
            return 200, b'{"auth": "proof"}'
        if asked.path == "/v1/licenses/55570/messengers/caWhatsApp/chats":
            chats = [{"id": "7701@c.us", "lastTime": NOW.timestamp()}, {"id": "old", "lastTime": 1}]
            return 200, json.dumps({"success": True, "data": {"items": chats}}).encode()
        if asked.path == "/v1/licenses/55570/messengers/caWhatsApp/chats/7701%40c.us/messages":
            return 200, json.dumps({"success": True, "data": {"items": self.messages}}).encode()
        return 200, b'{"success": true, "data": {"items": []}}'

    def welcome(self, connection: ServerConnection) -> None:
        """Greet, and take both subscriptions."""
        self.connections += 1
        connection.send(
            json.dumps(
                {
                    "event": "pusher:connection_established",
                    "data": json.dumps({"socket_id": "1.2", "activity_timeout": self.activity_seconds}),
                }
            )
        )
        for _ in LICENSES:
            told = json.loads(connection.recv(timeout=ENDLESS_SECONDS))
            self.subscribed.append(told)
            channel = told["data"]["channel"]
            succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}
            connection.send(json.dumps(succeeded))

    def say(self, connection: ServerConnection, number: int) -> None:
        """Tell a message, its body as text within the frame."""
        data = json.dumps({"payload": {"data": [{"id": number}]}})
        connection.send(json.dumps({"event": "message", "channel": LICENSES[0].channel, "data": data}))

    def listen(self, connection: ServerConnection) -> None:
        """Write down what the client says, until it goes."""
        while True:
            self.heard.append(json.loads(connection.recv(timeout=ENDLESS_SECONDS))["event"])


def chatapp(socket: str, api: str) -> ChatAppSpeech:
    login = Login("a@shop.example", "pass:word", "app_111_1")
    return ChatAppSpeech(socket=f"{socket}/app/key", api=api, login=login, licenses=LICENSES)


def numbers(world: World) -> list[int]:
    """Give the messages told by ChatApp's frames."""
    found: list[int] = []
    for body in world.bodies:
        data = json.loads(body)["data"]
        payload = json.loads(data) if isinstance(data, str) else data
        found += [one["id"] for one in payload["payload"]["data"]]
    return found


def test_chatapp_is_subscribed_channel_by_channel_and_pings_are_answered(world: World, until: Until) -> None:
    chats = Chats()

    def talk(connection: ServerConnection) -> None:
        chats.welcome(connection)
        connection.send('{"event":"pusher:ping","data":{}}')
        chats.say(connection, 1)
        chats.listen(connection)

    with (
        http_server(chats.answer) as api,
        socket_server(talk) as socket,
        listening(world, chatapp(socket, api), "chatapp"),
    ):
        assert until(lambda: numbers(world) == [1] and "pusher:pong" in chats.heard)

    assert [one["data"] for one in chats.subscribed] == [{"channel": one.channel, "auth": "proof"} for one in LICENSES]


def test_a_socket_that_drops_is_opened_again_and_what_it_repeats_has_the_same_id(world: World, until: Until) -> None:
    chats = Chats()

    def talk(connection: ServerConnection) -> None:
        chats.welcome(connection)
        turn = chats.connections
        for number in {1: (1, 2), 2: (2, 3, 3), 3: (5, 4)}.get(turn, ()):
            chats.say(connection, number)
        if turn < 3:
            connection.socket.close() if turn == 1 else connection.close()
            return
        chats.listen(connection)

    with (
        http_server(chats.answer) as api,
        socket_server(talk) as socket,
        listening(world, chatapp(socket, api), "chatapp"),
    ):
        assert until(lambda: {3, 4, 5} <= set(numbers(world)))

    assert sorted(set(numbers(world)) | {1, 2}) == [1, 2, 3, 4, 5]
    by_number: dict[bytes, set[bytes]] = {}
    for record in world.kafka.records("raw"):
        by_number.setdefault(record.value or b"", set()).add(dict(record.headers)["angime-raw_id"])
    assert all(len(ids) == 1 for ids in by_number.values())


@pytest.mark.parametrize("hours", [1, -1], ids=["an hour ago", "by a clock that was ahead"])
def test_what_chatapp_said_meanwhile_is_fetched_and_no_more(world: World, until: Until, hours: int) -> None:
    chats = Chats()
    chats.messages = [
        {"id": 8, "time": NOW.timestamp() - 60},
        {"id": 7, "time": NOW.timestamp() - 3_000},
        {"id": 6, "time": NOW.timestamp() - 9_000},
    ]
    seen(world, "chatapp", ago=timedelta(hours=hours))

    def talk(connection: ServerConnection) -> None:
        chats.welcome(connection)
        chats.listen(connection)

    with (
        http_server(chats.answer) as api,
        socket_server(talk) as socket,
        listening(world, chatapp(socket, api), "chatapp"),
    ):
        assert until(lambda: len(numbers(world)) >= 2)

    assert numbers(world) == [8, 7]


@pytest.mark.parametrize(("number", "left_out"), [("3EB0", ""), (15, ""), (15, "chat")])
def test_a_message_of_the_socket_and_the_same_one_fetched_are_one_fact(
    world: World, number: str | int, left_out: str
) -> None:
    said = {
        "id": number,
        "side": "in",
        "time": NOW.timestamp(),
        "type": "text",
        "message": {"text": "Сәлем! 🙏"},
        "fromUser": {"id": "77011234567", "name": "Әсел", "phone": "77011234567"},
        "chat": {"id": "7701@c.us", "type": "private"},
    }
    chats = Chats()
    chats.messages = [{name: value for name, value in said.items() if name != left_out}]
    told = {"event": "message", "channel": LICENSES[0].channel, "data": json.dumps({"payload": {"data": [said]}})}
    with http_server(chats.answer) as api:
        speech = chatapp("ws://127.0.0.1:9", api)
        heard = speech.hear(json.dumps(told), send=str)
        fetched = speech.missed(NOW - timedelta(hours=1))
    origin = world.ground("chatapp").origin
    facts = [
        origin.source.translate(
            raw_record(origin, body, received_at="2026-03-02T12:00:00.000Z"),
            company=origin.company,
            account=origin.account,
        ).events
        for body in (*heard, *fetched)
    ]

    assert [[event.type for event in one] for one in facts] == [["message.received"], ["message.received"]]
    assert (facts[0][0].id, facts[0][0].data) == (facts[1][0].id, facts[1][0].data)


def test_a_token_of_chatapp_that_ran_out_is_made_anew_and_no_sooner() -> None:
    chats, subscribed = Chats(), list[str]()
    connected = {"data": {"socket_id": "1.2"}}
    with http_server(chats.answer) as api:
        speech = chatapp("ws://127.0.0.1:9", api)
        speech.welcome(connected, subscribed.append)
        speech.missed(NOW)
        chats.token = "t1ken"
        with pytest.raises(NotYet, match="ChatApp answers with 401"):
            speech.welcome(connected, subscribed.append)
        speech.welcome(connected, subscribed.append)

    assert len(subscribed) == 2 * len(LICENSES)
    assert chats.logins == [{"email": "a@shop.example", "password": "pass:word", "appId": "app_111_1"}] * 2


def test_a_login_of_chatapp_has_three_parts() -> None:
    assert login_of("a@shop.example:pass:word:app_111_1") == Login("a@shop.example", "pass:word", "app_111_1")
    with pytest.raises(Misconfigured, match="email:password:appId"):
        login_of("a@shop.example:t0ken")


@pytest.mark.parametrize(
    "time",
    [NOW.timestamp() * 1_000_000, 10**400, None, "2026-03-02", {}],
    ids=["in microseconds", "of 400 digits", "none", "a date", "an object"],
)
def test_a_time_that_nobody_reads_keeps_no_message_from_being_fetched(time: Any) -> None:
    chats = Chats()
    chats.messages = [{"id": 1, "time": time}, {"id": 2, "time": NOW.timestamp()}]
    with http_server(chats.answer) as api:
        [body] = chatapp("ws://127.0.0.1:9", api).missed(NOW - timedelta(hours=1))

    assert [one["id"] for one in json.loads(body)["data"]["payload"]["data"]][-1] == 2


def test_a_socket_that_stalls_is_nudged_and_then_opened_again(world: World, until: Until) -> None:
    chats = Chats()
    chats.activity_seconds = 0.2

    def talk(connection: ServerConnection) -> None:
        chats.welcome(connection)
        if chats.connections > 1:
            chats.say(connection, 1)
        chats.listen(connection)

    with (
        http_server(chats.answer) as api,
        socket_server(talk) as socket,
        listening(world, chatapp(socket, api), "chatapp", answer_seconds=0.5),
    ):
        assert until(lambda: 1 in numbers(world))

    assert "pusher:ping" in chats.heard


def test_a_refused_subscription_is_said_without_the_token(world: World) -> None:
    def talk(connection: ServerConnection) -> None:
        connection.send('{"event":"pusher:error","data":{"code":4009,"message":"t0ken"}}')
        connection.recv(timeout=ENDLESS_SECONDS)

    with socket_server(talk) as socket:
        door = SocketDoor(world.ground("chatapp"), chatapp(socket, "http://127.0.0.1:9"))
        with pytest.raises(NotYet, match="refuses the subscription") as refusal:
            door.run(world.stop)

    assert "t0ken" not in refusal.value.reason


def test_what_was_heard_while_kafka_was_away_is_fetched_when_it_is_back(world: World, until: Until) -> None:
    seen(world, "chatapp", ago=timedelta(hours=1))
    chats, told = Chats(), threading.Event()
    chats.messages = [{"id": 1, "time": NOW.timestamp()}]

    def talk(connection: ServerConnection) -> None:
        chats.welcome(connection)
        if not told.is_set():
            chats.say(connection, 1)
            told.set()
        chats.listen(connection)

    with http_server(chats.answer) as api, socket_server(talk) as socket:
        world.kafka.is_away = True
        with listening(world, chatapp(socket, api), "chatapp"):
            assert until(told.is_set)
        assert world.bodies == []
        world.kafka.is_away = False
        with listening(world, chatapp(socket, api), "chatapp"):
            assert until(lambda: 1 in numbers(world))


def test_waha_is_asked_for_its_events_and_each_frame_is_a_body(world: World, until: Until) -> None:
    requests: list[Any] = []
    frame = '{"event": "call.received", "session": "default", "payload": {"id": "1"}}'

    def talk(connection: ServerConnection) -> None:
        requests.append(connection.request)
        connection.send(frame)
        connection.recv(timeout=ENDLESS_SECONDS)

    with socket_server(talk) as socket:
        speech = WahaSpeech(url=socket.replace("ws:", "http:"), token="t0ken", session="default")
        with listening(world, speech, "waha"):
            assert until(lambda: world.bodies == [frame.encode()])

    asked = parse_qs(urlsplit(requests[0].path).query)
    assert urlsplit(requests[0].path).path == "/ws"
    assert (asked["session"], "call.received" in asked["events"]) == (["default"], True)
    assert requests[0].headers["X-Api-Key"] == "t0ken"


def test_what_waha_said_meanwhile_is_fetched_chat_by_chat() -> None:
    def answer(asked: Asked) -> tuple[int, bytes] | None:
        if asked.path == "/api/default/chats/overview":
            return 200, json.dumps(
                [{"id": "7@c.us", "lastMessage": {"timestamp": 1772445600}}, {"id": "8@c.us"}]
            ).encode()
        if asked.path == "/api/default/chats/7%40c.us/messages":
            assert asked.query["filter.timestamp.gte"] == "1772445000"
            return 200, b'[{"id": "b", "timestamp": 1772445600}, {"id": "a", "timestamp": 1772445599}]'
        return 200, b"[]"

    with http_server(answer) as address:
        speech = WahaSpeech(url=address, token="", session="default")
        bodies = speech.missed(NOW.fromtimestamp(1772445000, tz=NOW.tzinfo))

    assert [json.loads(body)["payload"]["id"] for body in bodies] == ["a", "b"]
    assert {json.loads(body)["event"] for body in bodies} == {"message.any"}


def test_asterisk_is_listened_to_without_its_noise(world: World, until: Until) -> None:
    requests: list[Any] = []
    begins = '{"type": "ChannelCreated", "channel": {"id": "1772442930.26"}}'
    ends = '{"type": "ChannelDestroyed", "channel": {"id": "1772442930.26"}}'

    def talk(connection: ServerConnection) -> None:
        requests.append(connection.request)
        for frame in (begins, '{"type": "ChannelVarset"}', ends):
            connection.send(frame)
        connection.recv(timeout=ENDLESS_SECONDS)

    with socket_server(talk) as socket:
        speech = AriSpeech(url=f"{socket.replace('ws:', 'http:')}/ari", login="angime:secret")
        with listening(world, speech, "asterisk"):
            assert until(lambda: len(world.bodies) == 2)

    assert world.bodies == [begins.encode(), ends.encode()]
    assert requests[0].path == "/ari/events?app=angime&subscribeAll=true"
    assert requests[0].headers["Authorization"].startswith("Basic ")
