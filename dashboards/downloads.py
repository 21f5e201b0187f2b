"""The two links that take a table along."""

import secrets
from collections.abc import Callable
from pathlib import Path

import polars as pl
import streamlit as st
from streamlit.components.v2 import component

from dashboards import columns, export
from dashboards.handed import OFFERS, Offer
from dashboards.page import Page
from dashboards.server import LOGIN_COOKIE

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def draw(page: Page, make: Callable[[], pl.DataFrame], *, name: str, is_told: bool = True) -> None:
    """Draw the links; the table is made when one is followed, and told in the words and the zone of the page."""
    days = f"{page.period.first:%Y%m%d}-{page.period.last:%Y%m%d}"
    zone = page.zone.key if is_told else "UTC"

    def table() -> pl.DataFrame:
        return columns.told(make(), say=page.say) if is_told else make()

    csv = _address(page, lambda: export.csv(table(), zone=zone), name=f"{name}-{days}.csv", media_type="text/csv")
    xlsx = _address(page, lambda: export.xlsx(table(), zone=zone), name=f"{name}-{days}.xlsx", media_type=XLSX)
    links = [
        {"label": page.say("CSV"), "address": csv, "name": f"{name}-{days}.csv"},
        {"label": page.say("Excel"), "address": xlsx, "name": f"{name}-{days}.xlsx"},
    ]
    with st.container(key=f"files_{name}"):
        mount = component("angime_files", html='<div class="files"></div>', css=_read("css"), js=_read("js"))
        mount(key=f"links_{name}", data={"links": links})


def _address(page: Page, make: Callable[[], bytes], *, name: str, media_type: str) -> str:
    visit: str = st.session_state.setdefault("visit", secrets.token_hex(32))
    bearer = st.context.cookies.get(LOGIN_COOKIE, "") if page.settings.has_login else ""
    offer = Offer(make=make, name=name, media_type=media_type, bearer=bearer)
    return OFFERS.hand_out(offer, visit=visit, place=f"{name} {sorted(page.params(page.state).items())}")


def _read(suffix: str) -> str:
    return Path(__file__).with_name(f"downloads.{suffix}").read_text(encoding="utf-8")
