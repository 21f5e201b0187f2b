"""What a person may set of the warehouse, each by an environment variable `ANGIME_…`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
LEAST_MEMORY_MIB = 256  # of DuckDB in one process


class AnalyticsSettings(BaseSettings):
    """Where the warehouse lies, and how much of the machine it may use."""

    model_config = SettingsConfigDict(env_prefix="ANGIME_", frozen=True, extra="ignore")

    home: Annotated[Path, Field(description="folder of all state of this installation")] = Path(".angime")
    catalog: Annotated[
        str,
        Field(
            description="database of PostgreSQL that holds the catalog, for a warehouse of many machines, such as "
            "postgresql://angime@db.example/angime; its password comes from PGPASSWORD or ~/.pgpass; empty: a file "
            "in the warehouse's folder"
        ),
    ] = ""
    company: Annotated[
        Path | None,
        Field(description="a company.toml, or a folder of *.toml, one a company; empty: company.toml under home"),
    ] = None
    metrics: Annotated[
        Path | None, Field(description="file of metrics of your own (docs/analysts.md); empty: metrics.toml under home")
    ] = None
    warehouse_folder: Annotated[
        Path | None,
        Field(
            description="folder of the warehouse, such as one made by replay, which has a catalog of its own (then "
            "unset ANGIME_CATALOG); empty: warehouse under home"
        ),
    ] = None
    warehouse_files: Annotated[
        str,
        Field(
            description="where the data files lie: a folder that all machines see, or a bucket such as "
            "s3://lake/angime, whose keys, region and endpoint come from AWS_*; empty: the warehouse's folder"
        ),
    ] = ""
    api_host: Annotated[str, Field(description="address on which the read API listens")] = "127.0.0.1"
    api_port: Annotated[int, Field(ge=1, le=65_535, description="port on which the read API listens")] = 8090
    api_tokens: Annotated[
        Path | None, Field(description="file of the read API's tokens; empty: api.toml under home")
    ] = None
    watch_port: Annotated[
        int, Field(ge=1, le=65_535, description="port on which figures for Prometheus are served, on this machine only")
    ] = 9108
    warehouse_memory_mib: Annotated[
        int,
        Field(
            ge=LEAST_MEMORY_MIB,
            description="memory that DuckDB may use in one process, in MiB; beyond it spills to disk; "
            "a lander may keep half as much again beside it",
        ),
    ] = 2048
    warehouse_threads: Annotated[int, Field(ge=1, le=256, description="threads of DuckDB in one process")] = 2
    hot_events: Annotated[
        int, Field(ge=0, description="newest events that the lander keeps in memory, to fold live calls fast")
    ] = 100_000

    @property
    def warehouse(self) -> Path:
        """Folder of the warehouse: its catalog and its data files."""
        return self.warehouse_folder or self.home / "warehouse"

    @property
    def metrics_file(self) -> Path:
        """Where metrics of the company's own are written."""
        return self.metrics or self.home / "metrics.toml"

    @property
    def api_tokens_path(self) -> Path:
        """Where the read API's tokens lie."""
        return self.api_tokens or self.home / "api.toml"

    @property
    def catalog_file(self) -> Path:
        """The file that knows all tables, snapshots and data files, unless a database does."""
        return self.warehouse / "catalog.sqlite"
