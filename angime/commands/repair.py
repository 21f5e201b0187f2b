"""Verbs that look into the pipeline and mend it: dead letters, lag, what lies on topics, one call's facts."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Annotated, Any

import msgspec
import typer

from angime.commands.names import LetterStage, LetterState, OnlyCall, OnlySource, Topic
from angime.commands.output import Json, alone, print_fields, print_rows, say, step
from angime.commands.root import app
from angime.commands.surroundings import bootstrap, stop_on_signal

dead = typer.Typer(help="Records that were refused: list, look, send again, give up.", no_args_is_help=True)
app.add_typer(dead, name="dead")

LAST_RECORDS = 20

Reason = Annotated[str, typer.Option(help="Only letters whose reason holds this text.")]
Since = Annotated[str, typer.Option(help="Only those refused since: 2026-03-01, or 2h ago.")]
Until = Annotated[str, typer.Option(help="Only those refused before.")]
Places = Annotated[list[str] | None, typer.Argument(help="Letters by place, such as raw/2/1041.")]
Note = Annotated[str, typer.Option(help="Why; it is written down, so no personal data.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it only say what would be done.")]


@dead.command("list")
def dead_list(  # noqa: PLR0913  # each is an option of the command
    *,
    reason: Reason = "",
    source: OnlySource = "",
    stage: LetterStage = "",
    state: LetterState = "waiting",
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    json_output: Json = False,
) -> None:
    """List refused records, the newest first; by default those nobody has decided on.

    Example: `angime dead list --source twilio --since 2h`
    """
    from analytics.landing import letters

    wanted = _wanted(None, reason=reason, source=source, stage=stage, state=state, since=since, until=until)
    with _reader() as reader:
        found = letters.find(reader, wanted, limit=limit)
    names = ("place", "state", "died_at", "stage", "source", "account", "parts", "size_bytes", "reason")
    rows: list[dict[str, Any]] = [msgspec.to_builtins(letter) for letter in found]
    shown = rows if json_output else [{name: row[name] for name in names} for row in rows]
    is_whole = not (reason or source or stage or since or until) and state == "waiting"
    nothing = "no dead letter waits" if is_whole else "no dead letter is as it was asked for"
    print_rows(shown, as_json=json_output, nothing=nothing)


@dead.command("show")
def dead_show(
    place: Annotated[str, typer.Argument(help="A letter by its place, such as raw/2/1041.")],
    body: Annotated[bool, typer.Option("--body", help="Print the untouched bytes alone, to a file or a pipe.")] = False,
    json_output: Json = False,
) -> None:
    """Show why a record was refused, part by part; with --body its very bytes, which may be personal data.

    Example: `angime dead show raw/2/1041 --body > body.json`
    """
    from analytics.landing import letters
    from schemas.errors import Misconfigured

    alone(body=body, json=json_output)
    with _reader() as reader:
        found = letters.whole(reader, [place])
    if not found:
        raise Misconfigured(f"there is no dead letter at {place!r}; `angime dead list --state any` shows all places")
    if body:
        typer.get_binary_stream("stdout").write(found[0].body)
        return
    hidden = {"key", "body", "headers"}
    parts: list[dict[str, Any]] = [
        {name: value for name, value in msgspec.to_builtins(letter).items() if name not in hidden}
        | {"headers": [name for name, _ in letter.headers], "size_bytes": len(letter.body)}
        for letter in found
    ]
    if json_output:
        print_rows(parts, as_json=True)
        return
    for part in parts:
        print_fields(part, as_json=False)


@dead.command("retry")
def dead_retry(  # noqa: PLR0913  # each is an option of the command
    places: Places = None,
    *,
    reason: Reason = "",
    source: OnlySource = "",
    stage: LetterStage = "",
    since: Since = "",
    until: Until = "",
    note: Note = "",
    yes: Yes = False,
    json_output: Json = False,
) -> None:
    """Send refused records to their topic again, byte for byte, once their cause is mended; first only say how many.

    Example: `angime dead retry --reason "no account" --since 1d --yes`
    """
    from pipelines import redelivery

    wanted = _wanted(places, reason=reason, source=source, stage=stage, state="waiting", since=since, until=until)
    _decide(wanted, by=redelivery.retry, verb="retried", note=note, yes=yes, json_output=json_output)


@dead.command("discard")
def dead_discard(  # noqa: PLR0913  # each is an option of the command
    places: Places = None,
    *,
    reason: Reason = "",
    source: OnlySource = "",
    stage: LetterStage = "",
    since: Since = "",
    until: Until = "",
    note: Note = "",
    yes: Yes = False,
    json_output: Json = False,
) -> None:
    """Give refused records up: they stay where they are and wait no longer; first only say how many.

    Example: `angime dead discard raw/2/1041 --note "a test of the provider" --yes`
    """
    from pipelines import redelivery

    wanted = _wanted(places, reason=reason, source=source, stage=stage, state="waiting", since=since, until=until)
    _decide(wanted, by=redelivery.discard, verb="discarded", note=note, yes=yes, json_output=json_output)


@app.command()
def lag(
    partitions: Annotated[bool, typer.Option("--partitions", help="One row a partition, with offsets.")] = False,
    json_output: Json = False,
) -> None:
    """Say how many records wait for each stage.

    Example: `angime lag --partitions`
    """
    from angime.standing import lags
    from pipelines.kafka.lag import by_topic

    rows = lags(bootstrap())
    listed: list[dict[str, Any]] = [msgspec.to_builtins(row) for row in rows] if partitions else by_topic(rows)
    print_rows(listed, as_json=json_output)


@app.command()
def tail(
    topic: Topic,
    call_id: OnlyCall = "",
    last: Annotated[int, typer.Option(min=1, max=10_000, help="So many records.")] = LAST_RECORDS,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    json_output: Json = False,
) -> None:
    """Show the newest records of a topic, events decoded as today's versions; bodies of raw records stay hidden.

    Example: `angime tail calls --call CA0123 --json`
    """
    from analytics.progress import Pace
    from angime.suggestions import known
    from angime.watching import newest, stream
    from schemas.topics import CANONICAL

    if call_id:
        known(topic, names=CANONICAL, what="topic of events")
        call_id = whole_call_id(call_id)
    found = newest(bootstrap(), topic=topic, call_id=call_id, last=last, on_read=Pace(step).tell)
    for shown in found:
        _print_record(shown, json_output=json_output)
    if not found:
        step(f"Kafka holds no record of {call_id} on {topic}" if call_id else f"Kafka holds no record on {topic}")
    if follow:
        for shown in stream(bootstrap(), topic=topic, call_id=call_id, stop=stop_on_signal()):
            _print_record(shown, json_output=json_output)


@app.command()
def call(
    call_id: Annotated[str, typer.Argument(help="A call by our id, its beginning, or the provider's id.")],
    json_output: Json = False,
) -> None:
    """Show a call's events as they arrived and as they occurred, in both clocks, and how the fold read them.

    Example: `angime call CA0123`
    """
    from analytics.questions import lineage
    from schemas.errors import Misconfigured

    with _reader() as reader:
        found = _find_call(reader, call_id)
        if found is None:
            raise Misconfigured(f"no call goes by {call_id!r}; `angime sql` finds ids in facts.calls")
        folded = lineage.call(reader, found)
        facts = lineage.facts(reader, found).to_dicts()
        legs = lineage.legs(reader, found).to_dicts()
        conflicts = lineage.conflicts(reader, found)
    if json_output:
        print_fields({"call": folded, "conflicts": conflicts, "facts": facts, "legs": legs}, as_json=True)
        return
    typer.echo(f"outcome: {folded.get('outcome')}\noutcome_reason: {folded.get('outcome_reason')}\n\nAs it was folded:")
    print_fields({name: told for name, told in folded.items() if told is not None}, as_json=False)
    typer.echo(f"\nIts facts, as they arrived ({conflicts} more had the id of one of them and other content):")
    names = ("arrived", "occurred", "type", "leg", "time", "recorded_at", "delay_seconds", "told_anew_at", "place")
    print_rows([{name: fact[name] for name in names} for fact in facts], as_json=False)
    typer.echo("\nAs the fold read them, leg by leg; without a leg: the call as a whole:")
    print_rows(legs, as_json=False)


def whole_call_id(written: str) -> str:
    """Give our id of the call that is meant; one that the warehouse does not know yet stays as it is written."""
    from schemas.errors import NotYet

    try:
        with _reader() as reader:
            return _find_call(reader, written) or written
    except NotYet:
        return written


def _find_call(reader: Any, written: str) -> str | None:
    """Give the id of the one call that goes by this, None where none does. Raises Misconfigured where several do."""
    from analytics.questions import lineage
    from schemas.errors import Misconfigured

    found = lineage.find_calls(reader, written)
    if len(found) > 1:
        raise Misconfigured(f"several calls go by {written!r}; meant may be {', '.join(found)}")
    return found[0] if found else None


@contextmanager
def _reader() -> Generator[Any]:
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_reader
    from angime.settings import load

    with open_reader(load(AnalyticsSettings)) as reader:
        yield reader


def _wanted(places: list[str] | None, **wanted: str) -> Any:
    from analytics.landing.letters import LetterFilter
    from angime.moments import moment_of, now
    from schemas.errors import Misconfigured

    moments = {name: moment_of(wanted.pop(name), now=now()) for name in ("since", "until") if wanted[name]}
    if {"since", "until"} <= moments.keys() and moments["until"] < moments["since"]:
        raise Misconfigured("--until lies before --since: nothing was refused between them")
    return msgspec.convert({**wanted, "places": places or [], "since": None, "until": None} | moments, LetterFilter)


def _decide(  # noqa: PLR0913  # what both verbs are asked
    wanted: Any, *, by: Any, verb: str, note: str, yes: bool, json_output: bool
) -> None:
    from analytics.landing import letters
    from angime.moments import now
    from pipelines.kafka.broker import connect_producer
    from schemas.errors import Misconfigured
    from schemas.instants import instant

    with _reader() as reader:
        found = letters.find(reader, wanted)
        missing = sorted(set(wanted.places) - {letter.place for letter in found})
        if missing:
            raise Misconfigured(
                f"no letter waits at {missing[0]}; `angime dead list --state any` shows what became of it"
            )
        meant = letters.whole(reader, [letter.place for letter in found]) if yes else []
    if not yes:
        print_fields({f"would_be_{verb}": len(found)}, as_json=json_output)
        step("nothing was done: say --yes to do it")
        return
    with closing(connect_producer(bootstrap())) as producer:
        done = by(meant, producer=producer, note=note, now=instant(now()))
    print_fields({verb: done}, as_json=json_output)
    if done:
        step("`angime dead list` shows it once the lander has landed it, within seconds where it runs")


def _print_record(shown: dict[str, Any], *, json_output: bool) -> None:
    import json

    if json_output:
        say(json.dumps(shown, ensure_ascii=False))
        return
    data = shown.pop("data", None)
    say("  ".join(str(shown.get(name, "")) for name in ("place", "time", "published", "subject") if shown.get(name)))
    told = data if data is not None else {name: value for name, value in shown.items() if name != "place"}
    shown = {name: value for name, value in told.items() if value not in (None, "", [], (), False)}
    say("    " + "  ".join(f"{name}={_in_words(value)}" for name, value in shown.items()))


def _in_words(value: Any) -> str:
    """Write a value for people: identities as they are asked for, several of them with commas."""
    match value:
        case list() | tuple():
            return ", ".join(map(_in_words, value))  # pyright: ignore[reportUnknownArgumentType]  # fields of our own
        case {"kind": kind, "value": identity, **rest} if not rest:
            return f"{kind}:{identity}"
        case _:
            return str(value)  # pyright: ignore[reportUnknownArgumentType]  # fields of our own
