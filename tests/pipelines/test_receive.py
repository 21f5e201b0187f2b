"""The receiver answers 200 only for bytes that are safe and whose origin is proved, and loses none of them."""

import asyncio
import base64
import hashlib
import hmac
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from angime import presence
from pipelines import receive
from pipelines.kafka import local_kafka
from pipelines.origins import load_origins, load_secrets
from pipelines.receiving import heads
from pipelines.receiving.hooks import Doors
from pipelines.receiving.keep import Keeper, Received
from pipelines.receiving.metrics import Metrics
from pipelines.receiving.outbox import Outbox
from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured, NotYet
from schemas.records import RawRecord, raw_from_kafka
from tests.brokers import own_broker, silent, values_of
from tests.fakes import MemoryKafka
from tests.forked import running

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
SECRETS = {"META": "meta-secret", "META_VERIFY": "let me in", "TWILIO": "twilio-token", "OURS": "bearer-token"}
SECRETS |= {"VK": "vk-secret", "VK_CODE": "c0de", "YCLOUD": "ycloud-secret"}
COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "sales"
source = "whatsapp_cloud"
secrets = ["env:META"]
verify_secret = "env:META_VERIFY"

[[accounts]]
id = "phones"
source = "twilio"
secrets = ["env:TWILIO"]
settings = { public_url = "https://calls.example.com" }

[[accounts]]
id = "crm"
source = "ingest"
secrets = ["env:OURS"]

[[accounts]]
id = "community"
source = "vk"
secrets = ["env:VK"]
verify_secret = "env:VK_CODE"

[[accounts]]
id = "chats"
source = "ycloud"
secrets = ["env:YCLOUD"]
"""
HOOK = "/hooks/whatsapp_cloud/sales"
SEND_AGAIN_SECONDS = 30


def signed(body: bytes, *, secret: str = "meta-secret") -> dict[str, str]:
    """Give the headers with which Meta signs `body`."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={signature}", "content-type": "application/json"}


class Service(Struct, frozen=True):
    """The app, with a cluster in memory behind it."""

    client: httpx.Client
    kafka: MemoryKafka
    keeper: Keeper


@contextmanager
def serving(home: Path, *, kafka: MemoryKafka, outbox_bytes: int = 8 * 1024 * 1024) -> Generator[Service]:
    """Serve the app over a cluster in memory."""
    home.mkdir(exist_ok=True)
    (home / "company.toml").write_text(COMPANY)
    settings = PipelinesSettings(home=home, outbox_bytes=outbox_bytes)
    origins = load_origins(settings)
    failures: list[BaseException] = []
    keeper = Keeper(
        Outbox(settings.outbox_folder, max_bytes=settings.outbox_bytes),
        connect=kafka.producer,
        knock=kafka.knock,
        on_failure=failures.append,
        knocking_seconds=0.02,
    )
    doors = Doors(
        settings=settings,
        origins=origins,
        secrets=load_secrets(origins, settings=settings, environ=SECRETS),
        keeper=keeper,
        metrics=Metrics(keeper.figures),
        now=lambda: NOW,
    )
    keeper.start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = receive.http_server(doors)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with httpx.Client(base_url=address, timeout=SEND_AGAIN_SECONDS) as client:
            yield Service(client, kafka, keeper)
        server.should_exit = True
        thread.join()
    keeper.close()
    assert failures == []


@pytest.fixture
def service(tmp_path: Path) -> Generator[Service]:
    """Give a service whose Kafka is near."""
    with serving(tmp_path, kafka=MemoryKafka({"raw": 1})) as running:
        yield running


def bodies(kafka: MemoryKafka) -> list[bytes | None]:
    """Give the bodies in the topic raw."""
    return [record.value for record in kafka.records("raw")]


def test_a_signed_webhook_is_kept_untouched_before_it_is_answered(service: Service) -> None:
    body = b'{ "entry": [] ,\n "x": "\xd0\xb6" }'

    answer = service.client.post(HOOK, content=body, headers=signed(body))

    (record,) = service.kafka.records("raw")
    raw = raw_from_kafka(record.value, record.headers)
    assert answer.status_code == 200
    assert (raw.body, raw.source, raw.account, raw.company) == (body, "whatsapp_cloud", "sales", "acme")
    assert (raw.received_at, raw.content_type) == ("2026-03-01T08:30:00.000Z", "application/json")
    assert record.key == b"whatsapp_cloud/sales"


