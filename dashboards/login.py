# pyright: reportUnknownMemberType=false
"""The door: without a login only for the machine itself, else what the login provider says of a person."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from dashboards import page
from dashboards.server import is_loopback
from dashboards.settings import DashboardsSettings
from dashboards.texts import Texts, plain
from dashboards.viewer import OWN_MACHINE, Viewer, read_claims


def viewer(say: Texts, *, settings: DashboardsSettings) -> Viewer | None:
    """Find out who asks, at every rerun; None for whoever must log in first, or has no role here."""
    if not settings.has_login:
        return OWN_MACHINE if is_loopback(str(st.get_option("server.address") or settings.pages_host)) else None
    if not st.user.is_logged_in:
        return None
    found = read_claims(st.user.to_dict(), settings=settings, now=page.now())
    _way_back(keeps=False)
    with st.sidebar:
        if found is not None and found.name:
            st.caption(plain(found.name))
        st.button(say("Log out"), icon=":material/logout:", type="tertiary", on_click=st.logout)
    return found


def draw(say: Texts) -> None:
    """Draw the way in, or say why there is none."""
    if not DashboardsSettings().has_login:
        page.heading(say("The pages are closed."), level=2)
        st.write(plain(say("They listen on an address that others reach, and no login is set up."), limit=300))
        return
    if st.user.is_logged_in:
        page.heading(say("You have no role here, or your login is over."), level=2)
        st.write(plain(say("Log out and in again; if that does not help, ask whoever runs Angime."), limit=300))
        return
    _way_back(keeps=True)
    page.heading(say("Please log in."), level=2)
    st.write(plain(say("Angime shows calls and messages only to people with a role."), limit=300))
    st.button(say("Log in"), icon=":material/login:", type="primary", on_click=st.login)


def _way_back(*, keeps: bool) -> None:
    """Keep in the browser's tab what was opened before the login, or go back to it."""
    text = Path(__file__).with_name("way_back.js").read_text(encoding="utf-8")
    component("angime_way_back", html="<span></span>", js=text)(key="way_back", data={"keeps": keeps})
