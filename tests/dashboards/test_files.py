"""What a page lets one take along adds up to what it shows, read from the files themselves."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest  # noqa: TID251  # Streamlit's own kit for testing its pages

from analytics.metrics.catalogue import catalogue
from dashboards.columns import COLUMNS
from dashboards.handed import OFFERS
from dashboards.texts import texts
from tests.dashboards.without_browser import run, sent, told

Rows = pl.DataFrame


def _numerators(metric: str) -> Callable[[Rows], float]:
    return lambda rows: rows.filter(metric=catalogue()[metric].title.of("en"))["numerator"].sum()


# A page, a figure of it, the file beside it, and what its rows come to.
FIGURES: list[tuple[str, str, str, Callable[[Rows], float]]] = [
    ("", "Missed calls", "angime-figures", _numerators("missed_calls")),
    ("missed", "Missed contacts", "angime-missed", lambda rows: rows["episodes"].sum()),
    ("missed", "Missed contacts", "angime-missed-contacts", lambda rows: rows["episode_id"].n_unique()),
    ("conversion", "Deals won after a call", "angime-conversion-channel", _numerators("deals_won_after_call")),
    (
        "conversion",
        "Leads answered within 5 min",
        "angime-leads",
        lambda rows: round(100 * rows.filter(band="0-5")["leads"].sum() / rows["leads"].sum(), 1),
    ),
    ("costs", "Cost of the period", "angime-costs", lambda rows: round(rows["cost"].sum())),
    (
        "permissions",
        "Calls outside permission",
        "angime-without-consent",
        lambda rows: rows.filter(pl.col("reason") != "permitted").height,
    ),
]


@pytest.mark.parametrize(("page", "label", "file", "total"), FIGURES, ids=[file for _, _, file, _ in FIGURES])
def test_a_file_adds_up_to_its_tile(  # noqa: PLR0917
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, page: str, label: str, file: str, total: Callable[[Rows], float]
) -> None:
    test = run(seeded_home, monkeypatch, page=page, period="last28", lang="en")
    [tile] = [one for one in test.metric if one.label == label]
    assert _figure(tile.value) == float(total(_file(test, file)))


def test_the_file_of_a_board_adds_up_to_the_board(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="operators", period="last28", lang="en")
    rows = _file(test, "angime-operators").filter(metric="Answer rate")
    boards = [sum(_behind(cell) for cell in table.value["Answer rate"]) for table in test.dataframe]
    assert [rows["sample"].sum()] * 2 == boards


def test_the_file_of_what_was_said_holds_every_line(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="search", search="заказов", period="last28", lang="en")
    rows = _file(test, "angime-said")
    assert (len(test.dataframe[0].value), True) == (rows.height, f"said in {rows['call_id'].n_unique()}" in told(test))


def test_the_file_of_conversations_holds_as_many_as_the_headline_says(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, page="conversations", period="last28", lang="en")
    rows = _file(test, "angime-conversations")
    assert f"## {rows.height:,} conversations; {rows['is_waiting'].sum():,} contact" in told(test)


def test_the_file_of_risks_adds_up_to_its_table_and_its_tile(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = run(seeded_home, monkeypatch, page="permissions", period="last28", lang="en")
    rows = _file(test, "angime-risk")
    [table] = [one.value.set_index("Figure") for one in test.dataframe if "Figure" in one.value]
    for column, name in {"calls": "Outgoing calls", "cold": "Cold", "rejected": "Declined"}.items():
        assert (name, rows[column].sum()) == (name, sum(_figure(cell) for cell in table.loc[name]))
    assert f"outgoing calls: {rows['cold'].sum():,} of {rows['calls'].sum():,}" in told(test)
    signs = _file(test, "angime-signs-of-risk")
    assert (["rejection_streak", "restriction"], 2) == (signs["sign"].to_list(), rows["signs"].sum())
    assert f"outgoing calls and signs of risk: {rows['calls'].sum() + signs.height:,}" in told(test)


@pytest.mark.parametrize("page", ["calls", "missed", "metrics"])
def test_the_columns_of_a_file_are_called_in_the_language_of_its_page(
    seeded_home: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    test = run(seeded_home, monkeypatch, page=page, period="last28", lang="kk")
    files = _files(test, suffix=".csv")
    named = {column for content in files.values() for column in pl.read_csv(content).columns}
    assert (set(), True) == (named & set(COLUMNS), named <= {texts("kk")(word) for word in COLUMNS.values()})


def test_a_file_tells_times_and_outcomes_as_its_list_does(seeded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = run(seeded_home, monkeypatch, page="calls", period="last28", lang="ru")
    [content] = _files(test, suffix=".csv").values()
    read = pl.read_csv(content)
    told = [datetime.fromisoformat(at) for at in read["Когда"].head(20)]
    listed = test.dataframe[0].value.head(20)
    assert [f"{at:%H:%M}" for at in told] == [said[-5:] for said in listed["Когда"]]
    assert read["Итог"].head(20).to_list() == [outcome for [outcome] in listed["Итог"]]
    assert "человек говорил" in " ".join(read["Почему так засчитан"])


def _behind(cell: str) -> int:
    """Read how many calls stand behind a figure, in brackets."""
    return int(cell.split("(")[1].rstrip(")").replace(",", ""))


def _figure(shown: str) -> float:
    return float(re.sub(r"[^0-9.]", "", shown))


def _file(test: AppTest, name: str) -> Rows:
    """Fetch the CSV that a page in English hands out under a name, its columns by their names."""
    [content] = [content for file, content in _files(test, suffix=".csv").items() if file.startswith(f"{name}-2")]
    read = pl.read_csv(content)
    assert set() == set(COLUMNS) & set(read.columns)
    return read.rename({say: column for column, say in COLUMNS.items() if say in read.columns})


def _files(test: AppTest, *, suffix: str) -> dict[str, bytes]:
    """Fetch all files that a page hands out, by their names."""
    found = [OFFERS.find(address, bearer="") for address in re.findall(r"[0-9a-f]{64}", sent(test))]
    return {offer.name: offer.make() for offer in found if offer is not None and offer.name.endswith(suffix)}
