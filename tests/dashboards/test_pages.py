"""What the pages say and offer, drawn by Streamlit without a browser."""

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from analytics.metrics.catalogue import LANGUAGES, Metric, catalogue, whole
from analytics.questions import Costed
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader, open_writer
from dashboards import costs, overview, texts
from dashboards.costs import cheapest
from dashboards.figures import Counted, Figure, tile, was
from dashboards.menu import MENU
from dashboards.overview import answer
from dashboards.page import Page
from dashboards.state import State
from tests.analytics.drawn import drawn_events
from tests.dashboards import seed
from tests.dashboards.without_browser import badges, run, told


@pytest.mark.parametrize("language", LANGUAGES)
def test_overview_answers_in_every_language(seeded_home: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    test = run(seeded_home, monkeypatch, lang=language)
    sentences = [one.value for one in test.markdown if one.value.startswith("## ")]
    assert ([], 5, 1) == (list(test.exception), len(test.metric), len(sentences))


@pytest.mark.parametrize(
    ("sample", "said", "rank"),
    [
        (20, "Worse: answer rate fell to 50% from 90%.", "excess"),
        (19, "50% of incoming calls were answered.", "lost"),
        (0, "50% of incoming calls were answered.", "lost"),
    ],
)
def test_a_period_before_with_few_calls_makes_nothing_better_or_worse(sample: int, said: str, rank: str) -> None:
    page = cast("Page", SimpleNamespace(say=texts.texts("en")))
    now, before = Figure(0.5, 50, 100), Figure(0.9 if sample else None, 0.9 * sample, sample)
    assert said == answer(page, now=now, before=before, incoming=100, losses=())
    assert rank == overview.rank(now, before)


@given(metric=st.sampled_from(tuple(catalogue().values())), now=st.integers(0, 40), before=st.integers(0, 40))
def test_a_share_of_few_is_set_beside_nothing_and_a_count_is(metric: Metric, now: int, before: int) -> None:
    earlier = was(metric, now=Figure(3.0, 3, now), before=Figure(4.0, 4, before))
    assert (4.0 if metric.kind in {"count", "sum"} or min(now, before) >= 20 else None) == earlier


@pytest.mark.parametrize(("sample", "change"), [(19, None), (20, "+50 points")])
def test_a_tile_of_few_rows_shows_no_change(sample: int, change: str | None) -> None:
    asked = SimpleNamespace(company="acme", last=None)
    page = SimpleNamespace(
        say=texts.texts("en"), scope=asked, period=asked, ask=lambda *_, **__: whole().bounds, state=State(), choices=()
    )
    now, before = ({"value": value, "numerator": 0, "sample": many} for value, many in ((1.0, 100), (0.5, sample)))
    counted = Counted({"answer_rate": now}, {"answer_rate": before})

    assert change == tile(cast("Page", page), "answer_rate", counted=counted).change


def test_a_page_says_of_which_days_and_of_what_it_is(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, lang="en", team="south", channel="phone", open="yes")
    days, before, *narrowed = badges(test)
    assert (True, "against ", ["South", "Telephone", "Business hours"]) == (
        days.endswith(", without today"),
        before[:8],
        narrowed,
    )


def test_of_a_day_that_is_not_over_as_much_is_compared(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = badges(run(seeded_home, monkeypatch, lang="en", period="today"))
    assert ["up to now", "up to the same time"] == [one.split(", ")[-1] for one in told]


def test_a_figure_that_did_not_change_is_said_not_to_have(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = datetime.now(seed.ZONE).date() - timedelta(days=3)
    span = {"from": str(last - timedelta(days=6)), "to": str(last)}
    *_, signs = run(seeded_home, monkeypatch, page="permissions", lang="pt", period="custom", **span).metric
    assert ("0", "sem mudança") == (signs.value, signs.delta)


def test_what_a_page_lets_nobody_choose_it_does_not_name(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="sql", lang="en", team="south", open="yes")
    assert [] == badges(test)


@pytest.mark.parametrize(("setting", "colour"), [("STALE_AFTER", "orange"), ("VERY_STALE_AFTER", "red")])
def test_old_figures_turn_amber_and_then_red(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, setting: str, colour: str
) -> None:
    monkeypatch.setenv("ANGIME_STALE_AFTER_MINUTES", "1")
    monkeypatch.setenv("ANGIME_VERY_STALE_AFTER_MINUTES", "1000000")
    monkeypatch.setenv(f"ANGIME_{setting}_MINUTES", "1")
    test = run(homes["single"], monkeypatch)
    assert f":{colour}-badge[" in "".join(element.value for element in test.markdown)


@pytest.mark.parametrize("page", ["overview", "operators", "calls"])
def test_a_period_without_calls_says_where_calls_are(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    test = run(seeded_home, monkeypatch, page=page, period="custom", **{"from": "2020-01-01", "to": "2020-01-31"})
    assert ([], True) == (list(test.exception), "Choose another period" in told(test))


def test_a_choice_is_written_into_the_url(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch)
    test.selectbox(key="choice_team").set_value("south").run()
    assert ([], "south") == (list(test.exception), test.query_params["team"])


def test_a_link_restores_its_choices(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, team="south", open="yes", compare="no", period="last28")
    chosen = [test.selectbox(key=f"choice_{field}").value for field in ("team", "hours", "preset")]
    assert (["south", "open", "last28"], False) == (chosen, test.toggle(key="choice_is_compared").value)


def test_without_comparison_no_tile_shows_a_change(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, compare="no")
    assert {""} == {metric.delta for metric in test.metric}


def test_a_history_is_drawn_as_text(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="conversations", contact="phone:+77010000000", lang="en")
    assert ([], True) == (list(test.exception), "<script>alert(1)</script>" in told(test))


@pytest.mark.parametrize("contact", ["nobody", "' or 1=1 --"])
def test_a_history_that_is_not_there_is_said_so(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, contact: str
) -> None:
    test = run(seeded_home, monkeypatch, page="conversations", contact=contact)
    assert ([], True) == (list(test.exception), "No such conversation" in told(test))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select count(*) as calls from facts.calls", "1 row"),
        ("copy facts.calls to 'x'", "Not run"),
        ("select nothing from facts.calls", "The engine does not understand this"),
    ],
)
def test_sql_is_answered_or_the_reason_is_given(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    monkeypatch.setenv("ANGIME_SQL_SECONDS", "60")
    test = run(seeded_home, monkeypatch, page="sql", sql=text, lang="en")
    assert ([], True) == (list(test.exception), any(f"## {expected}" in one.value for one in test.markdown))


def test_the_catalogue_is_searched(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="metrics", search="service_level", lang="en")
    assert ([], True) == (list(test.exception), "Service level" in told(test))


def test_the_catalogue_shows_every_metric_page_by_page(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="metrics", lang="en")
    shown = [told(test)]
    while not (following := next(button for button in test.button if button.label == "Next page")).disabled:
        test = following.click().run()
        shown.append(told(test))
    found = [[metric.name for metric in catalogue().values() if f"\n{metric.name} · " in page] for page in shown]
    assert ([], list(catalogue())) == (list(test.exception), [name for names in found for name in names])


def test_another_language_leaves_the_list_at_its_page_and_another_channel_does_not(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, page="metrics", lang="en")
    next(button for button in test.button if button.label == "Next page").click().run()
    test.selectbox(key="choice_language").set_value("pt").run()
    kept = test.query_params["page"]
    test.selectbox(key="choice_channel").set_value("waba").run()
    assert ([], "2", False) == (list(test.exception), kept, "page" in test.query_params)


def test_the_catalogue_writes_a_figure_with_its_unit_and_what_it_counts(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, page="metrics", search="cost_per_answered_minute", lang="ru")
    expected = ["тарифицируемые звонки: ", "cost_per_answered_minute · деньги · "]
    assert ([True], expected) == (
        [metric.value.endswith("₸") for metric in test.metric],
        [words for words in expected if words in told(test)],
    )


@pytest.mark.usefixtures("own_metrics")
def test_a_metric_of_the_companys_own_has_its_place_on_the_pages(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, page="metrics", search="long_talks", lang="pt")
    assert ([], True) == (list(test.exception), "long_talks · proporção · " in told(test))
    assert "indicador próprio" in told(test)
    [figure] = test.metric
    trend = run(seeded_home, monkeypatch, metric="long_talks", lang="pt")
    assert ([], "long_talks") == (list(trend.exception), trend.selectbox(key="choice_metric").value)
    assert figure.value.endswith("%")


def test_a_definition_names_bounds_as_people_do(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="missed", lang="en")
    helps = "".join(metric.help or "" for metric in test.metric)
    assert (True, True, False) == ("within 20 min" in helps, "lost \\(23 h\\)" in helps, "{" in helps)


def test_the_trend_of_a_metric_that_is_not_of_calls_is_that_of_the_answer_rate(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, metric="reply_seconds_median", lang="en")
    assert ([], "Answer rate") == (list(test.exception), list(test.dataframe[0].value)[1])


def test_the_list_of_an_operators_calls_names_him(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="calls", operator="op3", period="last28")
    assert ([], ["Daniyar"]) == (list(test.exception), [one.label for one in test.button if "chip_" in str(one.key)])


@pytest.mark.parametrize(("language", "shown"), [("en", "“заказ”"), ("ru", "«заказ»"), ("pt", "“заказ”")])
def test_found_words_stand_in_the_quotes_of_the_language(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, language: str, shown: str
) -> None:
    test = run(seeded_home, monkeypatch, page="search", search="заказов", period="last28", lang=language)
    assert f"где ваш {shown}" in test.dataframe[0].value.iloc[0, 1]


def test_words_are_found_in_any_of_their_forms(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="search", search="заказов", period="last28", lang="en")
    assert ([], True, 1) == (
        list(test.exception),
        "заказов: said in" in told(test),
        len(test.dataframe),
    )


def test_the_list_says_how_many_calls_it_holds(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="calls", period="last28")
    assert ([], 1, True) == (list(test.exception), len(test.dataframe), " calls · " in told(test))


def test_a_list_without_a_match_is_explained(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="calls", search="nobody at all")
    assert ([], ["No call fits. Take a filter away or choose another period."]) == (
        list(test.exception),
        [element.value for element in test.info],
    )


def test_a_call_tells_why_and_what_was_said(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = _some_call(seeded_home, "has_transcript")
    test = run(seeded_home, monkeypatch, page="call", call=call)
    assert ([], True) == (list(test.exception), "\nA person talked for" in told(test))


def test_a_call_tells_how_the_talk_went_what_it_cost_and_what_is_beeped(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = _some_call(seeded_home, "has_transcript and channel = 'phone' and direction = 'outgoing'")
    test = run(seeded_home, monkeypatch, page="call", call=call)
    said = told(test)
    expected = ["How the talk went", "1 stretch with a number that must stay secret", "The monthly fee covers it."]
    assert ([], expected) == (list(test.exception), [words for words in expected if words in said])


def test_a_call_that_came_in_on_whatsapp_is_said_not_to_be_billed(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = _some_call(seeded_home, "channel = 'waba' and direction = 'incoming' and talk_seconds > 0")
    test = run(seeded_home, monkeypatch, page="call", call=call, lang="en")
    assert ([], True) == (list(test.exception), "No tariff bills incoming calls here." in told(test))


def test_a_call_tells_that_nobody_had_agreed_to_it(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = _some_call(seeded_home, "channel = 'waba' and direction = 'outgoing' and talk_seconds > 0")
    test = run(seeded_home, monkeypatch, page="call", call=call)
    said = told(test)
    assert ([], True, True) == (list(test.exception), "never agreed" in said, "5.97 a minute" in said)


@pytest.mark.parametrize(
    ("page", "choices"), [(one.name, one.choices) for one in MENU if one.name in {"missed", "conversations", "costs"}]
)
def test_a_page_offers_what_narrows_it_and_nothing_else(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, page: str, choices: tuple[str, ...]
) -> None:
    chosen = {"team": "south", "channel": "waba", "direction": "outgoing", "open": "no"}
    narrowed = run(seeded_home, monkeypatch, page=page, **chosen)
    fields = {"team": "team", "channel": "channel", "direction": "direction", "open": "hours"}
    offered = {field for field in fields.values() if f"choice_{field}" in narrowed.session_state}
    assert ([], set(choices) & set(fields.values())) == (list(narrowed.exception), offered)
    kept = {name: value for name, value in chosen.items() if fields[name] in choices}
    assert told(run(seeded_home, monkeypatch, page=page, **kept)) == told(narrowed)


def test_calls_that_rang_nobody_stand_last_and_count_for_no_team(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(seed.ZONE).date()
    calls = [fact for fact in seed.events(today=today, days=3, calls_a_day=60) if fact.type.startswith("call.")]
    (tmp_path / "company.toml").write_text(seed.COMPANY_TOML, encoding="utf-8")
    nobody = [
        structs.replace(fact, data=structs.replace(fact.data, operator=None)) for fact in calls[: len(calls) // 2]
    ]
    seed.land(tmp_path, nobody + calls[len(calls) // 2 :])
    test = run(tmp_path, monkeypatch, page="operators", lang="en")
    last = [next(iter(table.value.iloc[-1])) for table in test.dataframe]
    assert ([], ["no team", "no operator"], True) == (
        list(test.exception),
        last,
        "Calls that rang nobody we know" in told(test),
    )


def test_of_a_transferred_call_each_operator_and_team_has_the_talk_that_was_his(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = """
    call  | leg | fact        | at       | says
    moved |     | offered     | 05:00:00 | direction=incoming; contact=phone:+77010000001
    moved | a   | ended       | 05:06:00 | operator=PJSIP/100; answered_at=05:00:00; talk_seconds=360
    moved |     | transferred | 05:06:00 | to_operator=PJSIP/101
    moved | b   | ended       | 05:08:00 | operator=PJSIP/101; answered_at=05:06:00; talk_seconds=120
    moved |     | ended       | 05:08:00 | disposition=completed
    """
    (tmp_path / "company.toml").write_text(seed.COMPANY_TOML, encoding="utf-8")
    seed.land(tmp_path, drawn_events(moved, company=seed.COMPANY))
    day = "2026-03-02"
    test = run(tmp_path, monkeypatch, page="operators", lang="en", period="custom", **{"from": day, "to": day})
    boards = [
        dict(zip(*(table.value[name] for name in table.value.columns[[0, -1]]), strict=True))
        for table in test.dataframe
    ]
    assert [
        {"North": "6* (1)", "South": "2* (1)"},
        {"Aigerim": "6* (1)", "Bolat": "2* (1)"},
    ] == boards


def test_teams_are_compared_where_it_is_told_whom_unanswered_calls_rang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(seed.ZONE).date()
    facts = [fact for fact in seed.events(today=today, days=4, calls_a_day=200) if fact.type.startswith("call.")]
    picked_up = {fact.data.call_id for fact in facts if fact.type == "call.accepted"}
    nameless = [
        structs.replace(fact, data=structs.replace(fact.data, operator=None))
        if fact.data.channel == "waba" and fact.data.call_id not in picked_up
        else fact
        for fact in facts
    ]
    (tmp_path / "company.toml").write_text(seed.COMPANY_TOML, encoding="utf-8")
    seed.land(tmp_path, nameless)
    test = run(tmp_path, monkeypatch, page="operators", lang="en")
    said = told(test)
    [head] = [line for line in said.splitlines() if line.startswith("## ")]
    assert ([], "## Telephone: South answers", True) == (
        list(test.exception),
        head[: len("## Telephone: South answers")],
        "WhatsApp Business: nobody tells whom an unanswered call rang" in said,
    )


def test_deals_that_have_not_had_their_time_are_not_set_beside_those_that_had(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, page="conversion", lang="en")
    changes = [metric.delta for metric in test.metric if "after a call" in metric.label]
    assert (["", ""], True) == (changes, "deals of these days have not had 30 days" in told(test))


def test_the_sliders_begin_with_the_fee_that_company_data_states(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, page="costs", period="last28")
    assert ([], 25_000) == (list(test.exception), test.select_slider(key="choice_fee").value)


def test_what_checks_look_for_fits_a_phone(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [checks] = run(seeded_home, monkeypatch, page="health", lang="en").table
    assert ["What it looks for", "Finds"] == list(checks.value.columns)
    assert all(re.match(r"\*\*.+\.\*\* ", one) for one in checks.value["What it looks for"])


def test_what_is_lacking_to_compare_prices_is_said() -> None:
    page = cast("Page", SimpleNamespace(say=texts.texts("en"), company={"currency": "KZT"}))
    lacking = [costs.answer(page, pl.DataFrame({"kind": kinds}), None) for kinds in ([], ["fixed"])]
    assert [
        "No tariff is described for this period.",
        "Only one of the two ways to pay has a price: set the other one below.",
    ] == lacking


def test_the_cost_of_a_period_says_what_of_it_are_requests(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="costs", period="last7", lang="en")
    shown = {metric.label: metric.value for metric in test.metric}
    [asked] = re.findall(r"requests for consent: ([0-9]+)", told(test))
    requests = f"₸{int(asked) * 9.5:,.2f}"
    assert ([], requests) == (list(test.exception), shown["Cost of requests"])
    [accounts] = [one.value.set_index("Account") for one in test.dataframe if "Account" in one.value]
    assert requests == accounts.loc["wa", "Cost of requests"]


def test_a_slider_writes_numbers_as_the_page_does_and_stands_where_its_address_says(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, page="costs", lang="ru", price="5.973", minutes="1234.0")
    price, minutes = (test.select_slider(key=f"choice_{name}") for name in ("price", "minutes"))
    assert ([], 5.973, 1234) == (list(test.exception), price.value, minutes.value)
    assert (True, True) == ("6,10\u00a0₸" in price.options, "1\u00a0234 мин" in minutes.options)
    assert len(price.options) == len(set(price.options))
    cheap = run(seeded_home, monkeypatch, page="costs", lang="ru", price="0.0455", minutes="1234.0")
    assert "Минута стоит 0,0455\u00a0₸" in told(cheap)


def test_a_slider_stands_at_round_numbers_and_at_its_own_and_no_two_are_written_alike() -> None:
    expected = [*range(1_000, 45_000, 1_000), 44_999.5, *range(46_000, 181_000, 1_000)]
    assert expected == costs.stops(44_999.5, top=180_000, written=lambda value: f"{value:.0f}")


def test_missed_contacts_of_all_teams_are_those_of_the_company(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call of the seeded company rang somebody, so each is some team's."""
    shown = [
        run(seeded_home, monkeypatch, page="missed", lang="en", **({"team": team} if team else {})).metric[0]
        for team in ("", "north", "south", "online")
    ]
    missed = [int(metric.value.replace(",", "")) for metric in shown]
    assert ({"Missed contacts"}, missed[0], True) == (
        {metric.label for metric in shown},
        sum(missed[1:]),
        all(missed),
    )


def test_a_contact_with_a_number_can_be_called_from_the_page_of_his_call(
    homes: dict[str, Path], calls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(homes["single"], tmp_path / "home")
    addresses: dict[str, list[str]] = {
        "phone:+77010000001": ["tel:+77010000001"],
        "phone:+7701000000a": [],
        "phone:c7f2a9e0": [],  # what who sees no people is shown in place of a number
        "telegram:5": [],
    }
    for contact_key, links in addresses.items():
        with open_writer(AnalyticsSettings(home=home)) as writer:
            writer.connection.execute("update facts.calls set contact_key = $key", {"key": contact_key})
        test = run(home, monkeypatch, page="call", lang="en", call=calls["single"])
        assert ([], links) == (list(test.exception), [link.proto.url for link in test.get("link_button")])


def test_a_hostile_name_is_shown_as_text(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = _some_call(seeded_home, "contains(contact_name, '<script>')")
    test = run(seeded_home, monkeypatch, page="call", call=call)
    assert ([], True) == (list(test.exception), "<script>alert(1)</script>" in told(test))


@pytest.mark.parametrize("call", ["", "nothing", "' or 1=1 --", "../../etc/passwd"])
def test_a_call_that_is_not_there_is_said_so(seeded_home: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    test = run(seeded_home, monkeypatch, page="call", call=call)
    assert ([], True) == (list(test.exception), "No such call" in told(test))


def _some_call(home: Path, condition: str) -> str:
    reader = open_reader(AnalyticsSettings(home=home))
    [found] = reader.sql(f"select call_id from facts.calls where {condition} limit 1")["call_id"]  # noqa: S608
    reader.close()
    return found


def test_of_tariffs_the_cheapest_that_prices_most_calls_is_set_beside_the_fee() -> None:
    costs = {"dear": (0, 20.0), "cheap": (0, 9.0), "half": (5, 1.0)}
    costed = [
        Costed(
            tariff=name,
            calls=9,
            answered=9,
            talk_minutes=9,
            billed_minutes=9,
            call_cost=cost,
            fee=0,
            unpriced=unpriced,
            priced_minutes=9,
        )
        for name, (unpriced, cost) in costs.items()
    ]
    assert "cheap" == cheapest(costed).tariff
