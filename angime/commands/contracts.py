"""Verbs for the published event types."""

from typing import Annotated

import msgspec
import typer

from angime.commands.names import EventType
from angime.commands.output import Json, print_rows
from angime.commands.root import app

schema = typer.Typer(help="The published event types and their versions.", no_args_is_help=True)
app.add_typer(schema, name="schema")


@schema.command("check")
def schema_check(json_output: Json = False) -> None:
    """Check every published version: schema, examples, refusals, upcasters; exit 1 when something is wrong.

    Example: `angime schema check`
    """
    from angime.contracts import check

    problems = check()
    if problems or json_output:
        print_rows([msgspec.to_builtins(problem) for problem in problems], as_json=json_output)
    else:
        typer.echo("every published version is whole")
    if problems:
        raise typer.Exit(1)


@schema.command("diff")
def schema_diff(
    event_type: EventType,
    old: Annotated[int, typer.Option(min=1, help="The older version.")] = 1,
    new: Annotated[int, typer.Option(min=0, help="The newer version; 0 is the newest.")] = 0,
    json_output: Json = False,
) -> None:
    """Say field by field what a newer version has otherwise, and who must be brought up first.

    Example: `angime schema diff call.ended --old 1 --new 2`
    """
    from angime.contracts import differences
    from schemas.catalogue import EVENT_TYPES
    from schemas.errors import Misconfigured

    newest = EVENT_TYPES[event_type].version
    later = new or newest
    if old > newest or later > newest:
        raise Misconfigured(f"{event_type} has the versions 1 to {newest}")
    if old > later:
        raise Misconfigured(f"--old {old} is newer than --new {later}: exchange them")
    if old == later and not json_output:
        typer.echo(
            f"nothing to compare: {event_type} has {'one version' if newest == 1 else f'versions 1 to {newest}'}"
        )
        return
    print_rows(differences(event_type, old=old, new=later), as_json=json_output)
    if not json_output:
        typer.echo("Readers first: they read every version, so bring land, stream and pages up before normalise.")
