"""The read API: one company's rows and no other's, page by page, and no request that breaks it."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import cast

import msgspec
import polars as pl
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from analytics.api import Token, app, live, make_app, openapi, read_tokens
from analytics.api.lists import once
from analytics.reading.shared import STATEMENTS_OF_AN_ENGINE
from analytics.warehouse import Batch, Reader, open_reader, open_writer
from schemas.envelope import Event
from schemas.errors import Misconfigured, NotYet
from schemas.people import Identity
from tests.analytics.landing_cases import (
    BEGIN,
    call_events,
    message_events,
    missed_events,
    other_events,
    records_of,
    settings_at,
)

NOW, LATER = "2026-03-09T12:00:00.000Z", "2026-03-09T12:00:05.000Z"
ALL = ("calls", "conversations", "metrics", "texts", "live")
TOKENS = (
    Token(name="acme", company="acme", scopes=ALL, secret="a" * 32),
    Token(name="other", company="other", scopes=ALL, secret="o" * 32),
    Token(name="narrow", company="acme", scopes=("metrics",), secret="n" * 32),
)
BEARER = {"Authorization": f"Bearer {'a' * 32}"}
OTHER = {"Authorization": f"Bearer {'o' * 32}"}
ACME = """
id = "acme"
name = "Acme"
time_zone = "UTC"
default_region = "KZ"
teams = [{ id = "north", name = "North" }, { id = "south", name = "South" }]
operators = [{ id = "aigul", name = "Aigul", team = "north" }]
"""
NARROW = {"Authorization": f"Bearer {'n' * 32}"}


def of_acme() -> list[Event]:
    """Give five calls and messages."""
    return [fact for number in range(1, 6) for fact in (*call_events(number), *message_events(number))]


def of_other(facts: list[Event]) -> list[Event]:
    """Give the same facts as another company's, with ids of their own."""
    moved: list[Event] = []
    for fact in facts:
        own = {name: getattr(fact.data, name) for name in ("call_id", "message_id") if hasattr(fact.data, name)}
        data = msgspec.structs.replace(fact.data, **{name: f"f{value[1:]}" for name, value in own.items()})
        moved.append(msgspec.structs.replace(fact, id=f"f{fact.id[1:]}", company="other", data=data))
    return moved


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse with five calls and messages of one company, and three calls of another, one of them missed."""
    made: Path = tmp_path_factory.mktemp("home")
    (made / "company.toml").write_text(ACME)
    linked = other_events(3)[6]
    people = (Identity("phone", "+77010000003"), Identity("telegram", "5"))
    linked = msgspec.structs.replace(linked, data=msgspec.structs.replace(linked.data, contact=people))
    facts = [linked, *of_acme(), *of_other(missed_events(1))]
    facts += of_other([fact for number in (11, 12) for fact in (*call_events(number), *message_events(number))])
    with open_writer(settings_at(made)) as writer:
        writer.land(Batch(records_of(facts)), now=NOW)
    return made


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    """Connect to the application."""
    with TestClient(make_app(TOKENS, open_reader=lambda: open_reader(settings_at(home)))) as connected:
        yield connected


def test_calls_come_page_by_page_each_once(client: TestClient) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        given = client.get("/api/v1/calls", params={"limit": 2, "cursor": cursor}, headers=BEARER).json()
        seen += [call["provider_call_id"] for call in given["calls"]]
        cursor = given["next"]
        if not cursor:
            break

    assert sorted(seen) == ["CA1", "CA2", "CA3", "CA4", "CA5"]


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ({"direction": "outgoing"}, 1),
        ({"outcome": "answered", "is_business_hours": "true"}, 5),
        ({"outcome": "missed"}, 0),
        ({"from": "2026-03-01", "to": "2026-03-01"}, 5),
        ({"to": "2026-02-28"}, 0),
        ({"contact": "phone:+77010000003"}, 1),
        ({"contact": "phone: 77010000003"}, 1),  # a plus that is not written %2B
        ({"contact": "telegram:5"}, 1),
        ({"contact": "telegram:6"}, 0),
    ],
)
def test_calls_are_narrowed_by_what_is_asked(client: TestClient, asked: dict[str, str], calls: int) -> None:
    assert len(client.get("/api/v1/calls", params=asked, headers=BEARER).json()["calls"]) == calls


def test_a_call_its_turns_a_conversation_and_the_metrics_are_given(client: TestClient) -> None:
    [call, *_] = client.get("/api/v1/calls", headers=BEARER).json()["calls"]
    one = client.get(f"/api/v1/calls/{call['call_id']}", headers=BEARER).json()
    turns = client.get(f"/api/v1/calls/{call['call_id']}/turns", headers=BEARER).json()["turns"]
    [talk, *_] = client.get("/api/v1/conversations", headers=BEARER).json()["conversations"]
    path = f"/api/v1/conversations/{talk['conversation_id']}/messages"
    messages = client.get(path, headers=BEARER).json()["messages"]
    metrics = client.get("/api/v1/metrics", params={"metric": "answer_rate"}, headers=BEARER).json()["metrics"]

    assert one == call
    assert [turn["text"] for turn in turns] == ["Сәлем", "Good day"]
    assert [message["text"] for message in messages] == ["Your order has arrived"]
    assert [(row["metric"], row["value"]) for row in metrics] == [("answer_rate", 1.0)]


def test_a_conversation_on_several_channels_is_told_by_its_newest_message(tmp_path: Path) -> None:
    begin = BEGIN + timedelta(hours=1)
    written = [
        msgspec.structs.replace(fact, data=msgspec.structs.replace(fact.data, channel="sms"))
        for fact in message_events(8, begin=begin)
    ]
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of([*message_events(1), *written])), now=NOW)
    with TestClient(make_app(TOKENS, open_reader=lambda: open_reader(settings_at(tmp_path)))) as connected:
        told = [
            connected.get("/api/v1/conversations", params=asked, headers=BEARER).json()["conversations"]
            for asked in ({}, {"channel": "sms"})
        ]

    assert [[(one["channel"], one["messages"]) for one in page] for page in told] == [[("sms", 2)]] * 2


def test_a_missed_episode_is_given_to_its_company_alone(client: TestClient) -> None:
    [episode] = client.get("/api/v1/missed_episodes", headers=OTHER).json()["missed_episodes"]
    closed = client.get("/api/v1/missed_episodes", params={"state": "called_back"}, headers=OTHER).json()

    assert (episode["rings"], episode["closed_at"], episode["channel"]) == (1, None, "waba")
    assert episode["phone"] is None  # he is known by WhatsApp's own id of him
    assert closed["missed_episodes"] == []
    assert client.get("/api/v1/missed_episodes", headers=BEARER).json()["missed_episodes"] == []


def test_a_token_is_answered_as_if_there_were_no_other_company_whatever_it_asks(
    client: TestClient, tmp_path: Path
) -> None:
    ids = {"call_id": set[str](), "conversation_id": set[str]()}
    for headers in (BEARER, OTHER):
        for name, key in (("calls", "call_id"), ("conversations", "conversation_id")):
            ids[key] |= {row[key] for row in client.get(f"/api/v1/{name}", headers=headers).json()[name]}
    paths = [
        path.format(**dict.fromkeys(ids, one))
        for path in openapi()["paths"]
        for one in (set[str]().union(*(known for key, known in ids.items() if key in path)) or {""})
    ]
    (tmp_path / "company.toml").write_text(ACME)
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(of_acme())), now=NOW)
    with TestClient(make_app(TOKENS, open_reader=lambda: open_reader(settings_at(tmp_path)))) as alone:
        for path in paths:
            expected, actual = (asked.get(path, params={}, headers=BEARER) for asked in (alone, client))
            assert (path, expected.status_code, expected.json()) == (path, actual.status_code, actual.json())

    assert len(paths) > len(openapi()["paths"]) + len(ids["call_id"])
    calls = [row["call_id"] for row in client.get("/api/v1/calls", headers=OTHER).json()["calls"]]
    assert len(calls) == 3
    assert {client.get(f"/api/v1/calls/{call_id}", headers=BEARER).status_code for call_id in calls} == {404}
    assert client.get("/api/v1/calls", params={"company": "other"}, headers=BEARER).status_code == 400


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/v1/calls", {}, 401),
        ("/api/v1/calls", {"Authorization": "Bearer wrong"}, 401),
        ("/api/v1/calls", {"Authorization": f"Basic {'a' * 32}"}, 401),
        ("/api/v1/calls", NARROW, 403),
        ("/api/v1/conversations/x/messages", NARROW, 403),
        ("/api/v1/metrics", NARROW, 200),
        ("/api/v1/calls/nothing", BEARER, 404),
        ("/api/v1/calls?limit=0", BEARER, 400),
        ("/api/v1/calls?limit=501", BEARER, 400),
        ("/api/v1/calls?from=yesterday", BEARER, 400),
        ("/api/v1/calls?cursor=abc", BEARER, 400),
        ("/api/v1/calls?direction=sideways", BEARER, 400),
        ("/api/v1/calls?from=2026-03-02&to=2026-03-01", BEARER, 400),
        ("/api/v1/calls?contact=77010000001", BEARER, 400),
        ("/api/v1/calls?channel=fax", BEARER, 400),
        ("/api/v1/calls?outcome=missed&outcome=answered", BEARER, 400),
        ("/api/v1/metrics?metric=answer_rates", BEARER, 400),
        ("/api/v1/nothing", BEARER, 404),
        ("/api/v1/openapi.json", {}, 200),
        ("/healthz", {}, 200),
    ],
)
def test_each_refusal_has_its_status_and_a_sentence(
    client: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(path, headers=headers)

    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]


def test_whoever_asks_for_what_is_not_there_or_writes_is_told_what_there_is(client: TestClient) -> None:
    nowhere, written = client.get("/api/v1/call", headers=BEARER), client.post("/api/v1/calls", headers=BEARER)

    assert (nowhere.status_code, "/api/v1/openapi.json" in nowhere.json()["error"]) == (404, True)
    assert (written.status_code, written.json()["error"]) == (405, "this can only be read: ask with GET")


@pytest.mark.parametrize("path", ["calls", "missed_episodes"])
def test_of_a_team_or_operator_that_the_company_does_not_have_no_list_is_given(client: TestClient, path: str) -> None:
    def ask(headers: dict[str, str] = BEARER, **asked: str) -> tuple[int, str]:
        answer = client.get(f"/api/v1/{path}", params=asked, headers=headers)
        return answer.status_code, answer.json().get("error", "")

    assert (200, "") == ask(team="south") == ask(operator="aigul")
    assert (400, "team is one of north, south") == ask(team="nort")
    assert (400, "operator is one of aigul") == ask(operator="north")
    assert (400, "this company has no teams") == ask(OTHER, team="north")


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/api/v1/calls", headers=BEARER)
    again = client.get("/api/v1/calls", headers={**BEARER, "If-None-Match": first.headers["etag"]})
    narrower = client.get("/api/v1/calls?limit=1", headers={**BEARER, "If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert narrower.status_code == 200


def test_a_thousand_names_of_parameters_hold_up_nobody() -> None:
    began = time.process_time()

    assert len(once([(str(number), "") for number in range(20_000)])) == 20_000
    assert time.process_time() - began < 1


def test_one_reader_does_not_take_the_feed_from_the_others(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_LISTENERS_OF_TOKEN", 1)
    with (
        client.websocket_connect("/live", headers=BEARER),
        client.websocket_connect("/live", headers=OTHER),
        client.websocket_connect("/live", headers=BEARER) as third,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        third.receive_text()
    assert (closed.value.code, closed.value.reason) == (1013, "1 listen with this token already")


def test_before_there_is_a_warehouse_it_asks_to_come_back(tmp_path: Path) -> None:
    with TestClient(make_app(TOKENS, open_reader=lambda: open_reader(settings_at(tmp_path)))) as connected:
        answer = connected.get("/api/v1/calls", headers=BEARER)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    with pytest.raises(NotYet):
        open_reader(settings_at(tmp_path))


def test_the_feed_is_closed_to_whom_it_is_not_for_and_says_why(client: TestClient) -> None:
    for headers, said in (
        ({}, "send a token as Authorization: Bearer …"),
        (NARROW, "this token has not the scope live"),
    ):
        with client.websocket_connect("/live", headers=headers) as socket, pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert (closed.value.code, closed.value.reason) == (1008, said)


def test_what_is_landed_is_told_once_to_its_company(tmp_path: Path) -> None:
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(call_events(1))), now=NOW)
        with closing(open_reader(settings_at(tmp_path))) as reader:
            mark = live.newest(reader)
            facts = [*call_events(2)[:2], *of_other(call_events(3))]
            now = [msgspec.structs.replace(fact, recordedat=NOW) for fact in facts]
            writer.land(Batch(records_of(now, first_offset=5)), now=LATER)
            told, following = live.since(reader, company="acme", mark=mark)
            again, _ = live.since(reader, company="acme", mark=following)
            others, _ = live.since(reader, company="other", mark=mark)

    assert [(one["type"], one["outcome"]) for one in told] == [
        ("call.offered", "in_progress"),
        ("call.rang", "in_progress"),
    ]
    assert (again, len(others)) == ([], 5)


def test_the_feed_tells_over_a_websocket(tmp_path: Path) -> None:
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(call_events(1))), now=NOW)
        app = make_app(TOKENS, open_reader=lambda: open_reader(settings_at(tmp_path)))
        with TestClient(app) as connected, connected.websocket_connect("/live", headers=BEARER) as socket:
            # Its mark is set when it has connected; what is landed until it is heard of cannot be missed twice.
            for offset in range(5, 10):
                fact = msgspec.structs.replace(call_events(offset)[0], recordedat=NOW)
                landed_at = f"2026-03-09T12:00:{offset:02d}.000Z"
                writer.land(Batch(records_of([fact], first_offset=offset)), now=landed_at)
            told = json.loads(socket.receive_text())

    assert told["type"] == "call.offered"


TOKENS_FILE = """
[[tokens]]
name = "bi"
company = "acme"
scopes = ["calls", "metrics"]
secret = "env:BI_TOKEN"
"""


def test_tokens_are_read_by_reference(tmp_path: Path) -> None:
    file = tmp_path / "api.toml"
    file.write_text(TOKENS_FILE)

    [token] = read_tokens(file, environ={"BI_TOKEN": "s" * 20})
    assert (token.company, token.scopes, "s" * 20 in repr(token)) == ("acme", ("calls", "metrics"), False)


@pytest.mark.parametrize(
    ("text", "environ", "sentence"),
    [
        (TOKENS_FILE, {}, "set the environment variable BI_TOKEN"),
        (TOKENS_FILE, {"BI_TOKEN": "short"}, "fewer than 16 characters"),
        (TOKENS_FILE.replace("metrics", "everything"), {"BI_TOKEN": "s" * 20}, "everything"),
        (TOKENS_FILE.replace('"env:BI_TOKEN"', '"secret-in-the-file"'), {}, "api.toml cannot be read"),
        (TOKENS_FILE * 2, {"BI_TOKEN": "s" * 20}, "two tokens have the same secret"),
    ],
)
def test_a_wrong_file_of_tokens_is_one_sentence(
    tmp_path: Path, text: str, environ: dict[str, str], sentence: str
) -> None:
    (tmp_path / "api.toml").write_text(text)

    with pytest.raises(Misconfigured, match=sentence):
        read_tokens(tmp_path / "api.toml", environ=environ)


class Nothing:
    """An engine of a warehouse without calls."""

    def beside(self) -> "Nothing":
        """Give another session."""
        return self

    def sql(self, _text: str, _parameters: dict[str, object]) -> pl.DataFrame:
        """Give no row."""
        return pl.DataFrame(schema={"started_at": pl.Datetime})

    def snapshot_id(self) -> int:
        """Name the state of the warehouse."""
        return 1

    def give_back(self) -> None:
        """Keep no memory."""

    def close(self) -> None:
        """End the session."""


def test_it_takes_another_engine_now_and_then() -> None:
    opened: list[Nothing] = []

    def open_engine() -> Reader:
        opened.append(Nothing())
        return cast("Reader", opened[-1])

    with TestClient(make_app(TOKENS, open_reader=open_engine)) as connected:
        for _ in range(STATEMENTS_OF_AN_ENGINE // 3):
            assert connected.get("/api/v1/calls/none", headers=BEARER).status_code == 404
        before = len(opened)
        connected.get("/api/v1/calls/none", headers=BEARER)

    assert [1, 2] == [before, len(opened)]


def test_no_request_however_odd_breaks_it(home: Path) -> None:
    app = make_app(TOKENS, open_reader=lambda: open_reader(settings_at(home)))
    described = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    for found in described.get_all_operations():
        _fuzz(found.ok())


def _fuzz(operation: schemathesis.APIOperation) -> None:
    odd = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode))

    # Half as many as of other cases: 25, and 500 in the profile thorough.
    @settings(max_examples=settings.default.max_examples // 2, suppress_health_check=list(HealthCheck), deadline=None)
    @given(case=odd)
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=BEARER, checks=[not_a_server_error])

    ask()


def test_the_document_names_every_path_once_and_only_ours() -> None:
    assert set(openapi()["paths"]) == {
        "/healthz",
        "/api/v1/openapi.json",
        "/api/v1/calls",
        "/api/v1/calls/{call_id}",
        "/api/v1/calls/{call_id}/turns",
        "/api/v1/conversations",
        "/api/v1/conversations/{conversation_id}/messages",
        "/api/v1/metrics",
        "/api/v1/missed_episodes",
    }
