"""Verbs for the broker of this machine and the declared topics."""

from contextlib import closing
from typing import Annotated

import typer

from angime.commands.output import Json, print_fields, print_rows, step
from angime.commands.root import app
from angime.commands.surroundings import bootstrap, home

broker = typer.Typer(help="The Kafka broker of this machine.", no_args_is_help=True)
topics = typer.Typer(help="The declared topics.", no_args_is_help=True)
app.add_typer(broker, name="broker")
app.add_typer(topics, name="topics")


@broker.command("start")
def broker_start(json_output: Json = False) -> None:
    """Start Apache Kafka on this machine, or find the one that runs.

    Example: `angime broker start`
    """
    from pipelines.kafka import local_kafka

    running = local_kafka.start(home(), on_step=step)
    print_fields({"bootstrap": running.bootstrap, "pid": running.pid}, as_json=json_output)


@broker.command("stop")
def broker_stop(json_output: Json = False) -> None:
    """Stop the broker of this home.

    Example: `angime broker stop`
    """
    from pipelines.kafka import local_kafka

    print_fields({"stopped": local_kafka.stop(home())}, as_json=json_output)


@broker.command("status")
def broker_status(json_output: Json = False) -> None:
    """Say whether the broker runs, and where. Exit 1 when it does not.

    Example: `angime broker status --json`
    """
    from pipelines.kafka import local_kafka

    found = local_kafka.status(home())
    print_fields(
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


@broker.command("rescue")
def broker_rescue(json_output: Json = False) -> None:
    """Begin a new log where Kafka cannot start with its own, and send again what can be read and was not yet.

    The old one is set aside as it is: raw records of the past are there alone, no longer in Kafka for replays. What was
    landed stays, and the lander knows that the log is another. When it is broken off, the same again goes on.

    Example: `angime broker rescue`
    """
    import msgspec

    from angime.rescuing import rescue

    rescued = rescue(on_step=step)
    print_fields(msgspec.to_builtins(rescued), as_json=json_output)
    step(f"delete {rescued.set_aside} when nothing is missed: it holds what people said, and nothing else deletes it")


@topics.command("apply")
def topics_apply(json_output: Json = False) -> None:
    """Make the declared topics in Kafka; those that exist stay, with partitions and retention brought up to date.

    Example: `angime topics apply`
    """
    from pipelines.kafka import topics as declared
    from pipelines.kafka.broker import Admin

    with closing(Admin(bootstrap())) as admin:
        done = declared.apply(admin)
    print_fields({"changed": done}, as_json=json_output)


@topics.command("list")
def topics_list(json_output: Json = False) -> None:
    """List the declared topics and how Kafka has them.

    Example: `angime topics list --json`
    """
    import msgspec

    from pipelines.kafka import topics as declared
    from pipelines.kafka.broker import Admin

    with closing(Admin(bootstrap())) as admin:
        rows = declared.rows(admin)
    print_rows([msgspec.to_builtins(row) for row in rows], as_json=json_output)


@topics.command("forget")
def topics_forget(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only say what would be deleted.")] = False,
    json_output: Json = False,
) -> None:
    """Let Kafka delete now what every stage has read, as after an erasure; raw records are then gone for replays.

    What was landed is safe in the log. Offsets stay as they are, and what some stage has not read stays. The bytes
    leave the disk with the file that holds them, which Kafka closes at the first record after a day.

    Example: `angime topics forget --yes`
    """
    from angime.standing import lags
    from pipelines import forgetting
    from pipelines.kafka.broker import Admin

    address = bootstrap()
    positions = forgetting.read_by_all(lags(address))
    with closing(Admin(address)) as admin:
        done = forgetting.forget(admin, positions) if yes else forgetting.forgettable(admin, positions)
    print_rows([{"topic": topic, "records": records} for topic, records in done.items()], as_json=json_output)
    if not yes:
        step("nothing was deleted: say --yes to do it")
