"""The command `angime` itself, on which every verb is hung, and what all verbs share."""

from importlib.metadata import version
from typing import Annotated

import typer

app = typer.Typer(
    name="angime",
    help="Business calls and messages: from webhooks through Kafka into a warehouse and onto pages.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Settings are environment variables: docs/settings.md lists them.",
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"angime {version('angime')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Business calls and messages: from webhooks through Kafka into a warehouse and onto pages."""
    from angime import logs, settings

    logs.set_up()
    settings.check()
