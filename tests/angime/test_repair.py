"""Repair: a refused record is found, its cause mended, its very bytes sent again, and nothing good is doubled."""

import copy
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from analytics.landing import letters
from analytics.landing.letters import LetterFilter
from analytics.metrics.catalogue import catalogue
from analytics.progress import Pace
from analytics.questions import lineage
from analytics.warehouse import Batch, Reader, open_reader, open_writer
from angime import contracts, printing, replaying, standing, watching
from angime.moments import moment_of
from angime.suggestions import known
from pipelines import dead, normalise, redelivery
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin, connect_producer
from pipelines.kafka.stretches import Stretch
from pipelines.land import TOPICS as LANDED
from pipelines.origins import load_origins
from pipelines.replay import Choice
from pipelines.settings import PipelinesSettings
from schemas.codec import decode
from schemas.errors import Misconfigured
from schemas.ids import raw_id
from schemas.instants import Instant, instant, moment
from schemas.records import RawRecord, raw_to_kafka
from schemas.topics import TOPICS
from tests.analytics.landing_cases import ORIGINS, call_events, records_of, settings_at
from tests.angime.front_door import Said, angime, typed
from tests.fakes import MemoryKafka
from tests.runbooks import Runbook

NOW: Instant = "2026-03-09T12:00:00.000Z"
LATER: Instant = "2026-03-09T13:00:00.000Z"
LATEST: Instant = "2026-03-09T14:00:00.000Z"
COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "{account}"
source = "ingest"
"""


def one_call(name: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"end-{name}",
        "source": "/module",
        "type": "call.ended",
        "time": "2026-03-01T08:00:00Z",
        "data": {"provider_call_id": name, "talk_seconds": 3},
    }


class Pipeline:
    """The stages over a cluster in memory: what is received is normalised and landed by hand."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.kafka = MemoryKafka(dict.fromkeys(TOPICS, 1))
        self.connect_account("crm")

    def connect_account(self, account: str) -> None:
        """Let company.toml name this account alone."""
        (self.home / "company.toml").write_text(COMPANY.format(account=account))

    def receive(self, *events: dict[str, object], account: str) -> bytes:
        """Keep one body, and give it."""
        body = json.dumps(list(events)).encode()
        raw = RawRecord(
            raw_id=raw_id("ingest", account, body.hex()),
            source="ingest",
            account=account,
            company="acme",
            received_at="2026-03-01T08:00:01.000Z",
            content_type="application/json",
            body=body,
        )
        key, value, headers = raw_to_kafka(raw)
        producer = self.kafka.producer()
        producer.send("raw", key=key, value=value, headers=headers)
        producer.flush()
        return body

    def work(self, *, now: Instant) -> None:
        """Normalise and land until nothing is left."""
        consumer = self.kafka.join(normalise.GROUP, ["raw"])
        origins = load_origins(PipelinesSettings(home=self.home))
        breaker = dead.Breaker("normalise")
        while normalise.step(
            consumer, producer=self.kafka.producer(), origins=origins, breaker=breaker, now=lambda: now
        ):
            pass
        with open_writer(settings_at(self.home)) as writer:
            landing = self.kafka.assign(LANDED, writer.next_offsets())
            writer.land(Batch(landing.poll(max_records=1_000, timeout_seconds=0)), now=now)

    def reader(self) -> Reader:
        """Ask its warehouse."""
        return open_reader(settings_at(self.home))


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Make a pipeline on which one body was refused, for its account was not connected, and one was not."""
    made: Path = tmp_path_factory.mktemp("refusing")
    built = Pipeline(made)
    built.receive(one_call("good"), account="crm")
    built.receive(one_call("c1"), one_call("c2"), account="shop")
    built.work(now=NOW)
    return built


@pytest.fixture
def pipeline(refusing: Pipeline, tmp_path: Path) -> Pipeline:
    """Give that pipeline to one test alone."""
    own = copy.deepcopy(refusing)
    own.home = shutil.copytree(refusing.home, tmp_path / "home")
    return own


def test_a_refused_record_is_listed_with_its_place_and_reason(pipeline: Pipeline) -> None:
    with closing(pipeline.reader()) as reader:
        [found] = letters.find(reader, LetterFilter())

    assert (found.place, found.state, found.stage, found.source, found.account, found.died_at) == (
        "raw/0/1",
        "waiting",
        "normalise",
        "ingest",
        "shop",
        NOW,
    )
    assert found.reason == "no account shop of ingest stands in company.toml"


CHOSEN: tuple[tuple[LetterFilter, int], ...] = (
    (LetterFilter(reason="NO ACCOUNT"), 1),
    (LetterFilter(reason="a comet"), 0),
    (LetterFilter(source="ingest", stage="normalise"), 1),
    (LetterFilter(source="twilio"), 0),
    (LetterFilter(since=NOW, until=LATER), 1),
    (LetterFilter(since=LATER), 0),
    (LetterFilter(until=NOW), 0),
    (LetterFilter(places=("raw/0/1",)), 1),
    (LetterFilter(places=("raw/0/0",)), 0),
    (LetterFilter(state="discarded"), 0),
    (LetterFilter(state="any"), 1),
)


def test_letters_are_chosen_by_reason_source_time_place_and_state(pipeline: Pipeline) -> None:
    with closing(pipeline.reader()) as reader:
        assert [len(letters.find(reader, wanted)) for wanted, _ in CHOSEN] == [found for _, found in CHOSEN]


def test_after_the_fix_the_very_bytes_go_again_and_only_what_was_missing_is_new(pipeline: Pipeline) -> None:
    pipeline.connect_account("shop")
    with closing(pipeline.reader()) as reader:
        meant = letters.whole(reader, ["raw/0/1"])
    refused = pipeline.kafka.records("raw")[1]

    assert redelivery.retry(meant, producer=pipeline.kafka.producer(), note="connected", now=LATER) == 1
    again = pipeline.kafka.records("raw")[2]
    assert (again.key, again.value, again.headers) == (refused.key, refused.value, refused.headers)

    pipeline.work(now=LATEST)
    with closing(pipeline.reader()) as reader:
        assert [(letter.place, letter.state) for letter in letters.find(reader, LetterFilter(state="any"))] == [
            ("raw/0/1", "retried")
        ]
        calls = reader.sql("select provider_call_id from facts.calls order by all")["provider_call_id"].to_list()
    assert calls == ["c1", "c2", "good"]

    redelivery.retry(meant, producer=pipeline.kafka.producer(), note="", now=LATEST)
    pipeline.work(now=LATEST)
    with closing(pipeline.reader()) as reader:
        counted = reader.sql("select count(*) from log.events where type = 'call.ended'").row(0)
        conflicts = reader.sql("select count(*) from log.conflicts").row(0)
    assert (counted, conflicts) == ((3,), (0,))


def test_a_record_that_dies_again_waits_again(pipeline: Pipeline) -> None:
    with closing(pipeline.reader()) as reader:
        meant = letters.whole(reader, ["raw/0/1"])
    redelivery.retry(meant, producer=pipeline.kafka.producer(), note="", now=LATER)
    pipeline.work(now=LATEST)

    with closing(pipeline.reader()) as reader:
        found = {letter.place: letter.state for letter in letters.find(reader, LetterFilter(state="any"))}

    assert found == {"raw/0/1": "retried", "raw/0/2": "waiting"}


def test_what_is_given_up_waits_no_longer_and_keeps_its_bytes(pipeline: Pipeline) -> None:
    with closing(pipeline.reader()) as reader:
        meant = letters.whole(reader, ["raw/0/1"])
    assert redelivery.discard(meant, producer=pipeline.kafka.producer(), note="a test", now=LATER) == 1
    pipeline.work(now=LATEST)

    with closing(pipeline.reader()) as reader:
        assert letters.counts(reader) == {"waiting": 0, "retried": 0, "discarded": 1}
        assert letters.whole(reader, ["raw/0/1"]) == meant
    assert len(pipeline.kafka.records("raw")) == 2


def test_several_letters_of_one_record_are_one_and_each_decision_is_of_the_letter_s_company(pipeline: Pipeline) -> None:
    with closing(pipeline.reader()) as reader:
        [letter] = letters.whole(reader, ["raw/0/1"])
    part, nobodys = (
        type(letter)(**{**_fields(letter), **said}) for said in ({"part": "1"}, {"company": "", "offset": 7})
    )
    assert redelivery.retry([letter, part, nobodys], producer=pipeline.kafka.producer(), note="", now=LATER) == 2

    decided = [decode(record.value or b"") for record in pipeline.kafka.records("decisions")]
    assert [("raw/0/1", "acme"), ("raw/0/7", "angime")] == [(one.data.place, one.company) for one in decided]
    assert [letter.body] * 2 == [record.value for record in pipeline.kafka.records("raw")[2:]]


def test_a_letter_of_a_topic_that_is_not_ours_is_not_sent(pipeline: Pipeline) -> None:
    with closing(pipeline.reader()) as reader:
        [letter] = letters.whole(reader, ["raw/0/1"])
    stranger = type(letter)(**{**_fields(letter), "topic": "elsewhere"})

    with pytest.raises(Misconfigured, match="no topic elsewhere"):
        redelivery.retry([stranger], producer=pipeline.kafka.producer(), note="", now=LATER)


def _fields(letter: object) -> dict[str, object]:
    return {name: getattr(letter, name) for name in letter.__struct_fields__}  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home whose warehouse holds one call; its third fact arrived before the others."""
    made: Path = tmp_path_factory.mktemp("home")
    facts = call_events(1)
    with open_writer(settings_at(made)) as writer:
        for offset, fact in enumerate([facts[2], facts[0], facts[1], facts[3]]):
            writer.land(Batch(records_of([fact], first_offset=offset)), now=f"2026-03-09T12:00:0{offset}.000Z")
    return made


