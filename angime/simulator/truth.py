"""What the warehouse must say of the simulated company, and where it says something else."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Literal, Protocol

from msgspec import Struct

from angime.simulator.company import COMPANY, PERSON
from angime.simulator.story import Call, Contact, Message, Story

Field = Literal[
    "call",
    "account",
    "source",
    "direction",
    "outcome",
    "started_at",
    "answered_at",
    "talk_seconds",
    "operator_id",
    "team_id",
    "contact",
    "messages",
    "has_transcript",
]

CALLS = """
    select provider_call_id, account, source, direction, outcome, epoch_ms(started_at) as started_ms,
        epoch_ms(answered_at) as answered_ms, coalesce(talk_seconds, 0) as talk_seconds, operator_id, team_id,
        contact_key, has_transcript
    from facts.calls where company = $company
"""
MESSAGES = """
    select account, direction, status, count(*) as messages from facts.messages
    where company = $company and epoch_ms(first_at) <= $until_ms group by all
"""


class Rows(Protocol):
    """Rows of a table, by name: a Polars frame is one."""

    def to_dicts(self) -> list[dict[str, Any]]:
        """Give every row as a dictionary."""
        ...


ReadSql = Callable[[str, dict[str, Any]], Rows]


class Mismatch(Struct, frozen=True, kw_only=True):
    """One thing that the warehouse says otherwise; `call` is the provider's id. It never holds a phone number."""

    call: str
    field: Field
    expected: str
    actual: str


def compare(story: Story, *, read_sql: ReadSql) -> list[Mismatch]:
    """List everything in which the warehouse differs from the story.

    Calls and messages after the story's end that are not in it are the live traffic of this demo or an earlier one.
    """
    reported = {row["provider_call_id"]: row for row in read_sql(CALLS, {"company": COMPANY}).to_dicts()}
    recorded = {recorded.call_id for recorded in story.recordings}
    mismatches = [
        mismatch
        for call in story.calls
        for mismatch in _of_call(call, row=reported.get(call.id), is_recorded=call.id in recorded)
    ]
    known = {call.id for call in story.calls}
    mismatches += [
        Mismatch(call=id_, field="call", expected="no such call", actual="reported")
        for id_, row in reported.items()
        if id_ not in known and row["started_ms"] <= story.now * 1000
    ]
    return mismatches + _of_messages(story, read_sql=read_sql)


def contact_key(contact: Contact | None) -> str | None:
    """Say how a contact is known: by his number, or where he shows none by his WhatsApp user id."""
    if contact is None:
        return None
    return f"whatsapp_user:{contact.user_id}" if contact.hides_number else f"phone:{contact.number}"


def count_messages(messages: Iterable[Message]) -> Counter[tuple[str, str, str]]:
    """Count messages by account, direction and last status; reactions are no messages."""
    return Counter(
        (message.account, message.direction, message.status) for message in messages if message.kind != "reaction"
    )


def operator_known(call: Call) -> str | None:
    """Say which operator the provider names: whom it rang or who called, on WhatsApp only once we told Meta."""
    is_silent = call.source == "whatsapp_cloud" and call.direction == "incoming" and call.answered_at is None
    return None if is_silent else call.operator


def _of_call(call: Call, *, row: dict[str, Any] | None, is_recorded: bool) -> Iterable[Mismatch]:
    if row is None:
        yield Mismatch(call=call.id, field="call", expected="reported", actual="missing")
        return
    operator = operator_known(call)
    pairs: tuple[tuple[Field, Any, Any], ...] = (
        ("account", call.account, row["account"]),
        ("source", call.source, row["source"]),
        ("direction", call.direction, row["direction"]),
        ("outcome", call.outcome, row["outcome"]),
        ("started_at", call.began_at * 1000, row["started_ms"]),
        ("answered_at", None if call.answered_at is None else call.answered_at * 1000, row["answered_ms"]),
        ("talk_seconds", float(call.talk_seconds), row["talk_seconds"]),
        ("operator_id", operator, row["operator_id"]),
        ("team_id", PERSON[operator].team if operator else None, row["team_id"]),
        ("has_transcript", is_recorded, row["has_transcript"]),
    )
    for field, expected, actual in pairs:
        if expected != actual:
            yield Mismatch(call=call.id, field=field, expected=str(expected), actual=str(actual))
    if contact_key(call.contact) != row["contact_key"]:
        actual = "no contact" if row["contact_key"] is None else "another contact"
        yield Mismatch(call=call.id, field="contact", expected="the contact", actual=actual)


def _of_messages(story: Story, *, read_sql: ReadSql) -> list[Mismatch]:
    expected = count_messages(story.messages)
    actual = Counter(
        {
            (row["account"], row["direction"], row["status"]): row["messages"]
            for row in read_sql(MESSAGES, {"company": COMPANY, "until_ms": story.now * 1000}).to_dicts()
        }
    )
    return [
        Mismatch(call="/".join(key), field="messages", expected=str(expected[key]), actual=str(actual[key]))
        for key in sorted(expected | actual)
        if expected[key] != actual[key]
    ]
