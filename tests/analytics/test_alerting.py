"""Alerts are judged by the facts as they stand at a moment: raised once, in time, and not in quiet hours."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from analytics.api import live
from analytics.folding.scratch import Scratch, scratch
from analytics.metrics.alerting import MOST_OF_A_RULE, Bell, judge, opened_at
from analytics.warehouse import Batch, open_reader, open_writer
from schemas.accounts import AccountQualityChanged, AccountRestricted
from schemas.calls import CallEnded, CallOffered
from schemas.company import Company, parse_company
from schemas.envelope import Event, event
from schemas.errors import Misconfigured
from schemas.ids import call_id, fact_id
from schemas.instants import Instant, instant, moment
from schemas.people import Identity
from schemas.permissions import PermissionGranted
from tests.analytics.landing_cases import KafkaRecord, records_of, settings_at

# Monday, 14:00 in Almaty.
NOON: Instant = "2026-03-02T09:00:00.000Z"
COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[hours]
mon = ["09:00-18:00"]
tue = ["09:00-18:00"]

[[accounts]]
id = "main"
source = "twilio"
channel = "phone"

[alerts]
language = "ru"
quiet_hours = ["21:00-24:00", "00:00-08:00"]

[[alerts.channels]]
id = "managers"
url = "env:MANAGERS"

[[alerts.rules]]
id = "missed"
kind = "missed_call"
minutes = 20
to = ["managers"]

[[alerts.rules]]
id = "rate"
kind = "low_answer_rate"
at_least = 0.5
least_calls = 3
to = ["managers"]

[[alerts.rules]]
id = "permission"
kind = "permission_expiring"
minutes = 120
to = ["managers"]

[[alerts.rules]]
id = "restricted"
kind = "account_restricted"
to = ["managers"]

[[alerts.rules]]
id = "quality"
kind = "low_quality"
to = ["managers"]

[[alerts.rules]]
id = "declined"
kind = "rejection_streak"
to = ["managers"]

[[alerts.rules]]
id = "silent"
kind = "source_silent"
minutes = 90
to = ["managers"]

[[alerts.rules]]
id = "dead"
kind = "dead_letters"
at_least = 2
to = ["managers"]
"""


def at(minutes: float) -> Instant:
    """So many minutes after noon."""
    return instant(moment(NOON) + timedelta(minutes=minutes))


def fact(data: msgspec.Struct, *, name: str, minutes: float) -> Event:
    known = {"source": "twilio", "account": "main", "company": "acme", "time": at(minutes), "recordedat": at(minutes)}
    return event(data, id=fact_id("twilio", "main", type(data).__name__, name), key=name, **known)


def call(name: str, *, minutes: float, contact: str = "1", direction: str = "incoming", talk: float = 0) -> list[Event]:
    told = {
        "call_id": call_id("twilio", "main", name),
        "provider_call_id": name,
        "direction": direction,
        "channel": "phone",
        "contact": (Identity("phone", f"+770100000{contact}"),),
    }
    ended = CallEnded(**told, talk_seconds=talk, total_seconds=30, disposition="completed" if talk else "no_answer")
    return [
        fact(CallOffered(**told), name=name, minutes=minutes),
        fact(ended, name=name, minutes=minutes + 0.5),
    ]


@pytest.fixture
def company() -> Company:
    return parse_company(COMPANY)


@pytest.fixture
def warehouse(company: Company) -> Iterator[Scratch]:
    built = scratch([company])
    yield built
    built.close()


def missed(warehouse: Scratch, company: Company, *, minutes: float) -> list[tuple[str, int | None]]:
    """Judge at so many minutes after noon, and give what is said of missed calls."""
    found = judge(warehouse.connection, [company], now=at(minutes))
    return [(alert.data.rule, alert.data.count) for alert in found if alert.data.rule == "missed"]


