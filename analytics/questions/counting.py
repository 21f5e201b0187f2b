# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""Questions that count: metrics of the catalogue over any group, where calls were lost, how they ended, what is out."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.metrics.catalogue import Dimension as Narrowing
from analytics.metrics.catalogue import Fact, catalogue, fact_of
from analytics.metrics.sql import Over, aggregates, counted_sql, figures_sql, is_grouped, measures_of
from analytics.questions.asking import COUNTED, Period, Scope, can_narrow, within_any
from analytics.questions.grouping import can_group, grouped_fact, groups, within_groups
from analytics.questions.narrowing import narrowed

Dimension = Literal["day"] | Narrowing
Some = TypeVar("Some", bound=Dimension)  # of the dimensions
Rank = Literal["excess", "lost"]
# What rows are grouped by: all dimensions together; these and, beside, none of them; or each by itself and none.
Sets = Literal["together", "together_and_whole", "each_and_whole"]

_FIGURE = ("metric", "value", "numerator", "denominator", "sample")
_TYPES = {"day": "date", "hour": "integer", "weekday": "integer", "business_hours": "boolean"}


def figures(
    reader: Reader, *, period: Period, scope: Scope, metrics: Sequence[str], by: Sequence[Dimension] = ()
) -> pl.DataFrame:
    """Count metrics of the catalogue: one row a metric and a group (`by`).

    Columns: the group's, then metric, value, numerator, denominator, sample. `value` is empty where `sample`, the
    number of rows behind it, is 0. So it is for a metric whose fact lacks a dimension by which the scope is narrowed;
    one whose fact lacks a dimension of `by` has no rows at all.
    """
    return _counted(reader, periods=[period], scope=scope, metrics=metrics, by=by).drop("place")


