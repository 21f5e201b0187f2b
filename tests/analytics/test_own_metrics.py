"""Metrics of the company's own: they count beside ours, add up, and whoever made a mistake is told which."""

from datetime import date
from pathlib import Path

import pytest
from msgspec import structs

from analytics import questions
from analytics.metrics.catalogue import catalogue, whole
from analytics.metrics.own import own, prove, read
from analytics.questions.adding_up import Sum, add_up
from analytics.questions.explain import known
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, open_writer
from schemas.errors import Misconfigured
from tests.analytics.drawn_rows import ACME, MARCH, calls
from tests.analytics.landing_cases import NOW, call_events, records_of
from tests.analytics.test_metrics import ORDINARY, kept


@pytest.mark.usefixtures("own_metrics")
def test_metrics_of_the_guide_count_beside_ours_and_add_up() -> None:
    names = ("long_talks", "answer_rate", "talk_per_incoming_call")
    warehouse = calls(ORDINARY)

    rows = questions.figures(warehouse, period=MARCH, scope=ACME, metrics=names).to_dicts()

    assert [metric.name for metric in own()] == ["long_talks", "talk_per_incoming_call"]
    assert [(row["metric"], row["value"], row["sample"]) for row in rows] == [
        ("long_talks", 1 / 3, 3),
        ("answer_rate", 2 / 7, 7),
        ("talk_per_incoming_call", 180 / 7, 7),
    ]
    sums = [add_up(warehouse, known(name), company="acme") for name in names]
    assert [(one.value, one.differs) for one in sums if one] == [(row["value"], "") for row in rows]


def test_a_metric_whose_rows_do_not_add_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = calls(ORDINARY)
    drawn = structs.replace(known("missed_calls"), numerator="random() < 0.5")
    monkeypatch.setitem(catalogue(), drawn.name, drawn)

    found = [add_up(warehouse, drawn, company="acme") for _ in range(20)]

    assert any("the numerator is" in one.differs for one in found if one)
    assert add_up(calls("call_id | started_at"), drawn, company="acme") is None


@pytest.mark.parametrize("metric", list(whole().metrics))
def test_every_metric_of_ours_adds_up(metric: str) -> None:
    found = add_up(kept(ORDINARY), known(metric), company="acme")

    assert found is None or found.differs == ""


def test_a_warehouse_shows_them_from_its_next_start_on(own_metrics: Path, tmp_path: Path) -> None:
    listed = "select metric, title_ru from metrics.catalogue where since = '' order by all"
    settings = AnalyticsSettings(home=tmp_path, metrics=own_metrics)
    with open_writer(settings) as writer:
        writer.land(Batch(records_of([fact for number in range(3) for fact in call_events(number)])), now=NOW)
        daily = "select sum(sample) from metrics.daily where metric = 'long_talks'"
        assert writer.connection.rows(listed) == [
            ("long_talks", "Long talks"),
            ("talk_per_incoming_call", "Talk per incoming call"),
        ]
        answered = "select count(*) from facts.calls where outcome = 'answered'"
        assert writer.connection.rows(daily) == writer.connection.rows(answered) != [(0,)]

    own_metrics.unlink()
    catalogue.cache_clear()
    with open_writer(settings) as writer:
        assert writer.connection.rows(listed) == []


@pytest.mark.parametrize(
    ("title", "pt", "kk"),
    [('"Long"', "Long", "Long"), ('{ ru = "Долгие", pt = "Longas" }', "Longas", "Долгие"), ('{ pt = "L" }', "L", "L")],
)
def test_a_text_is_written_in_the_languages_that_people_read(own_metrics: Path, title: str, pt: str, kk: str) -> None:
    written = own_metrics.read_text()
    own_metrics.write_text(written.replace('title = "Long talks"', f"title = {title}", 1))

    told = read(own_metrics, known=whole())["long_talks"].title
    assert (pt, kk) == (told.pt, told.kk)


@pytest.mark.usefixtures("own_metrics")
def test_sums_say_of_which_days_they_are() -> None:
    found = add_up(calls("call_id | started_at\na | 2026-03-09 05:00:00"), known("long_talks"), company="acme")

    assert isinstance(found, Sum)
    assert (found.period.first, found.period.last) == (date(2026, 3, 3), date(2026, 3, 9))


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        (
            'numerator = "talk_seconds > 300"',
            'numerator = "true) or (true"',
            "numerator is no expression: syntax",
        ),
        ('numerator = "talk_seconds > 300"', 'numerator = "true -- "', "numerator is no expression"),
        ('numerator = "talk_seconds > 300"', 'numerator = "true; select 1"', "numerator is no expression"),
        ('numerator = "talk_seconds > 300"', 'numerator = "legs in (select 1)"', "numerator .* holds a query"),
        ('numerator = "talk_seconds > 300"', "numerator = 300", r"long_talks: Expected str, got int \(numerator\)"),
        (
            'unit = "share"',
            'units = "share"',
            r"long_talks: unknown name \(units\): write one of fact, kind, numerator, ",
        ),
        ('unit = "share"', 'unit = "calls"', "the unit of a share is share"),
        ('unit = "share"', 'unit = "parsecs"', r"'parsecs' \(unit\): write one of calls, contacts, "),
        ('fact = "calls"', 'fact = "call"', "long_talks is of no known fact: call; there are calls, "),
        ('leave_out = ["internal", "test"]', 'leave_out = ["nobody"]', "cannot leave out nobody of calls; there are "),
        ('title = "Long talks"', "title = {}", "long_talks: write a title, in one language at least"),
        ('title = "Long talks"', 'title = { de = "Lang" }', r"unknown name \(title.de\): write one of en, ru, kk, pt"),
        ("[metrics.long_talks]", "[metrics.answer_rate]", "answer_rate is a name of ours"),
        ("[metrics.long_talks]", '[metrics."Long talks"]', "Long talks is a name of ours, or is not of small letters"),
        ("[metrics.long_talks]", "[metric.long_talks]", r"tables \[metrics.NAME\] and nothing else, not metric"),
        ("[metrics.long_talks]", "[metrics.long_talks", "is no TOML"),
    ],
)
def test_a_mistake_is_told_with_its_metric(own_metrics: Path, line: str, instead: str, said: str) -> None:
    written = own_metrics.read_text()
    assert line in written
    own_metrics.write_text(written.replace(line, instead, 1))

    with pytest.raises(Misconfigured, match=f"^own.toml.*{said}"):
        read(own_metrics, known=whole())


@pytest.mark.parametrize(
    ("numerator", "said"),
    [
        ("talk_secs > 300", 'cannot be counted: .*"talk_secs" not found'),
        ("talk_seconds", "numerator is DOUBLE, and has to be a condition"),
        ("count(*) > 300", "cannot be counted"),
    ],
)
def test_what_cannot_be_counted_stops_the_writer_before_it_writes(
    own_metrics: Path, tmp_path: Path, numerator: str, said: str
) -> None:
    own_metrics.write_text(own_metrics.read_text().replace("talk_seconds > 300", numerator, 1))

    with pytest.raises(Misconfigured, match=f"^own.toml: long_talks.*{said}"):
        prove()
    with pytest.raises(Misconfigured, match=f"^own.toml: long_talks.*{said}"):
        open_writer(AnalyticsSettings(home=tmp_path, metrics=own_metrics))


def test_a_file_that_is_not_there_is_none_and_one_that_is_no_text_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path / "metrics.toml", known=whole()) == {}
    (tmp_path / "metrics.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(Misconfigured, match="cannot be read: set ANGIME_METRICS"):
        read(tmp_path / "metrics.toml", known=whole())
