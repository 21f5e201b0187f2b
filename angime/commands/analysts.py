"""Verbs for analysts: snapshots of the warehouse for tools of their own."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from angime.commands.output import Json, print_fields, print_rows, step
from angime.commands.root import app
from angime.commands.surroundings import home


@app.command()
def snapshot(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    without_personal_data: Annotated[
        bool, typer.Option("--without-personal-data", help="Contacts become names without meaning, texts are left out.")
    ] = False,
    as_of: Annotated[str, typer.Option("--as-of", help="As it was known then: 2026-03-01, or 2h ago.")] = "",
    json_output: Json = False,
) -> None:
    """Write the warehouse as one DuckDB file, as Parquet with views.sql, and as a dbt project, while everything runs.

    Example: `angime snapshot /tmp/calls --without-personal-data --as-of 2026-03-01`
    """
    from analytics.copies.snapshots import DATABASE, take
    from analytics.privacy.keys import installation_key
    from analytics.settings import AnalyticsSettings
    from angime.moments import moment_of, now
    from angime.settings import load
    from schemas.errors import Misconfigured
    from schemas.instants import instant

    present = now()
    known_then = moment_of(as_of, now=present) if as_of else None
    if known_then and known_then > instant(present):
        raise Misconfigured(f"--as-of is {as_of!r}, which has not come yet: more is known by then")
    taken = take(
        load(AnalyticsSettings),
        folder,
        as_of=known_then,
        secret=installation_key(home()) if without_personal_data else None,
        on_step=step,
    )
    if json_output:
        print_fields(msgspec.to_builtins(taken), as_json=True)
        return
    print_rows([{"table": name, "rows": table.rows} for name, table in taken.tables.items()], as_json=False)
    if taken.landed_until is None:
        step("it is empty: nothing had been landed by then")
    step(f"open it: duckdb {folder / DATABASE}")