def test_a_call_shows_its_facts_in_both_orders_and_how_they_were_read(home: Path) -> None:
    said = typed("call", "CA1", "--json", home=home)

    told = json.loads(said.out)
    assert [(fact["arrived"], fact["occurred"], fact["type"]) for fact in told["facts"]] == [
        (1, 3, "call.accepted/1"),
        (2, 1, "call.offered/1"),
        (3, 2, "call.rang/1"),
        (4, 4, "call.ended/2"),
    ]
    assert [fact["delay_seconds"] for fact in told["facts"]] == [0.3] * 4
    assert (told["call"]["outcome"], told["conflicts"]) == ("answered", 0)
    assert told["call"]["outcome_reason"]
    assert [leg["talk_seconds"] for leg in told["legs"]] == [1]


def test_a_call_is_found_by_the_beginning_of_its_id(home: Path) -> None:
    with closing(open_reader(settings_at(home))) as reader:
        [whole] = lineage.find_calls(reader, "CA1")
        assert lineage.find_calls(reader, whole[:8]) == [whole]
        assert lineage.find_calls(reader, "CA") == []


def test_an_interrupted_replay_says_how_much_is_left_also_when_it_only_counts(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(home))
    file, times = tmp_path / "state.json", sorted(event.recordedat for event in call_events(1))
    choice = Choice(stage="land", topics=("calls",), since=times[0], until=LATEST)
    logged = replaying.plan(choice, bootstrap="", origin="log", offsets=None, file=file)
    file.write_bytes(msgspec.json.encode(replaying.State(plan=logged, next=times[1])))
    rest = replaying.plan(choice, bootstrap="", origin="log", offsets=None, file=file)
    counted = replaying.run(rest, bootstrap="", file=file, is_dry=True, say=lambda _: None)
    stretch = Stretch(parts=(("calls", 0, 0, 10), ("calls", 1, 3, 5)), is_whole=True)
    kept = replaying.Plan(choice=choice, origin="kafka", records=stretch.records, stretch=stretch)
    file.write_bytes(msgspec.json.encode(replaying.State(plan=kept, next={"calls/0": 4, "calls/1": 5})))
    left = replaying.plan(choice, bootstrap="", origin="kafka", offsets=None, file=file)

    assert (logged.records, logged.went_on) == (4, False)
    assert (rest.records, rest.went_on, counted.read) == (3, True, 3)
    assert (left.records, left.went_on) == (6, True)