def test_only_harmless_headers_are_kept(service: Service) -> None:
    body = b"{}"
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = signed(body) | {"user-agent": "meta", "authorization": "Bearer secret", "cookie": "secret"}
    headers |= {"traceparent": trace}

    service.client.post(HOOK, content=body, headers=headers)

    (record,) = service.kafka.records("raw")
    ours = {name: content for name, content in record.headers if name.startswith("http-")}
    assert ours == {"http-content-type": b"application/json", "http-user-agent": b"meta"}
    assert dict(record.headers)["traceparent"] == trace.encode()
    assert not any(b"secret" in content for _, content in record.headers)


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-hub-signature-256": "sha256=00"}, {"x-hub-signature-256": "nonsense"}, signed(b"{}", secret="other")],
)
def test_a_broken_signature_is_answered_401_and_nothing_is_kept(service: Service, headers: dict[str, str]) -> None:
    answer = service.client.post(HOOK, content=b"{}", headers=headers)

    assert answer.status_code == 401
    assert bodies(service.kafka) == []


@pytest.mark.parametrize(("seconds", "told"), [(-259_200, "259200 s ago"), (7_200, "7200 s ahead")])
def test_what_was_signed_at_another_time_is_answered_401_with_how_far_clocks_are_apart(
    service: Service, seconds: int, told: str
) -> None:
    stamp = int(NOW.timestamp()) + seconds
    digest = hmac.new(b"ycloud-secret", f"{stamp}.{{}}".encode(), hashlib.sha256).hexdigest()

    answers = [
        service.client.post("/hooks/ycloud/chats", content=b"{}", headers={"ycloud-signature": f"t={stamp},s={proof}"})
        for proof in (digest, "00")
    ]

    clock = f"it was signed {told} by this machine's clock: it was sent again, or set this clock (NTP)"
    assert [(one.status_code, one.json()["reason"]) for one in answers] == [
        (401, clock),
        (401, "the origin is not proved"),
    ]
    assert bodies(service.kafka) == []


@pytest.mark.parametrize("path", ["/hooks/whatsapp_cloud/nobody", "/hooks/nothing/sales", "/hooks/twilio/sales"])
def test_an_account_that_is_not_connected_is_answered_404(service: Service, path: str) -> None:
    answer = service.client.post(path, content=b"{}", headers=signed(b"{}"))

    assert answer.status_code == 404
    assert bodies(service.kafka) == []


def test_a_method_that_is_not_taken_is_answered_405_with_those_that_are(service: Service) -> None:
    answers = [service.client.put(HOOK, content=b"{}"), service.client.get("/events")]

    assert [(one.status_code, one.headers["allow"]) for one in answers] == [(405, "GET, HEAD, POST"), (405, "POST")]


@pytest.mark.parametrize("path", ["/", "/hooks", "/hooks/whatsapp_cloud", f"{HOOK}/more", "/hooks//sales", "/event"])
def test_an_address_of_no_use_is_answered_404(service: Service, path: str) -> None:
    assert service.client.post(path, content=b"{}", headers=signed(b"{}")).status_code == 404


def test_of_a_header_that_stands_twice_the_first_counts(service: Service) -> None:
    proofs = [signed(b"{}")["x-hub-signature-256"], "sha256=00"]

    answers = [
        service.client.post(HOOK, content=b"{}", headers=[("x-hub-signature-256", proof) for proof in order])
        for order in (proofs, proofs[::-1])
    ]

    assert [one.status_code for one in answers] == [200, 401]


def test_a_body_of_5_mb_is_answered_413(service: Service) -> None:
    body = b"x" * 5_000_000

    answer = service.client.post(HOOK, content=body, headers=signed(body))

    assert answer.status_code == 413
    assert bodies(service.kafka) == []


