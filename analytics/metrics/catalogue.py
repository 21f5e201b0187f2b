"""The catalogue of metrics, read and checked from `metrics.toml`: what is counted of which fact, what is left out."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from analytics.settings import AnalyticsSettings

FILE = Path(__file__).with_name("metrics.toml")
LANGUAGES = ("en", "ru", "kk", "pt")

# Below this many rows a figure is marked as a small sample and never ranked (DOMAIN, rules for all metrics).
SMALL_SAMPLE = 20

Unit = Literal[
    "share",
    "calls",
    "seconds",
    "minutes",
    "per_hour",
    "per_minute",
    "per_call",
    "per_episode",
    "per_100_calls",
    "contacts",
    "deals",
    "signs",
    "money",
]
Good = Literal["up", "down", "none"]
Kind = Literal["share", "count", "sum", "ratio", "median", "p90", "p95"]
Dimension = Literal["hour", "weekday", "channel", "team", "operator", "direction", "business_hours", "account"]

QUANTILES: dict[str, float] = {"median": 0.5, "p90": 0.9, "p95": 0.95}
BOUND = re.compile(r"\{([a-z_]+)\}")


class Texts(Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence or title in every language of the pages."""

    en: str
    ru: str
    kk: str
    pt: str

    def of(self, language: str) -> str:
        """Give the text in `language`, one of LANGUAGES."""
        return {"en": self.en, "ru": self.ru, "kk": self.kk, "pt": self.pt}[language]


class Fact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What metrics are counted over: a relation with `company` and `day`, one row of which is one of `rows`.

    `key` tells its rows apart (columns with commas between) and `time` is the instant that the day is of. `entity` is
    the column by which the log knows a row, empty where a row is made of several. `dimensions` are the columns by
    which it is narrowed and grouped; by another one it cannot be. What a row says of a view that `is_of_contacts`
    hangs on the facts of its contact alone, and with `reach` on calls at most that bound of hours away.
    """

    name: str
    relation: str
    key: str
    time: str
    entity: str = ""
    is_of_contacts: bool = False
    reach: str = ""
    rows: Texts
    dimensions: dict[Dimension, str]


class Reason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why rows are left out: a condition on each fact to which it applies, and the words for it."""

    name: str
    title: Texts
    when: dict[str, str]


class Metric(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric as the catalogue defines it.

    It is about the rows of its fact that meet `of`, without those that a reason of `leave_out` takes. `numerator`
    and `denominator` are said of one row, so that exported rows add up to the figure: a share and a count take a
    condition, all others a measure, which is in seconds where the unit is a time. A ratio is `scale` times one sum by
    the other; a share with `distinct` counts what stands in that column once, however many rows it has, and a count
    what stands in its lists. `good` is the direction in which it gets better; `others` are definitions in use
    elsewhere. `since` names the release that first counted it so, and is empty where the company wrote it.
    """

    name: str
    fact: str
    kind: Kind
    of: str
    numerator: str
    denominator: str = ""
    scale: int = 1
    distinct: str = ""
    leave_out: tuple[str, ...]
    unit: Unit
    good: Good
    title: Texts
    meaning: Texts
    since: str = ""
    others: tuple[Texts, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether the company wrote it, and not we."""
        return not self.since

    @property
    def bounds(self) -> tuple[str, ...]:
        """Name the company's bounds that its meaning names, each in braces there."""
        return tuple(dict.fromkeys(BOUND.findall(self.meaning.en)))

    @property
    def formula(self) -> str:
        """The definition as SQL, as an analyst would repeat it."""
        from analytics.metrics.sql import formula

        return formula(self)


class Catalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All metrics of ours with the facts, reasons and bounds they stand on; `version` grows when a definition changes.

    `bounds` are ours, used where company data states none.
    """

    version: int
    bounds: dict[str, int]
    facts: dict[str, Fact]
    reasons: dict[str, Reason]
    metrics: dict[str, Metric]


@cache
def whole() -> Catalogue:
    """Read the whole catalogue of ours, in the order of the file. Raises ValueError for one that contradicts itself."""
    read = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for kind in ("facts", "reasons", "metrics"):
        read[kind] = {name: {"name": name, **fields} for name, fields in read[kind].items()}
    found = msgspec.convert(read, Catalogue)
    wrong = [fault for metric in found.metrics.values() for fault in faults(metric, found)]
    if wrong:
        raise ValueError(f"{FILE.name}: {'; '.join(wrong)}")
    return found


@cache
def catalogue() -> dict[str, Metric]:
    """Give all metrics by name: ours in the order of the file, then the company's own, as they were when first asked.

    Raises Misconfigured where the file of the company's own cannot be read.
    """
    from analytics.metrics.own import read

    return whole().metrics | read(AnalyticsSettings().metrics_file, known=whole())


def over(fact: str) -> dict[str, Metric]:
    """Give the metrics that are counted over one fact."""
    return {name: metric for name, metric in catalogue().items() if metric.fact == fact}


def fact_of(metric: Metric) -> Fact:
    """Give the fact that a metric is counted over."""
    return whole().facts[metric.fact]


def lists_calls(metric: Metric) -> bool:
    """Tell whether each row behind a metric is one call; an episode goes by the id of its first."""
    return fact_of(metric).key in {"call_id", "episode_id"}


def reasons_of(metric: Metric) -> list[tuple[Reason, str]]:
    """Give why rows are left out of a metric, each with its condition; a row is left out by the first that it meets."""
    return [(reason, reason.when[metric.fact]) for reason in map(whole().reasons.__getitem__, metric.leave_out)]


def faults(metric: Metric, found: Catalogue) -> list[str]:
    """Say where a metric contradicts itself, or what the catalogue has."""
    if metric.fact not in found.facts:
        return [f"{metric.name} is of no known fact: {metric.fact}; there are {', '.join(found.facts)}"]
    known = {name for name, reason in found.reasons.items() if metric.fact in reason.when}
    wrong = [
        f"{metric.name} cannot leave out {name} of {metric.fact}; there are {', '.join(sorted(known))}"
        for name in metric.leave_out
        if name not in known
    ]
    wrong += [f"{metric.name} names {{{bound}}}" for bound in metric.bounds if bound not in found.bounds]
    if (metric.kind == "ratio") != bool(metric.denominator):
        wrong.append(f"{metric.name}: a ratio, and only a ratio, has a denominator of its own")
    if metric.distinct and metric.kind not in {"share", "count"}:
        wrong.append(f"{metric.name}: only a share or a count counts what is distinct")
    if (metric.kind == "share") != (metric.unit == "share") and metric.kind != "ratio":
        wrong.append(f"{metric.name}: the unit of a share is share")
    return wrong


DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