def test_a_call_that_is_not_there_is_said_with_exit_2(home: Path) -> None:
    said = typed("call", "CA77", home=home)

    assert (said.code, "no call goes by 'CA77'" in said.err) == (2, True)


@pytest.mark.parametrize("verb", ["call", "tail calls --call", "replay --dry-run --call"])
def test_where_an_id_is_that_of_several_calls_they_are_named(verb: str, tmp_path: Path) -> None:
    both = [call_events(1, origin=origin)[0] for origin in ORIGINS[:2]]
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(both)), now=NOW)
    said = typed(*verb.split(), "CA1", home=tmp_path, ANGIME_KAFKA="127.0.0.1:1")

    meant = ", ".join(sorted(event.partitionkey for event in both))
    assert (said.code, said.err) == (2, f"angime: several calls go by 'CA1'; meant may be {meant}\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("tail", "cals"), "did you mean calls?"),
        (("dead", "lst"), "list"),
    ],
)
def test_a_mistake_in_a_name_suggests_the_right_one(tmp_path: Path, words: tuple[str, ...], hint: str) -> None:
    said = typed(*words, home=tmp_path, ANGIME_KAFKA="127.0.0.1:1")

    assert said.code == 2
    assert hint in said.err


def test_a_name_like_no_other_is_answered_with_all_names() -> None:
    assert known("calls", names=["calls", "raw"], what="topic") == "calls"
    with pytest.raises(Misconfigured, match="no topic 'xyz'; known are calls, raw"):
        known("xyz", names=["raw", "calls"], what="topic")