def test_a_body_without_a_length_is_read_no_further_than_the_limit(service: Service) -> None:
    answer = service.client.post(HOOK, content=(b"x" * 65_536 for _ in range(40)))

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: ", b"y" * 65_536),
        (b"GET /healthz HTTP/1.1\r\nhost: x\r\n", b"x: y\r\n" * 9_362),
        (b"GET /", b"y" * 65_536),
        (b"POST /healthz HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", b"y" * 65_536),
    ],
    ids=["one header", "many headers", "the address", "behind the body"],
)
def test_a_head_without_end_is_read_no_further_than_the_limit(service: Service, begin: bytes, piece: bytes) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", service.client.base_url.port or 0), timeout=5) as sender:
        sender.sendall(begin)
        with suppress(ConnectionError):
            while sent < 32 * 1024 * 1024:
                sender.sendall(piece)
                sent += len(piece)

    assert sent < 16 * 1024 * 1024  # what lies in buffers of the system
    assert service.client.get("/healthz").status_code == 200


def test_who_sends_no_head_is_let_go(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.1)
    with socket.create_connection(("127.0.0.1", service.client.base_url.port or 0), timeout=5) as sender:
        sender.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert sender.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_handshake_is_answered_with_its_challenge(service: Service) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "let me in", "hub.challenge": "1158201444"}

    answer = service.client.get(HOOK, params=query)
    refused = service.client.get(HOOK, params=query | {"hub.verify_token": "no"})

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert refused.status_code == 401


def test_a_challenge_by_post_is_answered_and_not_kept(service: Service) -> None:
    asked = service.client.post("/hooks/vk/community", json={"type": "confirmation", "group_id": 1})
    forged = service.client.post("/hooks/vk/community", json={"type": "message_new", "secret": "other"})
    told = service.client.post("/hooks/vk/community", json={"type": "message_new", "secret": "vk-secret"})

    assert [(one.status_code, one.text) for one in (asked, told)] == [(200, "c0de"), (200, "ok")]
    assert forged.status_code == 401
    assert len(bodies(service.kafka)) == 1


def test_a_signature_over_the_public_address_is_checked_with_it(service: Service) -> None:
    form = "CallSid=CA1&CallStatus=ringing"
    url = "https://calls.example.com/hooks/twilio/phones?a=1"
    digest = hmac.new(b"twilio-token", f"{url}CallSidCA1CallStatusringing".encode(), hashlib.sha1).digest()
    headers = {
        "x-twilio-signature": base64.b64encode(digest).decode(),
        "content-type": "application/x-www-form-urlencoded",
    }

    answer = service.client.post("/hooks/twilio/phones?a=1", content=form, headers=headers)

    assert (answer.status_code, answer.text) == (200, "<Response/>")
    assert answer.headers["content-type"].startswith("text/xml")


def test_events_go_to_the_only_account_of_ours(service: Service) -> None:
    headers = {"authorization": "Bearer bearer-token"}

    answers = [service.client.post(f"/events{query}", content=b"{}", headers=headers) for query in ("", "?account=crm")]
    answers.append(service.client.post("/events", content=b"{}", headers=headers | {"ce-specversion": "1.0"}))
    unknown = service.client.post("/events?account=other", content=b"{}", headers=headers)
    unproved = service.client.post("/events", content=b"{}")

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert {record.key for record in service.kafka.records("raw")} == {b"ingest/crm"}
    assert b'{"data":{},"specversion":"1.0","datacontenttype":"application/json"}' == bodies(service.kafka)[-1]
    assert (unknown.status_code, unproved.status_code) == (404, 401)


def test_while_kafka_is_away_webhooks_wait_on_disk_and_go_out_in_order(tmp_path: Path) -> None:
    kafka = MemoryKafka({"raw": 1})
    sent = [f'{{"n":{number}}}'.encode() for number in range(30)]
    with serving(tmp_path, kafka=kafka) as service:
        for number, body in enumerate(sent):
            kafka.is_away = 10 <= number < 20
            assert service.client.post(HOOK, content=body, headers=signed(body)).status_code == 200
        wait_until(lambda: len(bodies(kafka)) == 30)
        wait_until(lambda: service.keeper.figures().is_kafka_near)
        figures = service.keeper.figures()

    assert bodies(kafka) == sent
    assert figures.kept_by_outbox >= 10
    assert (figures.outbox_bytes, figures.kept_by_kafka + figures.drained) == (0, 30)


