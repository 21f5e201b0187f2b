"""`angime import`: what a person types, with and without sending."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin
from tests.angime.front_door import typed

COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "pbx"
source = "asterisk"
"""
ROWS = """src,dst,disposition,duration,billsec,start,uniqueid
87011234567,101,BUSY,5,0,2026-03-02 14:15:30,1772442930.1
1,2,DANCING,1,0,2026-03-02 14:15:30,3
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "company.toml").write_text(COMPANY)
    (tmp_path / "Master.csv").write_text(ROWS)
    return tmp_path


def test_a_dry_run_needs_no_kafka_and_says_what_would_be_refused(home: Path) -> None:
    said = typed("import", "asterisk", str(home / "Master.csv"), "--dry-run", "--json", home=home)
    in_words = typed("import", "asterisk", str(home / "Master.csv"), "--dry-run", home=home)

    assert in_words.out.splitlines()[0] == "1 file, 1 body"
    assert said.code == 1
    assert json.loads(said.out) == {
        "files": 1,
        "pieces": 1,
        "events": {"call.ended": 1},
        "ignored": {},
        "refused": {"the disposition is none of Asterisk's": 1},
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("twilio", "Master.csv"), "no account of twilio: `angime connect twilio` writes one"),
        (("asterisk", "Master.csv", "--account", "other"), "company.toml has pbx"),
        (("asterisk", "missing.csv"), "is neither a file nor a folder"),
        (("asterisk", "Master.csv"), "no Kafka runs"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(home: Path, words: tuple[str, ...], sentence: str) -> None:
    source, file, *more = words
    said = typed("import", source, str(home / file), *more, home=home)

    assert said.code == 2
    assert sentence in said.err


@pytest.mark.kafka
def test_of_what_was_sent_before_it_is_said_that_nothing_was_sent(home: Path, kafka: local_kafka.Running) -> None:
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    words = ("import", "asterisk", str(home / "Master.csv"))
    said = [typed(*words, home=home, ANGIME_KAFKA=kafka.bootstrap) for _ in range(2)]

    assert [("pieces 1" in one.out, "it was sent before" in one.err) for one in said] == [(True, False), (False, True)]
