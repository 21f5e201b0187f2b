"""Verbs that run: each stage alone, all of them together, and the demonstration."""

import os
from typing import Annotated

import typer

from angime import presence
from angime.commands.output import Json, one_log_stream, running, step
from angime.commands.root import app
from angime.commands.surroundings import address_of, home, prove_free, stop_on_signal, with_kafka

STAGE_HELP = "It runs until Ctrl-C, SIGTERM or the end of its terminal; `angime up` runs it beside the others."


@app.command(help=f"Take webhooks into Kafka.\n\n{STAGE_HELP}\n\nExample: `angime receive`")
def receive(json_output: Json = False) -> None:
    """Take webhooks into Kafka."""
    from angime.settings import load
    from pipelines import receive as stage
    from pipelines.settings import PipelinesSettings

    settings = with_kafka(load(PipelinesSettings))
    running("receive", at=settings.kafka, as_json=json_output)
    stage.run(
        settings,
        stop=stop_on_signal(),
        on_ready=lambda address: presence.tell(settings.home, "receive", said=address),
    )


@app.command(
    help="Fetch what providers do not send: follow files, poll queues, listen on sockets, as the accounts in "
    f"company.toml ask for it.\n\n{STAGE_HELP}\n\nExample: `angime collect`"
)
def collect(json_output: Json = False) -> None:
    """Fetch what providers do not send."""
    from angime.settings import load
    from pipelines import collect as stage
    from pipelines.settings import PipelinesSettings

    settings = with_kafka(load(PipelinesSettings))
    running("collect", at=settings.kafka, as_json=json_output)
    presence.tell(settings.home, "collect", said=settings.kafka)
    stage.run(settings, stop=stop_on_signal())


@app.command(help=f"Turn raw records into canonical events.\n\n{STAGE_HELP}\n\nExample: `angime normalise`")
def normalise(json_output: Json = False) -> None:
    """Turn raw records into canonical events."""
    from angime.settings import load
    from pipelines import normalise as stage
    from pipelines.settings import PipelinesSettings

    settings = with_kafka(load(PipelinesSettings))
    running("normalise", at=settings.kafka, as_json=json_output)
    presence.tell(settings.home, "normalise", said=settings.kafka)
    stage.run(settings, stop=stop_on_signal())


@app.command(help=f"Fetch recordings and transcribe them.\n\n{STAGE_HELP}\n\nExample: `angime stream`")
def stream(json_output: Json = False) -> None:
    """Fetch recordings and transcribe them."""
    from analytics.privacy.erased import Known
    from angime.ending import ending_signals
    from angime.settings import load
    from pipelines.kafka.access import access, encryption
    from pipelines.kafka.broker import reach
    from schemas.topics import TOPICS
    from streams import worker as stage
    from streams.settings import StreamsSettings

    settings = with_kafka(load(StreamsSettings))
    running("stream", at=settings.kafka, as_json=json_output)
    presence.tell(settings.home, "stream", said=settings.speech_model)
    is_erased = Known(settings.home).holds
    told = access()
    topics = sorted({topic.name for topic in TOPICS.values() if {"streams"} & {*topic.readers, *topic.writers}})

    def knock() -> None:
        presence.beat()
        reach(settings.kafka, topics)

    door = stage.Door(access=told, encryption=encryption(told), knock=knock)
    stage.run(settings, environ=dict(os.environ), ending=ending_signals(), is_erased=is_erased, door=door)


@app.command(help=f"Land events in the warehouse and refresh its facts.\n\n{STAGE_HELP}\n\nExample: `angime land`")
def land(
    anew: Annotated[
        bool, typer.Option("--anew", help="Read all that Kafka holds again; the log takes only what it lacks.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Land events in the warehouse and refresh its facts."""
    from analytics.settings import AnalyticsSettings
    from angime.recordings import forget_recordings
    from angime.settings import load
    from pipelines import land as stage
    from pipelines.settings import PipelinesSettings

    settings = with_kafka(load(PipelinesSettings))
    running("land", at=settings.kafka, as_json=json_output)
    presence.tell(settings.home, "land", said=settings.kafka)
    stage.run(
        settings,
        load(AnalyticsSettings),
        stop=stop_on_signal(),
        forget_recordings=forget_recordings,
        begins_anew=anew,
    )


@app.command()
def api(json_output: Json = False) -> None:
    """Serve the read API for machines, until Ctrl-C or SIGTERM; docs/api.md tells of its tokens.

    Example: `angime api`
    """
    import uvicorn

    from analytics.api import make_app, read_tokens
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_reader
    from angime.settings import load
    from pipelines.receiving.heads import BoundedHeads

    settings = load(AnalyticsSettings)
    application = make_app(read_tokens(settings.api_tokens_path), open_reader=lambda: open_reader(settings))
    prove_free(settings.api_host, settings.api_port, setting="ANGIME_API_PORT")
    address = address_of(settings.api_host, settings.api_port)
    running("api", at=address, as_json=json_output)
    step(f"the read API: {address}/api/v1/openapi.json")
    presence.tell(settings.home, "api", said=address)
    uvicorn.run(
        application,
        host=settings.api_host,
        port=settings.api_port,
        http=BoundedHeads,
        log_level="warning",
        access_log=False,
    )


@app.command(help=f"Serve the pages.\n\n{STAGE_HELP}\n\nExample: `angime pages`")
def pages(json_output: Json = False) -> None:
    """Serve the pages."""
    from analytics.metrics.own import own
    from angime import hosting
    from angime.settings import load
    from dashboards import server
    from dashboards.settings import DashboardsSettings
    from pipelines.kafka.free_ports import free_port

    settings = load(DashboardsSettings)
    settings = settings.model_copy(update={"pages_port": settings.pages_port or free_port()})
    own()  # a mistake in them is told here, and not to visitors
    command = server.command(settings, through=hosting.__name__)
    prove_free(settings.pages_host, settings.pages_port, setting="ANGIME_PAGES_PORT")
    address = address_of(settings.pages_host, settings.pages_port)
    running("pages", at=address, as_json=json_output)
    presence.tell(settings.home, "pages", said=address)
    os.execv(command[0], command)  # noqa: S606  # the process becomes the pages' server, with fixed arguments


@app.command()
def up(json_output: Json = False) -> None:
    """Run everything on this machine: broker, receiver, normaliser, streams, lander and pages.

    Example: `angime up`
    """
    from angime import up as everything
    from schemas.errors import Misconfigured

    say = one_log_stream()
    stopped = stop_on_signal()
    stack = everything.start(everything.Options(say=say, on_step=step))
    try:
        stack.wait_ready(stopped)
        if not stopped.is_set():
            if json_output:
                running("up", at=stack.pages_url, as_json=True)
            step(f"Webhooks: {stack.receiver_url}/hooks/SOURCE/ACCOUNT")
            step(f"Pages: {stack.pages_url}   (Ctrl-C ends everything)")
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

    raise typer.Exit(run_demo(home(), seed=seed, once=once, json_output=json_output))
