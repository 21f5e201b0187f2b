"""The SQL files of the warehouse: their headers read, their order found, their texts composed."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from analytics.metrics import layer as metrics_layer

FOLDER = Path(__file__).parent
SQL_LAYERS = ("staging", "facts", "reports", "checks")
# Of so many texts it is kept what they name: of all views, which are asked for it whenever they are put in order.
NAMED_TEXTS = 512

_COLUMN = re.compile(
    r"^--   (?P<name>[a-z0-9_]+) (?P<type>[a-z0-9_\[\]]+(?:\(\d+,\d+\))?)(?:, (?P<unit>[^:]+))?: (?P<meaning>.+)$"
)
_FIELD = re.compile(
    r"^-- (?P<name>key|events|needs|made of|apart|entity|time|sorted|by|severity|columns):\s*(?P<value>.*)$"
)
_MORE = re.compile(r"^--\s{2,}(?P<text>\S.*)$")


class Column(Struct, frozen=True, kw_only=True):
    """One column as the header declares it; `unit` is empty for what has none."""

    name: str
    type: str
    unit: str
    meaning: str


class View(Struct, frozen=True, kw_only=True):
    """One SQL file: a `select` and what its header says of it.

    `events` are globs of the event types it is folded from, `entity` the column that names what is folded again as
    a whole when one of its events arrives; without one of `needs` (events, or rows of other facts) an entity has no
    rows; a fact may be `made_of` rows of another relation under a condition, and has none where these are not. What is
    `apart` by a column can be made for some of its values at a time, of what is apart by it too. `time` is the column
    that sorts and partitions a table, unless its rows are sought by the column by which it is `sorted`, in groups so
    small that little else is read. A fact without an entity is a view, which shows rows of others. A report with `by`
    is a table too, summed again for the values of these columns that changed.
    """

    layer: str
    name: str
    select: str
    grain: str
    key: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    made_of: str = ""
    apart: str = ""
    entity: str = ""
    time: str = ""
    sorted_by: str = ""
    by: tuple[str, ...] = ()
    severity: str = ""
    columns: tuple[Column, ...] = ()

    @property
    def relation(self) -> str:
        """Name as texts write it: `layer.name`."""
        return f"{self.layer}.{self.name}"

    @property
    def declared(self) -> str:
        """Its columns with their types, as a statement that creates its table lists them."""
        return ", ".join(f'"{column.name}" {column.type}' for column in self.columns)

    @property
    def is_table(self) -> bool:
        """Whether its rows are kept, and refreshed when events arrive, rather than computed by each reader."""
        return bool((self.layer == "facts" and self.entity) or self.by)

    @property
    def is_index(self) -> bool:
        """Whether it only tells where rows of a fact are found."""
        return self.layer == "facts" and bool(self.sorted_by)

    @property
    def is_of_contacts(self) -> bool:
        """Whether it is folded from facts, contact by contact, and not from events; see analytics.folding.histories."""
        return self.layer == "facts" and self.is_table and not self.events

    @property
    def is_one_a_contact(self) -> bool:
        """Whether it has one row a contact, written anew whenever anything of the contact is told, however old it is.

        Parted by time, it would get a file of each month from every batch, and each batch would open all of them.
        """
        return self.is_of_contacts and self.key == (self.entity,)

    @property
    def parted_by(self) -> str:
        """Name the column by whose months its files are parted; "" where they are not."""
        return self.time if self.is_table and not self.is_one_a_contact else ""

    @property
    def reads(self) -> tuple[str, ...]:
        """Relations its text names, each once, in order of appearance."""
        return named(self.select)

    def asks_for(self, place: Callable[[str], str]) -> str:
        """Write what finds one of the rows that it is `made_of`, in the `place` of their relation; "" without such."""
        relation, _, condition = self.made_of.partition(" where ")
        return relation and f"select 1 from {place(relation)} where {condition} limit 1"  # noqa: S608  # our own texts

    def can_be_of(self, types: Collection[str]) -> bool:
        """Tell whether it may have rows where only events of these types are told."""
        return are_told(types, self.events) and (not self.needs or are_told(types, self.needs))


_RELATION = re.compile(r"(?<![\w.'\"])(?:log|reference|staging|facts|reports|metrics|checks)\.[a-z_][a-z0-9_]*")


def read_views(folder: Path = FOLDER) -> tuple[View, ...]:
    """Read every SQL file below `folder` and compose what is made of them, each after all that it reads.

    Raises ValueError, naming the file, for a header that cannot be read, a table that cannot be summed again, or views
    that read each other in a circle.
    """
    found = [
        parse_view(file.read_text(encoding="utf-8"), layer=layer, name=file.stem)
        for layer in SQL_LAYERS
        for file in sorted((folder / layer).glob("*.sql"))
    ]
    from analytics.metrics import corrections  # it is composed of the views that are read here

    found.append(corrections.compose(found))
    found += [parse_view(text, layer="metrics", name=name) for name, text in metrics_layer.texts().items()]
    refuse_sums_of_contacts(found)
    return tuple(_in_order(found))


def refuse_sums_of_contacts(views: Sequence[View]) -> None:
    """Raise ValueError where a report with `by` sums facts of contacts.

    A refresh keeps only hashes of the rows that it takes away of these, and so not what they were summed by.
    """
    of_contacts = {view.relation for view in views if view.is_of_contacts}
    for report in views:
        for relation in report.reads if report.by else ():
            if relation in of_contacts:
                raise ValueError(f"{report.relation} cannot be a table `by` anything: {relation} is folded by contact")


def are_told(types: Iterable[str], globs: Sequence[str]) -> bool:
    """Tell whether any of these types of events is one that `globs` (`events` or `needs` of a view) mean."""
    return any(fnmatchcase(one, glob) for one in types for glob in globs)


@lru_cache(NAMED_TEXTS)
def named(text: str) -> tuple[str, ...]:
    """Give the relations of ours that a text of SQL names, each once, in order of appearance."""
    return tuple(dict.fromkeys(match[0] for match in _RELATION.finditer(_without_comments(text))))


def columns_read(view: View, readers: Iterable[View]) -> str:
    """Name the columns of a table that any of `readers` may read: all whose names stand in the texts that name it."""
    texts = [reader.select for reader in readers if view.relation in reader.reads]
    words = {word for text in texts for word in re.findall(r"[a-z_][a-z0-9_]*", _without_comments(text))}
    return ", ".join(column.name for column in view.columns if column.name in {view.entity, *words})


def parse_view(text: str, *, layer: str, name: str) -> View:
    """Split a SQL file into its header and its `select`; raises ValueError where the header lacks its sentence."""
    lines = text.strip().splitlines()
    size = next((index for index, line in enumerate(lines) if not line.startswith("--")), len(lines))
    fields: dict[str, str] = {}
    grain: list[str] = []
    columns: list[Column] = []
    field = ""
    for line in lines[:size]:
        if match := _FIELD.match(line):
            field = match["name"]
            fields[field] = match["value"].strip()
        elif field == "columns":
            _add_column(columns, line, where=f"{layer}.{name}")
        elif field and (match := _MORE.match(line)):
            fields[field] = f"{fields[field]} {match['text']}".strip()
        else:
            grain.append(line.removeprefix("--").strip())
    if not any(grain):
        raise ValueError(f"{layer}.{name}: the header must begin with a sentence on the grain")
    return View(
        layer=layer,
        name=name,
        select="\n".join(lines[size:]).strip().rstrip(";"),
        grain=" ".join(part for part in grain if part),
        key=_words(fields.get("key", "")),
        events=_words(fields.get("events", "")),
        needs=_words(fields.get("needs", "")),
        made_of=fields.get("made of", ""),
        apart=fields.get("apart", ""),
        entity=fields.get("entity", "").removeprefix("$."),
        time=fields.get("time", ""),
        sorted_by=fields.get("sorted", ""),
        by=_words(fields.get("by", "")),
        severity=fields.get("severity", ""),
        columns=tuple(columns),
    )


def with_inputs(text: str, *, inputs: Sequence[tuple[str, str]]) -> str:
    """Give `text` with each `layer.name` of `inputs` read from the `select` beside it instead.

    Each becomes a common table expression, which goes by its old bare name where the text gives it no alias. An input
    reads those before it in their new form, and itself in its old one.
    """
    expressions: list[str] = []
    renamed: set[str] = set()
    for relation, select in _needed(text, inputs):
        expressions.append(f"{_inner(relation)} as (\n{_renamed(select, renamed)}\n)")
        renamed.add(relation)
    listed = ",\n".join(expressions)
    return f"with {listed}\nselect * from (\n{_renamed(text, renamed)}\n)"


def reading(text: str, *, selects: Mapping[str, str]) -> str:
    """Give `text` with each `layer.name` of `selects` read through the select beside it, in its place."""

    def read(match: re.Match[str]) -> str:
        relation = match[0].removesuffix(match["alias"] or "")
        if relation not in selects:
            return match[0]
        return f"({selects[relation]})" + (match["alias"] or f" as {relation.partition('.')[2]}")

    return _RELATION_AND_ALIAS.sub(read, text)


def _needed(text: str, inputs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out inputs that neither the text nor a needed input reads."""
    needed: list[tuple[str, str]] = []
    read = set(_RELATION.findall(text))
    for relation, select in reversed(inputs):
        if relation in read:
            needed.insert(0, (relation, select))
            read |= set(_RELATION.findall(select))
    return needed


