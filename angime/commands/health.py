"""Verbs that say how everything stands, and what is to be mended."""

import json
from datetime import datetime
from typing import Any, cast

import msgspec
import typer

from angime.commands.output import Json, print_rows, running, step
from angime.commands.root import app
from angime.moments import told as in_words


@app.command()
def doctor(json_output: Json = False) -> None:
    """Look at settings, Java, ports, disk, clock, versions, models and rights; exit 1 when something is wrong.

    Example: `angime doctor`
    """
    from angime.doctor import examine

    findings = examine()
    if json_output:
        print_rows([msgspec.to_builtins(finding) for finding in findings], as_json=True)
    else:
        marks = {"good": "✓", "note": "·", "wrong": "✗"}
        for finding in findings:
            typer.echo(f"{marks[finding.state]} {finding.what}: {finding.found}")
            if finding.mending:
                typer.echo(f"    → {finding.mending}")
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


@app.command()
def status(json_output: Json = False) -> None:
    """Say how everything stands: what runs, what waits, how fresh the warehouse is.

    Example: `angime status --json`
    """
    from angime.standing import standing

    found = standing()
    if json_output:
        typer.echo(json.dumps(found, ensure_ascii=False, default=str))
        return
    for name, told in found.items():
        typer.echo(f"{name}: {_in_words(told)}")


def _in_words(told: Any) -> str:
    if told is None:
        return "unknown"
    if isinstance(told, datetime):
        return in_words(told)
    if not isinstance(told, dict):
        return str(told)
    parts = cast("dict[str, Any]", told)
    return ", ".join(_part(part, value) for part, value in parts.items()) or "nothing"


def _part(name: str, value: Any) -> str:
    """Write sizes as people read them; programs get bytes."""
    if name.endswith("_bytes"):
        return f"{name.removesuffix('_bytes')} {value / 1e6:,.1f} MB"
    return f"{name}{':' if isinstance(value, str) else ''} {_in_words(value)}"


@app.command()
def watch(json_output: Json = False) -> None:
    """Serve figures for Prometheus about lag, freshness and refusals, until Ctrl-C or SIGTERM.

    Example: `angime watch`
    """
    from prometheus_client import CollectorRegistry, start_http_server

    from analytics.settings import AnalyticsSettings
    from angime.commands.surroundings import prove_free, stop_on_signal
    from angime.figures import Standing
    from angime.settings import load

    registry = CollectorRegistry()
    registry.register(Standing())
    stop = stop_on_signal()
    port = load(AnalyticsSettings).watch_port
    prove_free("127.0.0.1", port, setting="ANGIME_WATCH_PORT")
    server, _ = start_http_server(port, addr="127.0.0.1", registry=registry)
    running("watch", at=f"http://127.0.0.1:{port}/metrics", as_json=json_output)
    step(f"figures on http://127.0.0.1:{port}/metrics")
    stop.wait()
    server.shutdown()
    server.server_close()
