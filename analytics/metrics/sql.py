"""The SQL of metrics: figures over any group, the rows behind one, what was left out, and the formula for people.

Sums are taken in whole milliseconds and quantiles are rounded to a hundredth of one, so that the same rows give the
same figure to the last digit, whatever their order.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from analytics.metrics.catalogue import QUANTILES, Metric, catalogue, fact_of, reasons_of

# How many of a measure's whole parts make one of the unit.
PARTS = {"seconds": 1_000, "minutes": 60_000}

# A line of a formula that is longer is cut off where a page shows it, in characters.
WIDEST = 72

# What is counted: the rows of a fact, or groups of calls that are alike.
Over = Literal["rows", "groups"]
_OR, _INNERMOST = re.compile(r"\bor\b", re.IGNORECASE), re.compile(r"\([^()]*\)")
# The fact whose rows are grouped; which column of a group holds a measure of each of its calls, and which columns hold
# their sum and how many have any.
GROUPED_FACT = "calls"
MEASURES = {"talk_seconds": "talk_ms", "answer_seconds": "answer_ms"}
SUMS = {"talk_seconds": ("all_talk_ms", "talks")}


def figures_sql(names: Iterable[str], *, over: Over = "rows") -> tuple[str, str]:
    """Write the list of structs that are metrics of one fact over any group, and what the group is counted by for them.

    Each struct holds metric, value, numerator, denominator and sample, and leaves its own rows out, so that metrics
    with different exclusions stand in one query.
    """
    figures, counted = columns_sql(names, over=over)
    structs = [", ".join(f"'{name}': {column}" for name, column in figure.items()) for figure in figures]
    return f"[{', '.join(f'{{{struct}}}' for struct in structs)}]", counted


def columns_sql(names: Iterable[str], *, over: Over = "rows") -> tuple[list[dict[str, str]], str]:
    """Write the columns of each of some metrics of one fact over any group, and what the group is counted by for them.

    What several of them are made of is counted once, by its name: the engine plans such a query in half the time.
    """
    counted: dict[str, str] = {}

    def named(aggregate: str) -> str:
        return counted.setdefault(aggregate, f"counted_{len(counted)}") if aggregate else ""

    figures = [
        _columns(metric, *(named(aggregate) for aggregate in aggregates(metric, over=over)))
        for metric in (catalogue()[name] for name in names)
    ]
    return figures, ", ".join(f"{aggregate} as {name}" for aggregate, name in counted.items())


def figure_sql(metric: Metric, *, where: str = "true") -> str:
    """Write the statement that counts one metric over the rows that meet a condition, to be read and run by people.

    Columns: metric, value, numerator, denominator, sample.
    """
    numerator, denominator, sample = _parts(metric, among="true")
    value = _value(metric, numerator="numerator", denominator="denominator")
    and_so = "\n        and "
    return f"""select
    '{metric.name}' as metric,
    cast(case when sample > 0 then {value} end as double) as value,
    cast({_in_unit(metric, "numerator")} as double) as numerator,
    cast(denominator as double) as denominator,
    sample
from (
    select
        {numerator} as numerator,
        {denominator or "null"} as denominator,
        {sample} as sample
    from {fact_of(metric).relation}
    where {where}{and_so}{sampled_sql(metric, between=and_so)}
)"""  # noqa: S608  # texts of the catalogue


def _columns(metric: Metric, numerator: str, denominator: str, sample: str) -> dict[str, str]:
    value = _value(metric, numerator=numerator, denominator=denominator)
    return {
        "metric": f"'{metric.name}'",
        "value": f"cast(case when {sample} > 0 then {value} end as double)",
        "numerator": f"cast({_in_unit(metric, numerator)} as double)",
        "denominator": f"cast({denominator or 'null'} as double)",
        "sample": f"cast({sample} as bigint)",
    }


def _value(metric: Metric, *, numerator: str, denominator: str) -> str:
    """Write the figure itself over a group that has rows of it."""
    if metric.kind == "share":
        return f"{numerator} / nullif({denominator}, 0)"
    figure = f"{numerator} * {metric.scale} / nullif({denominator}, 0)" if metric.kind == "ratio" else numerator
    return _in_unit(metric, figure)


def _in_unit(metric: Metric, milliseconds: str) -> str:
    """Write a time in the metric's unit; what is no time stays as it is."""
    return f"{milliseconds} / {PARTS[metric.unit]}" if metric.unit in PARTS else milliseconds


