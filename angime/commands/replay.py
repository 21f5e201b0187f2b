"""Verbs that let the past go through the pipeline again, and compare what comes of it."""

from typing import Annotated, Any

import msgspec
import typer

from angime.commands.names import (
    OnlyCall,
    OnlyCompany,
    OnlySource,
    OnlyTopic,
    OtherWarehouse,
    ReplayOrigin,
    ReplayStage,
    Warehouse,
)
from angime.commands.output import Json, alone, print_fields, print_rows, say, step
from angime.commands.repair import whole_call_id
from angime.commands.root import app
from angime.commands.surroundings import bootstrap, home
from schemas.counts import so_many

EVER = "1970-01-01"


@app.command(no_args_is_help=True)
def replay(  # noqa: PLR0913  # each is an option of the command
    *,
    since: Annotated[str, typer.Option("--from", help="Recorded since: 2026-03-01, 2h ago, or an offset.")] = EVER,
    until: Annotated[str, typer.Option("--to", help="Recorded before, or an offset; else all until now.")] = "",
    stage: ReplayStage = "land",
    topic: OnlyTopic = "",
    source: OnlySource = "",
    call: OnlyCall = "",
    company: OnlyCompany = "",
    origin: ReplayOrigin = "auto",
    into: Annotated[
        str, typer.Option(help="Build a second warehouse of this name from the log, beside the live one.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count everything, send nothing.")] = False,
    correct: Annotated[
        bool,
        typer.Option("--correct", help="What is made now takes the place of what was made before: of normalise alone."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do correct; and replace the second warehouse where it exists.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Let what was received go through a stage again, while everything runs; what is known already changes nothing.

    It says first what it will do, and goes on where it was interrupted when asked the same again.

    With --correct what the log holds of raw records is compared with what today's code and settings make of them: what
    it lacks is sent, what says otherwise is told anew, and what nothing makes any longer is withdrawn. Without --yes it
    only counts.

    Example: `angime replay --stage normalise --source twilio --from 2d --dry-run`
    """
    words = {
        "since": since,
        "until": until,
        "stage": stage,
        "topic": topic,
        "source": source,
        "call": whole_call_id(call) if call else "",
        "company": company,
        "origin": origin,
    }
    if correct and (into or stage != "normalise" or origin == "log"):
        raise typer.BadParameter(
            "what was made of raw records is corrected: say --stage normalise, and neither --into nor --origin log",
            param_hint="--correct",
        )
    alone(yes=yes, dry_run=dry_run)
    if yes and not (into or correct):
        raise typer.BadParameter("a replay without --correct or --into asks nothing: leave it out", param_hint="--yes")
    if into:
        _refuse(
            stage=stage != "land",
            topic=topic,
            source=source,
            call=call,
            company=company,
            origin=origin == "kafka",
            dry_run=dry_run,
        )
        _build_aside(into, since=since, until=until, yes=yes, json_output=json_output)
        return
    from angime import replaying

    choice, offsets = _choice(words)
    file = replaying.state_file(home(), words | {"correct": "yes"} if correct else words)
    address = bootstrap()
    planned = replaying.plan(choice, bootstrap=address, origin=origin, offsets=offsets, file=file)
    again = ", going on where it was interrupted" if planned.went_on else ""
    records = so_many(planned.records, "record")
    step(f"{records} of {', '.join(choice.topics)} from {planned.origin} through {stage}{again}")
    if correct:
        found = replaying.correct(planned, bootstrap=address, is_dry=not yes, say=step)
        if not (yes or dry_run):
            step("nothing was sent: say --yes to correct it")
        print_fields({"origin": planned.origin, **msgspec.to_builtins(found)}, as_json=json_output)
        return
    done = replaying.run(planned, bootstrap=address, file=file, is_dry=dry_run, say=step)
    fields = {"origin": planned.origin, "read": done.read, "sent": done.sent, "refused": done.refused}
    print_fields({**fields, "events": dict(done.made)}, as_json=json_output)


@app.command()
def compare(
    a: Warehouse,
    b: OtherWarehouse,
    rows: Annotated[int, typer.Option(min=0, max=10_000, help="So many rows of each difference.")] = 5,
    json_output: Json = False,
) -> None:
    """Say which numbers differ between two warehouses over one log, by how much, and in which rows; exit 1 if any.

    Example: `angime compare live trial`
    """
    from analytics.copies import comparison
    from angime.surveying import warehouse_of

    found = comparison.compare(warehouse_of(a), warehouse_of(b), most=rows, on_step=step)
    if json_output:
        print_rows([msgspec.to_builtins(difference, builtin_types=_PLAIN) for difference in found], as_json=True)
    elif not found:
        typer.echo("every row of every table is the same")
    for difference in found if not json_output else []:
        what = f"{difference.table}.{difference.column}" if difference.column else difference.table
        told = so_many(difference.rows, "row differs", "rows differ")
        if difference.only:
            told = f"{so_many(difference.rows, 'row')} only in {a if difference.only == 'a' else b}"
        change = f", by {difference.change:+g} in all" if difference.change is not None else ""
        typer.echo(f"{what}: {told}{change}")
        for example in difference.examples:
            say("    " + ", ".join(f"{name} {value}" for name, value in example.items()))
    if found:
        raise typer.Exit(1)


def _plain_types() -> tuple[type, ...]:
    from datetime import date, datetime, time
    from decimal import Decimal

    return (datetime, date, time, Decimal)


_PLAIN = _plain_types()


def _choice(words: dict[str, str]) -> tuple[Any, tuple[int, int | None] | None]:
    from angime.moments import moment_of, now
    from angime.replaying import topics_of
    from pipelines.replay import Choice, Stage
    from schemas.errors import Misconfigured

    since, until = words["since"], words["until"]
    offsets = None
    if since.isdecimal() or until.isdecimal():
        if not words["topic"] or words["origin"] == "log":
            raise Misconfigured("offsets are those of one topic in Kafka: name it with --topic")
        offsets = (int(since) if since.isdecimal() else 0, int(until) if until.isdecimal() else None)
        since, until = EVER, ""
    present = now()
    begin, end = moment_of(since, now=present), moment_of(until or present.isoformat(), now=present)
    if until and end < begin:
        raise Misconfigured("--to lies before --from: nothing was recorded between them")
    choice = Choice(
        stage=msgspec.convert(words["stage"], Stage),
        topics=topics_of(msgspec.convert(words["stage"], Stage), topic=words["topic"]),
        since=begin,
        until=end,
        source=words["source"],
        company=words["company"],
        call=words["call"],
    )
    return choice, offsets


def _refuse(**chosen: object) -> None:
    """Say which of these choices a second warehouse cannot have: it holds all of the log, between two moments."""
    refused = [f"--{name.replace('_', '-')}" for name, choice in chosen.items() if choice]
    if refused:
        raise typer.BadParameter(
            f"a second warehouse is built from the whole log, at most from --from to --to: leave out"
            f" {' and '.join(refused)}",
            param_hint="--into",
        )


def _build_aside(name: str, *, since: str, until: str, yes: bool, json_output: bool) -> None:
    import shutil
    from datetime import datetime

    from analytics.copies import aside
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import prove_there
    from angime.moments import moment_of, now
    from angime.settings import load
    from angime.surveying import HALF, check_name
    from schemas.errors import Misconfigured

    live = load(AnalyticsSettings)
    prove_there(live)
    folder = aside.folder_of(live, check_name(name)).warehouse
    if folder.exists() and not (folder / HALF).exists():
        if not yes:
            raise Misconfigured(f"a warehouse {name!r} exists: say --yes to replace it, or take another name")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HALF).touch()
    begin = datetime.fromisoformat(moment_of(since, now=now())) if since != EVER else None
    end = datetime.fromisoformat(moment_of(until, now=now())) if until else None
    rebuilt = aside.build(live, name=name, since=begin, until=end, on_step=step)
    (folder / HALF).unlink()
    print_rows([{"table": table["table"], "rows": table["rows"]} for table in rebuilt], as_json=json_output)
