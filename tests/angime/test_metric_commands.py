"""The verbs of metrics: periods and scopes as people write them, and a figure explained from a warehouse on disk."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from analytics.metrics.catalogue import catalogue
from analytics.questions import Misconfigured, Period, Scope
from analytics.questions.explain import Late
from analytics.warehouse import AnalyticsSettings, Batch, open_writer
from angime.commands.metrics import late_in_words, parse_period, parse_scope
from tests.analytics.drawn import drawn_events
from tests.analytics.landing_cases import NOW, records_of
from tests.angime.front_door import angime, typed

COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"
"""
FACTS = """
call | fact    | at       | says
a    | offered | 05:00:00 | direction=incoming; contact=phone:+77010000001
a    | ended   | 05:01:00 | talk_seconds=30; answered_by=human
b    | offered | 06:00:00 | direction=incoming; contact=phone:+77010000002
b    | ended   | 06:00:30 | disposition=no_answer
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02", Period(date(2026, 3, 2), date(2026, 3, 2))),
        ("2026-03-02..2026-03-08", Period(date(2026, 3, 2), date(2026, 3, 8))),
        ("2026-02", Period(date(2026, 2, 1), date(2026, 2, 28))),
    ],
)
def test_a_period_is_a_day_two_days_or_a_month(text: str, expected: Period) -> None:
    assert expected == parse_period(text)


@pytest.mark.parametrize("text", ["", "march", "2026-13", "2026-02-30", "2026-03-02..", "2026-03-08..2026-03-02"])
def test_a_period_that_is_none_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(Misconfigured, match="--period is"):
        parse_period(text)


def test_a_scope_names_what_narrows_the_company() -> None:
    expected = Scope(company="acme", teams=("sales", "care"), channels=("waba",), is_business_hours=True)

    assert expected == parse_scope("team=sales, team=care,channel=waba,hours=business", company="acme")


@pytest.mark.parametrize("text", ["teem=sales", "team", "hours=never"])
def test_a_scope_that_narrows_nothing_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="--scope has"):
        parse_scope(text, company="acme")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "company.toml").write_text(COMPANY, encoding="utf-8")
    with open_writer(AnalyticsSettings(home=home)) as writer:
        writer.land(Batch(records_of(drawn_events(FACTS))), now=NOW)
    return home


def test_a_figure_is_explained_and_its_sql_gives_it_again(home: Path) -> None:
    said = typed("explain", "answer_rate", "--period", "2026-03", "--json", home=home)
    told = json.loads(said.out)
    again = typed("sql", told["sql_written_out"], "--json", home=home)

    assert (0.5, 1.0, 2.0, 2) == tuple(told[name] for name in ("value", "numerator", "denominator", "sample"))
    assert dict.fromkeys(("internal", "test", "in_progress", "only_missed"), 0) == told["left_out"]
    assert {"metric": "answer_rate", "value": 0.5} == {
        name: json.loads(again.out)[0][name] for name in ("metric", "value")
    }


def test_what_came_late_is_told_to_people_in_words(home: Path) -> None:
    said = typed("explain", "answer_rate", "--period", "2026-03", home=home)
    last = datetime(2026, 3, 10, 9, 5, 7, tzinfo=UTC)

    assert "late: nothing was received after the day of its row was over" in said.out.splitlines()
    assert late_in_words(Late(3, 2, last)) == (
        "events 3, rows 2; received after the day of the row was over, the last at 2026-03-10 09:05 UTC"
    )


@pytest.mark.parametrize("asked", ["show tables", "SHOW ALL TABLES;"])
def test_tables_are_shown_with_what_a_row_of_each_is(home: Path, asked: str) -> None:
    shown = {row["relation"]: row["grain"] for row in json.loads(typed("sql", asked, "--json", home=home).out)}

    assert ("One row a call", True) == (shown["facts.calls"], "reports.missed_episodes" in shown)
    assert (
        "One row a leg of a call of which the provider tells legs, as facts.legs shows it" == shown["facts.told_legs"]
    )
    assert [] == [relation for relation, grain in shown.items() if not grain]


def test_what_the_shell_understands_is_understood_without_it(home: Path) -> None:
    said = typed("sql", "\\d facts.calls", home=home)

    assert (0, True) == (said.code, "call_id" in said.out)


def test_each_of_several_statements_is_answered(home: Path) -> None:
    said = typed("sql", "select 1 as a; select 2 as b; show tables", home=home)

    assert 0 == said.code
    assert ["a", "1", "b", "2", "relation"] == said.out.split()[:5]


@pytest.mark.parametrize(
    ("wrong", "why"), [("select b\nfrom nowhere;", "Catalog Error"), ("\\d nowhere", "write a name")]
)
def test_a_file_of_statements_ends_at_the_first_that_is_wrong(wrong: str, why: str, home: Path) -> None:
    said = angime("sql", home=home, typed=f"select 1 as a;\n\n{wrong}\nselect 2 as c;\n")

    assert (2, ["a", "1"]) == (said.code, said.out.split())
    assert said.err.startswith(f"angime: what begins on line 3: {why}")


def test_the_rows_behind_a_figure_are_printed(home: Path) -> None:
    said = typed("explain", "answer_rate", "--period", "2026-03", "--rows", "--json", home=home)

    assert [1, 0] == [row["numerator"] for row in json.loads(said.out)]


def test_facts_are_listed_by_the_names_that_a_metric_of_ones_own_has_for_them(home: Path) -> None:
    listed, one = typed("metrics", "--json", home=home).out, typed("metrics", "replied_share", home=home).out

    assert {metric.fact for metric in catalogue().values()} == {row["fact"] for row in json.loads(listed)}
    assert "fact: replies\ncounts: times a contact wrote and waited (reports.reply_times)\n" in one


def test_a_metric_that_does_not_exist_is_one_line_and_exit_2(home: Path) -> None:
    said = typed("metrics", "answer_rat", home=home)

    assert (2, "angime: there is no metric 'answer_rat'; did you mean answer_rate?") == (
        said.code,
        said.err.strip(),
    )


@pytest.mark.usefixtures("own_metrics")
def test_metrics_of_ones_own_are_checked_by_their_days_and_rows(home: Path) -> None:
    said = typed("metrics", "--check", "--json", home=home)

    assert [("long_talks", 0.0, 1, "yes"), ("talk_per_incoming_call", 15.0, 2, "yes")] == [
        (row["metric"], row["value"], row["sample"], row["adds_up"]) for row in json.loads(said.out)
    ]


def test_a_mistake_in_ones_own_metrics_is_one_line_and_exit_2(home: Path, own_metrics: Path) -> None:
    own_metrics.write_text(own_metrics.read_text().replace("talk_seconds > 300", "talk_secs > 300"))

    said = typed("metrics", "--check", home=home)

    assert (2, 1) == (said.code, len(said.err.splitlines()))
    assert said.err.startswith("angime: own.toml: long_talks cannot be counted: ")


def test_whoever_has_no_metrics_of_ones_own_is_told_where_to_write_them(home: Path) -> None:
    said = typed("metrics", "--check", home=home)

    assert (2, True) == (said.code, said.err.strip().endswith("metrics.toml"))
