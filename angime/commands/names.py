"""Names that verbs are asked with: the shell completes them, and for a mistaken one the right one is suggested."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, get_args

import typer

from angime.suggestions import known
from schemas.topics import PREFIX

LETTER_STAGES = ("normalise", "land", "streams")
# As dashboards.digest has them, without what that must load to draw.
DIGEST_PERIODS = ("day", "week", "month")

Names = Callable[[], Iterable[str]]


def _replay_stages() -> Iterable[str]:
    from pipelines.replay import Stage

    return get_args(Stage)


def _letter_states() -> Iterable[str]:
    from analytics.landing.letters import State

    return (*get_args(State), "any")


def _sources() -> Iterable[str]:
    from pipelines.sources import SOURCES

    return SOURCES


def _topics() -> Iterable[str]:
    from schemas.topics import TOPICS

    return TOPICS


def _event_types() -> Iterable[str]:
    from schemas.catalogue import EVENT_TYPES

    return EVENT_TYPES


def _metrics() -> Iterable[str]:
    from analytics.metrics.catalogue import catalogue

    return catalogue()


def _languages() -> Iterable[str]:
    from analytics.metrics.catalogue import LANGUAGES

    return LANGUAGES


def _companies() -> Iterable[str]:
    """Give the companies of company.toml; none where there is no such file, and any name is then taken."""
    from angime.settings import load
    from pipelines.origins import load_companies
    from pipelines.settings import PipelinesSettings

    path = load(PipelinesSettings).company_path
    return [company.id for company in load_companies(path)] if path.exists() else []


def _warehouses() -> Iterable[str]:
    from angime.surveying import warehouses

    return warehouses()


def _asked(kind: str, what: str, names: Names, *, prefix: str = "") -> dict[str, Any]:
    """Give what makes of a parameter a name of this kind, with or without its prefix; an empty one stands for none."""

    def check(written: str) -> str:
        listed, name = list(names()), written.removeprefix(prefix)
        return known(name, names=listed, what=what) if name and listed else name

    def complete(begun: str) -> list[str]:
        return [name for name in names() if name.startswith(begun)]

    return {"parser": check, "autocompletion": complete, "metavar": kind}


_SOURCE = _asked("SOURCE", "source", _sources)
_COMPANY = _asked("COMPANY", "company", _companies)
_METRIC = _asked("METRIC", "metric", _metrics)
_TOPIC = _asked("TOPIC", "topic", _topics, prefix=PREFIX)

Source = Annotated[str, typer.Argument(**_SOURCE, help="A source, such as asterisk; `angime sources` lists them.")]
OnlySource = Annotated[str, typer.Option(**_SOURCE, help="Only of this source.")]
OnlyCompany = Annotated[str, typer.Option(**_COMPANY, help="Only of this company.")]
DigestCompany = Annotated[str, typer.Option(**_COMPANY, help="Company; without it the first of company.toml.")]
OneCompany = Annotated[str, typer.Option(**_COMPANY, help="Id of the company; needed where there are several.")]
Metric = Annotated[str, typer.Argument(**_METRIC, help="Name of a metric; `angime metrics` lists them.")]
AnyMetric = Annotated[str, typer.Argument(**_METRIC, help="One metric; without it, all.")]
Language = Annotated[str, typer.Option(**_asked("LANGUAGE", "language", _languages), help="en, ru, kk or pt.")]
DigestPeriod = Annotated[
    str,
    typer.Option(
        **_asked("PERIOD", "period", lambda: DIGEST_PERIODS),
        help="day, week or month: the last whole ones up to yesterday.",
    ),
]
EventType = Annotated[
    str, typer.Argument(**_asked("EVENT_TYPE", "event type", _event_types), help="An event type, such as call.ended.")
]
Topic = Annotated[str, typer.Argument(**_TOPIC, help="A topic, such as calls.")]
OnlyTopic = Annotated[
    str,
    typer.Option(
        **_TOPIC,
        help="Only this topic of those the stage reads; must be named for offsets.",
    ),
]
OnlyCall = Annotated[
    str, typer.Option("--call", help="Only of this call, by our id, its beginning, or the provider's id.")
]
ReplayStage = Annotated[
    str,
    typer.Option(
        **_asked("STAGE", "stage", _replay_stages), help="normalise (from raw bytes), streams or land (from events)."
    ),
]
ReplayOrigin = Annotated[
    str,
    typer.Option(
        **_asked("ORIGIN", "origin", lambda: ("kafka", "log", "auto")),
        help="kafka, log, or auto: the log where Kafka forgot.",
    ),
]
LetterStage = Annotated[
    str,
    typer.Option(
        **_asked("STAGE", "stage", lambda: LETTER_STAGES),
        help="Only letters of this stage: normalise, land or streams.",
    ),
]
LetterState = Annotated[
    str, typer.Option(**_asked("STATE", "state", _letter_states), help="waiting, retried, discarded or any.")
]
Warehouse = Annotated[
    str,
    typer.Argument(
        **_asked("A", "warehouse", _warehouses), help="A warehouse: live, or the name of one built by replay --into."
    ),
]
OtherWarehouse = Annotated[str, typer.Argument(**_asked("B", "warehouse", _warehouses), help="Another one.")]