def test_while_kafka_lets_us_in_no_longer_webhooks_wait_on_disk(tmp_path: Path) -> None:
    kafka = MemoryKafka({"raw": 1})
    sent = [f'{{"n":{number}}}'.encode() for number in range(4)]
    with serving(tmp_path, kafka=kafka) as service:
        for number, body in enumerate(sent):
            kafka.is_refusing = 0 < number < 3
            assert service.client.post(HOOK, content=body, headers=signed(body)).status_code == 200
        wait_until(lambda: len(bodies(kafka)) == 4)

    assert bodies(kafka) == sent


def test_a_kafka_that_goes_while_nothing_comes_is_told_of_as_away(service: Service) -> None:
    def near() -> str:
        told = service.client.get("/metrics").text
        return next(line for line in told.splitlines() if line.startswith("angime_kafka_near "))

    wait_until(lambda: near() == "angime_kafka_near 1.0")
    service.kafka.is_away = True
    wait_until(lambda: near() == "angime_kafka_near 0.0")
    assert service.client.get("/readyz").json() == {"status": "ready", "kafka": "away", "outbox_bytes": 0}
    service.kafka.is_away = False
    wait_until(lambda: near() == "angime_kafka_near 1.0")
    service.kafka.is_refusing = True
    wait_until(lambda: near() == "angime_kafka_near 0.0")


def test_what_waits_when_the_receiver_stops_is_sent_by_the_next_one(tmp_path: Path) -> None:
    kafka = MemoryKafka({"raw": 1})
    sent = [f'{{"n":{number}}}'.encode() for number in range(4)]
    kafka.is_away = True
    with serving(tmp_path, kafka=kafka) as service:
        for body in sent[:3]:
            service.client.post(HOOK, content=body, headers=signed(body))
    kafka.is_away = False
    with serving(tmp_path, kafka=kafka) as service:
        service.client.post(HOOK, content=sent[3], headers=signed(sent[3]))
        wait_until(lambda: len(bodies(kafka)) == 4)

    assert bodies(kafka) == sent


def test_a_full_outbox_is_answered_503_so_that_the_provider_sends_again(tmp_path: Path) -> None:
    kafka = MemoryKafka({"raw": 1})
    kafka.is_away = True
    body = b'"' + b"x" * 1_000_000 + b'"'
    with serving(tmp_path, kafka=kafka, outbox_bytes=4 * 1024 * 1024) as service:
        answers = [service.client.post(HOOK, content=body, headers=signed(body)) for _ in range(5)]
        ready = service.client.get("/readyz")
        kafka.is_away = False
        wait_until(lambda: service.keeper.figures().is_kafka_near)
        later = service.client.post(HOOK, content=body, headers=signed(body))

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 503]
    assert answers[-1].headers["retry-after"] == "5"
    assert (ready.status_code, ready.json()["kafka"]) == (503, "away")
    assert later.status_code == 200
    assert len(bodies(kafka)) == 5


def test_a_slow_way_to_kafka_takes_what_waits_on_disk_in_smaller_parts(tmp_path: Path) -> None:
    kafka = MemoryKafka({"raw": 1})
    kafka.is_away = True
    sent = [b'"' + bytes([letter]) * 500_000 + b'"' for letter in b"abcdef"]
    with serving(tmp_path, kafka=kafka) as service:
        for body in sent:
            service.client.post(HOOK, content=body, headers=signed(body))
        kafka.flushed_bytes, kafka.is_away = 1_100_000, False
        wait_until(lambda: service.keeper.figures().is_kafka_near)

    assert bodies(kafka) == sent


@pytest.mark.parametrize("outbox_bytes", [1, 1_000])
def test_what_an_outage_left_is_told_of_when_it_is_sent_and_nothing_where_it_left_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outbox_bytes: int
) -> None:
    kafka = MemoryKafka({"raw": 1})
    failures: list[BaseException] = []
    keeper = Keeper(
        Outbox(tmp_path, max_bytes=outbox_bytes),
        connect=kafka.producer,
        knock=kafka.knock,
        on_failure=failures.append,
        knocking_seconds=0.02,
    )
    raw = RawRecord(raw_id="1", source="vk", account="community", company="acme", received_at="", body=b"{}")
    keeper.start()
    for _ in range(2):
        kafka.is_away = True
        with suppress(NotYet):
            asyncio.run(keeper.keep(Received(raw)))
        kafka.is_away = False
        wait_until(lambda: keeper.figures().is_kafka_near)
    keeper.close()
    told = [line.split()[-1] for line in capsys.readouterr().out.splitlines() if "outbox_drained" in line]

    assert (failures, len(kafka.records("raw"))) == ([], len(told))
    assert ["1", "1"] * (outbox_bytes > 1) == [word.rpartition("=")[2] for word in told]


