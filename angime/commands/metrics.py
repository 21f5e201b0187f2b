"""Verbs that say what a metric is, and why it is what it is."""

import calendar
import re
from collections.abc import Sequence
from datetime import UTC, date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angime.commands.names import AnyMetric, Language, Metric, OneCompany
from angime.commands.output import Json, print_fields, print_rows
from angime.commands.root import app

if TYPE_CHECKING:
    from analytics.metrics.catalogue import Metric as Defined
    from analytics.questions import Period, Reader, Scope
    from analytics.questions.explain import Explained, Late

NARROWED_BY = {"team": "teams", "channel": "channels", "direction": "directions", "operator": "operators"}
HOURS = {"business": True, "outside": False}
OWN = "your own"
PERIOD_FORMS = "2026-03-02, 2026-03-02..2026-03-08 or 2026-03"


@app.command()
def metrics(
    name: AnyMetric = "",
    language: Language = "en",
    check: Annotated[
        bool, typer.Option("--check", help="See whether your own can be counted, and add up by day and by row.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Say what the metrics of the catalogue are: definition, what is left out, unit, other definitions in use.

    Yours stand in metrics.toml under ANGIME_HOME (docs/analysts.md).

    Example: `angime metrics service_level`
    """
    from analytics.metrics.catalogue import catalogue, fact_of, reasons_of, whole
    from analytics.questions.explain import known

    if check:
        _check([known(name)] if name else [], as_json=json_output)
        return
    if not name:
        rows = [
            {
                "metric": metric.name,
                "title": metric.title.of(language),
                "fact": metric.fact,
                **({"of": fact_of(metric).relation} if json_output else {}),
                "unit": metric.unit,
                "good": metric.good,
                "since": metric.since or OWN,
            }
            for metric in catalogue().values()
        ]
        print_rows(rows, as_json=json_output)
        return
    metric = known(name)
    fields: dict[str, Any] = {
        "metric": metric.name,
        "title": metric.title.of(language),
        "meaning": metric.meaning.of(language),
        "fact": metric.fact,
        "counts": f"{fact_of(metric).rows.of(language)} ({fact_of(metric).relation})",
        "left out": [reason.title.of(language) for reason, _ in reasons_of(metric)],
        "unit": metric.unit,
        "good": metric.good,
        "since": metric.since or OWN,
        "narrowed by": list(fact_of(metric).dimensions),
        "other definitions in use": [other.of(language) for other in metric.others],
        "bounds": {bound: whole().bounds[bound] for bound in metric.bounds},
        "sql": metric.formula,
    }
    print_fields(fields, as_json=json_output)


def _check(asked: Sequence["Defined"], *, as_json: bool) -> None:
    """Check metrics, or all of the company's own; exit 1 where one does not add up."""
    from analytics.metrics.own import own, prove
    from analytics.questions import companies
    from analytics.questions.adding_up import add_up
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_reader
    from angime.settings import load
    from schemas.errors import Misconfigured

    settings = load(AnalyticsSettings)
    prove()
    wanted = asked or own()
    if not wanted:
        raise Misconfigured(f"there are no metrics of your own: write them to {settings.metrics_file}")
    with open_reader(settings) as reader, reader.transaction():
        listed: list[str] = companies(reader)["company"].to_list()
        found = [add_up(reader, metric, company=company) for metric in wanted for company in listed]
    sums = [one for one in found if one is not None]
    rows = [
        {
            "metric": one.metric,
            "company": one.company,
            "first_day": one.period.first,
            "last_day": one.period.last,
            "value": one.value,
            "sample": one.sample,
            "adds_up": one.differs or "yes",
        }
        for one in sums
    ]
    print_rows(rows, as_json=as_json)
    if any(one.differs for one in sums):
        raise typer.Exit(1)


@app.command()
def explain(  # noqa: PLR0913, PLR0917  # each is a word of the command line
    metric: Metric,
    period: Annotated[str, typer.Option(help=f"Local days: {PERIOD_FORMS}.")],
    scope: Annotated[str, typer.Option(help="Such as team=sales,channel=waba,hours=business.")] = "",
    company: OneCompany = "",
    rows: Annotated[bool, typer.Option("--rows", help="Print the rows behind the figure instead.")] = False,
    json_output: Json = False,
) -> None:
    """Explain a figure: what is above and below the line, what was left out and why, what came late, and its SQL.

    Example: `angime explain answer_rate --period 2026-03 --scope team=sales`
    """
    from analytics.questions.explain import explain as explained
    from analytics.questions.explain import known, rows_of
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_reader
    from angime.settings import load

    asked, wanted = known(metric), parse_period(period)
    with open_reader(load(AnalyticsSettings)) as reader, reader.transaction():
        meant = parse_scope(scope, company=company or only_company(reader))
        check_scope(reader, meant)
        if rows:
            print_rows(rows_of(asked, period=wanted, scope=meant).ask(reader).to_dicts(), as_json=json_output)
            return
        found = explained(reader, metric, period=wanted, scope=meant)
    fields = describe_explained(found)
    if not json_output:  # whoever reads it needs no text with places for parameters beside the one that is written out
        fields = {name: told for name, told in fields.items() if name not in {"sql", "parameters"}}
        fields["late"] = late_in_words(found.late)
    print_fields(fields, as_json=json_output)


def describe_explained(found: "Explained") -> dict[str, Any]:
    """Name what was found, for people and for programs."""
    late = found.late and {
        "events": found.late.events,
        "rows": found.late.rows,
        "last_recorded_at": found.late.last_recorded_at,
    }
    return {
        "metric": found.metric.name,
        "company": found.scope.company,
        "first_day": found.period.first,
        "last_day": found.period.last,
        "value": found.value,
        "unit": found.metric.unit,
        "numerator": found.numerator,
        "denominator": found.denominator,
        "sample": found.sample,
        "is_small_sample": found.is_small,
        "left_out": {one.reason: one.rows for one in found.left_out},
        "late": late,
        "sql": found.figure.sql,
        "parameters": found.figure.parameters,
        "sql_written_out": found.figure.written_out,
        "rows_sql": found.rows.written_out,
    }


def late_in_words(late: "Late | None") -> str:
    """Say what we received after the local day of its row was over."""
    if late is None:
        return "not known: no event tells of one row alone"
    if late.last_recorded_at is None:
        return "nothing was received after the day of its row was over"
    last = f"{late.last_recorded_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"events {late.events}, rows {late.rows}; received after the day of the row was over, the last at {last}"


def parse_period(text: str) -> "Period":
    """Read local days: one, a first and a last, or a month. Raises Misconfigured for anything else."""
    from analytics.questions import Period
    from schemas.errors import Misconfigured

    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            first = date.fromisoformat(f"{text}-01")
            return Period(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))
        first, last = (date.fromisoformat(part) for part in (text.split("..") if ".." in text else (text, text)))
    except ValueError:
        raise Misconfigured(f"--period is {text!r}: write {PERIOD_FORMS}") from None
    if first > last:
        raise Misconfigured(f"--period is {text!r}: its last day lies before its first")
    return Period(first, last)


def parse_scope(text: str, *, company: str) -> "Scope":
    """Read what narrows a company: `name=value` with commas between, a name again for a further value.

    Raises Misconfigured for a name that narrows nothing.
    """
    from analytics.questions import Scope
    from schemas.errors import Misconfigured

    wanted: dict[str, tuple[str, ...]] = {}
    is_business_hours: bool | None = None
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name == "hours" and value in HOURS:
            is_business_hours = HOURS[value]
        elif name in NARROWED_BY and value:
            wanted[NARROWED_BY[name]] = (*wanted.get(NARROWED_BY[name], ()), value)
        else:
            names = ", ".join(f"{known}=…" for known in NARROWED_BY)
            raise Misconfigured(f"--scope has {part!r}: write {names}, hours=business or hours=outside")
    return Scope(company=company, is_business_hours=is_business_hours, **wanted)


def check_scope(reader: "Reader", scope: "Scope") -> None:
    """Raise Misconfigured, with what was probably meant, for a name that neither the company nor the domain has."""
    from typing import get_args

    from analytics.questions import teams
    from angime.suggestions import known
    from schemas.people import Channel, Direction

    declared: list[str] = teams(reader, company=scope.company)["team_id"].to_list()
    for what, written, names in (
        ("team", scope.teams, declared),
        ("channel", scope.channels, get_args(Channel)),
        ("direction", scope.directions, get_args(Direction)),
    ):
        for name in written:
            known(name, names=names, what=what)
    check_operators(reader, scope.operators, company=scope.company)


def check_operators(reader: "Reader", written: Sequence[str], *, company: str) -> None:
    """Raise Misconfigured, with what was probably meant, for an operator whom company data does not have."""
    from analytics.questions import operators
    from angime.suggestions import known

    declared: list[str] = operators(reader, company=company)["operator_id"].to_list() if written else []
    for name in written:
        known(name, names=declared, what="operator")


def only_company(reader: "Reader") -> str:
    """Give the only company of the warehouse. Raises Misconfigured where there are several, or none."""
    from analytics.questions import companies
    from schemas.errors import Misconfigured

    listed: list[str] = companies(reader)["company"].to_list()
    if not listed:
        raise Misconfigured("no company is known yet: describe one in company.toml and start Angime again")
    if len(listed) > 1:
        raise Misconfigured(f"name the company with --company: {', '.join(listed)}")
    return listed[0]
