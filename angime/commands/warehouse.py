"""Verbs that ask the warehouse, build it anew, and move it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from angime.commands.output import Json, alone, as_csv, print_fields, print_rows, step
from angime.commands.root import app


@app.command()
def sql(
    query: Annotated[
        str | None, typer.Argument(help="SQL; without it a shell opens, or standard input is read.")
    ] = None,
    json_output: Json = False,
    csv_output: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Ask the warehouse in SQL while everything runs, once or in a shell with completion.

    Of several statements, also of a file on standard input, each one's rows are shown, until one is wrong. JSON and CSV
    hold those of one.

    Example: `angime sql "select outcome, count(*) from facts.calls group by all"`
    """
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_reader
    from angime.settings import load

    alone(json=json_output, csv=csv_output)
    is_for_programs = json_output or csv_output
    if is_for_programs and (query is None or query.startswith("\\")):
        raise typer.BadParameter("write the query whose rows are to be printed as JSON or CSV", param_hint="QUERY")
    settings = load(AnalyticsSettings)
    with open_reader(settings) as reader:
        if query is None or query.startswith("\\"):
            _open_shell(reader, asked=query, history=settings.home / "sql_history")
            return
        statements = reader.statements(query)
        if not statements:
            raise typer.BadParameter("there is no statement in it", param_hint="QUERY")
        if is_for_programs and len(statements) != 1:
            raise typer.BadParameter(
                f"these are {len(statements)} statements, and JSON and CSV hold the rows of one: ask them one by one",
                param_hint="QUERY",
            )
        for statement in statements:
            rows = reader.ask(statement)
            if csv_output:
                typer.echo(as_csv(rows), nl=False)
            else:
                print_rows(rows, as_json=json_output)


def _open_shell(reader: Any, *, asked: str | None, history: Path) -> None:
    """Open the shell, or let it answer what was `asked` in its own words."""
    from angime.shell import HELP, Shell, typed_lines

    shell = Shell(
        reader,
        show=lambda rows: print_rows(rows, as_json=False),
        say=lambda sentence: typer.echo(sentence, err=True),
        is_typed=sys.stdin.isatty(),
    )
    if asked is not None:
        shell.describe(asked)
        return
    if shell.is_typed:
        step(HELP)
    shell.run(typed_lines(shell, history=history))


@app.command()
def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare counts and hashes; exit 1 on a difference.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Build every fact again from the log and swap it in; the lander must not run meanwhile.

    Example: `angime rebuild --verify`
    """
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_writer, prove_there
    from angime.settings import load

    settings = load(AnalyticsSettings)
    prove_there(settings)  # a writer would make a warehouse where there is none, of which every row is right
    with open_writer(settings) as warehouse:
        rebuilt = warehouse.rebuild(verify=verify, on_step=step)
    print_rows([dict(table) for table in rebuilt], as_json=json_output)
    if any(table["same"] is False for table in rebuilt):
        raise typer.Exit(1)


@app.command()
def move(  # noqa: PLR0913  # each is an option of the command
    *,
    catalog: Annotated[str, typer.Option(help="What ANGIME_CATALOG is there; empty: a file in the folder.")] = "",
    files: Annotated[
        str, typer.Option(help="What ANGIME_WAREHOUSE_FILES is there; empty: the data files lie in the folder.")
    ] = "",
    folder: Annotated[
        Path | None, typer.Option(help="What ANGIME_WAREHOUSE_FOLDER is there; empty: warehouse under home.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much there is, as without --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only say how much there is.")] = False,
    json_output: Json = False,
) -> None:
    """Move the warehouse to another catalog and other data files: into PostgreSQL and a bucket, and back.

    Stop the lander first, which Kafka waits for; pages may stay. Data files and all that the catalog knows are copied,
    offsets too, so that the lander goes on there and lands each event once. It goes on where it was broken off when
    asked the same again. At the end every row of both is compared: exit 1 where one is not the same. The old warehouse
    stays as it was; it is said how to delete it.

    Example: `angime move --catalog postgresql://angime@db.example/angime --files s3://lake/angime`
    """
    from analytics.copies.moving import look
    from analytics.copies.moving import move as move_warehouse
    from analytics.engine.catalogs import catalog_of
    from analytics.engine.data_files import files_of
    from analytics.settings import AnalyticsSettings
    from angime.settings import load

    alone(yes=yes, dry_run=dry_run)
    source = load(AnalyticsSettings)
    target = source.model_copy(update={"catalog": catalog, "warehouse_files": files, "warehouse_folder": folder})
    if not yes:
        print_fields(msgspec.to_builtins(look(source, target)), as_json=json_output)
        step("nothing was moved: say --yes to do it")
        return
    moved = move_warehouse(source, target, on_step=step)
    fields: dict[str, Any] = msgspec.to_builtins(moved)
    there, here = _settings_of(target), _settings_of(source)
    how_to_delete = [catalog_of(source).how_to_delete, files_of(source).how_to_delete]
    if json_output:
        print_fields({**fields, "settings": there, "old": here, "how_to_delete": how_to_delete}, as_json=True)
    else:
        print_fields({**fields, "differing": ", ".join(moved.differing)}, as_json=False)
    if moved.differing:
        step("not everything is the same there, so it is not done: go on with the old one, or type this once more")
        raise typer.Exit(1)
    for sentence in (
        f"{moved.rows} rows in {moved.tables} tables are the same in both",
        f"for whoever asks the warehouse: {_typed(there, instead_of=here)}; then start `angime land`: it goes on where "
        "the old one stopped. On another machine it wants the secret.key of this home",
        f"to go back: {_typed(here, instead_of=there)}; that one lands what came since, as long as Kafka holds it "
        "(30 days)",
        "the old warehouse stays as it was, and keeps whom you erase from now on. When you trust the new one: "
        + "; ".join(how_to_delete),
    ):
        step(sentence)


def _settings_of(settings: Any) -> dict[str, str | None]:
    """Give the settings that say where a warehouse lies; None where one is to be unset."""
    names = ("catalog", "warehouse_files", "warehouse_folder")
    return {f"ANGIME_{name.upper()}": str(getattr(settings, name) or "") or None for name in names}


def _typed(settings: dict[str, str | None], *, instead_of: dict[str, str | None]) -> str:
    told = {name: text for name, text in settings.items() if text or instead_of[name]}
    return ", ".join(f"set {name}={text}" if text else f"unset {name}" for name, text in told.items())
