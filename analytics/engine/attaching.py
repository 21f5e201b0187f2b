"""A lake attached to a session: how it is made and opened, and what is said of one that cannot be read."""

from collections.abc import Sequence

from analytics import log
from analytics.engine.catalogs import Catalog, catalog_of
from analytics.engine.data_files import files_of
from analytics.engine.sessions import CATALOG, Engine, EngineError, load
from analytics.settings import AnalyticsSettings
from schemas.errors import Misconfigured

# A transaction of at most so many rows is kept in the catalog until maintenance; larger ones become Parquet at once.
INLINED_ROWS = 50


def make_catalog(session: Engine, settings: AnalyticsSettings) -> None:
    """Make an empty lake where there is none. It gets its name when it is whole: a reader never sees half of it."""
    catalog = catalog_of(settings)
    with catalog.making() as place:
        _attach(session, settings, "made", _options(settings), place=place)
        session.execute("detach made")


def attach_catalog(session: Engine, catalog: Catalog, *, name: str, reads_only: bool) -> None:
    """Attach a catalog as what it is, a database of tables, without the lake of which they tell."""
    load(session, catalog.extension)
    session.execute(f"attach {log.quoted(catalog.place)} as {name}{' (read_only)' if reads_only else ''}")


def attach(
    session: Engine,
    settings: AnalyticsSettings,
    *,
    reads_only: bool,
    name: str = CATALOG,
    snapshot: int | None = None,
) -> None:
    """Attach a warehouse to a session as a catalog of this name, as it is now or as it was at `snapshot`.

    Raises Misconfigured where its catalog is damaged.
    """
    catalog = catalog_of(settings)
    options = [
        *_options(settings),
        "create_if_not_exists false",
        *(["read_only"] if reads_only else []),
        *([f"snapshot_version {snapshot}"] if snapshot is not None else []),
    ]
    try:
        _attach(session, settings, name, options, place=catalog.place)
    except EngineError as error:
        raise unreadable(settings, error) from None
    if not reads_only:
        # The second version writes the lengths of texts apart: seven bytes of a hundred less, at no cost of time.
        for option, value in (("parquet_compression", "'zstd'"), ("parquet_version", "2")):
            session.execute(f"call {CATALOG}.set_option('{option}', {value})")


def unreadable(settings: AnalyticsSettings, error: EngineError) -> Misconfigured:
    """Say of a catalog at which the engine failed how to mend it; raises WarehouseAway where something is only away."""
    reach(settings)
    return catalog_of(settings).unreadable(type(error).__name__)


def reach(settings: AnalyticsSettings) -> None:
    """Raise WarehouseAway where the catalog or the data files are away just now."""
    catalog_of(settings).reach()
    files_of(settings).reach()


def _options(settings: AnalyticsSettings) -> list[str]:
    # Assumption: DATA_PATH may be given anew, so that a warehouse that was moved with its folder opens again.
    return [
        f"data_path {log.quoted(files_of(settings).place)}",
        "override_data_path true",
        f"data_inlining_row_limit {INLINED_ROWS}",
    ]


def _attach(session: Engine, settings: AnalyticsSettings, name: str, options: Sequence[str], *, place: str) -> None:
    catalog, files = catalog_of(settings), files_of(settings)
    load(session, catalog.extension)
    if files.extension:
        load(session, files.extension)
        session.execute(files.told())
    written = log.quoted(f"ducklake:{place}")
    session.execute(f"attach {written} as {name} ({', '.join([*options, *catalog.options])})")
