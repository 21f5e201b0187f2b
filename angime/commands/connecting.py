"""The verb that connects a source."""

import sys
from typing import Annotated, Any

import typer

from angime.commands.names import OneCompany, Source
from angime.commands.output import Json, print_fields
from angime.commands.root import app


@app.command()
def connect(  # noqa: PLR0913, PLR0917  # each is a word of the command
    source: Source,
    account: Annotated[str, typer.Option(help="What to call it, in addresses and rows; else as the source.")] = "",
    channel: Annotated[str, typer.Option(help="Channel, such as whatsapp or waba, where the source has several.")] = "",
    address: Annotated[str, typer.Option(help="The company's own number or id there.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the account, NAME=VALUE; again for more of it.")
    ] = None,
    company: OneCompany = "",
    name: Annotated[str, typer.Option(help="Name of the company, where it has no file yet.")] = "",
    time_zone: Annotated[str, typer.Option(help="Its clock, such as Asia/Almaty.")] = "",
    region: Annotated[str, typer.Option(help="Country of numbers written without one, such as KZ.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")] = False,
    json_output: Json = False,
) -> None:
    """Connect a source: write its account into the company file, make its secrets, and say what to do at the provider.

    A company file that is not there is begun; in a terminal, what it needs is asked for. Secrets that the provider
    makes are awaited in files that are named. What runs learns of the account when it is started anew.

    Example: `angime connect waha --account sales --address +77010000000 --dry-run`
    """
    from angime import connecting
    from angime.commands.surroundings import address_of
    from angime.settings import load
    from pipelines.settings import PipelinesSettings

    settings = load(PipelinesSettings)
    if not settings.company_path.exists() and sys.stdin.isatty():
        name = name or typer.prompt("Name of the company")
        time_zone = time_zone or typer.prompt("Its clock, such as Asia/Almaty")
        region = region or typer.prompt("Country of numbers written without one, such as KZ").upper()
    wanted = connecting.Account(
        source=source, name=account, channel=channel, address=address, settings=_settings(set_ or [])
    )
    new = (
        connecting.NewCompany(name=name, time_zone=time_zone, region=region) if name and time_zone and region else None
    )
    connection = connecting.plan(settings, wanted, company=company, new=new)
    if not dry_run:
        connecting.carry_out(connection)
    webhook = f"{address_of(settings.receive_host, settings.receive_port)}{connection.path}"
    if json_output:
        told = {"company": connection.company, "account": connection.account, "file": connection.company_file}
        told |= {"added": connection.added, "webhook": webhook, "is_written": not dry_run, "steps": connection.steps}
        kept = [{"key": one.key, "file": str(one.file), "state": one.state} for one in connection.secrets]
        print_fields(told | {"secrets": kept}, as_json=True)
        return
    _print(connection, webhook=webhook, is_written=not dry_run)


def _settings(written: list[str]) -> dict[str, list[str]]:
    """Read `NAME=VALUE` words; a name may be repeated. Raises BadParameter for one without a sign."""
    found: dict[str, list[str]] = {}
    for word in written:
        name, sign, value = word.partition("=")
        if not sign:
            raise typer.BadParameter("write a setting as NAME=VALUE", param_hint="--set")
        found.setdefault(name, []).append(value)
    return found


def _print(connection: Any, *, webhook: str, is_written: bool) -> None:
    typer.echo(f"{'written to' if is_written else 'would be written to'} {connection.company_file}:\n")
    typer.echo("".join(f"    {line}\n" for line in connection.added.splitlines()))
    for secret in connection.secrets:
        match secret.state:
            case "made":
                said = (
                    "made for you: where a step asks for one, or says to make one, it is this"
                    if is_written
                    else "would be made for you"
                )
            case "kept":
                said = "there already, and kept"
            case _:
                said = "awaited: write there what the provider shows, for no stage starts without it"
        typer.echo(f"{secret.key}: {secret.file}\n    {said}")
    typer.echo(
        f"webhook: {webhook}\n    from outside by https, through a proxy of yours that passes {connection.path}\n"
    )
    for number, step in enumerate(connection.steps, start=1):
        typer.echo(f"{number}. {step}")
    typer.echo("\nThen `angime doctor` says what is missing, and `angime up`, started anew, takes its events.")
