"""The catalogue of metrics, read and checked from `metrics.toml`, and the SQL that counts several at once."""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

FILE = Path(__file__).with_name("metrics.toml")
LANGUAGES = ("en", "ru", "kk", "pt")

# Below this many calls a figure is marked as a small sample and never ranked (DOMAIN, rules for all metrics).
SMALL_SAMPLE = 20

Unit = Literal["share", "calls", "seconds", "minutes"]
Good = Literal["up", "down", "none"]


class Texts(Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence or title in every language of the pages."""

    en: str
    ru: str
    kk: str
    pt: str

    def of(self, language: str) -> str:
        """Give the text in `language`, one of LANGUAGES."""
        return {"en": self.en, "ru": self.ru, "kk": self.kk, "pt": self.pt}[language]


class Metric(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric as the catalogue defines it; `good` is the direction in which it gets better."""

    name: str
    fact: str
    numerator: str
    denominator: str = ""
    sample: str
    leave_out: str
    unit: Unit
    good: Good
    since: str
    title: Texts
    meaning: Texts

    @property
    def formula(self) -> str:
        """The definition as SQL, as an analyst would repeat it; `$…` are bounds of the company."""
        figure = f"{self.numerator}\n/ {self.denominator}" if self.denominator else self.numerator
        return f"select {figure}\nfrom {self.fact}\nwhere not ({self.leave_out})"


@cache
def catalogue() -> dict[str, Metric]:
    """Read all metrics by name, in the order of the file."""
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: msgspec.convert({"name": name, **fields}, Metric) for name, fields in tables.items()}


def figures_sql(names: Iterable[str]) -> str:
    """Write the list of structs (metric, value, numerator, sample) that counts metrics of one fact over any group.

    Each metric leaves its own calls out, so that metrics with different exclusions can stand in one query.
    """
    return f"[{', '.join(_figure(catalogue()[name]) for name in names)}]"


def _figure(metric: Metric) -> str:
    numerator, denominator, sample = (
        _leaving_out(part, leave_out=metric.leave_out) for part in (metric.numerator, metric.denominator, metric.sample)
    )
    value = f"({numerator}) / nullif({denominator}, 0)" if denominator else f"({numerator})"
    return (
        f"{{'metric': '{metric.name}', "
        f"'value': cast(case when {sample} > 0 then {value} end as double), "
        f"'numerator': cast({numerator} as double), "
        f"'sample': cast({sample} as bigint)}}"
    )


def _leaving_out(aggregate: str, *, leave_out: str) -> str:
    """Add the exclusion to an aggregate's filter; every aggregate of the catalogue has one."""
    return aggregate.replace("filter (where ", f"filter (where not ({leave_out}) and ")
