"""The verb that erases a person."""

from typing import Annotated

import msgspec
import typer

from angime.commands.output import Json, print_fields, step
from angime.commands.root import app


@app.command()
def erase(
    identity: Annotated[
        list[str], typer.Option("--identity", help="kind:value, such as phone:+77010000001; may be repeated.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only say what there is.")] = False,
    json_output: Json = False,
) -> None:
    """Erase a person: who it was goes from events, facts, transcripts, recordings, dead letters and old files.

    What happened stays without who it was, so that sums and rates are as before; a receipt is printed. Stop the lander
    and the pages first; webhooks go on. Exit 1 when a file still names the person.

    Example: `angime erase --identity phone:+77010000001 --yes`
    """
    from angime.erasing import erase as erase_person
    from angime.erasing import look
    from angime.moments import now
    from schemas.errors import Misconfigured

    for written in identity:
        kind, colon, value = written.partition(":")
        if not (kind and colon and value):
            raise Misconfigured("an identity is written kind:value, such as phone:+77010000001")
    if not yes:
        found = look(identity)
        told = {"identities": len(found.identities), "calls_and_messages": len(found.entities), "events": found.events}
        told |= {"dead_letters": found.dead, "recordings": len(found.recordings)}
        print_fields(told, as_json=json_output)
        step("nothing was erased: say --yes to do it")
        return
    receipt = erase_person(identity, now=now(), say=step)
    print_fields(msgspec.to_builtins(receipt), as_json=json_output)
    if receipt.left:
        raise typer.Exit(1)
