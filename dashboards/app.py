"""The pages as one application: their menu, and what stands around each of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.questions import Misconfigured, NotYet, Reader
from analytics.warehouse import OtherVersion, WarehouseAway
from dashboards import controls, login, page, texts
from dashboards.menu import MENU, Entry
from dashboards.page import Page, heading
from dashboards.settings import DashboardsSettings
from dashboards.state import State, on_page, period, scope
from dashboards.texts import Texts, plain
from dashboards.viewer import Viewer

ICON = Path(__file__).with_name("icon.svg")
STYLE_SHEET = Path(__file__).with_name("pages.css")
# Wide enough for the choices in every language and for two dates; on a screen of 1280 pixels tables are seen whole.
SIDEBAR_PIXELS = 276


def main() -> None:
    """Draw the page that the URL names, for the person who asks."""
    st.set_page_config(page_icon=str(ICON), layout="wide", initial_sidebar_state=SIDEBAR_PIXELS)
    st.html(STYLE_SHEET)
    say = _texts()
    settings = DashboardsSettings()
    viewer = login.viewer(say, settings=settings)
    paths: dict[str, st.Page] = {}
    sections: dict[str, list[st.Page]] = {}
    for entry in MENU:
        paths[entry.name] = st.Page(
            _show(entry, say=say, settings=settings, viewer=viewer, paths=paths),
            title=say(entry.title),
            icon=entry.icon,
            url_path=entry.name,
            default=entry.name == "overview",
            visibility="visible" if viewer and not entry.is_hidden and entry.is_for(viewer.rights) else "hidden",
        )
        sections.setdefault(say(entry.section) if entry.section else "", []).append(paths[entry.name])
    shown = st.navigation(sections, position="top")
    st.set_page_config(page_title=f"{shown.title} · Angime")
    shown.run()


def _show(
    entry: Entry, *, say: Texts, settings: DashboardsSettings, viewer: Viewer | None, paths: Mapping[str, st.Page]
) -> Callable[[], None]:
    """Give the function that draws a page, as the menu wants one."""

    def draw(reader: Reader, viewer: Viewer) -> None:
        asked = page.Asked(reader, reader.snapshot_id(), page.whose(settings.home, viewer.rights))
        listed = asked.ask(questions.companies).to_dicts()
        if not listed:
            _tell(say("No company is known yet."), say("Describe it in company.toml and start Angime again."))
            return
        state = controls.restore(entry.name)
        company = next((one for one in listed if one["company"] == state.company), listed[0])
        state = on_page(structs.replace(state, company=company["company"]), offered=entry.choices)
        controls.remember(state)
        shown = _page(
            state, entry=entry, say=say, settings=settings, viewer=viewer, asked=asked, company=company, paths=paths
        )
        controls.draw(shown, companies=listed, choices=entry.choices)
        entry.draw(shown)

    def show() -> None:
        if viewer is None:
            login.draw(say)
            return
        if not entry.is_for(viewer.rights):
            _tell(say("This page is not for your role."), say("Ask whoever runs Angime if you need it."))
            return
        reader = _reader(say, settings=settings, viewer=viewer)
        if reader is None:
            return
        try:
            draw(reader, viewer)
        except WarehouseAway:
            _tell_of_away(say)
        except OtherVersion:
            _tell(
                say("The warehouse is of another version of Angime."),
                say("It is made anew when Angime starts (angime up), or by angime rebuild; then load this page again."),
            )

    return show


def _reader(say: Texts, *, settings: DashboardsSettings, viewer: Viewer) -> Reader | None:
    """Open the warehouse for a person; where it cannot be had, says so."""
    try:
        return page.limited_reader(settings.home, viewer.rights)
    except WarehouseAway:
        _tell_of_away(say)
    except NotYet:
        _tell(
            say("There is no warehouse yet."),
            say("Start Angime (angime up), or see it with made-up calls (angime demo), then load this page again."),
        )
    except Misconfigured:
        _tell(
            say("The warehouse cannot be read."),
            say("Its catalog is damaged or of another version; the log of this process says more."),
        )
    return None


def _page(  # noqa: PLR0913  # what a page stands on
    state: State,
    *,
    entry: Entry,
    say: Texts,
    settings: DashboardsSettings,
    viewer: Viewer,
    asked: page.Asked,
    company: dict[str, str],
    paths: Mapping[str, st.Page],
) -> Page:
    now, zone = page.now(), ZoneInfo(company["time_zone"])
    meant = period(state, now=now, zone=zone, week_starts=company["week_starts"])
    before = meant.before() if state.is_compared and "comparison" in entry.choices else None
    if entry.counts_calls:
        asked = asked.holding(company=company["company"], periods=(meant, before) if before else (meant,))
    named = asked.ask(questions.teams, company=company["company"]).iter_rows()
    return Page(
        settings=settings,
        state=state,
        say=say,
        viewer=viewer,
        reader=asked.reader,
        snapshot=asked.snapshot,
        company=company,
        zone=zone,
        now=now,
        period=meant,
        before=before,
        scope=scope(state, company=company["company"], offered=entry.choices),
        names=dict(named),
        choices=entry.choices,
        paths=paths,
    )


def _texts() -> Texts:
    """Speak the language of the URL, of the session where the menu has emptied the URL, or of the browser."""
    remembered: State | None = st.session_state.get("state")
    wanted = st.query_params.get("lang", "")
    if not st.query_params.to_dict() and remembered is not None:
        wanted = remembered.language
    return texts.texts(texts.choose(wanted, accepted=[st.context.locale or ""]))


def _tell(head: str, what: str) -> None:
    heading(head, level=2)
    st.write(plain(what, limit=300))


def _tell_of_away(say: Texts) -> None:
    _tell(
        say("The warehouse is out of reach."),
        say("Its catalog or files are on another machine, which does not answer; load this page again in a minute."),
    )


if __name__ == "__main__":
    main()
