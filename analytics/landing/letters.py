"""Dead letters as those who repair see them: by place, with what was decided of them, and their untouched bytes."""

import base64
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from analytics.connection import Reader
from schemas.instants import Instant, instant
from schemas.records import DeadLetter

State = Literal["waiting", "retried", "discarded"]

MAX_LETTERS = 10_000


class LetterFilter(Struct, frozen=True, kw_only=True):
    """Which letters are meant; an empty field means all. `reason` is a part of the reason, whatever its case."""

    places: tuple[str, ...] = ()
    reason: str = ""
    source: str = ""
    stage: str = ""
    state: State | Literal["any"] = "waiting"
    since: Instant | None = None
    until: Instant | None = None


class Letter(Struct, frozen=True, kw_only=True):
    """A refused record: where it lies (`topic/partition/offset`), why it was refused, and what was decided of it."""

    place: str
    state: State
    reason: str
    stage: str
    source: str
    account: str
    company: str
    parts: int
    size_bytes: int
    version: str
    died_at: Instant
    decided_at: Instant | None


def find(reader: Reader, wanted: LetterFilter, *, limit: int = MAX_LETTERS) -> list[Letter]:
    """List the refused records, the newest first; letters on one record are one, with the number of its parts."""
    clauses, parameters = _conditions(wanted)
    frame = reader.sql(
        f"select * from ({_LETTERS}) where {clauses} order by died_at desc, place limit $limit",  # noqa: S608
        {**parameters, "limit": limit},
    )
    return [_letter(row) for row in frame.to_dicts()]


def whole(reader: Reader, places: Sequence[str]) -> list[DeadLetter]:
    """Give the letters on these records with their untouched bytes: one a place and part, the newest death of it."""
    frame = reader.sql(
        f"""
        select * from log.dead where list_contains($places, {_PLACE})
        qualify row_number() over (partition by {_PLACE}, part, stage order by died_at desc) = 1
        order by topic, "partition", "offset", part
        """,  # noqa: S608  # our own text
        {"places": list(places)},
    )
    return [letter_of(row) for row in frame.to_dicts()]


def counts(reader: Reader) -> dict[str, int]:
    """Count the refused records by state."""
    frame = reader.sql(f"select state, count(*) as letters from ({_LETTERS}) group by state", {})  # noqa: S608
    found = {row["state"]: row["letters"] for row in frame.to_dicts()}
    return {state: found.get(state, 0) for state in ("waiting", "retried", "discarded")}


_PLACE = """concat_ws('/', topic, "partition", "offset")"""
# A record that died again after it was decided on waits again: what was decided was about the earlier death.
_LETTERS = f"""
select
    letters.*,
    case
        when decisions.decided_at >= letters.died_at then decisions.state
        else 'waiting'
    end as state,
    if(decisions.decided_at >= letters.died_at, decisions.decided_at, null) as decided_at
from (
    select
        {_PLACE} as place,
        arg_max(reason, died_at) as reason,
        arg_max(stage, died_at) as stage,
        arg_max(source, died_at) as source,
        arg_max(account, died_at) as account,
        arg_max(company, died_at) as company,
        count(distinct part) as parts,
        max(octet_length(body)) as size_bytes,
        arg_max(version, died_at) as version,
        max(died_at) as died_at
    from log.dead
    group by all
) as letters
left join (
    select
        subject as place,
        arg_max(split_part(type, '.', 2), recorded_at) as state,
        max(recorded_at) as decided_at
    from log.events
    where type in ('dead_letter.retried', 'dead_letter.discarded')
    group by all
) as decisions on letters.place = decisions.place
"""  # noqa: S608  # our own text


def _conditions(wanted: LetterFilter) -> tuple[str, dict[str, Any]]:
    clauses = ["true"]
    parameters: dict[str, Any] = {}
    if wanted.places:
        clauses.append("list_contains($places, place)")
        parameters["places"] = list(wanted.places)
    if wanted.reason:
        clauses.append("contains(lower(reason), lower($reason))")
        parameters["reason"] = wanted.reason
    for name in ("source", "stage"):
        if getattr(wanted, name):
            clauses.append(f"{name} = ${name}")
            parameters[name] = getattr(wanted, name)
    if wanted.state != "any":
        clauses.append("state = $state")
        parameters["state"] = wanted.state
    for name, comparison in (("since", ">="), ("until", "<")):
        if getattr(wanted, name) is not None:
            clauses.append(f"died_at {comparison} cast(${name} as timestamptz)")
            parameters[name] = getattr(wanted, name)
    return " and ".join(clauses), parameters


def _letter(row: dict[str, Any]) -> Letter:
    decided_at = instant(row["decided_at"]) if row["decided_at"] else None
    return msgspec.convert({**row, "died_at": instant(row["died_at"]), "decided_at": decided_at}, Letter)


def letter_of(row: dict[str, Any]) -> DeadLetter:
    """Read a row of `log.dead`."""
    listed: list[tuple[str, str]] = msgspec.json.decode(row["headers"])
    headers = tuple((name, base64.b64decode(content)) for name, content in listed)
    return msgspec.convert({**row, "headers": headers, "died_at": instant(row["died_at"])}, DeadLetter)
