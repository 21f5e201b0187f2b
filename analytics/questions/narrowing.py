"""A view over contacts, narrowed to those of a period before it is computed, so that a week costs no whole history.

What such a view says of a row depends on its contact alone. So the facts that it reads are narrowed, inside its own
text, to the contacts that were met in the period; with a reach they are narrowed to the days around it as well.
"""

from datetime import timedelta
from functools import cache
from typing import Any

from analytics.metrics import Fact
from analytics.questions.asking import Reader
from analytics.questions.company import widest
from analytics.views import read_views, with_inputs

EPISODES = "reports.missed_episodes"
A_DAY = timedelta(days=1)

_KEYS = """
    select contact_key from facts.calls where company = $company and day between $first and $last
    union all
    select contact_key from facts.messages where company = $company and day between $first and $last
    union all
    select contact_key from facts.deals where company = $company and day between $first and $last
"""
_IDENTITIES = f"""
    select * from facts.identities where company = $company and contact_id in (
        select contact_id from facts.identities where company = $company and identity in ({_KEYS})
    )
"""  # noqa: S608  # a text of our own
_OF_CONTACTS = "(day between $first and $last or contact_key in (select identity from facts.identities))"
_AROUND = "day between $first - $reach_days::integer and $last + $reach_days::integer"


def narrowed(reader: Reader, fact: Fact, *, company: str) -> tuple[str, dict[str, Any]]:
    """Give what to read a fact's rows of a period from, and its parameters beside $company, $first and $last."""
    if fact.relation == EPISODES:
        return episodes(reader, company=company)
    if not fact.is_of_contacts:
        return fact.relation, {}
    around = f" and {_AROUND}" if fact.reach else ""
    of_calls = f"select * from facts.calls where company = $company and {_OF_CONTACTS}{around}"  # noqa: S608
    inputs = [
        ("facts.identities", _IDENTITIES),
        ("facts.calls", of_calls),
        ("facts.messages", f"select * from facts.messages where company = $company and {_OF_CONTACTS}"),  # noqa: S608
        ("facts.deals", f"select * from facts.deals where company = $company and {_OF_CONTACTS}"),  # noqa: S608
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
        (relation, f"select * from {relation} where company = $company and day >= $newest_day")  # noqa: S608
        for relation in ("facts.calls", "facts.messages")
    ]
    narrow = with_inputs(_select_of(EPISODES), inputs=inputs)
    return f"({narrow}) as missed_episodes", {"newest_day": newest - A_DAY}


@cache
def _select_of(relation: str) -> str:
    [select] = [view.select for view in read_views() if view.relation == relation]
    return select