def aggregates(metric: Metric, *, over: Over = "rows") -> tuple[str, str, str]:
    """Write numerator, denominator (empty where there is none) and sample over a group.

    They count the rows of the metric's fact, or what stands for them in reports.calls_grouped: how many are alike, and
    the measures of each.
    """
    return _of_rows(metric) if over == "rows" else _of_groups(metric)


def is_grouped(metric: Metric, *, by_hour: bool) -> bool:
    """Tell whether a metric can be counted over groups of calls; their measures are known by day, not by hour.

    One of the company's own may read columns that groups do not have.
    """
    if metric.fact != GROUPED_FACT or metric.distinct or metric.is_own:
        return False
    if metric.kind in {"share", "count"}:
        return True
    return not by_hour and metric.kind != "ratio" and metric.numerator in (SUMS if metric.kind == "sum" else MEASURES)


def measures_of(names: Iterable[str]) -> set[str]:
    """Name the columns of groups that hold each call's measure and are needed to count metrics over them."""
    return {MEASURES[metric.numerator] for metric in map(catalogue().__getitem__, names) if metric.kind in QUANTILES}


def _of_groups(metric: Metric) -> tuple[str, str, str]:
    counted = counted_sql(metric)
    sample = f"coalesce(sum(calls) filter (where {counted}), 0)"
    if metric.kind in {"share", "count"}:
        numerator = f"coalesce(sum(calls) filter (where {counted} and ({metric.numerator})), 0)"
        return numerator, sample if metric.kind == "share" else "", sample
    if metric.kind == "sum":
        summed, measured = SUMS[metric.numerator]
        return f"sum({summed}) filter (where {counted})", "", f"coalesce(sum({measured}) filter (where {counted}), 0)"
    measures = MEASURES[metric.numerator]
    measured = f"coalesce(sum(len({measures})) filter (where {counted}), 0)"
    all_measures = f"flatten(list({measures}) filter (where {counted}))"
    return f"round(list_aggregate({all_measures}, 'quantile_cont', {QUANTILES[metric.kind]}), 2)", "", measured


def _of_rows(metric: Metric) -> tuple[str, str, str]:
    return _parts(metric, among=sampled_sql(metric))


def _parts(metric: Metric, *, among: str) -> tuple[str, str, str]:
    """Write numerator, denominator and sample of those rows of a group that meet `among`."""

    def of(*conditions: str) -> str:
        met = _all_of(among, *conditions)
        return "" if met == "true" else f" filter (where {met})"

    sample = f"count(*){of()}"
    match metric.kind:
        case "share":
            counted = f"count(distinct {metric.distinct})" if metric.distinct else "count(*)"
            return f"{counted}{of(metric.numerator)}", f"{counted}{of()}", f"{counted}{of()}"
        case "count" if metric.distinct:
            lists = f"list({metric.distinct}){of(metric.numerator, f'{_whole(metric.distinct)} is not null')}"
            return f"coalesce(len(list_distinct(flatten({lists}))), 0)", "", sample
        case "count":
            return f"count(*){of(metric.numerator)}", "", sample
        case "sum":
            return f"sum({measure_sql(metric)}){of()}", "", sample
        case "ratio":
            return f"sum({measure_sql(metric)}){of()}", f"sum({metric.denominator}){of()}", sample
        case "median" | "p90" | "p95":
            quantile = f"quantile_cont({measure_sql(metric)}, {QUANTILES[metric.kind]}){of()}"
            return f"round({quantile}, 2)", "", sample


def behind_sql(metric: Metric) -> str:
    """Write the condition of the rows behind a figure, over which it is counted and which every list of it holds.

    Of a share they are those below the line, of a count those that it counts, else those of which there is a measure.
    """
    return _all_of(*_behind(metric))


