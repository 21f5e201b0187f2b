"""What a person may set of the pages, each by an environment variable `ANGIME_…`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DashboardsSettings(BaseSettings):
    """Where the pages listen, where they find recordings, and when their figures count as old."""

    model_config = SettingsConfigDict(env_prefix="ANGIME_", frozen=True, extra="ignore")

    home: Annotated[Path, Field(description="folder of all state of this installation")] = Path(".angime")
    recordings: Annotated[
        str, Field(description="where recordings are kept, an obstore URL; empty: recordings under home")
    ] = ""
    pages_host: Annotated[
        str, Field(description="address on which the pages listen; without login only one of this machine itself")
    ] = "127.0.0.1"
    pages_port: Annotated[int, Field(ge=1, le=65_535, description="port on which the pages listen")] = 8501
    stale_after_minutes: Annotated[
        int, Field(ge=1, description="age of the newest fact from which `data as of` is amber, in minutes")
    ] = 60
    very_stale_after_minutes: Annotated[
        int, Field(ge=1, description="age of the newest fact from which `data as of` is red, in minutes")
    ] = 720

    @property
    def recordings_url(self) -> str:
        """The store of recordings as an obstore URL."""
        return self.recordings or (self.home / "recordings").absolute().as_uri()