def test_a_missed_call_is_told_of_when_nobody_called_back_in_time(warehouse: Scratch, company: Company) -> None:
    warehouse.load_events([
        *call("rang twice", minutes=0), *call("again", minutes=5),
        *call("called back", minutes=0, contact="2"), *call("back", minutes=8, contact="2", direction="outgoing"),
        *call("at night", minutes=9 * 60, contact="3"),
    ])  # fmt: skip
    warehouse.build()

    assert missed(warehouse, company, minutes=19) == []
    assert missed(warehouse, company, minutes=20) == [("missed", 2)]
    assert missed(warehouse, company, minutes=7 * 60) == []  # 21:00, a quiet hour
    assert missed(warehouse, company, minutes=18 * 60) == [("missed", 2)]  # 08:00, and still nobody
    assert missed(warehouse, company, minutes=23 * 60) == []  # lost: no news
    [alert] = [one for one in judge(warehouse.connection, [company], now=at(30)) if one.data.rule == "missed"]
    assert (alert.time, alert.data.about) == (at(20), call_id("twilio", "main", "rang twice"))


def test_a_newly_missed_call_is_told_of_however_many_wait(warehouse: Scratch, company: Company) -> None:
    names = [str(number) for number in range(MOST_OF_A_RULE + 1)]
    warehouse.load_events(
        [one for name in names for one in call(name, minutes=int(name) / 10, contact=f"{int(name):03d}")]
    )
    warehouse.build()

    told = [one.data.about for one in judge(warehouse.connection, [company], now=at(40)) if one.data.rule == "missed"]
    assert told == [call_id("twilio", "main", name) for name in names[1:]]


def test_a_low_answer_rate_is_told_of_once_an_hour_and_only_of_enough_calls(
    warehouse: Scratch, company: Company
) -> None:
    warehouse.load_events([
        *call("a", minutes=0, contact="1", talk=60), *call("b", minutes=1, contact="2", talk=0),
        *call("c", minutes=40, contact="3"), *call("d", minutes=41, contact="4"),
    ])  # fmt: skip
    warehouse.build()

    def rates(minutes: float) -> list[tuple[str, int, float]]:
        found = judge(warehouse.connection, [company], now=at(minutes))
        return [(one.id, one.data.count, one.data.share) for one in found if one.data.rule == "rate"]

    assert rates(30) == []
    [(first, count, share)], [(later, _, _)] = rates(45), rates(50)
    assert (first, count, share) == (later, 4, 0.25)
    assert rates(70) == []  # two calls left in the hour: too few to judge


def test_accounts_permissions_silence_and_refusals_are_told_of(warehouse: Scratch, company: Company) -> None:
    told = {"channel": "waba", "contact": (Identity("phone", "+77010000001"),)}
    words = (("TIER_1K", "UPGRADE"), ("TIER_250", "FLAGGED"), ("SPAM", "ACCOUNT_VIOLATION"))
    judged = [fact(AccountQualityChanged(quality=one, provider_status=two), name=one, minutes=13) for one, two in words]
    warehouse.load_events([
        *(msgspec.structs.replace(one, account=one.data.quality) for one in judged),
        *call("a", minutes=0, talk=60),
        fact(AccountRestricted(restriction="calling"), name="main", minutes=10),
        fact(AccountQualityChanged(quality="GREEN"), name="green", minutes=11),
        fact(AccountQualityChanged(quality="LOW"), name="low", minutes=12),
        fact(PermissionGranted(**told, expires_at=at(300)), name="granted", minutes=0),
    ])  # fmt: skip
    for offset in range(2):
        warehouse.connection.execute(
            "insert into log.dead (reason, company, died_at, \"offset\") values ('x', '', ?, ?)",
            [moment(at(5)), offset],
        )
    warehouse.build()

    def rules(minutes: float) -> list[str]:
        return [one.data.rule for one in judge(warehouse.connection, [company], now=at(minutes))]

    about = {(one.data.rule, one.data.about) for one in judge(warehouse.connection, [company], now=at(13))}
    assert {("restricted", "twilio/main"), ("quality", "twilio/SPAM")} <= about
    assert rules(1) == []
    assert rules(12) == ["restricted", "quality", "dead"]
    assert rules(100) == ["restricted", *["quality"] * 3, "silent"]
    assert rules(200) == ["permission", "restricted", *["quality"] * 3, "silent"]
    assert rules(5 * 60) == ["restricted", *["quality"] * 3]  # closed since 18:00, and the permission is over
    assert rules(26 * 60) == ["silent"]  # what rose more than a day ago is no news


