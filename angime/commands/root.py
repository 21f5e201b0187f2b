"""The command `angime` itself, on which every verb is hung, and what all verbs share."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# Every verb by what it is for, those first that people need first; help and docs follow this order.
CHAPTERS = {
    "Begin": ("demo", "up", "status", "doctor"),
    "Ask": ("explain", "metrics", "call", "search", "sql", "snapshot", "digest"),
    "Watch and repair": ("lag", "tail", "dead", "replay", "compare", "rebuild", "watch"),
    "Erase, keep and move": ("erase", "forget", "move"),
    "Connect": ("sources", "connect", "import", "translate", "transcribe"),
    "Stages and servers, each by itself": (
        "receive",
        "collect",
        "normalise",
        "stream",
        "land",
        "pages",
        "api",
        "broker",
        "topics",
    ),
    "For those who work on Angime": ("schema", "docs"),
}
# These go on until they are ended, and what they write is a log.
LOGGED = frozenset({"demo", "up", "watch", "receive", "collect", "normalise", "stream", "land", "pages", "api"})


class Verbs(TyperGroup):
    """The verbs, in the order of their chapters. Each must stand in one."""

    def __init__(self, **settings: Any) -> None:
        """Take the verbs as they were hung on, and put them in order."""
        super().__init__(**settings)
        chapters = {verb: chapter for chapter, verbs in CHAPTERS.items() for verb in verbs}
        order = list(chapters)
        self.commands = {verb: self.commands[verb] for verb in sorted(self.commands, key=order.index)}
        for verb, command in self.commands.items():
            command.rich_help_panel = chapters[verb]  # type: ignore[attr-defined]


app = typer.Typer(
    name="angime",
    cls=Verbs,
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
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Business calls and messages: from webhooks through Kafka into a warehouse and onto pages."""
    from angime import logs, settings

    logs.set_up(hears_clients=context.invoked_subcommand in LOGGED)
    settings.check()
