"""What a person may set of the pages, each by an environment variable `ANGIME_…`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DashboardsSettings(BaseSettings):
    """Where the pages listen, who may look, where they find recordings, and when their figures count as old."""

    model_config = SettingsConfigDict(env_prefix="ANGIME_", frozen=True, extra="ignore")

    home: Annotated[Path, Field(description="folder of all state of this installation")] = Path(".angime")
    recordings: Annotated[
        str,
        Field(
            description="where recordings are kept, an obstore URL; empty: recordings under home; the same as that "
            "of the worker and of `angime land`"
        ),
    ] = ""
    pages_host: Annotated[
        str, Field(description="address on which the pages listen; without login only one of this machine itself")
    ] = "127.0.0.1"
    pages_port: Annotated[
        int, Field(ge=0, le=65_535, description="port on which the pages listen; 0: any free one")
    ] = 8501
    stale_after_minutes: Annotated[
        int, Field(ge=1, description="age of the newest fact from which `data as of` is amber, in minutes")
    ] = 60
    very_stale_after_minutes: Annotated[
        int, Field(ge=1, description="age of the newest fact from which `data as of` is red, in minutes")
    ] = 720

    sql_seconds: Annotated[float, Field(gt=0, le=60, description="seconds that a query of a person's own may take")] = (
        4.0
    )
    oidc_metadata: Annotated[
        str,
        Field(description="where the login provider describes itself (…/.well-known/openid-configuration)"),
    ] = ""
    oidc_client_id: Annotated[str, Field(description="name under which the login provider knows the pages")] = ""
    oidc_client_secret: Annotated[SecretStr, Field(description="secret shared with the login provider")] = SecretStr("")
    oidc_role_claim: Annotated[str, Field(description="claim with the person's role: manager, analyst or engineer")] = (
        "angime_role"
    )
    oidc_companies_claim: Annotated[
        str, Field(description="claim with the companies that may be seen; without it all of them")
    ] = "angime_companies"
    oidc_teams_claim: Annotated[
        str, Field(description="claim with the teams that a manager may see; without it all of them")
    ] = "angime_teams"
    pages_url: Annotated[
        str, Field(description="address at which people open the pages, needed for the login; empty: host and port")
    ] = ""

    @property
    def has_login(self) -> bool:
        """Whether people log in."""
        return bool(self.oidc_metadata and self.oidc_client_id)

    @property
    def recordings_url(self) -> str:
        """The store of recordings as an obstore URL."""
        return self.recordings or (self.home / "recordings").absolute().as_uri()
