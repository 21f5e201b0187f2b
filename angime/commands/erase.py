"""The verb that erases persons."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from angime.commands.output import Json, print_fields, step
from angime.commands.root import app


@app.command()
def erase(
    identity: Annotated[
        list[str] | None, typer.Option(help="kind:value, such as phone:+77010000001; may be repeated.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A file of identities, one a line, for many persons at once."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only say what there is.")] = False,
    json_output: Json = False,
) -> None:
    """Erase persons: who they were goes from events, facts, transcripts, recordings, dead letters and old files.

    What happened stays without who it was, so that sums and rates are as before; a receipt is printed. Where others
    wrote a number or an address of theirs, it is masked. Stop the lander and the pages before --yes; webhooks go on.
    Exit 1 when a file still names one of them, or when somebody reads the catalog, or the disk is full, so that it
    cannot be written anew: the lander's next maintenance does it then.

    What comes again of their calls and messages, of a provider, a backlog or a replay, is dropped at landing, and its
    recordings are deleted; the stream worker fetches none. A later call is a new acquaintance. Other warehouses of the
    same Kafka and secret.key erase them when their landers hear of it: from log and facts at once, from old files
    within some fifteen minutes.

    Example: `angime erase --identity phone:+77010000001 --yes`
    """
    from angime.erasing import erase as erase_person
    from angime.erasing import look
    from angime.moments import now
    from schemas.errors import Misconfigured
    from schemas.people import is_e164

    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file else []
    except UnicodeDecodeError:
        raise Misconfigured(f"{file} is no text in UTF-8: write one identity a line") from None
    identities = [*(identity or ()), *(line.strip() for line in lines if line.strip())]
    if not identities:
        raise Misconfigured("say who: --identity phone:+77010000001, or --file with one identity a line")
    for written in identities:
        kind, colon, value = written.partition(":")
        if not (kind and colon and value):
            raise Misconfigured("an identity is written kind:value, such as phone:+77010000001")
        if kind == "phone" and not is_e164(value):
            raise Misconfigured("a phone is known as it is dialled from abroad: write it as phone:+77010000001")
    if not yes:
        found = look(identities)
        known = sum(one.is_known for one in found)
        told = {"persons": known, "unknown": len(found) - known}
        told |= {"identities": sum(len(one.identities) for one in found)}
        told |= {"calls_and_messages": sum(len(one.entities) for one in found)}
        told |= {"events": sum(one.events for one in found), "dead_letters": sum(one.dead for one in found)}
        told |= {"mentions": sum(one.mentions for one in found)}
        told |= {"recordings": sum(len(one.recordings) for one in found)}
        print_fields(told, as_json=json_output)
        _say_unknown(told["unknown"], promise="--yes writes down that they are erased")
        step("nothing was erased: say --yes to do it")
        return
    receipt = erase_person(identities, now=now(), say=step)
    print_fields(msgspec.to_builtins(receipt), as_json=json_output)
    _say_unknown(receipt.unknown, promise="that they are erased is written down")
    if receipt.unfinished:
        step(f"it is written; old pages of the catalog go with the lander's next maintenance: {receipt.unfinished}")
    if receipt.left or receipt.unfinished:
        raise typer.Exit(1)


def _say_unknown(persons: int, *, promise: str) -> None:
    if persons:
        step(
            f"unknown here: {persons}. Nobody has these identities, or who had them was erased before; "
            f"{promise}: what was received before and lands later is dropped"
        )
