"""The two buttons that take a table along."""

from collections.abc import Callable

import polars as pl
import streamlit as st

from dashboards import export
from dashboards.page import Page

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def draw(page: Page, make: Callable[[], pl.DataFrame], *, name: str) -> None:
    """Draw the buttons; the table is made when one is pressed."""
    days = f"{page.period.first:%Y%m%d}-{page.period.last:%Y%m%d}"
    with st.container(horizontal=True):
        st.download_button(
            page.say("CSV"),
            lambda: export.csv(make()),
            file_name=f"{name}-{days}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key=f"csv_{name}",
        )
        st.download_button(
            page.say("Excel"),
            lambda: export.xlsx(make()),
            file_name=f"{name}-{days}.xlsx",
            mime=XLSX,
            on_click="ignore",
            icon=":material/table:",
            key=f"xlsx_{name}",
        )
