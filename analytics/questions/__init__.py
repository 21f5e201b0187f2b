"""The questions that pages ask of the warehouse: each takes a period and a scope and gives a Polars frame.

Parameters are bound, never pasted. Every question names one company, and none answers across companies: what a
person may see is settled here and not on a page.
"""

from analytics.connection import Reader
from analytics.questions.asking import Day, Period, Scope
from analytics.questions.company import accounts, as_of, channels, companies, extent, operators, teams, thresholds
from analytics.questions.counting import (
    Days,
    Dimension,
    Ended,
    Rank,
    ended,
    figures,
    figures_by_day,
    figures_of_both,
    losses,
)
from analytics.questions.grouping import Holding, can_hold, groups_of
from analytics.questions.lateness import corrections, watermarks
from analytics.questions.listing import (
    MAX_ROWS_OF_A_FILE,
    MAX_ROWS_OF_A_PAGE,
    CallFilter,
    Order,
    call,
    calls,
    count_calls,
    facts_of_call,
    history,
    turns,
)
from analytics.questions.risk import dialled, leads, signs
from analytics.questions.tariffs import Costed, Costs, Crossing, break_even, costs, what_if
from schemas.errors import Misconfigured, NotYet

__all__ = [
    "MAX_ROWS_OF_A_FILE",
    "MAX_ROWS_OF_A_PAGE",
    "CallFilter",
    "Costed",
    "Costs",
    "Crossing",
    "Day",
    "Days",
    "Dimension",
    "Ended",
    "Holding",
    "Misconfigured",
    "NotYet",
    "Order",
    "Period",
    "Rank",
    "Reader",
    "Scope",
    "accounts",
    "as_of",
    "break_even",
    "call",
    "calls",
    "can_hold",
    "channels",
    "companies",
    "corrections",
    "costs",
    "count_calls",
    "dialled",
    "ended",
    "extent",
    "facts_of_call",
    "figures",
    "figures_by_day",
    "figures_of_both",
    "groups_of",
    "history",
    "leads",
    "losses",
    "operators",
    "signs",
    "teams",
    "thresholds",
    "turns",
    "watermarks",
    "what_if",
]
