"""The login: claims become rights, and a real browser logs in at a real provider of this machine."""

import json
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from analytics.questions import Misconfigured
from analytics.reading.rights import Rights
from dashboards.server import command
from dashboards.settings import DashboardsSettings
from dashboards.viewer import read_claims
from tests.dashboards.conftest import free_port, running
from tests.dashboards.login_provider import CLIENT_ID, CLIENT_SECRET, LoginProvider

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
LATER = NOW.timestamp() + 60
PATIENCE_MS = 60_000


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"angime_role": "manager"}, Rights(role="manager")),
        (
            {"angime_role": ["guest", "manager"], "angime_companies": ["nomad"], "angime_teams": "north south"},
            Rights(role="manager", companies=("nomad",), teams=("north", "south")),
        ),
        (
            {"angime_role": "analyst", "angime_companies": "nomad", "angime_teams": ["north"]},
            Rights(role="analyst", companies=("nomad",)),
        ),
        ({"angime_role": "engineer", "angime_companies": []}, Rights(role="engineer", companies=())),
        ({"angime_role": "manager", "angime_companies": 7}, Rights(role="manager", companies=())),
        ({"angime_role": "owner"}, None),
        ({"angime_role": "Manager"}, None),
        ({}, None),
        ({"angime_role": "manager", "exp": NOW.timestamp()}, None),
        ({"angime_role": "manager", "exp": "tomorrow"}, None),
    ],
)
def test_claims_become_rights(claims: dict[str, Any], expected: Rights | None) -> None:
    viewer = read_claims({"exp": LATER, "sub": "1"} | claims, settings=DashboardsSettings(), now=NOW)
    assert expected == (viewer and viewer.rights)


def test_the_mark_of_a_person_says_nothing_of_him() -> None:
    claims = {"exp": LATER, "sub": "aliya@example.com", "name": "Aliya", "angime_role": "manager"}
    viewer = read_claims(claims, settings=DashboardsSettings(), now=NOW)
    assert viewer is not None
    assert (16, False) == (len(viewer.mark), "aliya" in viewer.mark)


def test_half_a_login_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="ANGIME_OIDC_CLIENT_ID"):
        command(DashboardsSettings(home=tmp_path, oidc_metadata="http://127.0.0.1:1/x"))


def test_with_a_login_any_address_is_accepted_and_secrets_are_for_this_user_only(tmp_path: Path) -> None:
    settings = DashboardsSettings(
        home=tmp_path,
        pages_host="0.0.0.0",  # noqa: S104
        oidc_metadata="http://127.0.0.1:1/x",
        oidc_client_id="angime",
        oidc_client_secret="secret",  # pyright: ignore[reportArgumentType]
    )
    line = command(settings)
    file = tmp_path / "pages" / "secrets.toml"
    assert ("--server.address=0.0.0.0" in line, f"--secrets.files={file}" in line) == (True, True)
    assert (0o600, False) == (
        file.stat().st_mode & 0o777,
        any("secret" in part for part in line if "files" not in part),
    )


@pytest.fixture(scope="module")
def provider() -> Generator[LoginProvider]:
    started = LoginProvider()
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def guarded(seeded_home: Path, provider: LoginProvider, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Run the pages behind the login; gives their address."""
    environment = {
        "ANGIME_HOME": str(seeded_home),
        "ANGIME_PAGES_PORT": str(free_port()),
        "ANGIME_OIDC_METADATA": f"{provider.address}/.well-known/openid-configuration",
        "ANGIME_OIDC_CLIENT_ID": CLIENT_ID,
        "ANGIME_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    with running(environment, log=tmp_path_factory.mktemp("guarded") / "log") as address:
        yield address


@pytest.fixture(scope="module")
def chrome(chromium: Path) -> Generator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=["--headless", "--no-sandbox"])
        yield started
        started.close()


WHO_HEARS = "6"
PEOPLE = [
    ({"sub": "1", "name": "Aliya", "angime_role": "manager", "angime_companies": ["nomad"]}, "", "Day by day"),
    (
        {"sub": "2", "angime_role": "manager", "angime_companies": ["other"]},
        "?company=nomad",
        "No company is known",
    ),
    (
        {"sub": "3", "angime_role": "manager", "angime_teams": ["north"]},
        "sql?sql=select+1",
        "This page is not for your role",
    ),
    ({"sub": "4", "angime_role": "guest"}, "calls?company=nomad", "You have no role here"),
    ({"sub": "5", "angime_role": "analyst"}, "call?call={call}", "Recordings are not for your role"),
    ({"sub": "6", "angime_role": "manager"}, "call?call={call}", "What was said"),
]


@pytest.mark.browser
def test_everybody_sees_what_his_role_allows(
    chrome: Browser, guarded: str, provider: LoginProvider, call_id: str, seeded_home: Path
) -> None:
    for person, path, says in PEOPLE:
        context = chrome.new_context(locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{guarded}/{path.format(call=call_id)}")
        provider.next_person = person
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{guarded}/{path.split('?')[0]}**")
        expect(page.get_by_text(says).or_(page.get_by_label(says)).first).to_be_attached()
        if person["sub"] == WHO_HEARS:  # it is written down before the player is drawn, and after the words
            expect(page.locator(".st-key-player audio")).to_be_attached()
        context.close()
    heard = [json.loads(line)["viewer"] for line in (seeded_home / "listened.jsonl").read_text().splitlines()]
    assert (True, 16) == (len(heard) > 0, len(heard[-1]))
