"""The verb that says what is kept for a time only, and forgets what is due."""

from typing import Annotated

import msgspec
import typer

from angime.commands.output import Json, alone, print_fields, print_rows, step
from angime.commands.root import app


@app.command()
def forget(
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it now; without it only say what there is, beside the lander.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is, as without --yes.")] = False,
    json_output: Json = False,
) -> None:
    """Say what companies keep for a time only, and how much of it is due; with --yes forget that at once.

    `[retention]` of company.toml gives the days: messages_days, transcripts_days, recordings_days, dead_letters_days.
    The lander and the stream worker forget it by themselves when its time is over; what happened, when and for how long
    stays, so that sums and rates are as before. For --yes stop the lander and the pages first.

    Recordings of which no event tells, such as a worker leaves that is killed between keeping and telling, are deleted
    when Kafka holds nothing any longer that could tell of them; those of erased persons at once.

    Example: `angime forget --dry-run`
    """
    from angime import forgetting
    from angime.moments import now

    alone(yes=yes, dry_run=dry_run)
    if yes:
        forgotten = forgetting.forget(now=now(), say=step)
        print_fields(msgspec.to_builtins(forgotten), as_json=json_output)
        if forgotten.unfinished:
            step(f"the rest goes with the next maintenance of the lander and the stream worker: {forgotten.unfinished}")
            raise typer.Exit(1)
        return
    found = forgetting.look(now=now(), in_buckets=True)
    if not found and not json_output:
        typer.echo("nothing is kept for a time only: [retention] of company.toml gives the days")
        return
    print_rows([msgspec.to_builtins(due) for due in found], as_json=json_output)
