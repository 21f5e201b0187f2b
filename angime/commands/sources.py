"""Verbs that show what sources make of payloads and recordings, without Kafka."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from angime.commands.names import Source
from angime.commands.output import Json, print_rows, say
from angime.commands.root import app


@app.command()
def sources(json_output: Json = False) -> None:
    """List the sources and what each gives.

    Example: `angime sources --json`
    """
    from pipelines.sources import SOURCES

    rows = [
        {
            "name": source.name,
            "title": source.title,
            "capabilities": list(source.capabilities) if json_output else ", ".join(source.capabilities),
        }
        for source in SOURCES.values()
    ]
    print_rows(rows, as_json=json_output)


@app.command()
def translate(
    source: Source,
    files: Annotated[list[Path], typer.Argument(help="Bodies as the provider sends them.")],
    account: Annotated[str | None, typer.Option(help="Translate as this account of company.toml.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="An HTTP header, 'Name: value'; may be repeated.")] = None,
    json_output: Json = False,
) -> None:
    """Show, without Kafka, which events a payload becomes, or why it is refused; exit 1 when anything is.

    Example: `angime translate twilio call.json --json`
    """
    from pipelines.translate import translate_files

    origin = _origin(source, account) if account else None
    is_all_read = True
    for translated in translate_files(source, files, headers=_headers(header or []), origin=origin):
        is_all_read = is_all_read and "refused" not in translated
        if json_output:
            say(json.dumps(translated, ensure_ascii=False))
        else:
            _print_translation(translated)
    if not is_all_read:
        raise typer.Exit(1)


@app.command()
def transcribe(  # noqa: PLR0913, PLR0917  # each is an option of the command
    files: Annotated[list[Path], typer.Argument(help="Recordings: wav, mp3, ogg, flac, m4a, amr, webm.")],
    channels: Annotated[str, typer.Option(help="Who speaks in each channel, first channel first; or mono.")] = (
        "operator,customer"
    ),
    language: Annotated[str | None, typer.Option(help="Language spoken, such as kk; else it is detected.")] = None,
    model: Annotated[str | None, typer.Option(help="WhisperX model: a name, a folder, demo, or none.")] = None,
    keep_secrets: Annotated[bool, typer.Option(help="Leave card numbers, phones and the like in the text.")] = False,
    json_output: Json = False,
) -> None:
    """Transcribe recordings by speaker, without Kafka.

    Example: `angime transcribe call.wav --channels operator,customer --model demo --json`
    """
    from angime.hearing import transcribe_files

    transcripts = transcribe_files(
        files,
        channels=channels,
        language=language,
        model=model,
        keeps_secrets=keep_secrets,
        on_progress=_show_progress if sys.stderr.isatty() else lambda _file, _progress: None,
    )
    are_all_heard = True
    for heard in transcripts:
        are_all_heard = are_all_heard and "refused" not in heard
        if json_output:
            say(json.dumps(heard, ensure_ascii=False))
        else:
            _print_transcript(heard)
    if not are_all_heard:
        raise typer.Exit(1)


def _show_progress(file: Path, progress: Any) -> None:
    left = progress.left_seconds
    typer.echo(f"{file}: {progress.share:.0%}{'' if left is None else f', {left:.0f} s left'}", err=True)


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


def _print_translation(translated: dict[str, Any]) -> None:
    say(f"{translated['file']}:")
    for event in translated.get("events", []):
        say(f"  {event['time']}  {event['type']:<32} {event['subject']}")
    refusals = translated.get("refused", [])
    if isinstance(refusals, str):
        refusals = [{"part": "the whole", "reason": refusals}]
    for refusal in refusals:
        say(f"  refused {refusal['part']}: {refusal['reason']}")
    if "ignored" in translated:
        say(f"  ignored: {translated['ignored']}")


def _print_transcript(heard: dict[str, Any]) -> None:
    if "refused" in heard:
        say(f"{heard['file']}: refused: {heard['refused']}")
        return
    say(
        f"{heard['file']}: {heard['duration_seconds']:.1f} s, {heard['language']}, model {heard['model']}, grade "
        f"{heard['grade']}, speakers by {heard['separation']}; {heard['real_time_factor']:.3f} of real time, after "
        f"{heard['model_load_seconds']:.1f} s of loading"
    )
    for turn in heard["turns"]:
        who = turn["role"] if turn["speaker"] is None else f"{turn['role']} {turn['speaker'] + 1}"
        say(f"  {turn['start_seconds']:7.2f}  {who:<10} {turn['text']}")
    for name, figure in heard["figures"].items():
        if figure is not None:
            say(f"  {name}: {round(figure, 3) if isinstance(figure, float) else figure}")
