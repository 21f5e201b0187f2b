# ruff: noqa: S608  # only texts of the catalogue are pasted
"""The layer `metrics`, written from the catalogue: its definitions as rows, and every metric of every day."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from analytics.log import quoted
from analytics.metrics.catalogue import LANGUAGES, Metric, catalogue, fact_of, whole
from analytics.metrics.sql import columns_sql, formula

_DAILY = """
-- One row a company, local day and metric of the catalogue that has rows on that day: the number that a page shows.
-- Medians and percentiles are those of the day; to get those of a longer time, run the metric's formula over it.
-- key: company, day, metric
-- columns:
--   company varchar: tenant
--   day date: local date in the company's zone
--   metric varchar: name of the metric in metrics.catalogue
--   value double: the figure, in the metric's unit
--   numerator double: what is above the line, of a time in the metric's unit; of a median or a percentile, itself
--   denominator double: what is below the line, null where the metric has none
--   sample bigint: rows behind the figure; below 20 it is a small sample
"""

_CATALOGUE = """
-- One row a metric: how it is counted, in which unit, and what it means.
-- key: metric
-- columns:
--   metric varchar: name
--   version integer: version of the catalogue
--   since varchar: release that first counted it so
--   fact varchar: table or view whose rows are counted
--   kind varchar: share, count, sum, ratio, median, p90 or p95
--   formula varchar: the definition in SQL; what begins with a dollar sign is a bound of the company
--   left_out varchar[]: reasons for which rows are left out
--   unit varchar: unit of the figure
--   good varchar: direction in which it gets better: up, down or none
--   dimensions varchar[]: by what it can be narrowed and grouped, beside company and day
--   others varchar[]: other definitions in use
--   title_en varchar: title in English
--   title_ru varchar: title in Russian
--   title_kk varchar: title in Kazakh
--   title_pt varchar: title in Portuguese
--   meaning_en varchar: meaning in English; a name in braces is a bound of the company
--   meaning_ru varchar: meaning in Russian
--   meaning_kk varchar: meaning in Kazakh
--   meaning_pt varchar: meaning in Portuguese
"""


def texts() -> dict[str, str]:
    """Give the views of the layer by name, each as the text of a SQL file: a header and a `select`."""
    return {"catalogue": _CATALOGUE + _catalogue_sql(), "daily": _DAILY + _daily_sql()}


def _daily_sql() -> str:
    listed = sorted(catalogue().values(), key=lambda metric: metric.fact)
    parts = [_daily_of(list(metrics)) for _, metrics in groupby(listed, key=lambda metric: metric.fact)]
    return "\nunion all\n".join(parts)


def _daily_of(metrics: list[Metric]) -> str:
    return figures_by_day(metrics, relation=fact_of(metrics[0]).relation)


def figures_by_day(metrics: Sequence[Metric], *, relation: str) -> str:
    """Write the figures of metrics of one fact by company and day, over `relation`.

    Each metric is a part of its own: of those that nobody asks for the engine reads nothing.
    """
    figures, counted = columns_sql(metric.name for metric in metrics)
    columns = (", ".join(f"{column} as {name}" for name, column in figure.items()) for figure in figures)
    parts = "\n    union all\n    ".join(f"select company, day, {told} from counted_of_days" for told in columns)
    return f"""select *
from (
    with counted_of_days as (select company, day, {counted} from {relation} group by company, day)
    {parts}
) as figures_of_days
where sample > 0"""


def _catalogue_sql() -> str:
    rows = ",\n".join(_row(metric) for metric in catalogue().values())
    words = (
        "metric",
        "version",
        "since",
        "fact",
        "kind",
        "formula",
        "left_out",
        "unit",
        "good",
        "dimensions",
        "others",
    )
    told = [f"{kind}_{language}" for kind in ("title", "meaning") for language in LANGUAGES]
    return f"select * from (values\n{rows}\n) as listed({', '.join([*words, *told])})"


def _row(metric: Metric) -> str:
    fact = fact_of(metric)
    cells = [
        quoted(metric.name),
        str(whole().version),
        quoted(metric.since),
        quoted(fact.relation),
        quoted(metric.kind),
        quoted(formula(metric)),
        _list(metric.leave_out),
        quoted(metric.unit),
        quoted(metric.good),
        _list(fact.dimensions),
        _list(other.en for other in metric.others),
        *(quoted(metric.title.of(language)) for language in LANGUAGES),
        *(quoted(metric.meaning.of(language)) for language in LANGUAGES),
    ]
    return f"({', '.join(cells)})"


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(quoted(word) for word in words)}]::varchar[]"
