"""How the process of the pages is started: Streamlit on this machine's own address, quiet, in our colours."""

import ipaddress
import json
import os
import secrets
import sys
from pathlib import Path

from analytics.questions import Misconfigured
from dashboards.settings import DashboardsSettings

APP = Path(__file__).with_name("web.py")
# The cookie by which Streamlit knows whoever has logged in.
LOGIN_COOKIE = "_streamlit_user"

_FLAGS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "minimal",
    "client.disableDataExport": "true",
    "logger.level": "warning",
    "theme.light.primaryColor": "#0F6E68",
    "theme.light.backgroundColor": "#FFFFFF",
    "theme.light.secondaryBackgroundColor": "#F4F6F6",
    "theme.light.textColor": "#17211F",
    "theme.light.borderColor": "#DDE4E3",
    "theme.dark.primaryColor": "#4DB6AC",
    "theme.dark.backgroundColor": "#111716",
    "theme.dark.secondaryBackgroundColor": "#1A2221",
    "theme.dark.textColor": "#E6ECEB",
    "theme.dark.borderColor": "#2C3836",
    "theme.baseRadius": "0.6rem",
    "theme.metricValueFontSize": "1.9rem",
    "theme.paddingTop": "3.5rem",
    "theme.headingFontSizes": '["2.2rem", "1.7rem", "1.4rem", "1.15rem", "1rem", "0.9rem"]',
}


def command(settings: DashboardsSettings, *, through: str = "") -> list[str]:
    """Give the command line of the pages' process; settings reach it through the environment.

    `through` names a module that runs others, as Python does by itself. Raises Misconfigured for an address that others
    can reach while there is no login, and for half a login.
    """
    if settings.oidc_metadata and not (settings.oidc_client_id and settings.oidc_client_secret.get_secret_value()):
        raise Misconfigured(
            "ANGIME_OIDC_METADATA names a login provider; ANGIME_OIDC_CLIENT_ID and ANGIME_OIDC_CLIENT_SECRET"
            " belong to it"
        )
    if not settings.has_login and not is_loopback(settings.pages_host):
        raise Misconfigured(
            f"ANGIME_PAGES_HOST={settings.pages_host}: without a login the pages listen on this machine only;"
            " set it to 127.0.0.1, or name a login provider in ANGIME_OIDC_METADATA"
        )
    flags = _FLAGS | {"server.address": settings.pages_host, "server.port": str(settings.pages_port)}
    if settings.has_login:
        flags["secrets.files"] = str(write_secrets(settings))
    return [
        *(sys.executable, "-P", "-m", *filter(None, [through]), "streamlit", "run", str(APP)),
        *(f"--{name}={value}" for name, value in flags.items()),
    ]


def write_secrets(settings: DashboardsSettings) -> Path:
    """Write what Streamlit's login needs into a file that only this user reads; the cookies' secret is kept."""
    folder = settings.home.absolute() / "pages"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = folder / "cookie_secret"
    if not kept.exists():
        _write(kept, secrets.token_urlsafe(48))
    url = settings.pages_url.rstrip("/") or f"http://{settings.pages_host}:{settings.pages_port}"
    auth = {
        "redirect_uri": f"{url}/oauth2callback",
        "cookie_secret": kept.read_text(encoding="ascii"),
        "client_id": settings.oidc_client_id,
        "client_secret": settings.oidc_client_secret.get_secret_value(),
        "server_metadata_url": settings.oidc_metadata,
    }
    # A JSON string is a TOML string too.
    text = "[auth]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in auth.items())
    file = folder / "secrets.toml"
    _write(file, text)
    return file


def _write(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as written:
        written.write(text)


def is_loopback(host: str) -> bool:
    """Whether only this machine itself reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
