"""How the process of the pages is started: Streamlit on this machine's own address, quiet, in our colours."""

import ipaddress
import sys
from pathlib import Path

from analytics.questions import Misconfigured
from dashboards.settings import DashboardsSettings

APP = Path(__file__).with_name("app.py")

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


def command(settings: DashboardsSettings) -> list[str]:
    """Give the command line of the pages' process; settings reach it through the environment.

    Raises Misconfigured for an address that others can reach: there is no login yet.
    """
    if not _is_loopback(settings.pages_host):
        raise Misconfigured(
            f"ANGIME_PAGES_HOST={settings.pages_host}: the pages have no login, so they listen on this machine only;"
            " set it to 127.0.0.1"
        )
    flags = _FLAGS | {"server.address": settings.pages_host, "server.port": str(settings.pages_port)}
    return [
        *(sys.executable, "-m", "streamlit", "run", str(APP)),
        *(f"--{name}={value}" for name, value in flags.items()),
    ]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
