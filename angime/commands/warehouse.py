"""Verbs that ask the warehouse and build it anew."""

from pathlib import Path
from typing import Annotated, Any

import typer

from angime.commands.output import Json, as_csv, print_rows, step
from angime.commands.root import app


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SQL query; without it a shell opens.")] = "",
    json_output: Json = False,
    csv_output: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Ask the warehouse in SQL while everything runs, once or in a shell with completion.

    Example: `angime sql "select outcome, count(*) from facts.calls group by all"`
    """
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_reader
    from angime.settings import load

    settings = load(AnalyticsSettings)
    with open_reader(settings) as reader:
        if not query or query.startswith("\\"):
            _open_shell(reader, typed=query, history=settings.home / "sql_history")
            return
        rows = reader.ask(query)
    if csv_output:
        typer.echo(as_csv(rows), nl=False)
    else:
        print_rows(rows, as_json=json_output)


def _open_shell(reader: Any, *, typed: str, history: Path) -> None:
    """Open the shell, or let it answer what was `typed` in its own words."""
    from angime.shell import HELP, Shell, typed_lines

    if not typed:
        step(HELP)
    shell = Shell(
        reader,
        show=lambda rows: print_rows(rows, as_json=False),
        say=lambda sentence: typer.echo(sentence, err=True),
    )
    shell.run(iter([typed]) if typed else typed_lines(shell, history=history))


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
    from analytics.warehouse import open_reader, open_writer
    from angime.settings import load

    settings = load(AnalyticsSettings)
    open_reader(settings).close()  # a writer would make a warehouse where there is none, of which every row is right
    with open_writer(settings) as warehouse:
        rebuilt = warehouse.rebuild(verify=verify, on_step=step)
    print_rows([dict(table) for table in rebuilt], as_json=json_output)
    if any(table["same"] is False for table in rebuilt):
        raise typer.Exit(1)
