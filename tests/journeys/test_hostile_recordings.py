"""Recordings that are broken, hostile or slow, through the real worker: each is heard or buried with its reason."""

import io
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.audio import AudioStream

from analytics.questions.waiting import waiting
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin, assign, connect_producer
from pipelines.kafka.ports import MAX_MESSAGE_BYTES
from schemas.calls import CallRecordingMadeAvailable
from schemas.codec import decode, encode
from schemas.envelope import event
from schemas.ids import call_id, fact_id, recording_id
from schemas.records import dead_from_kafka
from schemas.transcripts import CallTranscribed
from streams.demo_model.dialogues import dialogue, recording_bytes
from tests.angime.front_door import typed
from tests.forked import running
from tests.streams.bombs import mp3, with_bomb_for_a_title

HOURS = 3
FETCH_SECONDS = 4.0
PATIENCE_SECONDS = 240.0  # a busy machine may need as long; a quiet one is done within seconds
MEMORY_BYTES = 1_500_000_000
UNPACKED_BYTES = 1_600_000_000
BORDER_SECONDS = 0.3  # between where speech begins or ends and where it is heard to
TALK = dialogue("en", 1)
WAV = recording_bytes(TALK)
TURNS = len(TALK.turns)
ELSEWHERE = "elsewhere"  # is told of on a topic of others
OVERFULL = "overfull"  # is as large as Kafka takes it, so that its dead letter is larger
# What becomes of each: how many turns a transcript has, or why it is buried.
EXPECTED: dict[str, int | str] = {
    "page": "The recording cannot be decoded as audio (InvalidDataError).",
    "noise": "The recording cannot be decoded as audio (InvalidDataError).",
    "truncated": f"The recording is cut short: {len(WAV) // 2} of {len(WAV)} bytes are there.",
    "bomb": "The recording is longer than 14400 s.",
    "packed-title": TURNS,
    "to-private": "the recording's address is a private one; name its host in recording_hosts to allow it",
    "gone": "the provider answered 410",
    "silent": 0,
    "mislabelled": TURNS,
    "long": "heard",
    "stalls-once": TURNS,
    "empty-once": TURNS,
    ELSEWHERE: "call.recording_made_available does not belong on transcripts; it is told on calls",
    OVERFULL: "the body is no valid JSON in UTF-8",
}
MISSING = "missing"  # is not there for as long as we look; it comes before all others

pytestmark = [pytest.mark.kafka, pytest.mark.speech, pytest.mark.timeout(600)]


