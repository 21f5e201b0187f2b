"""An alert leaves once through each channel of its rule, in the company's language, signed where that was asked for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook

from schemas.alerts import AlertKind, AlertRaised
from schemas.company import Company, parse_company
from schemas.envelope import Event, event
from schemas.errors import Misconfigured, NotYet
from schemas.ids import fact_id
from schemas.instants import moment
from schemas.listening import Language
from streams.alert_texts import said
from streams.notify import Notifier, open_ways
from tests.web_receiver import Receiver, receiving

NOW = "2026-03-02T09:21:00.000Z"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COMPANY = """
id = "demo"
name = "Демо"
time_zone = "Asia/Almaty"
default_region = "KZ"

[alerts]
language = "ru"

[[alerts.channels]]
id = "hook"
kind = "webhook"
url = "env:HOOK"
secret = "env:SECRET"

[[alerts.channels]]
id = "chat"
url = "env:CHAT"

[[alerts.rules]]
id = "missed"
kind = "missed_call"
to = ["hook", "chat"]
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def alert(**fields: object) -> Event:
    told = {"rule": "missed", "kind": "missed_call", "about": "call-1", "since": "2026-03-02T09:00:00.000Z", "count": 2}
    return event(
        AlertRaised(**{**told, "minutes": 20, "share": 0.25, **fields}),
        id=fact_id("angime", "demo", "alert.raised", "missed", "call-1"),
        source="angime", account="angime", company="demo",
        time="2026-03-02T09:20:00.000Z", recordedat="2026-03-02T09:20:05.000Z", key="call-1",
    )  # fmt: skip


def opened(receiver: Receiver, home: Path) -> Notifier:
    company = parse_company(COMPANY)
    environ = {"HOOK": f"http://{receiver.url}/hook", "SECRET": SECRET, "CHAT": f"json://{receiver.url}/chat"}
    ways = open_ways([company], environ=environ, read=lambda _: "")
    assert [SECRET in repr(way) or receiver.url in repr(way) for way in ways.values()] == [False, False]
    return Notifier({"demo": company}, ways, memory=home / "notified.sqlite")


def test_an_alert_is_sent_once_through_each_channel_also_after_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    assert opened(receiver, tmp_path).notify(alert(), now=NOW) == 2
    assert opened(receiver, tmp_path).notify(alert(), now=NOW) == 0

    hook, chat = receiver.requests
    told = json.loads(hook.body)
    signed = Webhook(SECRET).sign(alert().id, moment(NOW), hook.body.decode())
    assert (hook.headers["webhook-signature"], hook.headers["webhook-timestamp"]) == (signed, "1772443260")
    assert (hook.path, hook.headers["webhook-id"], told["type"]) == ("/hook", alert().id, "alert.raised")
    assert told["data"]["text"] == (
        "На пропущенный звонок (14:00) не перезвонили за 20 мин. Пропущенных от этого клиента: 2."
    )
    assert json.loads(chat.body)["title"] == "Демо: Пропущенный без обратного звонка"


def test_a_channel_that_refuses_is_tried_again_and_the_others_are_not(receiver: Receiver, tmp_path: Path) -> None:
    notifier = opened(receiver, tmp_path)
    receiver.answers = {"/hook": 503}
    with pytest.raises(NotYet, match="the channel hook answered 503"):
        notifier.notify(alert(), now=NOW)
    receiver.answers = {"/chat": 500}
    notifier.notify(alert(), now=NOW)

    assert [one.path for one in receiver.requests] == ["/hook", "/chat", "/hook"]


def test_what_rose_long_ago_or_of_no_rule_is_told_to_nobody(receiver: Receiver, tmp_path: Path) -> None:
    notifier = opened(receiver, tmp_path)

    assert notifier.notify(alert(), now="2026-03-02T15:30:00.000Z") == 0
    assert notifier.notify(alert(rule="gone"), now=NOW) == 0
    assert notifier.notify(replace(alert(), company="other"), now=NOW) == 0
    assert receiver.requests == []


@pytest.mark.parametrize("kind", get_args(AlertKind))
def test_every_kind_is_said_in_every_language(kind: AlertKind) -> None:
    company: Company = parse_company(COMPANY)
    texts = [
        said(alert(kind=kind), company=replace(company, alerts=replace(company.alerts, language=language)))
        for language in get_args(Language)
    ]

    assert len(set(texts)) == len(get_args(Language))
    assert [text for pair in texts for text in pair if "{" in text or "None" in text] == []


@pytest.mark.parametrize("kind", ["account_restricted", "low_quality", "source_silent"])
@pytest.mark.parametrize("language", get_args(Language))
def test_what_is_told_of_an_account_names_it(kind: AlertKind, language: Language) -> None:
    company: Company = parse_company(COMPANY)
    told = alert(kind=kind, about="waha/sales")
    assert "waha/sales" in said(told, company=replace(company, alerts=replace(company.alerts, language=language)))[1]


RATES: dict[Language, str] = {
    "en": "In the last 60 minutes 45% of 20 incoming calls were answered.",
    "ru": "За последние 60 минут отвечено 45\xa0% входящих звонков из 20.",
    "kk": "Соңғы 60 минутта 20 кіріс қоңыраудың 45%-ына жауап берілді.",
    "pt": "Nos últimos 60 minutos foram atendidas 45% de 20 chamadas recebidas.",
}
DAYS: dict[Language, str] = {
    "en": "Mar 1, 2026 20:50",
    "ru": "(1 мар. 2026\u202fг. 20:50)",
    "kk": "(2026\u202fж. 01 нау. 20:50)",
    "pt": "(1 de mar. de 2026 20:50)",
}


@pytest.mark.parametrize("language", get_args(Language))
def test_shares_and_days_are_written_as_the_language_writes_them(language: Language) -> None:
    company: Company = parse_company(COMPANY)
    spoken = replace(company, alerts=replace(company.alerts, language=language))
    rate = alert(kind="low_answer_rate", count=20, share=0.45, minutes=60)
    late = alert(since="2026-03-01T15:50:00.000Z")

    assert said(rate, company=spoken)[1] == RATES[language]
    assert DAYS[language] in said(late, company=spoken)[1]


WRONG = (
    ({"HOOK": "ftp://example.com"}, "the address of the alert channel 'hook' is neither http nor https"),
    ({"SECRET": "whsec_x"}, "the secret of the alert channel 'hook' is no base64"),
    ({"CHAT": "nonsense"}, "the address of the alert channel 'chat' is none that Apprise reads"),
    ({"CHAT": ""}, "the secret env:CHAT is missing"),
)


@pytest.mark.parametrize(("wrong", "sentence"), WRONG)
def test_an_address_nobody_reads_stops_the_worker_with_a_sentence_without_it(
    wrong: dict[str, str], sentence: str
) -> None:
    environ = {"HOOK": "https://example.com/hook", "SECRET": SECRET, "CHAT": "mailtos://u:p@example.com?to=a@b.kz"}
    with pytest.raises(Misconfigured, match=sentence):
        open_ways([parse_company(COMPANY)], environ={**environ, **wrong}, read=lambda _: "")
