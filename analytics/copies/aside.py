"""A second warehouse beside the live one: the same log, and facts made of it by the code and the metrics at hand."""

from collections.abc import Callable
from datetime import datetime, timedelta

from analytics.connection import Connection, transaction
from analytics.log import STORED, TABLES, store_events
from analytics.warehouse import AnalyticsSettings, Rebuilt, open_writer
from schemas.errors import Misconfigured

LIVE = "live"
SLICE = timedelta(days=7)

OnStep = Callable[[str], None]


def folder_of(settings: AnalyticsSettings, name: str) -> AnalyticsSettings:
    """Give the settings of the second warehouse of this name, which is this machine's own."""
    return settings.model_copy(
        update={"warehouse_folder": settings.home / "warehouses" / name, "catalog": "", "warehouse_files": ""}
    )


def build(
    live: AnalyticsSettings, *, name: str, since: datetime | None, until: datetime | None, on_step: OnStep
) -> list[Rebuilt]:
    """Copy the log of the live warehouse, as it is now, and make every fact and report of it anew.

    `since` and `until` bound when events were recorded. Slices that a run before this one has copied whole are left,
    so that it goes on where it was interrupted. Raises NotThere where there is no live warehouse.
    """
    aside = folder_of(live, name)
    if aside.warehouse.resolve() == live.warehouse.resolve():
        raise Misconfigured("a warehouse cannot be built into itself: unset ANGIME_WAREHOUSE_FOLDER or name another")
    with open_writer(aside) as writer:
        writer.attach_beside(live, name=LIVE)
        _copy_events(writer.connection, since=since, until=until, on_step=on_step)
        for relation in sorted(TABLES.keys() & _tables_of_live(writer.connection) - {"log.events", "log.builds"}):
            _copy_whole(writer.connection, relation)
        writer.reload()
        return writer.rebuild(on_step=on_step)


def _tables_of_live(connection: Connection) -> set[str]:
    """Name the log's tables there: an earlier version, which may have made that warehouse, had fewer."""
    rows = connection.rows(
        "select distinct 'log.' || table_name from duckdb_columns() where database_name = ? and schema_name = 'log'",
        [LIVE],
    )
    return {relation for (relation,) in rows}


def _events_of_live(connection: Connection) -> str:
    """Write what the log there holds: an earlier version, which may have made it, knew of no revisions."""
    columns = {name for name, *_ in connection.rows(f"describe {LIVE}.log.events")}
    return f"select *{'' if 'revision' in columns else ', null::timestamptz as revision'} from {LIVE}.log.events"  # noqa: S608  # ours


def _copy_events(connection: Connection, *, since: datetime | None, until: datetime | None, on_step: OnStep) -> None:
    [(first, last, total)] = connection.rows(
        f"select min(recorded_at), max(recorded_at), count(*) from {LIVE}.log.events "  # noqa: S608  # our own name
        "where recorded_at >= coalesce(?, recorded_at) and recorded_at < coalesce(?, 'infinity'::timestamptz)",
        [since, until],
    )
    if not total:
        return
    begin, end = first, last + timedelta(microseconds=1)
    live = _events_of_live(connection)
    copied = 0
    while begin < end:
        stop = min(begin + SLICE, end)
        copied += _copy_slice(connection, live, begin=begin, stop=stop)
        on_step(f"log: {copied} of {total} events")
        begin = stop


def _copy_slice(connection: Connection, live: str, *, begin: datetime, stop: datetime) -> int:
    bounds = [begin, stop]
    there, here = (
        connection.rows(
            f"select count(*), max(revision) from ({events}) where recorded_at >= ? and recorded_at < ?",  # noqa: S608
            bounds,
        )[0]
        for events in (live, "from log.events")
    )
    if there != here:
        with transaction(connection):
            connection.execute(f"delete from {STORED} where recorded_at >= ? and recorded_at < ?", bounds)  # noqa: S608  # ours
            store_events(connection, f"(from ({live}) where recorded_at >= ? and recorded_at < ?)", bounds)
    return there[0]


def _copy_whole(connection: Connection, relation: str) -> None:
    with transaction(connection):
        connection.execute(f"delete from {relation}")  # noqa: S608  # our own names
        connection.execute(f"insert into {relation} by name select * from {LIVE}.{relation}")  # noqa: S608
