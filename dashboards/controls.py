"""The choices beside every page: period, comparison, scope, language; kept in the URL, which is their only truth."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.questions import Period
from dashboards.page import Page, heading
from dashboards.state import PRESETS, Choice, State, read, without_page, write
from dashboards.texts import N_, NAMES, clean, plain

PRESET_NAMES = {
    "last7": N_("Last 7 days"),
    "today": N_("Today"),
    "yesterday": N_("Yesterday"),
    "week": N_("This week"),
    "last_week": N_("Last week"),
    "last28": N_("Last 28 days"),
    "month": N_("This month"),
    "all": N_("All days"),
    "custom": N_("Choose dates"),
}
# These end with yesterday: part of a day would make the last of them look worse than it is.
WITHOUT_TODAY = {"last7", "last28"}
DATES = {"en": "DD/MM/YYYY", "ru": "DD.MM.YYYY", "kk": "DD.MM.YYYY", "pt": "DD/MM/YYYY"}
HOURS_NAMES = {"": N_("All hours"), "open": N_("Business hours"), "closed": N_("Outside business hours")}
DIRECTION_NAMES = {"": N_("Both directions"), "incoming": N_("Incoming"), "outgoing": N_("Outgoing")}


def restore(path: str) -> State:
    """Read the state from the URL; on a page reached from the menu, whose URL is empty, go on with the same scope."""
    params = st.query_params.to_dict()
    remembered: State | None = st.session_state.get("state")
    if not params and remembered is not None and st.session_state.get("path") != path:
        state = without_page(remembered)
    else:
        state = read(params)
    st.session_state["state"] = state
    st.session_state["path"] = path
    return state


def remember(state: State) -> None:
    """Write the state into the URL; a company always stands there, so that an empty URL is one from the menu."""
    st.session_state["state"] = state
    if st.query_params.to_dict() != write(state):
        st.query_params.from_dict(write(state))


def bind(field: str, *, value: object) -> dict[str, Any]:
    """Tie a widget to a field of the state: gives its key and what happens when it changes."""
    key = f"choice_{field}"
    st.session_state[key] = value
    return {"key": key, "on_change": changed, "args": (field,)}


def changed(field: str) -> None:
    """Take a widget's new value into the state and the URL; what makes another list begins at its first page."""
    value = st.session_state[f"choice_{field}"]
    state: State = st.session_state["state"]
    if field == "dates":
        if len(value) != 2:
            return
        state = structs.replace(state, preset="custom", first=value[0], last=value[1], page=1)
    else:
        fallback = getattr(State(), field)
        value = tuple(value) if isinstance(fallback, tuple) else value
        number = state.page if field == "language" else 1
        state = structs.replace(state, **{"page": number, field: fallback if value is None else value})
    remember(state)


def draw(page: Page, *, companies: list[dict[str, Any]], choices: Collection[Choice]) -> None:
    """Draw the choices that a page offers in the sidebar, under the company and above the language."""
    say, state = page.say, page.state
    with st.sidebar:
        if len(companies) > 1:
            names = {company["company"]: company["name"] for company in companies}
            st.selectbox(
                say("Company"),
                list(names),
                format_func=lambda company: clean(names[company]),
                **bind("company", value=page.company["company"]),
            )
        if "period" in choices:
            _period(page, choices=choices)
        _scope(page, choices=choices)
        st.divider()
        st.selectbox(
            say("Language"),
            list(NAMES),
            format_func=lambda language: NAMES[language],
            **bind("language", value=say.language),
        )
        st.caption(say("Time zone: {zone}", zone=page.zone.key.replace("_", " ")))
        st.caption(say("The link in the address bar opens exactly this page."))
        if state.preset not in {"all", "custom"} and "period" in choices:
            st.button(say("Keep these dates in the link"), type="tertiary", on_click=_pin, args=(page,))


def _period(page: Page, *, choices: Collection[Choice]) -> None:
    say, state = page.say, page.state
    st.selectbox(
        say("Period"),
        [preset for preset in PRESETS if preset != "all" or "all_days" in choices],
        format_func=lambda preset: say(PRESET_NAMES[preset]),
        **bind("preset", value=state.preset),
    )
    if state.preset == "custom":
        st.date_input(
            say("From and to"),
            max_value=page.now.astimezone(page.zone).date(),
            format=DATES[say.language],
            **bind("dates", value=(page.period.first, page.period.last)),
        )
    st.caption(meant(page))
    if "comparison" not in choices:
        return
    st.toggle(say("Compare with the period before"), **bind("is_compared", value=state.is_compared))
    if page.before:
        st.caption(before(page, page.before))


def meant(page: Page) -> str:
    """Name the days that are meant, and how much of today is among them."""
    if page.state.preset == "all":
        return page.say("All days")
    days = page.say.days(page.period.first, page.period.last)
    if page.state.preset in WITHOUT_TODAY:
        return page.say("{days}, without today", days=days)
    return page.say("{days}, up to now", days=days) if page.period.until else days


def before(page: Page, period: Period) -> str:
    """Name the days that the period is compared with, whose last is cut where today is."""
    days = page.say.days(period.first, period.last)
    return page.say("{days}, up to the same time", days=days) if period.until else days


