"""The menu: every page with its title, its place and what draws it."""

from collections.abc import Callable

from msgspec import Struct

from analytics.reading.rights import Rights
from dashboards import (
    call,
    calls,
    conversations,
    conversion,
    costs,
    health,
    metrics,
    missed,
    operators,
    overview,
    permissions,
    search,
    sql,
)
from dashboards.page import Page
from dashboards.state import CHOICES, Choice
from dashboards.texts import N_


class Entry(Struct, frozen=True, kw_only=True):
    """A page of the menu; one without a `section` stands in the bar itself, a hidden one is reached by links.

    `choices` are what stands beside it, for its figures can be narrowed by nothing else. One that `counts_calls` holds
    their groups in memory; to make them for the list of channels alone would take longer than to count it.
    """

    name: str
    title: str
    icon: str
    draw: Callable[[Page], None]
    section: str = ""
    choices: tuple[Choice, ...] = CHOICES
    is_hidden: bool = False
    counts_calls: bool = False
    needs: Callable[[Rights], bool] | None = None

    def is_for(self, rights: Rights) -> bool:
        """Whether a person with these rights is shown the page; what it shows is settled by the rights themselves."""
        return self.needs is None or self.needs(rights)


RESULTS = N_("Results")
DATA = N_("Data")
# What lists are narrowed by; nothing on them is compared.
OF_A_LIST: tuple[Choice, ...] = tuple(choice for choice in CHOICES if choice != "comparison")

MENU = (
    Entry(name="overview", title=N_("Overview"), icon=":material/insights:", draw=overview.draw, counts_calls=True),
    Entry(name="calls", title=N_("Calls"), icon=":material/call:", draw=calls.draw, choices=(*OF_A_LIST, "all_days")),
    Entry(name="call", title=N_("One call"), icon=":material/graphic_eq:", draw=call.draw, choices=(), is_hidden=True),
    Entry(
        name="missed",
        title=N_("Missed"),
        icon=":material/phone_missed:",
        draw=missed.draw,
        choices=("period", "comparison", "team", "channel", "hours"),
    ),
    Entry(
        name="conversations",
        title=N_("Conversations"),
        icon=":material/forum:",
        draw=conversations.draw,
        choices=tuple(choice for choice in OF_A_LIST if choice != "hours"),
    ),
    Entry(
        name="search",
        title=N_("Search"),
        icon=":material/manage_search:",
        draw=search.draw,
        choices=OF_A_LIST,
        needs=lambda rights: rights.sees_people,
    ),
    Entry(
        name="operators",
        title=N_("Operators and teams"),
        icon=":material/groups:",
        draw=operators.draw,
        section=RESULTS,
        counts_calls=True,
    ),
    Entry(
        name="conversion",
        title=N_("Conversion"),
        icon=":material/filter_alt:",
        draw=conversion.draw,
        section=RESULTS,
    ),
    Entry(
        name="costs",
        title=N_("Costs"),
        icon=":material/payments:",
        draw=costs.draw,
        section=RESULTS,
        choices=("period", "comparison"),
    ),
    Entry(
        name="permissions",
        title=N_("Permissions and risk"),
        icon=":material/verified_user:",
        draw=permissions.draw,
        section=RESULTS,
        choices=("period", "comparison"),
    ),
    Entry(
        name="health",
        title=N_("Data health"),
        icon=":material/monitor_heart:",
        draw=health.draw,
        section=DATA,
        choices=("period",),
    ),
    Entry(
        name="metrics",
        title=N_("Metrics"),
        icon=":material/function:",
        draw=metrics.draw,
        section=DATA,
        counts_calls=True,
        choices=OF_A_LIST,
    ),
    Entry(
        name="sql",
        title=N_("SQL"),
        icon=":material/terminal:",
        draw=sql.draw,
        section=DATA,
        choices=(),
        needs=lambda rights: rights.asks_sql,
    ),
)