def sampled_sql(metric: Metric, *, between: str = " and ") -> str:
    """Write the condition of the rows that a figure's sample counts: of a count those, too, that it does not count."""
    return _all_of(*(_counted(metric) if metric.kind == "count" else _behind(metric)), between=between)


def counted_sql(metric: Metric) -> str:
    """Write the condition of the rows that a metric is about, without those that it leaves out."""
    return _all_of(*_counted(metric))


def _behind(metric: Metric) -> list[str]:
    conditions = _counted(metric)
    if metric.kind == "count":
        conditions.append(metric.numerator)
    elif metric.kind != "share":
        conditions.append(f"{_whole(metric.numerator)} is not null")
    if metric.distinct:
        conditions.append(f"{_whole(metric.distinct)} is not null")
    return conditions


def _counted(metric: Metric) -> list[str]:
    left_out = " or ".join(when for _, when in reasons_of(metric))
    return [metric.of, f"({left_out}) is not true"] if left_out else [metric.of]


def _all_of(*conditions: str, between: str = " and ") -> str:
    """Write that all conditions hold, each once, without one that always does."""
    told = dict.fromkeys(f"({one})" if _is_any_of(one) else one for one in conditions if one != "true")
    return between.join(told) or "true"


def _is_any_of(condition: str) -> bool:
    """Whether a condition holds when one of its parts does, so that another beside it would be about the last alone."""
    outer, found = condition, 1
    while found:
        outer, found = _INNERMOST.subn("", outer)
    return _OR.search(outer) is not None


def _whole(text: str) -> str:
    """Write an expression so that whatever stands beside it is about the whole of it."""
    return text if text.isidentifier() else f"({text})"


def row_sql(metric: Metric) -> str:
    """Write what one row adds to the numerator, in the metric's unit: 1 or 0 of a condition."""
    return _in_unit(metric, measure_sql(metric))


def measure_sql(metric: Metric) -> str:
    """Write what one row adds to the numerator: 1 or 0 of a condition, whole milliseconds of a time."""
    if metric.kind in {"share", "count"}:
        return f"cast(coalesce({metric.numerator}, false) as integer)"
    return f"cast(round({_whole(metric.numerator)} * 1000) as bigint)" if metric.unit in PARTS else metric.numerator


def reason_sql(metric: Metric) -> str:
    """Write why a row is left out of a metric, by the name of the first reason that it meets; null where it is not."""
    cases = " ".join(f"when {when} then '{reason.name}'" for reason, when in reasons_of(metric))
    return f"case {cases} end" if cases else "cast(null as varchar)"


def formula(metric: Metric) -> str:
    """Write a metric's definition as an analyst would repeat it."""
    scale = f" * {metric.scale}" if metric.scale != 1 else ""
    rows = f"distinct {metric.distinct}" if metric.distinct else "*"
    share = f"count({rows}) filter (where {metric.numerator})", f"/ count({rows})"
    counted = (f"len(list_distinct(flatten(list({metric.distinct})", ")))") if metric.distinct else ("count(*)", "")
    each = counted[0], f"filter (where {metric.numerator}){counted[1]}"
    ratio = f"sum({metric.numerator}){scale}", f"/ sum({metric.denominator})"
    figure = {
        "share": _in_lines(share, within="select {}"),
        "count": _in_lines(each, within="select {}") if metric.distinct else " ".join(each),
        "sum": f"sum({metric.numerator})" + (" / 60" if metric.unit == "minutes" else ""),
        "ratio": _in_lines(ratio, within="select {}"),
        "median": f"median({metric.numerator})",
    }.get(metric.kind) or f"quantile_cont({metric.numerator}, {QUANTILES[metric.kind]})"
    first, *others = [when for _, when in reasons_of(metric)] or [""]
    left_out = _in_lines((first, *(f"or {when}" for when in others)), within="    and ({}) is not true")
    kept = f"\n    and ({left_out}) is not true" if left_out else ""
    return f"select {figure}\nfrom {fact_of(metric).relation}\nwhere {metric.of}{kept}"


def _in_lines(parts: Sequence[str], *, within: str) -> str:
    """Write parts side by side, or below each other where their line would be cut off."""
    line = " ".join(parts)
    return line if len(within.format(line)) <= WIDEST else "\n        ".join(parts)