def _flac(*, silent_seconds: int, samples_per_second: int, then: np.ndarray) -> bytes:
    """Write a long silence, and what comes after it, as the little that FLAC needs for it."""
    target = io.BytesIO()
    minute = np.zeros((1, 60 * samples_per_second), dtype=np.int16)
    largest_frames = {"frame_size": "65535"}
    with av.open(target, "w", format="flac") as opened:
        added = opened.add_stream("flac", rate=samples_per_second, layout="mono", options=largest_frames)
        stream = cast("AudioStream", added)
        for piece in [minute] * (silent_seconds // 60) + [then]:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="s16", layout="mono")
            frame.sample_rate = samples_per_second
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    return target.getvalue()


def _handed_out() -> dict[str, bytes]:
    one_side = TALK.samples.max(axis=0, keepdims=True).repeat(2, axis=1)
    return {
        "page": b"<!doctype html><html><body>The link has expired.</body></html>" * 20,
        "noise": np.random.default_rng(1).bytes(50_000),
        "truncated": WAV[: len(WAV) // 2],
        # More than four hours of nothing, at a rate so low that they are a few kilobytes.
        "bomb": _flac(silent_seconds=4 * 3600 + 60, samples_per_second=2_000, then=np.zeros((1, 1_000), np.int16)),
        # A title of more than a gigabyte, in a tag of one megabyte before an ordinary call.
        "packed-title": with_bomb_for_a_title(
            mp3(TALK.samples, samples_per_second=TALK.samples_per_second, bits_per_second=64_000),
            unpacked_bytes=UNPACKED_BYTES,
        ),
        "silent": WAV[:44] + bytes(len(WAV) - 44),
        "mislabelled": recording_bytes(TALK, form="ogg"),
        "long": _flac(silent_seconds=HOURS * 3600, samples_per_second=16_000, then=one_side),
        "stalls-once": WAV,
        "empty-once": WAV,
    }


class _Provider:
    """A provider of recordings, by name; `asked` counts how often for each."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._held = _handed_out()
        self._stop = threading.Event()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, self.path.strip("/"))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, name: str) -> None:
        self.asked[name] += 1
        is_first = self.asked[name] == 1
        body = b"" if name == "empty-once" and is_first else self._held.get(name, b"")
        request.send_response({"gone": 410, "to-private": 302, MISSING: 404}.get(name, 200))
        request.send_header("location", "http://localhost:1/latest/meta-data")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        if name == "stalls-once" and is_first:
            request.wfile.write(body[:100])
            request.wfile.flush()
            self._stop.wait(2 * FETCH_SECONDS)
        else:
            request.wfile.write(body)

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def provider() -> Iterator[_Provider]:
    with closing(_Provider()) as serving:
        yield serving


@pytest.fixture
def worker(tmp_path: Path, kafka: local_kafka.Running, provider: _Provider) -> Iterator[ForkServerProcess]:
    """Run `angime stream` of a company whose recordings the provider has; it tells who speaks when, without words."""
    with _working(tmp_path, kafka=kafka, address=provider.address, model="none") as process:
        yield process


@contextmanager
def _working(home: Path, *, kafka: local_kafka.Running, address: str, model: str) -> Iterator[ForkServerProcess]:
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    (home / "company.toml").write_text(
        'id = "hostile"\nname = "H"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n'
        f'[[accounts]]\nid = "main"\nsource = "twilio"\nrecording_hosts = ["{address}"]\n'
    )
    settings = {"KAFKA": kafka.bootstrap, "SPEECH_MODEL": model, "FETCH_SECONDS": str(FETCH_SECONDS)}
    told = {f"ANGIME_{name}": text for name, text in settings.items()}
    with running("stream", home=home, log=home / "worker.log", **told) as process:
        yield process


def _made_available(name: str, *, provider: str) -> Any:
    data = CallRecordingMadeAvailable(
        call_id=call_id("twilio", "main", name),
        provider_call_id=name,
        recording_id=recording_id("twilio", "main", name),
        url=f"http://{provider}/{name}",
        media_type="audio/wav",
    )
    at = "2026-03-01T08:00:00.000Z"
    id_ = fact_id("twilio", "main", "call.recording_made_available", name)
    return event(
        data, id=id_, source="twilio", account="main", company="hostile", time=at, recordedat=at, key=data.call_id
    )


def _peak_bytes(pid: int) -> int:
    """Most memory that a process or one of its children ever held."""
    peak = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            lines = (folder / "status").read_text().splitlines()
        except OSError:
            continue
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if str(pid) in {folder.name, status.get("PPid")} and "VmHWM" in status:
            peak = max(peak, int(status["VmHWM"].split()[0]) * 1024)
    return peak


def test_every_hostile_recording_is_heard_or_buried_while_a_missing_one_is_waited_for(
    kafka: local_kafka.Running, provider: _Provider, worker: ForkServerProcess
) -> None:
    with closing(connect_producer(kafka.bootstrap)) as producer:
        for name in (MISSING, *EXPECTED):
            fact = _made_available(name, provider=provider.address)
            topic = "transcripts" if name == ELSEWHERE else "calls"
            full = [("x", bytes(MAX_MESSAGE_BYTES - 400))] if name == OVERFULL else []
            value = b"" if full else encode(fact)
            producer.send(topic, key=fact.partitionkey.encode(), value=value, headers=full)
        producer.flush()

    found: dict[str, list[int | str]] = {}
    borders: dict[str, tuple[float, float]] = {}
    names = {call_id("twilio", "main", name): name for name in (MISSING, *EXPECTED)}
    deadline = time.monotonic() + PATIENCE_SECONDS
    with closing(assign(kafka.bootstrap, topics=("transcripts", "dead"), offsets={})) as consumer:
        while found.keys() != EXPECTED.keys() and time.monotonic() < deadline:
            assert worker.is_alive()
            for record in consumer.poll(max_records=100, timeout_seconds=0.5):
                name = names.get((record.key or b"").decode())
                if name is None:
                    continue
                if record.topic == "dead":
                    found.setdefault(name, []).append(dead_from_kafka(record.key, record.value, record.headers).reason)
                elif isinstance(said := decode(record.value or b"").data, CallTranscribed):
                    # Of one channel turns are joined, or parted where a voice seems to be another.
                    found.setdefault(name, []).append(len(said.turns) if said.channels == 2 else "heard")
                    if said.turns:
                        borders[name] = (said.turns[0].start_seconds, said.turns[-1].end_seconds)

    assert worker.is_alive()
    assert {name: [expected] for name, expected in EXPECTED.items()} == found
    silent_seconds = {"long": HOURS * 3600}
    begins, ends = TALK.turns[0].start_seconds, max(turn.end_seconds for turn in TALK.turns)
    for name, (begin, end) in borders.items():
        before = silent_seconds.get(name, 0)
        assert (begin, end) == pytest.approx((before + begins, before + ends), abs=BORDER_SECONDS), name
    assert all(provider.asked[name] > 1 for name in ("stalls-once", "empty-once", MISSING))
    assert 0 < _peak_bytes(worker.pid) < MEMORY_BYTES


def test_a_model_that_is_not_there_is_waited_for_and_status_and_doctor_say_so(
    kafka: local_kafka.Running, tmp_path: Path
) -> None:
    missing = str(tmp_path / "no-model")
    reason = f"ANGIME_SPEECH_MODEL names {missing}, but there is no CTranslate2 model (model.bin) in it."
    with _working(tmp_path, kafka=kafka, address="provider.example", model=missing) as worker:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while waiting(tmp_path) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        status = typed("status", home=tmp_path, ANGIME_SPEECH_MODEL=missing)
        doctor = typed("doctor", home=tmp_path, ANGIME_SPEECH_MODEL=missing)

        assert worker.is_alive()
        assert [reason in said.out for said in (status, doctor)] == [True, True]
        assert "put the model there" in doctor.out