def figures_of_both(
    reader: Reader, *, period: Period, before: Period, scope: Scope, metrics: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Count metrics of a period and of one before it in one statement: what `figures` gives for each of them."""
    found = _counted(reader, periods=[period, before], scope=scope, metrics=metrics, by=())
    now, earlier = (_whole(_of_place(found, place), metrics) for place in (0, 1))
    return now, earlier


class Days(Struct, frozen=True):
    """Figures of a period as a whole, and those of each of its days; see `figures` for the columns of both."""

    whole: pl.DataFrame
    days: pl.DataFrame


def figures_by_day(
    reader: Reader, *, period: Period, before: Period | None, scope: Scope, metrics: Sequence[str]
) -> tuple[Days, Days]:
    """Count metrics of a period and of one before it, as a whole and day by day, in one statement.

    Without a period before, there is no row of it.
    """
    periods = [period, before] if before else [period]
    found = _counted(reader, periods=periods, scope=scope, metrics=metrics, by=("day",), sets="together_and_whole")
    now, *earlier = (_days(_of_place(found, place), metrics=metrics) for place in range(len(periods)))
    return now, earlier[0] if earlier else Days(now.whole.clear(), now.days.clear())


class Both(Struct, frozen=True, kw_only=True):
    """How metrics of one fact are counted of a period and of one before it, where one is, beside other rows.

    `source` is what to read, `where` the condition of both periods, `wheres` that of each, `parameters` are theirs.
    """

    metrics: Sequence[str]
    source: str
    where: str
    wheres: list[str]
    parameters: dict[str, Any]

    def sql(self, source: str) -> str:
        """Write the select that counts over rows of `source`, as `told` reads it: their `part` is figures."""
        keyed = _keyed(fact_of(catalogue()[self.metrics[0]]), wheres=self.wheres, by=(), sets="together")
        counted = _figures_of(self.metrics, source=source, where="true", keyed=keyed, over="rows")
        return f"select 'figures' as part, * from ({counted})"

    def told(self, found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """Give what `figures` gives for each of the periods, of the rows that a statement gave."""
        rows = found.filter(pl.col("part") == "figures").select("place", *_FIGURE)
        now, *before = (_whole(_of_place(rows, place), self.metrics) for place in range(len(self.wheres)))
        return now, before[0] if before else None


def both(reader: Reader, *, period: Period, before: Period | None, scope: Scope, metrics: Sequence[str]) -> Both:
    """Prepare to count metrics of one fact of a period and of one before it, in one statement with other rows."""
    fact = fact_of(catalogue()[metrics[0]])
    where, wheres, bound = within_any([period, before] if before else [period], scope=scope, fact=fact)
    source, reach = narrowed(reader, fact, company=scope.company)
    parameters = bound | reach | {"metrics": list(metrics)}
    return Both(metrics=metrics, source=source, where=where, wheres=wheres, parameters=parameters)


class Each(Struct, Generic[Some], frozen=True):
    """Figures of all rows as a whole, and by each of some dimensions alone; see `figures` for the columns of both."""

    whole: pl.DataFrame
    by: dict[Some, pl.DataFrame]


def each_sql(metrics: Sequence[str], *, source: str, by: Sequence[Dimension]) -> str:
    """Write the select that counts metrics of one fact over all rows of `source`, as `each_of` reads what it gives."""
    keyed = _keyed(fact_of(catalogue()[metrics[0]]), wheres=["true"], by=by, sets="each_and_whole")
    return _figures_of(metrics, source=source, where="true", keyed=keyed, over="rows")


def each_of(found: pl.DataFrame, *, metrics: Sequence[str], by: Sequence[Some]) -> Each[Some]:
    """Tell apart what `each_sql` gave: by none of the dimensions, and by each of them."""
    whole = found.filter(pl.col("grouped_by").is_null()).select(_FIGURE)
    return Each(
        whole=_whole(whole, metrics),
        by={one: found.filter(pl.col("grouped_by") == one).select(one, *_FIGURE) for one in by},
    )


def _days(found: pl.DataFrame, *, metrics: Sequence[str]) -> Days:
    is_of_day = pl.col("day").is_not_null()
    return Days(whole=_whole(found.filter(~is_of_day).drop("day"), metrics), days=found.filter(is_of_day))


def _of_place(found: pl.DataFrame, place: int) -> pl.DataFrame:
    return found.filter(pl.col("place") == place).drop("place")


def _counted(  # noqa: PLR0913  # what is counted, whose, when, and by what
    reader: Reader,
    *,
    periods: Sequence[Period],
    scope: Scope,
    metrics: Sequence[str],
    by: Sequence[Dimension],
    sets: Sets = "together",
) -> pl.DataFrame:
    """Count metrics over each of some periods that do not overlap; `place` tells which of them a row is of.

    Where the periods are counted as a whole too, all of `by` are empty in these rows.
    """
    facts = {fact_of(catalogue()[name]).name: fact_of(catalogue()[name]) for name in metrics}
    of_fact = {fact: [name for name in metrics if catalogue()[name].fact == fact] for fact in facts}
    grouped = {fact for fact, names in of_fact.items() if _are_grouped(names, scope=scope, by=by)}
    parts: list[str] = []
    parameters: dict[str, Any] = {"metrics": list(metrics)}
    for fact in facts.values():
        counted = of_fact[fact.name]
        over: Over = "rows"
        if fact.name in grouped:
            where, wheres, bound = within_groups(periods, scope=scope)
            source, reach = groups(
                reader,
                scope=scope,
                periods=periods,
                by_hour="hour" in by,
                measures=measures_of(counted),
                are_alone=len(grouped) == len(facts),
            )
            parameters |= bound | reach
            over = "groups"
        elif can_narrow(fact, scope) and set(by) <= {"day", *fact.dimensions}:
            where, wheres, bound = within_any(periods, scope=scope, fact=fact)
            source, reach = narrowed(reader, fact, company=scope.company)
            parameters |= bound | reach
        else:
            where, wheres, source = "false", ["false"] * len(periods), fact.relation
        keyed = _keyed(fact, wheres=wheres, by=by, sets=sets)
        parts.append(_figures_of(counted, source=source, where=where, keyed=keyed, over=over))
    keys = "".join(f"{dimension}, " for dimension in by)
    text = f"from ({' union all '.join(parts)}) order by place, {keys} list_position($metrics, metric)"
    return reader.sql(text, parameters)


def _are_grouped(metrics: Sequence[str], *, scope: Scope, by: Sequence[Dimension]) -> bool:
    """Tell whether metrics of one fact are all counted from groups of calls."""
    return can_group(scope, by=by) and all(is_grouped(catalogue()[name], by_hour="hour" in by) for name in metrics)


class _Keyed(Struct, frozen=True):
    """What figures are grouped by: what is selected for it, by which names, and the words that group by these."""

    selected: str
    names: str
    grouped: str


def _keyed(fact: Fact, *, wheres: Sequence[str], by: Sequence[Dimension], sets: Sets) -> _Keyed:
    """Write what groups the rows of a fact by their period and by dimensions."""
    is_one = len(wheres) == 1
    places = " ".join(f"when {period} then {place}" for place, period in enumerate(wheres))
    whole = [] if is_one else ["place"]
    selected = [
        *([] if is_one else [f"case {places} end as place"]),
        *(f"{_column(fact, dimension)} as {dimension}" for dimension in by),
    ]
    names = ["0 as place" if is_one else "place", *by]
    listed: dict[Sets, list[list[str]]] = {
        "together": [],
        "together_and_whole": [whole, [*whole, *by]],
        "each_and_whole": [whole, *([*whole, dimension] for dimension in by)],
    }
    if sets == "each_and_whole":
        told = " ".join(f"when grouping({dimension}) = 0 then '{dimension}'" for dimension in by)
        selected.append(f"case {told} end as grouped_by")
        names.append("grouped_by")
    grouped = ", ".join(f"({', '.join(one)})" for one in listed[sets])
    grouping = f"grouping sets ({grouped})" if grouped else "all"
    # Assumption: the engine takes a group of constants for no group, and then gives a row also where there is none.
    return _Keyed(
        selected="".join(f"{one}, " for one in selected),
        names=", ".join(names),
        grouped=f"group by {grouping} having count(*) > 0" if selected else "",
    )


def _figures_of(metrics: Sequence[str], *, source: str, where: str, keyed: _Keyed, over: Over) -> str:
    listed, counted = figures_sql(metrics, over=over)
    return f"""
        select {keyed.names}, unnest({listed}, recursive := true)
        from (select {keyed.selected} {counted} from {source} where {where} {keyed.grouped})
    """


def _whole(found: pl.DataFrame, metrics: Sequence[str]) -> pl.DataFrame:
    """Give a row for every metric, also where nothing was found to count: then it is empty, and its counts are 0."""
    if found.height == len(metrics):
        return found
    kinds = {name: catalogue()[name].kind for name in metrics}
    shares, counts = ([name for name, kind in kinds.items() if kind in of] for of in ({"share"}, {"share", "count"}))
    absent, metric = pl.col("sample").is_null(), pl.col("metric")
    return (
        pl.DataFrame({"metric": list(metrics)})
        .join(found, on="metric", how="left", maintain_order="left")
        .with_columns(
            numerator=pl.when(absent & metric.is_in(counts)).then(0.0).otherwise("numerator"),
            denominator=pl.when(absent & metric.is_in(shares)).then(0.0).otherwise("denominator"),
            sample=pl.col("sample").fill_null(0),
        )
        .select(found.columns)
    )


def _column(fact: Fact, dimension: Dimension) -> str:
    if dimension == "day":
        return "day"
    return fact.dimensions.get(dimension) or f"cast(null as {_TYPES.get(dimension, 'varchar')})"


def losses(  # noqa: PLR0913  # what is compared with what, whose, and by what
    reader: Reader, *, period: Period, before: Period | None, scope: Scope, by: Sequence[Dimension], rank: Rank
) -> pl.DataFrame:
    """Tell where incoming calls were lost (not answered).

    Columns: dimension, key, lost, incoming, lost_before, incoming_before, excess.

    By hour, `key` is the first of two hours and neighbours overlap. `excess` is what was lost beyond the same share
    as before (of that group, or of all where the group had no calls). Of each dimension the heaviest is first,
    calls without a key out. Keys are words.
    """
    metric = catalogue()["answer_rate"]
    answered, incoming, _ = aggregates(metric, over="groups")
    fact = grouped_fact()
    periods = [period, before] if before else [period]
    where, [is_now, *_], parameters = within_groups(periods, scope=scope)
    source, bound = groups(reader, scope=scope, periods=periods, by_hour="hour" in by)
    columns = ", ".join(f"{_column(fact, dimension)} as {dimension}" for dimension in by)
    text = f"""
        with cells as materialized (
            select
                {columns}, {is_now} as is_now, {incoming} as incoming, {incoming} - {answered} as lost
            from {source} where {where} and {counted_sql(metric)}
            group by all
        ),
        keys as ({" union all ".join(_keys(dimension) for dimension in by)})
        select
            dimension, key, lost, incoming, lost_before, incoming_before,
            lost - incoming * coalesce(
                lost_before / nullif(incoming_before, 0),
                sum(lost_before) over alike / nullif(sum(incoming_before) over alike, 0),
                0
            ) as excess
        from keys
        where key is not null and incoming + incoming_before > 0
        window alike as (partition by dimension)
        order by list_position($by, dimension), {"excess" if rank == "excess" else "lost"} desc, lost desc, key
    """
    return reader.sql(text, parameters | bound | {"by": list(by)})


def _keys(dimension: Dimension) -> str:
    """Write the sums of the cells by one of their dimensions; of hours, each with the next."""
    source = "cells, unnest([hour - 1, hour]) as windows(window_start)" if dimension == "hour" else "cells"
    key, kept = ("window_start", "window_start between 0 and 22") if dimension == "hour" else (dimension, "true")
    sums = ", ".join(
        f"coalesce(sum({name}) filter (where {when}), 0)::bigint as {name}{suffix}"
        for name in ("incoming", "lost")
        for when, suffix in (("is_now", ""), ("not is_now", "_before"))
    )
    return f"select '{dimension}' as dimension, {key}::varchar as key, {sums} from {source} where {kept} group by all"


class Ended(Struct, frozen=True):
    """How calls ended: channel, direction, outcome, calls; and how many there are in all, and what metrics leave out.

    `left_out` tells internal, test, in_progress; and `calls`, all there are. Of `outcomes` internal and test are out.
    """

    outcomes: pl.DataFrame
    left_out: dict[str, int]


def ended(reader: Reader, *, period: Period, scope: Scope) -> Ended:
    """Count calls by how they ended, and what metrics leave out of a scope."""
    where, _, parameters = within_groups([period], scope=scope)
    source, bound = groups(reader, scope=scope, periods=[period])
    reasons = {
        "calls": "true",
        "internal": "is_internal",
        "test": "is_test and not is_internal",
        "in_progress": f"outcome = 'in_progress' and {COUNTED}",
    }
    counted = ", ".join(
        f"coalesce(sum(calls) filter (where {when}), 0)::bigint as {reason}"
        for reason, when in (reasons | {"counted": COUNTED}).items()
    )
    text = f"""
        select channel, direction, outcome, {counted}, grouping(channel) = 1 as is_whole from {source} where {where}
        group by grouping sets ((channel, direction, outcome), ()) order by channel, direction, outcome
    """
    found = reader.sql(text, parameters | bound)
    is_outcome = ~pl.col("is_whole") & (pl.col("counted") > 0)
    outcomes = found.filter(is_outcome).select("channel", "direction", "outcome", calls="counted")
    [left_out] = found.filter("is_whole").select(*reasons).to_dicts()
    return Ended(outcomes, left_out)
