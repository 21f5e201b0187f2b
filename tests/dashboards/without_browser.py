"""Pages drawn by Streamlit without a browser, as one person asks for them."""

import re
from pathlib import Path

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager  # noqa: TID251
from streamlit.testing.v1 import AppTest  # noqa: TID251  # Streamlit's own kit for testing its pages
from streamlit.util import calc_hash  # noqa: TID251

from dashboards import app

SECONDS = 60
# Else each drawing reads the metadata of every installed package in search of components, none of which is ours.
_COMPONENTS = BidiComponentManager()


def run(
    home: Path,
    environment: pytest.MonkeyPatch,
    *,
    page: str = "",
    person: dict[str, object] | None = None,
    **params: str,
) -> AppTest:
    """Draw a page; a person has these claims, and without one it is the owner at the machine itself."""
    environment.setenv("ANGIME_HOME", str(home))
    test = AppTest.from_file(app.__file__, default_timeout=SECONDS)
    test._bidi_component_manager = _COMPONENTS  # noqa: SLF001
    if person is not None:
        environment.setenv("ANGIME_OIDC_METADATA", "http://127.0.0.1:1/x")
        environment.setenv("ANGIME_OIDC_CLIENT_ID", "angime")
        test.user = {"is_logged_in": True} | person
    for name, value in params.items():
        test.query_params[name] = value
    if page:
        test.session_state["state"] = None
        test._page_hash = calc_hash(page)  # noqa: SLF001  # AppTest can switch to files only, not to functions
    return test.run()


def told(test: AppTest) -> str:
    """Give what the page says in words, its marks no longer escaped."""
    said = (*test.markdown, *test.caption, *test.info)
    return "\n".join(element.value for element in said).replace("\\", "")


def badges(test: AppTest) -> list[str]:
    """Give what stands in grey beside how old the figures are, without its icons."""
    return [said for one in test.markdown for said in re.findall(r":gray-badge\[:material/[a-z_]+: (.+)\]", one.value)]


def sent(test: AppTest) -> str:
    """Give all that is sent to the browser: words, tables, choices, and what components are handed."""
    return "\n".join(str(getattr(node, "proto", "")) for node in (*test.main, *test.sidebar))
