"""The verb that prints docs from code, and the description of all verbs."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from angime.commands.output import Json, print_fields
from angime.commands.root import CHAPTERS, app


@app.command()
def docs(
    check: Annotated[bool, typer.Option("--check", help="Only say which are stale; exit 1 if any is.")] = False,
    json_output: Json = False,
) -> None:
    """Print the docs that are made from code.

    Example: `angime docs`
    """
    from angime import printing

    paths = [str(path.relative_to(printing.ROOT)) for path in (printing.stale() if check else printing.print_all())]
    if json_output:
        print_fields({"stale" if check else "printed": paths}, as_json=True)
    else:
        for path in paths:
            typer.echo(f"stale: {path}; run `angime docs`" if check else f"printed {path}", err=check)
    if check and paths:
        raise typer.Exit(1)


def describe() -> str:
    """Describe every command for docs/commands.md, by chapters."""
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    lines: list[str] = []
    for chapter, listed in CHAPTERS.items():
        lines.append(f"## {chapter}\n")
        for verb in listed:
            lines += _describe_command(verbs[verb], path=f"angime {verb}")
    return "\n".join(lines)


def _describe_command(command: Any, *, path: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield f"### {path}\n"
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
