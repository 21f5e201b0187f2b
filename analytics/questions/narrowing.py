# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""A view over contacts, narrowed to those of a period before it is computed, so that a week costs no whole history.

What such a view says of a row depends on its contact alone. So the facts that it reads are narrowed, inside its own
text, to the contacts that were met in the period; with a reach they are narrowed to the days around it as well.
"""

from datetime import timedelta
from functools import cache
from typing import Any

from analytics.connection import Reader
from analytics.metrics.catalogue import Fact
from analytics.questions.company import widest
from analytics.views import read_views, with_inputs

EPISODES = "reports.missed_episodes"
COSTS = "reports.call_costs"
A_DAY = timedelta(days=1)

# By whose contacts rows of a period are found, of each view: nobody else has any there.
_MET = {
    "reports.calls_before_wins": """
        select contact_key from facts.calls
        where company = $company and day between $first and $last and outcome = 'answered'
    """,
    "reports.call_repeats": """
        select contact_key from facts.calls
        where company = $company and day between $first and $last and direction = 'incoming'
    """,
    "reports.cold_calls": """
        select contact_key from facts.calls
        where company = $company and day between $first and $last and direction = 'outgoing'
    """,
    "reports.leads": """
        select contact_key from facts.messages
        where company = $company and day between $first and $last and direction = 'incoming'
        union all
        select contact_key from facts.deals
        where company = $company and day between $first and $last and is_created_known
    """,
}
_THEIRS = "contact_key in (select identity from facts.identities)"
_OF_CONTACTS = f"(day between $first and $last or {_THEIRS})"
# Which other calls count before a deal was won is asked of buyers alone, who are few.
_OF_BUYERS = """(day between $first and $last or contact_key in (
    select identity from facts.identities where contact_id in (
        select contact_id from facts.identities where identity in (
            select contact_key from facts.deals where won_at is not null
        )
    )
))"""
# Which calls are read for the rows of a period; a lead is no call, and all that is read of calls is its contact's.
_CALLS = {
    "reports.calls_before_wins": _OF_BUYERS,
    "reports.call_repeats": _OF_CONTACTS,
    "reports.cold_calls": _OF_CONTACTS,
    "reports.leads": _THEIRS,
}
# What a call costs hangs on those that were billed before it in its month.
_BILLED = """
    select * from facts.call_charges
    where company = $company and month >= date_trunc('month', $first::date) and day <= $last
"""
_AROUND = "day between $first - $reach_days::integer and $last + $reach_days::integer"


def narrowed(reader: Reader, fact: Fact, *, company: str) -> tuple[str, dict[str, Any]]:
    """Give what to read a fact's rows of a period from, and its parameters beside $company, $first and $last."""
    if fact.relation == EPISODES:
        return episodes(reader, company=company)
    if fact.relation == COSTS:
        return f"({with_inputs(_select_of(COSTS), inputs=[('facts.call_charges', _BILLED)])}) as narrowed", {}
    if not fact.is_of_contacts:
        return fact.relation, {}
    around = f" and {_AROUND}" if fact.reach else ""
    inputs = [
        ("facts.identities", _identities(_MET[fact.relation])),
        ("facts.deals", f"select * from facts.deals where company = $company and {_OF_CONTACTS}"),
        ("facts.calls", f"select * from facts.calls where company = $company and {_CALLS[fact.relation]}{around}"),
        ("facts.messages", f"select * from facts.messages where company = $company and {_THEIRS}"),
    ]
    text = with_inputs(_select_of(fact.relation), inputs=inputs)
    if not fact.reach:
        return f"({text}) as narrowed", {}
    return f"({text}) as narrowed", {"reach_days": widest(reader, company=company)[fact.reach] // 24 + 2}


def episodes(reader: Reader, *, company: str) -> tuple[str, dict[str, Any]]:
    """Give what to read missed episodes from, and its parameters beside $company.

    How an episode stands hangs on the company's newest call or message up to now. That is no older than the newest day
    that has calls and is over in every zone: nothing before it is looked at. Who may not see the sums of days looks at
    all.
    """
    text = "select max(day) as day from reports.calls_grouped where company = $company and day < current_date - 1"
    newest = reader.sql(text, {"company": company})["day"].to_list()[0]
    if newest is None:
        return EPISODES, {}
    inputs = [
        (relation, f"select * from {relation} where company = $company and day >= $newest_day")
        for relation in ("facts.calls", "facts.messages")
    ]
    narrow = with_inputs(_select_of(EPISODES), inputs=inputs)
    return f"({narrow}) as missed_episodes", {"newest_day": newest - A_DAY}


def _identities(met: str) -> str:
    return f"""
        select * from facts.identities where company = $company and contact_id in (
            select contact_id from facts.identities where company = $company and identity in ({met})
        )
    """


@cache
def _select_of(relation: str) -> str:
    [select] = [view.select for view in read_views() if view.relation == relation]
    return select