def test_calls_that_are_declined_one_after_the_other_are_told_of_once(warehouse: Scratch, company: Company) -> None:
    def rung(minutes: float) -> list[tuple[str, str, Instant, int | None]]:
        found = judge(warehouse.connection, [company], now=at(minutes))
        return [(one.id, one.data.about, one.time, one.data.count) for one in found if one.data.rule == "declined"]

    def declined(*names: int) -> None:
        calls = [call(str(name), minutes=name, contact=str(name), direction="outgoing") for name in names]
        ends = [msgspec.structs.replace(end.data, disposition="rejected") for _, end in calls]
        warehouse.load_events(
            [msgspec.structs.replace(end, data=told) for (_, end), told in zip(calls, ends, strict=True)]
        )
        warehouse.build()

    declined(1, 2)
    assert rung(3) == []
    declined(3, 4)
    [(first, about, risen_at, count)] = rung(5)
    assert (about, risen_at, count) == ("twilio/main", at(3), 4)
    declined(5)
    assert rung(6) == [(first, about, risen_at, 5)]
    assert rung(26 * 60) == []


def test_a_day_has_opening_hours_and_holidays(company: Company) -> None:
    closed = msgspec.structs.replace(company, holidays=(datetime.fromisoformat("2026-03-02").date(),))
    always = msgspec.structs.replace(company, hours={})

    assert str(opened_at(company, now=NOON)) == "2026-03-02 09:00:00+05:00"
    assert opened_at(company, now=at(5 * 60)) is None
    assert opened_at(closed, now=NOON) is None
    assert str(opened_at(always, now=at(5 * 60))) == "2026-03-02 00:00:00+05:00"


def test_what_was_raised_is_known_after_a_restart_and_heard_on_the_live_feed(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(COMPANY)
    settings = settings_at(tmp_path)
    with open_writer(settings) as writer:
        writer.land(Batch(records_of(call("a", minutes=0))), now=at(1))
        bell = writer.bell(at(21))
        [alert] = bell.ring(at(21))
        assert bell.ring(at(22)) == [msgspec.structs.replace(alert, recordedat=at(22))]
        bell.heard([alert])
        assert bell.ring(at(23)) == []
        record = records_of([alert])
        assert isinstance(record[0], KafkaRecord)
        writer.land(Batch(record), now=at(21))
        assert Bell(writer.connection, [parse_company(COMPANY)], now=at(24)).ring(at(24)) == []
    with closing(open_reader(settings)) as reader:
        told, _ = live.since(reader, company="acme", mark=moment(at(20)))
    assert [(one["type"], one["rule"], one["about"]) for one in told] == [
        ("alert.raised", "missed", call_id("twilio", "main", "a"))
    ]


MISTAKES = (
    ('kind = "low_quality"', 'kind = "bad_mood"', "'bad_mood' (alerts.rules.4.kind): write one of missed_call, "),
    (
        'kind = "missed_call"\nminutes',
        'kind = "missed_call"\nhours',
        "line 27: unknown name (alerts.rules.0.hours): write ",
    ),
    ('id = "rate"', 'id = "missed"', "line 30: rule 'missed' of [alerts] stands twice"),
    ('["21:00-24:00"', '["21:00-20:00"', "line 18: write the quiet time '21:00-20:00' like 00:00-08:00"),
    ('id = "managers"', 'id = "bosses"', "line 24: rule 'missed' goes to 'managers', which is not listed under"),
    ('url = "env:MANAGERS"', 'url = "https://example.com"', "must be env:NAME or file:PATH, never the secret itself"),
    ('url = "env:MANAGERS"', 'url = "env:A"\nsecret = "env:B"', "which only webhooks are signed with"),
)


@pytest.mark.parametrize(("right", "wrong", "sentence"), MISTAKES)
def test_each_mistake_in_alerts_gets_one_sentence_with_its_line(right: str, wrong: str, sentence: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        parse_company(COMPANY.replace(right, wrong, 1))

    assert sentence in refusal.value.reason


def test_a_mistake_in_a_rule_gets_its_line_where_rules_alone_are_written() -> None:
    alone = COMPANY.replace('[alerts]\nlanguage = "ru"\nquiet_hours = ["21:00-24:00", "00:00-08:00"]\n', "")
    with pytest.raises(Misconfigured) as refusal:
        parse_company(alone.replace('to = ["managers"]', 'to = ["bosses"]', 1))

    assert "line 21: rule 'missed' goes to 'bosses', which is not listed under" in refusal.value.reason