def _renamed(select: str, relations: set[str]) -> str:
    return _RELATION_AND_ALIAS.sub(lambda match: _inlined(match, relations), select)


_RELATION_AND_ALIAS = re.compile(_RELATION.pattern + r"(?P<alias>\s+as\b)?")


def _inlined(match: re.Match[str], renamed: set[str]) -> str:
    relation = match[0].removesuffix(match["alias"] or "")
    if relation not in renamed:
        return match[0]
    return _inner(relation) + (match["alias"] or f" as {relation.partition('.')[2]}")


def _inner(relation: str) -> str:
    return relation.replace(".", "__")


def _add_column(columns: list[Column], line: str, *, where: str) -> None:
    if match := _COLUMN.match(line):
        columns.append(
            Column(name=match["name"], type=match["type"], unit=match["unit"] or "", meaning=match["meaning"])
        )
    elif columns and (more := _MORE.match(line)):
        last = columns.pop()
        columns.append(Column(name=last.name, type=last.type, unit=last.unit, meaning=f"{last.meaning} {more['text']}"))
    else:
        raise ValueError(f"{where}: this line of the header declares no column: {line}")


def _in_order(views: list[View]) -> list[View]:
    waiting = {view.relation: view for view in views}
    ordered: list[View] = []
    while waiting:
        ready = [view for view in waiting.values() if not any(relation in waiting for relation in view.reads)]
        if not ready:
            raise ValueError(f"these views read each other in a circle: {', '.join(sorted(waiting))}")
        ordered.extend(waiting.pop(view.relation) for view in ready)
    return ordered


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.partition("(")[0].replace(",", " ").split())


def _without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*", "", text)
