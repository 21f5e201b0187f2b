"""Traces: one webhook is followed to the commit of its facts; nothing of it is data, and nobody is told unasked."""

import threading
from collections.abc import Generator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: TID251  # reads what was told

from analytics.warehouse import open_writer
from pipelines import dead, land, normalise
from pipelines.kafka.ports import Positions, Record
from pipelines.origins import load_origins
from pipelines.receiving.keep import Received, http_headers
from pipelines.settings import PipelinesSettings
from pipelines.tracing import OFF, Tracer, end_all, open_tracer, traceparent_of
from schemas.records import TRACEPARENT, raw_to_kafka
from tests.analytics.landing_cases import settings_at
from tests.fakes import MemoryKafka
from tests.pipelines.test_normalise import ALL_TOPICS, COMPANY, NOW, body, call, raw_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CAME = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def told() -> Generator[tuple[str, list[bytes]]]:
    """Give the address of somebody who keeps traces, and what he was told."""
    bodies: list[bytes] = []

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Keeper)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
    server.shutdown()
    thread.join()
    server.server_close()


class Once:
    """A consumer that gives its records once, and has the lander stop when it asks again after landing them."""

    def __init__(self, records: list[Record], *, stop: threading.Event) -> None:
        self._answers = [records, []]
        self._stop = stop

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give what there is."""
        del max_records, timeout_seconds
        if self._answers:
            return self._answers.pop(0)
        self._stop.set()
        return []

    def commit(self, positions: Positions) -> None:
        """Keep nothing: the warehouse does."""

    def close(self) -> None:
        """Hold nothing."""


def normalised(home: Path, tracer: Tracer, *, came: str | None) -> list[Record]:
    """Take one webhook with two calls to its topic; gives what lies there."""
    kafka = MemoryKafka(dict.fromkeys(ALL_TOPICS, 1))
    producer = kafka.producer()
    span = tracer.span("receive", came, may_begin=True)
    received = Received(raw_of(body(call(1), call(2))), ((TRACEPARENT, span.traceparent),) if span else ())
    key, value, headers = raw_to_kafka(received.raw)
    producer.send("raw", key=key, value=value, headers=[*headers, *http_headers(received)])
    producer.flush()
    end_all([span])
    normalise.step(
        kafka.join("normalise", ["raw"]),
        producer=producer,
        origins=load_origins(PipelinesSettings(home=home)),
        breaker=dead.Breaker("normalise"),
        now=lambda: NOW,
        tracer=tracer,
    )
    return kafka.records("calls")


def test_a_webhook_is_followed_to_the_commit_and_its_events_are_as_without(
    tmp_path: Path, told: tuple[str, list[bytes]]
) -> None:
    address, bodies = told
    (tmp_path / "company.toml").write_text(COMPANY)
    stop = threading.Event()
    with closing(open_tracer(address)) as tracer, open_writer(settings_at(tmp_path)) as writer:
        followed = normalised(tmp_path, tracer, came=CAME)
        land.land(Once(followed, stop=stop), writer=writer, stop=stop, tracer=tracer, now=lambda: NOW)
        assert writer.connection.rows("select count(*) from log.events") == [(2,)]
    untold, passed = (normalised(tmp_path, OFF, came=came) for came in (None, CAME))

    spans = [
        span
        for sent in bodies
        for of_resource in ExportTraceServiceRequest.FromString(sent).resource_spans
        for scope in of_resource.scope_spans
        for span in scope.spans
    ]
    by_name = {span.name: span for span in spans}
    assert sorted(span.name for span in spans) == ["land", "land", "normalise", "receive"]
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert by_name["receive"].parent_span_id.hex() == SPAN
    assert by_name["normalise"].parent_span_id == by_name["receive"].span_id
    assert by_name["land"].parent_span_id == by_name["normalise"].span_id
    carried = [{traceparent_of(record.headers) for record in records} for records in (followed, passed, untold)]
    assert carried == [{f"00-{TRACE}-{by_name['normalise'].span_id.hex()}-01"}, {CAME}, {None}]
    values = [[(record.key, record.value) for record in records] for records in (followed, passed, untold)]
    assert values == [values[0]] * 3


def test_a_trace_begins_at_the_receiver_where_none_came(told: tuple[str, list[bytes]]) -> None:
    with closing(open_tracer(told[0])) as tracer:
        begun, other = (tracer.span("receive", came, may_begin=True) for came in (None, f"00-{'0' * 32}-{SPAN}-01"))
        assert tracer.span("normalise", None) is None

    assert begun is not None
    assert other is not None
    assert len({begun.traceparent.split("-")[1], other.traceparent.split("-")[1], "0" * 32}) == 3
