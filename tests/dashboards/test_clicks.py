"""What is chosen on a page leads to the very rows behind it, and its address shows a colleague the same page."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest  # noqa: TID251  # Streamlit's own kit for testing its pages
from streamlit.util import calc_hash  # noqa: TID251

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from dashboards.menu import MENU
from tests.dashboards import seed
from tests.dashboards.without_browser import run, told

Choose = Callable[[AppTest], AppTest]
SHOWN = {"lang": "en", "period": "last28"}
COUNTED_CALLS = re.compile(r"([0-9,]+) (?:incoming |answered )?calls")
COUNT = "select count(*) from facts.calls where {counted}"


def mark(key: str, name: str, **fields: object) -> Choose:
    """Choose a mark of a chart."""
    return lambda test: _choosing(test, kind="vega_lite_chart", key=key, selection={name: [fields]})


def row(key: str) -> Choose:
    """Choose the first row of a table."""
    return lambda test: _choosing(test, kind="dataframe", key=key, selection={"cells": [[0, ""]]})


def _choosing(test: AppTest, *, kind: str, key: str, selection: dict[str, object]) -> AppTest:
    """Choose something as the browser tells Streamlit of it: AppTest itself has no way to."""
    [chosen] = [one.proto for one in test.get(kind) if one.proto.id.endswith(f"-{key}")]
    states = test._tree.get_widget_states()  # noqa: SLF001
    states.widgets.add(id=chosen.id, string_value=json.dumps({"selection": selection}))
    return test._run(states)  # noqa: SLF001


# A page, what its address says, what is chosen on it, and which calls of the period are meant.
TO_LISTS: list[tuple[str, dict[str, str], Choose, str]] = [
    (
        "",
        {},
        mark("heat", "cell", weekday=1, hour=12),
        "direction = 'incoming' and outcome = 'missed' and weekday = 1 and hour = 12",
    ),
    (
        "",
        {"team": "south"},
        mark("outcomes", "bar", channel="phone", outcome="no_answer"),
        "team_id = 'south' and channel = 'phone' and outcome = 'no_answer'",
    ),
    (
        "missed",
        {"channel": "phone"},
        mark("recovery", "bar", hour=12, state="lost"),
        "channel = 'phone' and hour = 12 and"
        " call_id in (select episode_id from reports.missed_episodes where state = 'lost')",
    ),
    (
        "missed",
        {"team": "south"},
        mark("recovery", "bar", hour=12, state="lost"),
        "team_id = 'south' and hour = 12 and"
        " call_id in (select episode_id from reports.missed_episodes where state = 'lost')",
    ),
    ("operators", {"team": "south"}, row("board_team"), "team_id = 'south'"),
    (
        "conversion",
        {"channel": "phone"},
        row("conversion_team"),
        "channel = 'phone' and outcome = 'answered' and team_id = ("
        " select team_id from facts.calls where {counted} and channel = 'phone' and outcome = 'answered'"
        " group by all order by count(distinct contact_key) desc limit 1)",
    ),
]
BEHIND = ["heat", "outcome", "missed", "missed of a team", "team", "conversion"]
# A page, what its address says, the table whose first row is chosen, and the calls of which it is one.
TO_CALLS: list[tuple[str, dict[str, str], str, str]] = [
    (
        "calls",
        {},
        "calls_1",
        "select call_id from facts.calls where {counted} order by started_at desc, call_id limit 1",
    ),
    (
        "missed",
        {},
        "waiting",
        "select episode_id from reports.missed_episodes where state = 'open'"
        " order by first_missed_at, episode_id limit 1",
    ),
    (
        "permissions",
        {},
        "outside",
        "select call_id from facts.call_permissions where {days} and reason <> 'permitted'"
        " order by started_at desc, call_id limit 1",
    ),
    ("permissions", {}, "signs", "select call_id from reports.risk_signs where {days} order by seen_at desc limit 1"),
    ("search", {"search": "Obrigada"}, "found", "select call_id from facts.turns where contains(text, 'Obrigada')"),
]
# A page, what its address says, a metric of a tile of it, and in what words the tile tells its calls. What a page
# cannot be narrowed by does not narrow the calls either.
TO_CALLS_BEHIND: list[tuple[str, dict[str, str], str, str]] = [
    ("metrics", {"search": "silence_share"}, "silence_share", "calls with a transcript: {n}"),
    ("missed", {"team": "south", "direction": "outgoing"}, "missed_contacts", "missed contacts: {n}"),
    ("operators", {"operator": "op1"}, "answer_rate", "calls: [0-9,]+ of {n}"),
    ("conversion", {"channel": "phone"}, "conversion_after_call", "answered calls: {n}"),
    ("permissions", {"team": "south"}, "cold_call_share", "outgoing calls: [0-9,]+ of {n}"),
]
# What every page can be asked for by its address.
EVERYTHING = dict(
    parse_qsl(
        "lang=pt&company=nomad&period=custom&compare=no&team=south&channel=phone&direction=incoming&open=yes"
        "&metric=missed_calls&behind=service_level&outcome=missed&hour=12&weekday=2&operator=op1&missed=lost&search=a&all=yes&sort=-contact"
        "&contact=phone:%2B7701&call=x&back=search&waiting=yes&role=customer&fee=25000.0&price=5.97&minutes=100.0"
    )
)


@pytest.mark.parametrize(
    ("page", "asked", "choose", "meant"),
    TO_LISTS,
    ids=BEHIND,
)
def test_a_mark_or_a_team_leads_to_as_many_calls_as_are_behind_it(  # noqa: PLR0917
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, page: str, asked: dict[str, str], choose: Choose, meant: str
) -> None:
    test = choose(run(seeded_home, monkeypatch, page=page, **SHOWN, **asked))
    [[expected]] = _rows(seeded_home, f"{COUNT} and {meant}")
    assert (True, expected, True) == (_is_on(test, "calls"), _listed(test), expected > 0)
    _is_restored(test, "calls", home=seeded_home, environment=monkeypatch)


@pytest.mark.parametrize(("page", "asked", "table", "meant"), TO_CALLS, ids=[table for *_, table, _ in TO_CALLS])
def test_a_row_leads_to_its_call(  # noqa: PLR0917
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, page: str, asked: dict[str, str], table: str, meant: str
) -> None:
    test = row(table)(run(seeded_home, monkeypatch, page=page, **SHOWN, **asked))
    assert ([], True, False) == (list(test.exception), _is_on(test, "call"), "No such call" in told(test))
    assert [test.query_params["call"]] in _rows(seeded_home, meant)
    _is_restored(test, "call", home=seeded_home, environment=monkeypatch)
    assert {"company": "nomad"} | SHOWN | asked == _link(test, next(one.title for one in MENU if one.name == page))


def test_the_way_back_from_a_call_leads_to_all_days_where_they_were_listed(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_day = {"lang": "en", "period": "all", "search": "a"}
    [[call_id]] = _rows(seeded_home, "select call_id from facts.calls limit 1")
    opened = run(seeded_home, monkeypatch, page="call", **every_day, call=call_id)
    assert {"company": "nomad"} | every_day == _link(opened, "Calls")


def test_an_operator_and_a_conversation_open_and_lead_to_their_calls(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = row("board_operator")(run(seeded_home, monkeypatch, page="operators", **SHOWN))
    _is_restored(operator, "operators", home=seeded_home, environment=monkeypatch)
    history = row("conversations_1")(run(seeded_home, monkeypatch, page="conversations", **SHOWN))
    _is_restored(history, "conversations", home=seeded_home, environment=monkeypatch)
    of_operator = f"operator_id = '{operator.query_params['operator']}'"
    listed = run(seeded_home, monkeypatch, page="calls", **_link(operator, "All calls of this operator"))
    [[expected]] = _rows(seeded_home, f"{COUNT} and {of_operator}")
    assert expected == _listed(listed)
    assert _calls_of(seeded_home, history.query_params["contact"]) == _listed(
        run(seeded_home, monkeypatch, page="calls", **_link(history, "All calls of this contact"))
    )


def test_all_calls_of_a_contact_are_of_all_days_and_of_all_that_he_is_known_by(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [[call, key, day, days]] = _rows(
        seeded_home,
        "select arg_max(call_id, started_at), any_value(contact_key), max(day), count(distinct day) from facts.calls"
        " where not is_internal and not is_test and team_id is not null and starts_with(contact_key, 'phone:')"
        " group by contact_key order by 4 desc, 1 limit 1",
    )
    narrow = {"lang": "en", "period": "today", "team": "nobody", "call": call}
    params = _link(run(seeded_home, monkeypatch, page="call", **narrow), "All calls of this contact")
    listed = run(seeded_home, monkeypatch, page="calls", **params)

    assert (True, _calls_of(seeded_home, key)) == (days > 1, _listed(listed))
    of_one_day = params | {"period": "custom", "from": f"{day}", "to": f"{day}"}
    assert _listed(run(seeded_home, monkeypatch, page="calls", **of_one_day)) < _listed(listed)
    elsewhere = run(seeded_home, monkeypatch, page="missed", **params)
    assert ([], None) == (list(elsewhere.exception), _params(elsewhere).get("period"))


def test_the_places_of_the_sentence_lead_to_as_many_calls_as_they_name(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = run(seeded_home, monkeypatch, **SHOWN)
    named = [one.proto for one in overview.get("page_link") if "not answered" in one.proto.label]
    for link in named:
        params = dict(parse_qsl(link.query_string))
        listed = run(seeded_home, monkeypatch, page="calls", **params)
        lost = int(link.label.replace("\\", "").split(": ")[1].split(" of ")[0].replace(",", ""))
        assert (link.label, lost, "calls") == (link.label, _listed(listed), link.page)
    assert len(named) == 3


def test_what_stands_behind_a_tile_is_as_many_calls_as_it_names(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = run(seeded_home, monkeypatch, **SHOWN)
    links = [one.proto for one in overview.get("page_link") if COUNTED_CALLS.search(one.proto.label)]
    named = [COUNTED_CALLS.findall(link.label)[0] for link in links]
    # Of missed calls the tile itself says how many there are, and the words below it of how many.
    named[1] = overview.metric[1].value
    listed = [run(seeded_home, monkeypatch, page="calls", **dict(parse_qsl(link.query_string))) for link in links]
    assert (5, [int(count.replace(",", "")) for count in named]) == (len(links), [_listed(test) for test in listed])


@pytest.mark.parametrize(
    ("page", "asked", "metric", "words"), TO_CALLS_BEHIND, ids=[page for page, *_ in TO_CALLS_BEHIND]
)
def test_a_figure_leads_to_as_many_calls_as_it_names(  # noqa: PLR0917
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, page: str, asked: dict[str, str], metric: str, words: str
) -> None:
    shown = run(seeded_home, monkeypatch, page=page, **SHOWN, **asked)
    links = [one.proto for one in shown.get("page_link") if one.proto.label == "The calls behind it"]
    [params] = [params for link in links if (params := dict(parse_qsl(link.query_string)))["behind"] == metric]
    calls = _listed(run(seeded_home, monkeypatch, page="calls", **params))
    assert (True, True) == (calls > 0, re.search(words.format(n=f"{calls:,}") + r"(?![\d,])", told(shown)) is not None)


def test_what_a_check_found_leads_to_its_rows(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [link] = [one.proto for one in run(seeded_home, monkeypatch, page="health", lang="en").get("page_link")]
    rows = link.label.replace("\\", "").split(": ")[1]
    params = dict(parse_qsl(link.query_string))
    found = run(seeded_home, monkeypatch, page="sql", **params)
    counted = _rows(seeded_home, params["sql"].replace("*", "count(*)"))
    assert ([[int(rows.replace(",", ""))]], True) == (counted, _heads(found)[0].startswith(f"## {rows} row"))


@pytest.mark.parametrize("page", [entry.name for entry in MENU])
def test_a_page_keeps_the_address_by_which_it_was_opened(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    day = datetime.now(seed.ZONE).date() - timedelta(days=1)
    asked = EVERYTHING | {"from": day.isoformat(), "to": day.isoformat()}
    test = run(homes["single"], monkeypatch, page=page, **asked)
    assert ([], asked) == (list(test.exception), _params(test))


def _is_restored(test: AppTest, page: str, *, home: Path, environment: pytest.MonkeyPatch) -> None:
    """Whether a page begins alike where its address is opened anew, and stands at the same address then."""
    opened = run(home, environment, page=page, **_params(test))
    assert (True, _params(test), _heads(test)) == (_is_on(test, page), _params(opened), _heads(opened))


def _is_on(test: AppTest, page: str) -> bool:
    return test._finished_page_script_hash == calc_hash(page)  # noqa: SLF001


def _heads(test: AppTest) -> list[str]:
    return [line for line in told(test).splitlines() if line.startswith("## ")]


def _listed(test: AppTest) -> int:
    """Read how many calls the list of calls says that it holds."""
    return int(_heads(test)[0].removeprefix("## ").split(" call")[0].replace(",", ""))


def _calls_of(home: Path, contact_key: str) -> int:
    """Count the calls of a contact, by whatever he is known in them."""
    known = "from facts.identities as one inner join facts.identities as other using (contact_id)"
    theirs = f"contact_key in (select one.identity {known} where other.identity = '{contact_key}')"
    counted = "select count(*) from facts.calls where not is_internal and not is_test"
    [[calls]] = _rows(home, f"{counted} and {theirs}")
    return int(calls)


def _link(test: AppTest, words: str) -> dict[str, str]:
    [link] = [one.proto for one in test.get("page_link") if one.proto.label == words]
    return dict(parse_qsl(link.query_string))


def _params(test: AppTest) -> dict[str, str]:
    """Give what the page's address says."""
    return {name: value if isinstance(value, str) else value[-1] for name, value in test.query_params.items()}


def _rows(home: Path, text: str) -> list[list[Any]]:
    """Ask the warehouse in SQL of our own."""
    today = datetime.now(seed.ZONE).date()
    days = f"day between date '{today}' - 28 and date '{today}' - 1"
    with open_reader(AnalyticsSettings(home=home)) as reader:
        asked = text.format(days=days, counted=f"{days} and not is_internal and not is_test")
        return [list(found) for found in reader.sql(asked, {}).iter_rows()]