def test_the_shell_completes_verbs_and_topics(tmp_path: Path) -> None:
    verbs = angime(home=tmp_path, is_script=True, **_completing("angime de"))
    names = angime(home=tmp_path, is_script=True, **_completing("angime tail ca"))

    assert "dead" in verbs.out.split()
    assert names.out.split() == ["calls"]


def _completing(words: str) -> dict[str, str]:
    return {"_ANGIME_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2h", "2026-03-09T10:00:00.000Z"),
        ("7d", "2026-03-02T12:00:00.000Z"),
        ("2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T08:30:00+05:00", "2026-03-01T03:30:00.000Z"),
    ],
)
def test_times_are_read_as_people_type_them(written: str, read: Instant) -> None:
    assert moment_of(written, now=moment(NOW)) == read


def test_how_long_the_rest_takes_is_said_now_and_then_and_not_before_it_can_be_known() -> None:
    moments, said = iter([0.0, 1.0, 2.0, 4.0, 6.0, 8.0]), list[str]()
    pace = Pace(said.append, clock=lambda: next(moments))
    for read in (0, 0, 4, 150, 520):
        pace.tell(read, 500)

    assert said == [
        "0 of 500 records",
        "4 of 500 records",
        "150 of 500 records, 25 a second, 14 s left",
        "520 of 500 records, 65 a second, 0 s left",  # more came meanwhile
    ]


@pytest.mark.parametrize("written", ["yesterday", "999999w", "2026-02-30"])
def test_what_is_no_time_is_told_in_one_line(written: str) -> None:
    with pytest.raises(Misconfigured, match="is no time; write 2026-03-01"):
        moment_of(written, now=moment(NOW))


def test_every_published_version_is_whole() -> None:
    assert contracts.check() == []


def test_a_broken_contract_is_found(tmp_path: Path) -> None:
    copied = shutil.copytree(printing.VERSIONS, tmp_path / "versions")
    (copied / "call.ended" / "1.least.pass.json").write_text("{}")
    changed = json.loads((copied / "call.rang" / "1.schema.json").read_text())
    changed["properties"]["leg_id"]["default"] = "x"
    (copied / "call.rang" / "1.schema.json").write_text(json.dumps(changed))
    (copied / "call.sung").mkdir()

    assert {problem.where for problem in contracts.check(copied)} == {
        "call.ended/1.least.pass.json",
        "call.rang/1",
        "call.sung",
    }


