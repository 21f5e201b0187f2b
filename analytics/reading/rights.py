"""Who may see what: rights as the select each relation is read through, so that no question can forget to ask.

A page never holds a reader of the whole warehouse: its reader reads every relation as `select_of` writes it for the
person's rights. Text that nobody has judged to be free of personal details is hidden from who may not see them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, Literal

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.dictionary import Entry, entries
from analytics.log import quoted
from analytics.reading.personal import NEVER_PERSONAL, PLAIN_TYPES
from analytics.views import read_views, reading

Role = Literal["owner", "manager", "analyst", "engineer"]

# The owner sits at the machine itself; the others come with a login.
SEE_PEOPLE = frozenset({"owner", "manager"})
HEAR = frozenset({"owner", "manager"})
ASK_SQL = frozenset({"owner", "manager", "analyst", "engineer"})

# Text columns that hold words of ours, of a provider or of the company's own people, never of a contact.
PLAIN = NEVER_PERSONAL | {
    *("account_id", "band", "closed_by", "company_number", "country", "dataschema", "dimensions", "event_id"),
    *("fingerprint", "left_out", "model", "operator_endpoint", "origin", "others", "outcome_reason", "permission_id"),
    *("picked_by", "reacted_by", "reason_code", "rejected_by", "severity", "topic", "transcript_origin", "version"),
    *("aspect", "company_currency", "contact_country", "price_country", "request_id", "row_id", "sign", "sign_id"),
    "tariff_id",
}
PLAIN_OF = frozenset(
    {
        *("reference.companies.name", "reference.teams.name", "reference.operators.name", "checks.facts_not_unique.id"),
        *("log.dead.reason", "log.events.id", "log.conflicts.id", "reference.accounts.language"),
        *("facts.account_states.word", "facts.call_permissions.reason", "facts.permission_events.word"),
        "reports.risk_signs.word",
    }
)
# Columns that tell contacts and what is theirs apart: a word of no meaning takes their place, the same for the same.
# A conversation's id is made of the contact's number alone, so that trying all numbers finds it; a leg's may hold it.
KEYS = {
    **dict.fromkeys(("contact_key", "contact_id", "identity"), "contact"),
    "conversation_id": "conversation",
    "leg_id": "leg",
}
# An event is about a call or a message, whose ids say nothing, or about something that may be a person.
_ENTITY = "case when starts_with(type, 'call.') or starts_with(type, 'message.') then entity end"
SHOWN_AS = {"log.events.entity": _ENTITY, "log.conflicts.entity": _ENTITY}
# By these our own questions find a call of which they know the id; they say nothing of it but when it began.
FINDERS = frozenset({"facts.call_starts"})
OF_NOBODY = frozenset({"reference.dictionary", "metrics.catalogue", "log.builds", "checks.facts_not_unique"})


class Rights(Struct, frozen=True, kw_only=True):
    """What one person may see: `companies` and `teams` of None are all of them."""

    role: Role
    companies: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None

    @property
    def sees_people(self) -> bool:
        """Whether names, numbers and what was written or said are shown."""
        return self.role in SEE_PEOPLE

    @property
    def hears(self) -> bool:
        """Whether recordings are played."""
        return self.role in HEAR

    @property
    def asks_sql(self) -> bool:
        """Whether SQL of the person's own is run; who sees some teams only asks with the pages."""
        return self.role in ASK_SQL and self.teams is None

    @property
    def is_whole(self) -> bool:
        """Whether nothing at all is kept from the person."""
        return self.companies is None and self.teams is None and self.sees_people


OWNER = Rights(role="owner")


class LimitedReader:
    """A reader that reads every relation as the rights of one person show it; `salt` keeps contacts unguessable."""

    def __init__(self, reader: Reader, *, rights: Rights, salt: str) -> None:
        self._reader = reader
        self._selects = {} if rights.is_whole else selects(rights, salt=salt)

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement, of what may be seen."""
        return self._reader.sql(reading(text, selects=self._selects), parameters)

    def snapshot_id(self) -> int:
        """Name the state of the warehouse."""
        return self._reader.snapshot_id()


def selects(rights: Rights, *, salt: str, catalog: str = "") -> dict[str, str]:
    """Write, for every relation, the select through which it is read; one that may not be seen gives no row."""
    prefix = f"{catalog}." if catalog else ""
    return {
        relation: select_of(relation, columns, rights=rights, salt=salt, prefix=prefix)
        for relation, columns in _relations().items()
    }


def select_of(relation: str, columns: Sequence[Entry], *, rights: Rights, salt: str, prefix: str) -> str:
    """Write the select through which a relation is read with these rights."""
    shown = ", ".join(_shown(relation, column, rights=rights, salt=salt) for column in columns)
    conditions = _conditions(relation, {column.column for column in columns}, rights=rights, prefix=prefix)
    return f"select {shown} from {prefix}{relation} where {' and '.join(conditions) or 'true'}"  # noqa: S608


def _shown(relation: str, column: Entry, *, rights: Rights, salt: str) -> str:
    name = f'"{column.column}"'
    is_plain = (
        column.type.startswith(PLAIN_TYPES) or column.column in PLAIN or f"{relation}.{column.column}" in PLAIN_OF
    )
    if rights.sees_people or is_plain:
        return name
    if f"{relation}.{column.column}" in SHOWN_AS:
        return f"{SHOWN_AS[f'{relation}.{column.column}']} as {name}"
    if column.column in KEYS:
        hidden = f"'{KEYS[column.column]}-' || left(md5({quoted(salt)} || {name}), 10)"
        return f"{hidden} as {name}"
    return f"cast(null as {column.type}) as {name}"


def _conditions(relation: str, columns: set[str], *, rights: Rights, prefix: str) -> list[str]:
    conditions: list[str] = []
    if rights.companies is not None and relation not in OF_NOBODY:
        conditions.append(_among("company", rights.companies) if "company" in columns else "false")
    if rights.teams is None or relation in OF_NOBODY | FINDERS or relation.startswith("reference."):
        return conditions
    own = f"from {prefix}facts.calls where {_among('team_id', rights.teams)}"
    if "episode_id" in columns:
        conditions.append(f"episode_id in (select call_id {own})")
    elif "team_id" in columns:
        conditions.append(_among("team_id", rights.teams))
    elif "call_id" in columns:
        conditions.append(_is_of_teams(relation, columns, teams=rights.teams, prefix=prefix))
    elif "contact_key" in columns:
        conditions.append(f"(company, contact_key) in (select (company, contact_key) {own})")
    elif relation == "log.events":
        conditions.append(f"starts_with(type, 'call.') and entity in (select call_id {own})")
    else:
        conditions.append("false")
    return conditions


def _is_of_teams(relation: str, columns: set[str], *, teams: Iterable[str], prefix: str) -> str:
    """Write that the call of a row is one of some teams: by its company and day too, or all days would be searched."""
    table = relation.partition(".")[2]
    same = [f"own_call.{one} = {table}.{one}" for one in ("call_id", "company", "day") if one in columns]
    own = f"{prefix}facts.calls as own_call where {' and '.join(same)} and {_among('own_call.team_id', teams)}"
    return f"exists (select 1 from {own})"  # noqa: S608  # names of our own, and quoted words


def _among(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(quoted(value) for value in values)
    return f"{column} in ({listed})" if listed else "false"


@cache
def _relations() -> Mapping[str, tuple[Entry, ...]]:
    """Give every relation with its columns."""
    listed = entries(read_views())
    grouped = groupby(listed, key=lambda one: one.relation)
    return {relation: tuple(one for one in group if one.column) for relation, group in grouped}
