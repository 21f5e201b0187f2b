# ruff: noqa: S608  # texts of a person who runs the machine, each proved to be one expression
"""Metrics of the company's own: read from a file that is written as the catalogue is, and proved before they count."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from analytics.engine.sessions import EngineError, open_in_memory
from analytics.folding.scratch import scratch
from analytics.metrics.catalogue import Catalogue, Good, Kind, Metric, Texts, Unit, catalogue, fact_of, faults
from analytics.metrics.sql import figure_sql
from analytics.settings import AnalyticsSettings
from schemas.allowed import mistake
from schemas.errors import Misconfigured

MAX_BYTES = 256 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_]{1,62}")
_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL\(.*\))")


class _Told(Struct, frozen=True, forbid_unknown_fields=True):
    """A text in some languages of the pages; the others have that which stands first here."""

    en: str = ""
    ru: str = ""
    kk: str = ""
    pt: str = ""

    def everywhere(self) -> Texts:
        """Give it in every language."""
        first = self.en or self.ru or self.kk or self.pt
        return Texts(en=first, ru=self.ru or first, kk=self.kk or first, pt=self.pt or first)


class _Written(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric as a person writes it: one text for all languages will do, or one for each that people read."""

    fact: str
    kind: Kind
    numerator: str
    unit: Unit
    title: _Told | str
    meaning: _Told | str
    of: str = "true"
    denominator: str = ""
    scale: int = 1
    distinct: str = ""
    leave_out: tuple[str, ...] = ()
    good: Good = "none"


def read(file: Path, *, known: Catalogue) -> dict[str, Metric]:
    """Read the metrics of a file, by name; none where there is no file.

    Raises Misconfigured, with the metric and what is wrong with it, for a file that cannot be read or that contradicts
    itself or the catalogue. Whether columns are there is seen by `prove`.
    """
    try:
        if not file.exists():
            return {}
        if file.stat().st_size > MAX_BYTES:
            raise Misconfigured(f"{file.name} is larger than {MAX_BYTES} bytes")
        listed = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"{file} cannot be read: set ANGIME_METRICS to a file of metrics") from None
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{file.name} is no TOML: {error}") from None
    tables = listed.pop("metrics", {})
    if listed or not isinstance(tables, dict):
        raise Misconfigured(f"{file.name} holds tables [metrics.NAME] and nothing else, not {', '.join(listed)}")
    found: dict[str, Metric] = {}
    connection = _Parser()
    for name, fields in cast("dict[str, Any]", tables).items():
        metric = _read(name, fields, file=file)
        if name in known.metrics or not _NAME.fullmatch(name):
            raise Misconfigured(f"{file.name}: {name} is a name of ours, or is not of small letters, digits and _")
        wrong = [*faults(metric, known), *connection.faults(metric)]
        if wrong:
            raise Misconfigured(f"{file.name}: {wrong[0]}")
        found[name] = metric
    return found


def own() -> list[Metric]:
    """Give the metrics of the company's own. Raises Misconfigured where their file cannot be read."""
    return [metric for metric in catalogue().values() if metric.is_own]


def prove() -> None:
    """Raise Misconfigured for one of them that cannot be counted: a column is not there, or is of another type."""
    if not (metrics := own()):
        return
    file = AnalyticsSettings().metrics_file
    with closing(scratch()) as warehouse:
        for metric in metrics:
            relation = fact_of(metric).relation
            try:
                warehouse.sql(figure_sql(metric))
                typed = warehouse.sql(f"describe select {', '.join(_measures(metric))} from {relation}")
            except EngineError as error:
                said = str(error).partition("\n")[0]
                raise Misconfigured(f"{file.name}: {metric.name} cannot be counted: {said}") from None
            for column, type_ in typed.select("column_name", "column_type").iter_rows():
                is_condition = metric.kind in {"share", "count"}
                if not (type_ == "BOOLEAN" if is_condition else _NUMBERS.fullmatch(type_)):
                    wanted = "a condition" if is_condition else "a number"
                    raise Misconfigured(f"{file.name}: {metric.name}: {column} is {type_}, and has to be {wanted}")


class _Parser:
    """Says of texts whether each is one expression over the columns of a row."""

    def __init__(self) -> None:
        self._session = open_in_memory()

    def faults(self, metric: Metric) -> Iterator[str]:
        """Say what is wrong with the expressions of a metric."""
        for part in ("of", "numerator", "denominator", "distinct"):
            text = getattr(metric, part)
            if text and (fault := self._fault(text)):
                yield f"{metric.name}: {part} {fault}"

    def _fault(self, text: str) -> str:
        # Bare, it closes no bracket that it did not open; in brackets, nothing but an expression may stand.
        for form in (f"select {text}", f"select ({text})"):
            [(written,)] = self._session.execute("select json_serialize_sql(?)", [form]).fetchall()
            read: dict[str, Any] = msgspec.json.decode(written)
            if read["error"]:
                return f"is no expression: {str(read['error_message']).partition(chr(10))[0]}"
            if len(read["statements"]) != 1 or '"class":"SUBQUERY"' in written:
                return "is no expression over the columns of a row: it holds a query"
        return ""


def _read(name: str, fields: Any, *, file: Path) -> Metric:
    try:
        written = msgspec.convert(fields, _Written)
    except msgspec.ValidationError as error:
        found = mistake(str(error), struct=_Written)
        raise Misconfigured(f"{file.name}: {name}: {found.problem}{found.where}") from None
    told: dict[str, Any] = {part: getattr(written, part) for part in written.__struct_fields__}
    for part in ("title", "meaning"):
        text: _Told | str = told[part]
        if not text or text == _Told():
            raise Misconfigured(f"{file.name}: {name}: write a {part}, in one language at least")
        told[part] = (_Told(en=text) if isinstance(text, str) else text).everywhere()
    return Metric(name=name, **told)


def _measures(metric: Metric) -> list[str]:
    parts = {"numerator": metric.numerator, "denominator": metric.denominator}
    return [f"({text}) as {part}" for part, text in parts.items() if text]