def _scope(page: Page, *, choices: Collection[Choice]) -> None:
    say, state = page.say, page.state
    if "team" in choices:
        teams = page.ask(questions.teams, company=page.scope.company)["team_id"].to_list()
        st.selectbox(
            say("Team"),
            _with(teams, state.team),
            format_func=lambda team: clean(page.team(team)) if team else say("All teams"),
            **bind("team", value=state.team),
        )
    if "channel" in choices:
        channels = page.ask(questions.channels, company=page.scope.company, period=page.period)["channel"].to_list()
        st.selectbox(
            say("Channel"),
            _with(channels, state.channel),
            format_func=lambda channel: say.word(channel) if channel else say("All channels"),
            **bind("channel", value=state.channel),
        )
    if "direction" in choices:
        st.selectbox(
            say("Direction"),
            _with(["incoming", "outgoing"], state.direction),
            format_func=lambda direction: (
                say(DIRECTION_NAMES[direction]) if direction in DIRECTION_NAMES else direction
            ),
            **bind("direction", value=state.direction),
        )
    if "hours" in choices:
        st.selectbox(
            say("Hours"),
            list(HOURS_NAMES),
            format_func=lambda hours: say(HOURS_NAMES[hours]),
            **bind("hours", value=state.hours),
        )


def _with(options: list[str], chosen: str) -> list[str]:
    """Offer all, the options, and what a link chose although it is no longer among them."""
    return ["", *options, *([chosen] if chosen and chosen not in options else [])]


def _pin(page: Page) -> None:
    remember(structs.replace(page.state, preset="custom", first=page.period.first, last=page.period.last))


def pager(page: Page, *, number: int, pages: int) -> None:
    """Draw the way through the pages of a list."""
    if pages <= 1:
        return
    say = page.say
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            say("Earlier page"),
            icon=":material/chevron_left:",
            disabled=number == 1,
            on_click=remember,
            args=(structs.replace(page.state, page=number - 1),),
        )
        st.markdown(plain(say("Page {page} of {pages}", page=say.number(number), pages=say.number(pages))))
        st.button(
            say("Next page"),
            icon=":material/chevron_right:",
            disabled=number == pages,
            on_click=remember,
            args=(structs.replace(page.state, page=number + 1),),
        )


def stamp(page: Page) -> None:
    """Say how old the figures are, and of what: on a phone, and in a picture that is sent, no choices stand beside."""
    with st.container(horizontal=True, gap="small"):
        is_old = _age(page)
        for told, icon in _chosen(page):
            st.badge(told, color="gray", icon=icon)
    if is_old:
        st.caption(
            page.say("Nothing has arrived since then: either nobody called or wrote, or a connection is interrupted.")
        )


def _age(page: Page) -> bool:
    """Say how old the figures are, grey, amber or red; whether they are so old that it needs words."""
    company = page.scope.company
    # The moment says where to look first; the answer is the same at any.
    newest = page.keep(f"as_of {company}", lambda: questions.as_of(page.reader, company=company, now=page.now))
    if newest is None:
        return False
    age = page.now - newest
    shown = page.say("Data as of {moment}", moment=page.say.moment(newest, zone=page.zone, pattern="EEE d MMM, HH:mm"))
    if age > timedelta(minutes=page.settings.very_stale_after_minutes):
        st.badge(f"{shown} · {page.say.ago(age)}", color="red", icon=":material/error:")
        return True
    if age > timedelta(minutes=page.settings.stale_after_minutes):
        st.badge(f"{shown} · {page.say.ago(age)}", color="orange", icon=":material/schedule:")
    else:
        st.badge(shown, color="green", icon=":material/check_circle:")
    return False


def _chosen(page: Page) -> list[tuple[str, str]]:
    """Name the period and what of the scope is narrowed, as far as the page lets one choose it, each with its icon."""
    say, scope = page.say, page.scope
    told: list[tuple[str, str]] = []
    if "period" in page.choices:
        told.append((meant(page), ":material/calendar_month:"))
    if page.before:
        told.append((say("against {days}", days=before(page, page.before)), ":material/compare_arrows:"))
    told += [(plain(page.team(team)), ":material/groups:") for team in scope.teams]
    told += [(plain(say.word(channel)), ":material/forum:") for channel in scope.channels]
    told += [(plain(say.word(direction)), ":material/swap_horiz:") for direction in scope.directions]
    if scope.is_business_hours is not None:
        hours = HOURS_NAMES["open" if scope.is_business_hours else "closed"]
        told.append((say(hours), ":material/schedule:"))
    return told


def nothing(page: Page, *, name: str) -> None:
    """Say in the place of the page `name` that there are no calls in its period and scope, and where there are."""
    heading(page.say("No calls here."), level=2)
    where_calls_are(page, name=name)


def where_calls_are(page: Page, *, name: str) -> None:
    """Say on which days there are calls, and lead the page `name` to the last of them."""
    say = page.say
    today = page.now.astimezone(page.zone).date()
    extent = page.ask(questions.extent, company=page.scope.company, today=today)
    if extent["calls"] == 0:
        st.write(plain(say("No call has arrived yet. Once a source is connected, its calls appear here."), limit=500))
        return
    span = say.days(extent["first_day"], extent["last_day"])
    st.write(plain(say("Calls are there for {span}. Choose another period, or fewer filters.", span=span), limit=500))
    last = extent["last_day"]
    state = State(language=page.state.language, preset="custom", first=last, last=last, is_compared=True)
    page.link(name, say("Go to the last day with calls"), state=state, icon=":material/history:")