def test_what_changed_from_version_to_version_is_said_by_field() -> None:
    rows = contracts.differences("call.ended", old=1, new=2)

    assert {row["field"]: row["change"] for row in rows} == {
        "duration_seconds": "removed",
        "status": "removed",
        "talk_seconds": "added",
        "disposition": "added",
    }


def test_of_a_type_with_one_version_it_is_said_that_there_is_nothing_to_compare(tmp_path: Path) -> None:
    said = typed("schema", "diff", "message.sent", home=tmp_path)

    assert said == Said(0, "nothing to compare: message.sent has one version\n", "")


@pytest.mark.parametrize(
    ("facts", "landed"), [(0, "0 events"), (5, "5 events, the last landed 2026-03-09 12:00:00 UTC")]
)
def test_when_something_was_last_landed_is_told_as_people_write_it(facts: int, landed: str, tmp_path: Path) -> None:
    with open_writer(settings_at(tmp_path)) as writer:
        if facts:
            writer.land(Batch(records_of(call_events(1))), now=NOW)
    doctor, status = (typed(verb, home=tmp_path).out for verb in ("doctor", "status"))

    assert f"warehouse: {landed}\n" in doctor
    assert f"as_of {'2026-03-09 12:00:00 UTC' if facts else 'unknown'}, " in status


def test_the_doctor_finds_nothing_wrong_in_a_new_home(tmp_path: Path) -> None:
    said = typed("doctor", "--json", home=tmp_path, ANGIME_RECEIVE_PORT="0", ANGIME_PAGES_PORT=str(_free_port()))

    states = {finding["what"]: finding["state"] for finding in json.loads(said.out)}
    assert {what: state for what, state in states.items() if state == "wrong"} == {}
    assert {"python", "versions", "home", "disk", "clock", "java", "kafka", "ports", "company", "model"} <= set(states)
    assert said.code == 0


def test_the_doctor_proves_metrics_of_ones_own(tmp_path: Path, own_metrics: Path) -> None:
    def told() -> list[tuple[str, str]]:
        looked = json.loads(typed("doctor", "--json", home=tmp_path, ANGIME_METRICS=str(own_metrics)).out)
        return [(one["state"], one["found"] + one["mending"]) for one in looked if one["what"] == "metrics"]

    assert told() == [("good", "2 of your own")]
    own_metrics.write_text(own_metrics.read_text().replace("talk_seconds > 300", "talk_secs > 300"))
    catalogue.cache_clear()
    [(state, said)] = told()
    assert (state, "long_talks cannot be counted" in said) == ("wrong", True)


def test_the_doctor_tells_of_a_clock_that_the_engine_does_not_know_and_once_of_a_broken_catalog(
    tmp_path: Path,
) -> None:
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "catalog.sqlite").write_bytes(b"no catalog at all" * 100)
    written = COMPANY.format(account="crm").replace("Asia/Almaty", "America/Vancouver")
    (tmp_path / "company.toml").write_text(written)
    said = typed("doctor", "--json", home=tmp_path, ANGIME_RECEIVE_PORT="0", ANGIME_PAGES_PORT=str(_free_port()))
    found = {one["what"]: one["found"] for one in json.loads(said.out) if one["state"] == "wrong"}

    assert list(found) == ["zones", "warehouse"]
    assert "how clocks go in America/Vancouver since 202" in found["zones"]


def test_the_doctor_says_how_to_mend_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text('id = "Acme Inc"\n')
    said = typed("doctor", home=tmp_path, ANGIME_SPEECH_MODEL=str(tmp_path / "nothing" / "here"))

    assert said.code == 1
    assert "✗ company" in said.out
    assert "company.toml, line 1" in said.out
    assert "✗ model" in said.out
    assert "→ name a folder that exists" in said.out


