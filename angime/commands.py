"""The command line: every verb with its help and an example; the work is done where it belongs, loaded when asked."""

import csv
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(
    name="angime",
    help="Business calls and messages: from webhooks through Kafka into a warehouse and onto pages.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Settings are environment variables: docs/settings.md lists them.",
)
broker = typer.Typer(help="The Kafka broker of this machine.", no_args_is_help=True)
topics = typer.Typer(help="The declared topics.", no_args_is_help=True)
app.add_typer(broker, name="broker")
app.add_typer(topics, name="topics")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

STAGE_HELP = "It runs until Ctrl-C or SIGTERM; `angime up` runs it beside the others."


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


@broker.command("start")
def broker_start(json_output: Json = False) -> None:
    """Start Apache Kafka on this machine, or find the one that runs.

    Example: `angime broker start`
    """
    from pipelines import local_kafka

    running = local_kafka.start(_home(), on_step=_step)
    _print({"bootstrap": running.bootstrap, "pid": running.pid}, as_json=json_output)


@broker.command("stop")
def broker_stop(json_output: Json = False) -> None:
    """Stop the broker of this home.

    Example: `angime broker stop`
    """
    from pipelines import local_kafka

    _print({"stopped": local_kafka.stop(_home())}, as_json=json_output)


@broker.command("status")
def broker_status(json_output: Json = False) -> None:
    """Say whether the broker runs, and where. Exit 1 when it does not.

    Example: `angime broker status --json`
    """
    from pipelines import local_kafka

    found = local_kafka.status(_home())
    _print(
        {
            "running": found.is_running,
            "bootstrap": found.bootstrap,
            "pid": found.pid,
            "data": str(found.data_folder),
            "log": str(found.log_file),
        },
        as_json=json_output,
    )
    if not found.is_running:
        raise typer.Exit(1)


@topics.command("apply")
def topics_apply(json_output: Json = False) -> None:
    """Make the declared topics in Kafka; those that exist stay, with partitions and retention brought up to date.

    Example: `angime topics apply`
    """
    from pipelines import topics as declared
    from pipelines.broker import Admin

    with closing(Admin(_bootstrap())) as admin:
        done = declared.apply(admin)
    _print({"changed": done}, as_json=json_output)


@topics.command("list")
def topics_list(json_output: Json = False) -> None:
    """List the declared topics and how Kafka has them.

    Example: `angime topics list --json`
    """
    import msgspec

    from pipelines import topics as declared
    from pipelines.broker import Admin

    with closing(Admin(_bootstrap())) as admin:
        rows = declared.rows(admin)
    _print_rows([msgspec.to_builtins(row) for row in rows], as_json=json_output)


@app.command(help=f"Take webhooks into Kafka. {STAGE_HELP}\n\nExample: `angime receive`")
def receive() -> None:
    """Take webhooks into Kafka."""
    from angime.settings import load
    from pipelines import receive as stage
    from pipelines.settings import PipelinesSettings

    stage.run(_with_kafka(load(PipelinesSettings)), stop=_stop_on_signal())


@app.command(help=f"Turn raw records into canonical events. {STAGE_HELP}\n\nExample: `angime normalise`")
def normalise() -> None:
    """Turn raw records into canonical events."""
    from angime.settings import load
    from pipelines import normalise as stage
    from pipelines.settings import PipelinesSettings

    stage.run(_with_kafka(load(PipelinesSettings)), stop=_stop_on_signal())


@app.command(help=f"Fetch recordings and transcribe them. {STAGE_HELP}\n\nExample: `angime stream`")
def stream() -> None:
    """Fetch recordings and transcribe them."""
    from angime.settings import load
    from streams import worker as stage
    from streams.settings import StreamsSettings

    stage.run(_with_kafka(load(StreamsSettings)), environ=dict(os.environ))


@app.command(help=f"Land events in the warehouse and refresh its facts. {STAGE_HELP}\n\nExample: `angime land`")
def land() -> None:
    """Land events in the warehouse and refresh its facts."""
    from analytics.settings import AnalyticsSettings
    from angime.settings import load
    from pipelines import land as stage
    from pipelines.settings import PipelinesSettings

    stage.run(_with_kafka(load(PipelinesSettings)), load(AnalyticsSettings), stop=_stop_on_signal())


@app.command(help=f"Serve the pages. {STAGE_HELP}\n\nExample: `angime pages`")
def pages() -> None:
    """Serve the pages."""
    from angime.settings import load
    from dashboards import server
    from dashboards.settings import DashboardsSettings

    command = server.command(load(DashboardsSettings))
    os.execv(command[0], command)  # noqa: S606  # the process becomes the pages' server, with fixed arguments


