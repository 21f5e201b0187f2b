"""The settings of all folders: loaded with sentences a person can act on, and the local broker filled in."""

import difflib
import os
from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from analytics.settings import AnalyticsSettings
from dashboards.settings import DashboardsSettings
from pipelines.kafka import access
from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured
from streams.settings import StreamsSettings

Chosen = TypeVar("Chosen", bound=BaseSettings)

PREFIX = "ANGIME_"
SETTINGS: dict[str, type[BaseSettings]] = {
    "pipelines": PipelinesSettings,
    "streams": StreamsSettings,
    "analytics": AnalyticsSettings,
    "dashboards": DashboardsSettings,
}
# Read by the Makefile and the tests, not by the program.
OTHER_NAMES = frozenset({"ANGIME_VENV", "ANGIME_REQUIRE_BROWSER", "ANGIME_REQUIRE_POSTGRES", "ANGIME_TEST_CASES"})


def load(settings: type[Chosen]) -> Chosen:
    """Read one folder's settings from the environment. Raises Misconfigured in one line that names the setting."""
    try:
        return settings()
    except ValidationError as error:
        raise Misconfigured(_sentence(error)) from None


def check() -> None:
    """Check the settings of all folders, so that a wrong one stops any command before it does anything.

    Raises Misconfigured, also for an `ANGIME_…` variable that no folder knows: a mistyped setting is a wrong setting.
    """
    _check_names(os.environ)
    for settings in SETTINGS.values():
        load(settings)
    pipelines = load(PipelinesSettings)
    access.check(pipelines)
    home = pipelines.home
    if home.exists() and not home.is_dir():
        raise Misconfigured(f"ANGIME_HOME is {home}, which is no folder: name one, which is made where it is not there")


def _check_names(environ: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for settings in SETTINGS.values() for name in settings.model_fields}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known | OTHER_NAMES:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/settings.md lists them all"
            raise Misconfigured(f"the setting {name} is not known; {hint}")


def _sentence(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False)[0]
    name = f"{PREFIX}{'_'.join(str(part) for part in problem['loc']).upper()}"
    return f"{name} is {problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}; set it anew or unset it"