def _free_port() -> int:
    from pipelines.kafka.free_ports import free_port

    return free_port()


@pytest.fixture
def broker(kafka: local_kafka.Running) -> Iterator[str]:
    """Give a real broker with the declared topics."""
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    return kafka.bootstrap


@contextmanager
def _lander_that_took_records(home: Path, *, seconds_ago: float) -> Iterator[None]:
    """Let a lander of a home run that has looked for records once, so long ago."""
    file = home / "stages" / "land"
    file.parent.mkdir()
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        looked_at = time.time() - seconds_ago
        os.utime(file, (looked_at, looked_at))
        yield


@pytest.mark.kafka
def test_on_a_real_broker_letters_are_sent_again_and_the_standing_is_told(
    tmp_path: Path, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = Pipeline(tmp_path)
    body = built.receive(one_call("c1"), account="shop")
    built.work(now=instant(datetime.now(UTC)))
    kept = tmp_path / "body.json"
    book = Runbook("poison-batch", home=tmp_path, kafka=broker)

    listed = book.type("angime dead list --since 1h")
    shown = book.type("angime dead show PLACE", PLACE="raw/0/0")
    kept.write_text(book.type("angime dead show PLACE --body", PLACE="raw/0/0").out)
    translated = book.type("angime translate SOURCE FILE", SOURCE="ingest", FILE=str(kept))
    done = book.type("angime dead retry --since 1d --yes")
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    monkeypatch.setenv("ANGIME_KAFKA", broker)
    newest = watching.newest(broker, topic="raw", call_id="", last=1)
    [decided] = watching.newest(broker, topic="decisions", call_id="", last=1)
    with _lander_that_took_records(tmp_path, seconds_ago=140):
        told = standing.standing()

    given_up = book.type('angime dead discard PLACE --note "why" --yes', PLACE="raw/0/0")
    book.done()

    assert ("raw/0/0" in listed.out, "no account shop of ingest" in shown.out) == (True, True)
    assert (kept.read_bytes(), "call.ended" in translated.out) == (body, True)
    assert (done.out, given_up.out) == ("retried: 1\n", "discarded: 1\n")
    assert [record["size_bytes"] for record in newest if record.get("account") == "shop"] == [len(body)]
    assert decided["data"]["place"] == "raw/0/0"
    assert (told["kafka"], told["warehouse"]["dead_letters"]["waiting"]) == (broker, 1)
    assert told["waiting"]["normalise"] >= 1
    at_work = (
        r"runs, and has not looked for records for 1[45]\d s; \d+ records? (is|are) not landed yet; "
        r"its last commit was \d+ s ago"
    )
    assert (bool(re.fullmatch(at_work, told["land"])), told["normalise"]) == (True, "none runs here")


@pytest.mark.kafka
def test_tail_shows_the_events_of_one_call_as_todays_version(broker: str, tmp_path: Path) -> None:
    example = (printing.VERSIONS / "call.ended" / "1.whole.pass.json").read_bytes()
    named = json.loads(example)["data"]["call_id"]
    with closing(connect_producer(broker)) as producer:
        producer.send("calls", key=named.encode(), value=example)
        producer.send("calls", key=b"other", value=b"no event")
        producer.flush()

    read: list[tuple[int, int]] = []
    [shown] = watching.newest(
        broker, topic="calls", call_id=named, last=1, on_read=lambda number, total: read.append((number, total))
    )
    told = typed("tail", "calls", "--call", named, home=tmp_path, ANGIME_KAFKA=broker).out
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of([decode(example)])), now=NOW)
    told_by_beginning = typed("tail", "calls", "--call", named[:8], home=tmp_path, ANGIME_KAFKA=broker).out

    assert (shown["published"], shown["dataschema"], shown["data"]["talk_seconds"]) == (
        "call.ended/1",
        "call.ended/2",
        294.0,
    )
    assert read[-1] == (len(read), len(read))
    identities = ", ".join(f"{one['kind']}:{one['value']}" for one in shown["data"]["contact"])
    assert f"  contact={identities}  " in told
    assert told_by_beginning == told