def test_the_service_tells_how_it_does(service: Service) -> None:
    service.client.post(HOOK, content=b"{}", headers=signed(b"{}"))
    service.client.post(HOOK, content=b"{}")

    assert service.client.get("/healthz").json() == {"status": "alive"}
    assert service.client.get("/readyz").json() == {"status": "ready", "kafka": "near", "outbox_bytes": 0}
    counted = service.client.get("/metrics").text
    assert 'angime_webhooks_answered_total{source="whatsapp_cloud",status="200"} 1.0' in counted
    assert 'angime_webhooks_answered_total{source="whatsapp_cloud",status="401"} 1.0' in counted
    assert 'angime_webhooks_kept_total{where="kafka"} 1.0' in counted
    described = service.client.get("/openapi.json").json()
    assert set(described["paths"]) == {
        "/hooks/{source}/{account}", "/events", "/healthz", "/readyz", "/metrics",
    }  # fmt: skip


def test_a_missing_secret_names_its_account_and_how_to_set_it(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(COMPANY)
    settings = PipelinesSettings(home=tmp_path)
    origins = load_origins(settings)

    with pytest.raises(Misconfigured, match=r"'sales' of whatsapp_cloud.*set the environment variable META"):
        load_secrets(origins, settings=settings, environ={})


def test_a_missing_company_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"company\.toml cannot be read.*ANGIME_COMPANY"):
        receive.run(PipelinesSettings(home=tmp_path), stop=threading.Event())


def wait_until(is_so: Callable[[], object], *, seconds: float = 60) -> None:
    """Wait for something another thread or process brings about."""
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert is_so()


def test_addresses_of_kafka_that_are_none_name_the_setting(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text("id = 'a'\nname = 'A'\ntime_zone = 'UTC'\ndefault_region = 'KZ'\n")

    with pytest.raises(Misconfigured, match=r"ANGIME_KAFKA must list addresses such as 127\.0\.0\.1:9092"):
        receive.run(PipelinesSettings(home=tmp_path, kafka="nowhere"), stop=threading.Event())


@contextmanager
def receiver(home: Path, *, kafka: str) -> Generator[tuple[str, ForkServerProcess]]:
    """Run a receiver in a process of its own; give its address, and stop it by SIGTERM at the end."""
    settings = SECRETS | {"ANGIME_KAFKA": kafka, "ANGIME_RECEIVE_PORT": "0"}
    with running("receive", home=home, log=home / "receive.log", **settings) as process:
        wait_until(lambda: presence.told(home, "receive"))
        yield presence.told(home, "receive") or "", process
    assert process.exitcode in {0, -signal.SIGKILL}


def post(address: str, bodies_sent: list[bytes]) -> list[int]:
    """Send signed webhooks one after another; give the statuses."""
    with httpx.Client(base_url=address, timeout=SEND_AGAIN_SECONDS) as client:
        return [client.post(HOOK, content=body, headers=signed(body)).status_code for body in bodies_sent]


@pytest.mark.kafka
def test_an_outage_and_a_kill_of_the_receiver_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "company.toml").write_text(COMPANY)
    sent = [json.dumps({"n": number}).encode() for number in range(60)]
    with own_broker(home) as running:
        send_through_an_outage(home, sent, kafka=running.bootstrap)
        kept = values_of(running.bootstrap, "raw", count=len(sent))

    assert kept == sent


def send_through_an_outage(home: Path, sent: list[bytes], *, kafka: str) -> None:
    """Send while Kafka goes away, kill the receiver meanwhile, and start both again."""
    with receiver(home, kafka=kafka) as (address, process):
        assert post(address, sent[:20]) == [200] * 20
        local_kafka.stop(home)
        assert post(address, sent[20:40]) == [200] * 20
        process.kill()
    with receiver(home, kafka=kafka) as (address, process):
        assert post(address, sent[40:50]) == [200] * 10
        local_kafka.start(home, on_step=silent)
        assert post(address, sent[50:]) == [200] * 10
        wait_until(lambda: httpx.get(f"{address}/readyz").json()["kafka"] == "near")
