"""What providers post of one call, story by story, and the calls that are counted of it, in whatever order it comes."""

import hashlib
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from pipelines.sources import SOURCES
from schemas.company import Account
from schemas.envelope import Event
from schemas.ids import raw_id
from schemas.records import RawRecord
from tests.analytics.drawn import warehouse
from tests.pipelines.sources.conftest import ACCOUNTS, COMPANY, RECEIVED_AT

Cells = tuple[str, ...]


class Told(Struct, frozen=True):
    """The bodies that a provider posts of what is one call to a person, with what is special in the account."""

    source: str
    bodies: tuple[bytes, ...]
    settings: dict[str, str | bool] = {}


def facts_of(told: Told) -> list[Event]:
    """Give the facts of every body; none of them is refused."""
    account = COMPANY.account(ACCOUNTS[told.source])
    assert account is not None
    account = replace(account, settings={**account.settings, **told.settings})
    return [event for body in told.bodies for event in _translated(told.source, body, account=account)]


def counted(stories: Mapping[str, Told]) -> list[Cells]:
    """Give what is counted of each story: its calls that are neither internal nor tests, as cells of a drawn table.

    The facts come in their order, and once more backwards and each of them twice: the log holds each once.
    """
    facts = {name: facts_of(told) for name, told in stories.items()}
    story_of = {event.data.call_id: name for name, events in facts.items() for event in events}
    in_order = [event for events in facts.values() for event in events]
    once, again = (_folded(_each_once(events), story_of) for events in (in_order, [*reversed(in_order), *in_order]))
    assert once == again
    return once


def _folded(events: list[Event], story_of: Mapping[str, str]) -> list[Cells]:
    rows = warehouse(events, (COMPANY,)).sql(
        "select call_id, direction, contact_key, outcome, cast(talk_seconds as integer), operator_endpoint, legs "
        "from facts.calls where not is_internal and not is_test"
    )
    return sorted(
        (story_of[row[0]], *("" if cell is None else str(cell) for cell in row[1:])) for row in rows.iter_rows()
    )


def _each_once(events: Iterable[Event]) -> list[Event]:
    return list({event.id: event for event in events}.values())


def _translated(source: str, body: bytes, *, account: Account) -> tuple[Event, ...]:
    raw = RawRecord(
        raw_id=raw_id(source, account.id, hashlib.sha256(body).hexdigest()),
        source=source,
        account=account.id,
        company=COMPANY.id,
        received_at=RECEIVED_AT,
        body=body,
    )
    told = SOURCES[source].translate(raw, company=COMPANY, account=account)
    assert told.refused == ()
    return told.events


def drawn(text: str) -> list[Cells]:
    """Read the cells of a drawn table without its names, sorted."""
    lines = [line for line in text.strip().splitlines()[1:] if line.strip()]
    return sorted(tuple(cell.strip() for cell in line.split("|")) for line in lines)
