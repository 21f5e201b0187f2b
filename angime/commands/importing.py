"""The verb that imports files of a provider in bulk."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from angime.commands.names import Source
from angime.commands.output import Json, step
from angime.commands.root import app
from schemas.counts import so_many


@app.command("import")
def import_files(  # noqa: PLR0913, PLR0917  # each is a word of the command
    source: Source,
    paths: Annotated[
        list[Path], typer.Argument(help="Files, or folders of them: .csv, .jsonl, .json, .txt, also .gz.")
    ],
    account: Annotated[str | None, typer.Option(help="Account of company.toml; not needed where there is one.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what the files would become.")] = False,
    from_start: Annotated[bool, typer.Option("--from-start", help="Send again what was sent before.")] = False,
    json_output: Json = False,
) -> None:
    """Import files of a provider's bodies, as if they had come by its webhook; stopped, it goes on where it was.

    Lines of `.csv` keep their header, `.jsonl` holds one body a line, every other file is one body. With `--dry-run`
    nothing is sent, and the exit code is 1 when something would be refused.

    Example: `angime import asterisk /var/log/asterisk/cdr-csv --account pbx --dry-run --json`
    """
    from pipelines import importing
    from pipelines.pieces import files_of

    origin = _origin(source, account)
    files = files_of(paths)
    if dry_run:
        from pipelines.translate import RECEIVED_AT

        verdict = importing.try_out(files, origin=origin, received_at=RECEIVED_AT)
        _print_verdict(verdict, files=len(files), as_json=json_output)
        raise typer.Exit(1 if verdict.refused else 0)
    progress = _send(files, origin=origin, from_start=from_start, is_quiet=json_output)
    if progress.bytes_done and not progress.pieces:
        step("nothing was sent: all of it was sent before; --from-start sends it again")
    told = {
        "files": progress.files_done,
        "pieces": progress.pieces,
        "bytes": progress.bytes_done,
        "seconds": round(progress.seconds, 3),
        "bytes_per_second": round(progress.bytes_per_second),
    }
    typer.echo(json.dumps(told) if json_output else ", ".join(f"{name} {value}" for name, value in told.items()))


def _origin(source: str, account: str | None) -> Any:
    from angime.settings import load
    from pipelines.origins import load_origins
    from pipelines.settings import PipelinesSettings
    from schemas.errors import Misconfigured

    origins = load_origins(load(PipelinesSettings))
    known = [name for known_source, name in origins if known_source == source]
    chosen = account or (known[0] if len(known) == 1 else None)
    if not known:
        raise Misconfigured(f"company.toml has no account of {source}: `angime connect {source}` writes one")
    if chosen is None or (source, chosen) not in origins:
        raise Misconfigured(f"name an account of {source} with --account; company.toml has {', '.join(known)}")
    return origins[source, chosen]


def _send(files: list[Path], *, origin: Any, from_start: bool, is_quiet: bool) -> Any:
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from angime.commands.surroundings import with_kafka
    from angime.settings import load
    from pipelines import importing
    from pipelines.arrivals import Arrivals
    from pipelines.kafka.broker import connect_producer
    from pipelines.positions import Positions
    from pipelines.settings import PipelinesSettings
    from schemas.instants import instant

    settings = with_kafka(load(PipelinesSettings))
    positions = Positions(settings.home / "imports")
    if from_start:
        importing.forget(files, origin=origin, positions=positions)
    arrivals = Arrivals(
        connect=lambda: connect_producer(settings.kafka, transport=settings.transport),
        now=lambda: instant(datetime.now(UTC)),
    )
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=is_quiet)
    with shown:
        task = shown.add_task("Importing", total=None)

        def report(progress: importing.Progress) -> None:
            shown.update(
                task,
                completed=progress.bytes_done,
                total=progress.bytes_total,
                description=f"file {min(progress.files_done + 1, progress.files_total)} of {progress.files_total}",
            )

        return importing.send(files, origin=origin, arrivals=arrivals, positions=positions, report=report)


def _print_verdict(verdict: Any, *, files: int, as_json: bool) -> None:
    import msgspec

    if as_json:
        typer.echo(json.dumps({"files": files, **msgspec.to_builtins(verdict)}, ensure_ascii=False))
        return
    typer.echo(f"{so_many(files, 'file')}, {so_many(verdict.pieces, 'body', 'bodies')}")
    for title, counts in (("events", verdict.events), ("ignored", verdict.ignored), ("refused", verdict.refused)):
        for name, count in counts.items():
            typer.echo(f"  {title:<8} {count:>8}  {name}")
