"""What each check is called and looks for, in the person's language; one of the company's own as its file says."""

from dashboards.texts import N_, Texts

# Of each check its name, and what it looks for.
CHECKS = {
    "call_times_out_of_order": (
        N_("Call times out of order"),
        N_("Calls picked up or over before they began: a provider's clock is wrong."),
    ),
    "calls_daily_differs": (
        N_("Daily totals differ"),
        N_("Days whose summary does not add up to their calls."),
    ),
    "calls_never_over": (
        N_("Calls that never end"),
        N_("Calls in progress for a day: nobody ever told of their end."),
    ),
    "calls_told_twice": (
        N_("Calls told twice"),
        N_("Calls that two sources tell of, such as a telephony and a CRM: each is counted."),
    ),
    "contacts_of_many": (
        N_("Contacts made of many"),
        N_("Contacts with more than 20 identities: something shared joined many, such as a common number."),
    ),
    "directions_unknown": (
        N_("Directions unknown"),
        N_("Sources with more than 5 % of calls of unknown direction, from 20 calls on."),
    ),
    "endpoints_unknown": (
        N_("Endpoints unknown"),
        N_("Endpoints that talked in calls and belong to no operator of the company's data."),
    ),
    "events_from_the_future": (
        N_("Facts from the future"),
        N_("Facts that occurred, by the source's clock, over an hour after we received them."),
    ),
    "events_in_conflict": (
        N_("Facts in conflict"),
        N_("Sources that sent one fact twice with different content; the first was kept."),
    ),
    "facts_not_unique": (
        N_("Facts not unique"),
        N_("Keys that stand more than once in a table of facts."),
    ),
    "facts_out_of_domain": (
        N_("Words unknown or missing"),
        N_("Calls with words the glossary does not know, or without what every call has."),
    ),
    "legs_do_not_add_up": (
        N_("Legs do not add up"),
        N_("Calls whose talk does not fit their legs, or that count for several operators."),
    ),
    "messages_out_of_order": (
        N_("Message times out of order"),
        N_("Messages delivered or read before they were written: a provider's clock is wrong."),
    ),
    "operators_in_two_calls": (
        N_("Operators in two calls"),
        N_("Calls that an operator picked up while talking in another."),
    ),
    "outcomes_unknown": (
        N_("Outcomes unknown"),
        N_("Sources with more than 5 % of calls whose end nobody told, from 20 calls on."),
    ),
    "rows_without_call": (
        N_("Rows without a call"),
        N_("Rows about a call that is not in the table of calls."),
    ),
    "sources_silent": (
        N_("Silent accounts"),
        N_("Accounts that told of calls or messages before, and of nothing for three days."),
    ),
    "talk_beyond_total": (
        N_("Talk longer than the call"),
        N_("Calls with more talk than time."),
    ),
    "talk_does_not_add_up": (
        N_("Talk does not add up"),
        N_("Calls whose talk and silence do not add up to their length."),
    ),
    "turns_without_call": (
        N_("Texts without a call"),
        N_("Recordings with text whose call is not in the table of calls."),
    ),
}


def named(say: Texts, check: str) -> str:
    """Name a check."""
    told = CHECKS.get(check)
    return say(told[0]) if told else check.replace("_", " ")


def sought(say: Texts, check: str, *, otherwise: str) -> str:
    """Say what a check looks for."""
    told = CHECKS.get(check)
    return say(told[1]) if told else otherwise