@app.command()
def up() -> None:
    """Run everything on this machine: broker, receiver, normaliser, streams, lander and pages.

    Example: `angime up`
    """
    from angime import up as everything
    from schemas.errors import Misconfigured

    say = _one_log_stream()
    stopped = _stop_on_signal()
    stack = everything.start(everything.Options(say=say, on_step=_step))
    try:
        stack.wait_ready()
        _step(f"Webhooks: {stack.receiver_url}/hooks/SOURCE/ACCOUNT")
        _step(f"Pages: {stack.pages_url}   (Ctrl-C ends everything)")
        while not stopped.wait(0.2) and not stack.failed:
            pass
    finally:
        stack.stop()
    if stack.failed:
        raise Misconfigured(stack.failed)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Compare with what is true, print, and end.")] = False,
    json_output: Json = False,
    seed: Annotated[int, typer.Option(help="The simulated company's seed.")] = 1,
) -> None:
    """Show everything with a simulated company: two months of calls and messages through the real doors.

    Example: `angime demo`, or for programs `angime demo --once --json`
    """
    from angime.demo import run_demo

    raise typer.Exit(run_demo(_home(), seed=seed, once=once, json_output=json_output))


@app.command()
def translate(
    source: Annotated[str, typer.Argument(help="A source, such as twilio; `angime sources` lists them.")],
    files: Annotated[list[Path], typer.Argument(help="Bodies as the provider sends them.")],
    account: Annotated[str | None, typer.Option(help="Translate as this account of company.toml.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="An HTTP header, 'Name: value'; may be repeated.")] = None,
    json_output: Json = False,
) -> None:
    """Show, without Kafka, which events a payload becomes, or why it is refused.

    Example: `angime translate twilio call.json --json`
    """
    from pipelines.translate import translate_files

    origin = _origin(source, account) if account else None
    for translated in translate_files(source, files, headers=_headers(header or []), origin=origin):
        if json_output:
            typer.echo(json.dumps(translated, ensure_ascii=False))
        else:
            _print_translation(translated)


@app.command()
def transcribe(  # each is an option of the command
    files: Annotated[list[Path], typer.Argument(help="Recordings: wav, mp3, ogg, flac, …")],
    channels: Annotated[str, typer.Option(help="Who speaks in each channel, first channel first.")] = (
        "operator,customer"
    ),
    language: Annotated[str | None, typer.Option(help="Language spoken, such as kk; else it is detected.")] = None,
    model: Annotated[str | None, typer.Option(help="WhisperX model: a name, a folder, or demo.")] = None,
    json_output: Json = False,
) -> None:
    """Transcribe recordings by speaker, without Kafka.

    Example: `angime transcribe call.wav --channels operator,customer --model demo --json`
    """
    from angime.hearing import transcribe_files

    for heard in transcribe_files(files, channels=channels, language=language, model=model):
        if json_output:
            typer.echo(json.dumps(heard, ensure_ascii=False))
        else:
            _print_transcript(heard)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SQL query.")],
    json_output: Json = False,
    csv_output: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Ask the warehouse in SQL while everything runs.

    Example: `angime sql "select outcome, count(*) from facts.calls group by all"`
    """
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_reader
    from angime.settings import load

    with open_reader(load(AnalyticsSettings)) as reader:
        rows = reader.sql(query).to_dicts()
    if csv_output:
        typer.echo(_as_csv(rows), nl=False)
    else:
        _print_rows(rows, as_json=json_output)


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
    from analytics.warehouse import open_writer
    from angime.settings import load

    with open_writer(load(AnalyticsSettings)) as warehouse:
        rebuilt = warehouse.rebuild(verify=verify, on_step=_step)
    _print_rows([dict(table) for table in rebuilt], as_json=json_output)
    if any(table["same"] is False for table in rebuilt):
        raise typer.Exit(1)


@app.command()
def sources(json_output: Json = False) -> None:
    """List the sources and what each gives.

    Example: `angime sources --json`
    """
    from pipelines.sources import SOURCES

    _print_rows(
        [
            {"name": source.name, "title": source.title, "capabilities": list(source.capabilities)}
            for source in SOURCES.values()
        ],
        as_json=json_output,
    )


@app.command()
def docs(
    check: Annotated[bool, typer.Option("--check", help="Only say which are stale; exit 1 if any is.")] = False,
) -> None:
    """Print the docs that are made from code (for those who work on Angime).

    Example: `angime docs`
    """
    from angime import printing

    if check:
        old = printing.stale()
        for path in old:
            typer.echo(f"stale: {path.relative_to(printing.ROOT)}; run `angime docs`", err=True)
        raise typer.Exit(1 if old else 0)
    for path in printing.print_all():
        typer.echo(f"printed {path.relative_to(printing.ROOT)}")


def describe() -> str:
    """Describe every command for docs/commands.md."""
    root = typer.main.get_command(app)
    return "\n".join(_describe_command(root, path="angime"))


def _describe_command(command: Any, *, path: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield f"## {path}\n"
        yield (command.help or "").strip() + "\n"
        rows = [_describe_parameter(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            yield from ("| word | meaning |", "| --- | --- |", *rows, "")
        return
    for name, child in children.items():
        yield from _describe_command(child, path=f"{path} {name}")


def _describe_parameter(parameter: Any) -> str:
    words = ", ".join(f"`{word}`" for word in parameter.opts)
    if parameter.param_type_name == "argument":
        words = f"`{(parameter.metavar or parameter.name).upper()}`"
    return f"| {words} | {getattr(parameter, 'help', '') or ''} |"


def _origin(source: str, account: str) -> Any:
    from angime.settings import load
    from pipelines.origins import load_origins
    from pipelines.settings import PipelinesSettings
    from schemas.errors import Misconfigured

    origins = load_origins(load(PipelinesSettings))
    if (source, account) not in origins:
        known = ", ".join(name for known_source, name in origins if known_source == source) or "none"
        raise Misconfigured(f"company.toml has no account {account!r} of {source}; it has {known}")
    return origins[source, account]


def _headers(lines: list[str]) -> dict[str, str]:
    """Read `Name: value` lines. Raises BadParameter for one without a colon."""
    headers = {name.strip(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
    if len(headers) < len(lines):
        raise typer.BadParameter("write a header as 'Name: value'", param_hint="--header")
    return headers


def _home() -> Path:
    from angime.settings import load
    from pipelines.settings import PipelinesSettings

    return load(PipelinesSettings).home


def _bootstrap() -> str:
    from angime.settings import load
    from pipelines.settings import PipelinesSettings

    return _with_kafka(load(PipelinesSettings)).kafka


def _with_kafka(settings: Any) -> Any:
    """Fill in the local broker's address when no cluster is named. Raises Misconfigured when none runs."""
    from pipelines import local_kafka
    from schemas.errors import Misconfigured

    if settings.kafka:
        return settings
    found = local_kafka.status(settings.home)
    if not found.is_running:
        raise Misconfigured("no Kafka runs: `angime broker start` starts one, or ANGIME_KAFKA names an existing one")
    return settings.model_copy(update={"kafka": found.bootstrap})


def _stop_on_signal() -> threading.Event:
    """Give an event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop


def _one_log_stream() -> Any:
    lock = threading.Lock()

    def say(stage: str, line: str) -> None:
        with lock:
            sys.stderr.write(f"{stage:<10} {line}\n")

    return say


def _step(text: str) -> None:
    Console(stderr=True).print(f"[dim]·[/] {text}", highlight=False)


def _print(fields: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(fields, ensure_ascii=False, default=str))
        return
    for name, field in fields.items():
        typer.echo(f"{name}: {field}")


def _print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        typer.echo("no rows")
        return
    table = Table(*rows[0], box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if field is None else str(field) for field in row.values()))
    Console().print(table, markup=False)


def _as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _print_translation(translated: dict[str, Any]) -> None:
    typer.echo(f"{translated['file']}:")
    for event in translated.get("events", []):
        typer.echo(f"  {event['time']}  {event['type']:<32} {event['subject']}")
    refusals = translated.get("refused", [])
    if isinstance(refusals, str):
        refusals = [{"part": "the whole", "reason": refusals}]
    for refusal in refusals:
        typer.echo(f"  refused {refusal['part']}: {refusal['reason']}")
    if "ignored" in translated:
        typer.echo(f"  ignored: {translated['ignored']}")


def _print_transcript(heard: dict[str, Any]) -> None:
    if "refused" in heard:
        typer.echo(f"{heard['file']}: refused: {heard['refused']}")
        return
    typer.echo(
        f"{heard['file']}: {heard['duration_seconds']:.1f} s, {heard['language']}, {heard['model']}, "
        f"{heard['real_time_factor']:.2f} × real time"
    )
    for turn in heard["turns"]:
        typer.echo(f"  {turn['start_seconds']:7.2f}  {turn['role']:<9} {turn['text']}")
