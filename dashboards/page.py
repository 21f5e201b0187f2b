"""What every page stands on: the person's choices resolved, the warehouse's answers kept by snapshot, the links."""

import pickle
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st
from msgspec import Struct, structs

from analytics import questions, warehouse
from analytics.questions import Day, Holding, Period, Reader, Scope
from analytics.reading.held import Held, Shelf
from analytics.reading.rights import LimitedReader, Rights
from analytics.reading.shared import SharedReader
from analytics.settings import AnalyticsSettings
from dashboards.answers import Answers
from dashboards.settings import DashboardsSettings
from dashboards.state import Choice, State, write
from dashboards.texts import Texts, plain
from dashboards.viewer import Viewer

P = ParamSpec("P")
T = TypeVar("T")

# Each statement has one thread: two would take up to three times the processor time, for what DuckLake asks of its
# catalog is too short to be shared and they wait for each other busily. So many run at once that a short one waits for
# no long one, and no more than that: the processors only have so many hands.
SESSIONS = 4
THREADS_OF_A_STATEMENT = 1
MAX_KEPT_READERS = 100
MINUTES_OF_SELDOM = 10


class Asked(Struct, frozen=True):
    """A reader whose answers are kept until the warehouse changes: for `whose` rights, under a `snapshot`."""

    reader: Reader
    snapshot: int
    whose: str

    def ask(self, question: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask a question of analytics.questions, unless its answer is kept."""
        key = f"{self.whose} {question.__name__} {kwargs!r}"
        return _answer(self.snapshot, key, lambda: question(self.reader, *args, **kwargs))

    def holding(self, *, company: str, periods: Sequence[Period]) -> "Asked":
        """Ask from here on what is counted of a company's calls in these periods from memory."""
        if not questions.can_hold(periods):
            return self

        def fetch(days: Sequence[Day]) -> pl.DataFrame:
            return questions.groups_of(self.reader, company=company, days=days)

        def held() -> Held:
            return _shelf().held(f"{self.whose} {company}", snapshot=self.snapshot, fetch=fetch)

        reader = Holding(self.reader, company=company, periods=periods, held=held)
        return structs.replace(self, reader=reader)


def whose(home: Path, rights: Rights) -> str:
    """Name what answers belong to beside the question: the warehouse, and the rights they were given to."""
    return f"{home.absolute()} {rights!r}"


class Page(Struct, frozen=True, kw_only=True):
    """A page of one company as one person asked for it at `now`; `before` is None without a comparison.

    `choices` are those that the page offers.
    """

    settings: DashboardsSettings
    state: State
    say: Texts
    viewer: Viewer
    reader: Reader
    snapshot: int
    company: dict[str, Any]
    zone: ZoneInfo
    now: datetime
    period: Period
    before: Period | None
    scope: Scope
    names: dict[str, str]
    choices: tuple[Choice, ...]
    paths: Mapping[str, st.Page]

    def ask(self, question: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask a question of analytics.questions; its answer is kept until the warehouse changes."""
        asked = Asked(self.reader, self.snapshot, self._whose)
        return asked.ask(question, *args, **kwargs)

    def ask_seldom(self, question: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask a question that costs seconds; its answer is kept for MINUTES_OF_SELDOM, whatever arrives meanwhile."""
        spell = int(self.now.timestamp()) // (60 * MINUTES_OF_SELDOM)
        key = f"{self._whose} seldom {question.__name__} {kwargs!r}"
        return _answer(spell, key, lambda: question(self.reader, *args, **kwargs))

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """Make something that is no question, and keep it as an answer is kept."""
        return _answer(self.snapshot, f"{self._whose} {name}", make)

    def of_team(self) -> "Page":
        """Give the page as whoever may see the chosen team alone has it: for facts that tell no team of their own."""
        if not self.scope.teams:
            return self
        rights = self.viewer.rights
        teams = tuple(team for team in self.scope.teams if rights.teams is None or team in rights.teams)
        viewer = structs.replace(self.viewer, rights=structs.replace(rights, teams=teams))
        reader = limited_reader(self.settings.home, viewer.rights)
        return structs.replace(self, viewer=viewer, reader=reader, scope=structs.replace(self.scope, teams=()))

    @property
    def _whose(self) -> str:
        return whose(self.settings.home, self.viewer.rights)

    def link(self, to: str, label: str, *, state: State, icon: str | None = None) -> None:
        """Draw a link to the page `to` in `state`."""
        st.page_link(self.paths[to], label=label, icon=icon, query_params=self.params(state))

    def go(self, to: str, *, state: State) -> None:
        """Go to the page `to` in `state`."""
        st.switch_page(self.paths[to], query_params=self.params(state))

    def params(self, state: State) -> dict[str, str]:
        """Write a state as this company's parameters of the URL."""
        return {"company": self.company["company"]} | write(state)

    def team(self, team_id: str | None) -> str:
        """Name a team."""
        return self.names.get(team_id or "", team_id or "") or self.say("no team")

    def operators(self) -> dict[str, str]:
        """Give the names of the operators, by their ids."""
        rows = self.ask(questions.operators, company=self.scope.company)
        return dict(rows.select("operator_id", "name").iter_rows())


@st.cache_resource(show_spinner=False)
def open_reader(home: Path) -> SharedReader:
    """Open the warehouse under `home` once for the process; raises NotYet while there is none."""
    settings = AnalyticsSettings(home=home)
    of_one = settings.model_copy(update={"warehouse_threads": THREADS_OF_A_STATEMENT})
    return SharedReader(lambda: warehouse.open_reader(of_one), sessions=max(SESSIONS, settings.warehouse_threads))


@st.cache_resource(show_spinner=False, max_entries=MAX_KEPT_READERS, hash_funcs={Rights: repr})
def limited_reader(home: Path, rights: Rights) -> Reader:
    """Give the reader of a person with these rights: the only one that a page gets."""
    return LimitedReader(open_reader(home), rights=rights, salt=_salt(home))


@st.cache_resource(show_spinner=False)
def _salt(_home: Path) -> str:
    return secrets.token_hex(16)


def now() -> datetime:
    """Tell the time; pages and charts take it from here."""
    return datetime.now(UTC)


def heading(text: str, *, level: int = 4) -> None:
    """Draw a heading whose text may be foreign."""
    st.markdown(f"{'#' * level} {plain(text, limit=300)}")


@st.cache_resource(show_spinner=False)
def _shelf() -> Shelf:
    return Shelf()


@st.cache_resource(show_spinner=False)
def _answers() -> Answers:
    return Answers()


def _answer(snapshot: int, key: str, ask: Callable[[], Any]) -> Any:
    """Give an answer as it is kept, also when it was just asked: what the engine gives of it is far larger.

    A frame that comes from the engine takes megabytes, of which its rows may need one: there is room for thousands. A
    page's files keep theirs for hours.
    """
    kept = _answers().give((snapshot, key), lambda: pickle.dumps(ask()))
    return pickle.loads(kept)  # noqa: S301  # our own, of this process
