"""Drawn rows of facts: a small text table laid into a table of the warehouse, for tests of what is counted over it."""

from collections.abc import Mapping
from datetime import date

from analytics import questions
from analytics.folding.scratch import Scratch, scratch
from analytics.metrics.catalogue import whole
from analytics.questions import Period, Scope
from analytics.views import read_views
from schemas.company import Company
from tests.analytics.drawn import COMPANY, rows

ACME = Scope(company="acme")
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
CALL = {
    "company": "acme",
    "account": "main",
    "source": "twilio",
    "channel": "phone",
    "direction": "incoming",
    "outcome": "answered",
    "is_internal": "no",
    "is_test": "no",
    "is_business_hours": "yes",
}
MESSAGE = {
    "company": "acme",
    "account": "main",
    "source": "whatsapp_cloud",
    "channel": "waba",
    "conversation_id": "talk",
    "contact_key": "phone:+77010000001",
    "kind": "text",
    "text": "hello",
}
DEAL = {"company": "acme", "day": "2026-03-02", "is_deleted": "no"}


def built(companies: tuple[Company, ...] = (COMPANY,)) -> Scratch:
    """Build a warehouse in memory with company data and no events."""
    warehouse = scratch(companies)
    warehouse.build()
    return warehouse


def fill(warehouse: Scratch, relation: str, text: str, *, usual: Mapping[str, str]) -> Scratch:
    """Lay drawn rows into a table. What they do not say is as `usual`, else null; a dash is null, yes and no claims."""
    for row in rows(text):
        cells = {**usual, **row}
        names = ", ".join(cells)
        places = ", ".join("?" for _ in cells)
        warehouse.connection.execute(
            f"insert into {relation} ({names}) values ({places})",  # noqa: S608  # drawn by the test
            [{"-": None, "": None, "yes": True, "no": False}.get(cell, cell) for cell in cells.values()],
        )
    return warehouse


def calls(text: str, *, companies: tuple[Company, ...] = (COMPANY,)) -> Scratch:
    """Build a warehouse that holds drawn calls: `call_id`, `started_at` (UTC) and whatever else they say."""
    warehouse = fill(built(companies), "facts.calls", text, usual=CALL)
    warehouse.connection.execute(
        "update facts.calls set is_in_time = outcome = 'answered' and answer_seconds <= ?, "
        "answered_at = if(outcome = 'answered', coalesce(answered_at, started_at), null)",
        [whole().bounds["service_level_seconds"]],
    )
    place(warehouse, "facts.calls", time="started_at")
    sum_again(warehouse)
    meet(warehouse)
    return warehouse


def messages(text: str, *, companies: tuple[Company, ...] = (COMPANY,)) -> Scratch:
    """Build a warehouse that holds drawn messages: `message_id`, `first_at` (UTC) and whatever else they say."""
    warehouse = fill(built(companies), "facts.messages", text, usual=MESSAGE)
    warehouse.connection.execute("""
        update facts.messages
        set sent_at = first_at, status = coalesce(status, if(direction = 'incoming', 'received', 'sent'))
    """)
    place(warehouse, "facts.messages", time="first_at")
    meet(warehouse)
    return warehouse


def meet(warehouse: Scratch) -> None:
    """Make each way in which the contacts of drawn calls, messages and deals are known a contact of its own."""
    warehouse.connection.execute("""
        delete from facts.identities;
        insert into facts.identities (company, identity, contact_id)
        select distinct company, contact_key, contact_key from (
            select company, contact_key from facts.calls
            union all
            select company, contact_key from facts.messages
            union all
            select company, contact_key from facts.deals
        ) where contact_key is not null;
        insert into facts.deal_contacts (deal_id, company, contact_key, created_at, is_deleted)
        select deal_id, company, contact_key, created_at, false from facts.deals
        where contact_key is not null and deal_id not in (select deal_id from facts.deal_contacts);
        delete from facts.contacts;
        insert into facts.contacts (company, contact_id, first_incoming_at, first_deal_at)
        select
            company, contact_key, min(met_at) filter (where kind = 'incoming'),
            min(met_at) filter (where kind = 'deal')
        from (
            select company, contact_key, started_at as met_at, direction as kind from facts.calls
            union all
            select company, contact_key, first_at, direction from facts.messages
            union all
            select company, contact_key, created_at, 'deal' from facts.deals
        ) where contact_key is not null group by company, contact_key
    """)


def sum_again(warehouse: Scratch) -> None:
    """Sum the reports that are tables over what was laid into the facts, and find calls by their ids again."""
    for view in read_views():
        if (view.layer == "reports" and view.is_table) or view.is_index:
            warehouse.connection.execute(f"create or replace table {view.relation} as {view.select}")


def place(warehouse: Scratch, relation: str, *, time: str, hours: bool = True) -> None:
    """Give rows their local day, and hour and weekday, by the zone of their company."""
    zone = "(select time_zone from reference.companies where companies.company = placed.company)"
    local = f"timezone({zone}, {time})"
    more = f", hour = extract(hour from {local}), weekday = extract(isodow from {local})" if hours else ""
    warehouse.connection.execute(f"update {relation} as placed set day = cast({local} as date){more}")  # noqa: S608


def figure(warehouse: Scratch, metric: str, *, period: Period = MARCH, scope: Scope = ACME) -> tuple[float | None, int]:
    """Give the value of a metric, and its sample."""
    [row] = questions.figures(warehouse, period=period, scope=scope, metrics=(metric,)).to_dicts()
    return row["value"], row["sample"]
