"""Accounts: the last state of a connected number, and every state from when to when."""

from datetime import date

import pytest

from analytics.questions import Period
from analytics.questions.permissions import signals
from tests.analytics.drawn import draw, drawn_events, tidy, warehouse
from tests.analytics.drawn_rows import ACME

FACTS = """
account | fact            | at       | says
qr      | linked          | 05:00:00 | company_number=+77010000009
qr      | went_offline    | 06:00:00 |
qr      | came_online     | 06:30:00 |
qr      | unlinked        | 09:00:00 | provider_status=logged out
waba    | restricted      | 05:00:00 | restriction=BIZ_INITIATED; expires_at=2026-03-05 05:00:00
waba    | quality_changed | 05:01:00 | quality=LOW_CALLING_QUALITY
waba    | quality_changed | 07:01:00 | quality=GREEN
ban     | restricted      | 05:00:00 | provider_status=DISABLE
ban     | restricted      | 06:00:00 | provider_status=DISABLE
ban     | came_online     | 07:00:00 | provider_status=REINSTATE
"""


def test_an_account_is_what_its_last_facts_say() -> None:
    expected = """
    account | is_linked | is_online | restriction   | restricted_until    | quality | provider_status | restrictions | disconnections | events
    qr      | no        | yes       |               |                     |         | logged out      | 0            | 2              | 4
    waba    |           |           | BIZ_INITIATED | 2026-03-05 05:00:00 | GREEN   |                 | 1            | 0              | 3
    ban     |           | yes       |               |                     |         | REINSTATE       | 2            | 0              | 3
    """  # noqa: E501
    assert tidy(expected) == draw(warehouse(drawn_events(FACTS)).sql("from facts.accounts"), like=expected)


def test_of_a_limit_that_has_no_name_the_provider_s_own_word_is_shown() -> None:
    facts = """
    account | fact       | at       | says
    ban     | restricted | 05:00:00 | provider_status=DISABLE
    silent  | restricted | 05:00:00 |
    """
    expected = """
    account | restriction
    ban     | DISABLE
    silent  | restricted
    """
    assert tidy(expected) == draw(warehouse(drawn_events(facts)).sql("from facts.accounts"), like=expected)


def test_a_limit_that_says_its_end_lasts_no_longer_whatever_follows() -> None:
    facts = """
    account | fact       | at       | says
    main    | restricted | 05:00:00 | expires_at=06:00:00
    main    | restricted | 07:00:00 | expires_at=09:00:00
    main    | linked     | 08:00:00 |
    """
    expected = """
    aspect      | state      | began_at | ended_at
    restriction | restricted | 05:00:00 | 06:00:00
    restriction | restricted | 07:00:00 | 08:00:00
    restriction | lifted     | 08:00:00 |
    link        | linked     | 08:00:00 |
    """
    assert tidy(expected) == draw(warehouse(drawn_events(facts)).sql("from facts.account_states"), like=expected)


def test_every_state_lasts_until_the_next_of_its_aspect() -> None:
    expected = """
    account | aspect      | state      | word                | began_at | ended_at
    qr      | link        | linked     |                     | 05:00:00 | 09:00:00
    qr      | reach       | offline    |                     | 06:00:00 | 06:30:00
    qr      | reach       | online     |                     | 06:30:00 |
    qr      | link        | unlinked   |                     | 09:00:00 |
    waba    | restriction | restricted | BIZ_INITIATED       | 05:00:00 | 2026-03-05 05:00:00
    waba    | quality     | judged     | LOW_CALLING_QUALITY | 05:01:00 | 07:01:00
    waba    | quality     | judged     | GREEN               | 07:01:00 |
    ban     | restriction | restricted |                     | 05:00:00 | 06:00:00
    ban     | restriction | restricted |                     | 06:00:00 | 07:00:00
    ban     | restriction | lifted     |                     | 07:00:00 |
    ban     | reach       | online     |                     | 07:00:00 |
    """
    assert tidy(expected) == draw(warehouse(drawn_events(FACTS)).sql("from facts.account_states"), like=expected)


def test_accounts_of_one_name_at_two_companies_are_two() -> None:
    facts = """
    account | fact   | at
    main    | linked | 05:00:00
    """
    events = [*drawn_events(facts), *drawn_events(facts, company="other")]

    assert [("acme", "main"), ("other", "main")] == warehouse(events).sql(
        "select company, account from facts.accounts order by company"
    ).rows()


def test_where_an_account_has_several_numbers_one_ends_no_state_of_another() -> None:
    facts = """
    account | fact            | at       | says
    waba    | restricted      | 05:00:00 | company_number=+77010000001; restriction=BIZ_INITIATED
    waba    | quality_changed | 05:01:00 | company_number=+77010000001; quality=RED
    waba    | came_online     | 06:00:00 | company_number=+77010000002
    waba    | quality_changed | 06:01:00 | company_number=+77010000002; quality=GREEN
    waba    | quality_changed | 07:01:00 | company_number=+77010000001; quality=YELLOW
    waba    | restricted      | 08:00:00 | provider_status=DISABLE
    waba    | came_online     | 09:00:00 | provider_status=REINSTATE
    """
    expected = """
    company_number | aspect      | state      | word          | began_at | ended_at
    +77010000001   | restriction | restricted | BIZ_INITIATED | 05:00:00 |
    +77010000001   | quality     | judged     | RED           | 05:01:00 | 07:01:00
    +77010000002   | reach       | online     |               | 06:00:00 |
    +77010000002   | quality     | judged     | GREEN         | 06:01:00 |
    +77010000001   | quality     | judged     | YELLOW        | 07:01:00 |
                   | restriction | restricted |               | 08:00:00 | 09:00:00
                   | restriction | lifted     |               | 09:00:00 |
                   | reach       | online     |               | 09:00:00 |
    """
    assert tidy(expected) == draw(warehouse(drawn_events(facts)).sql("from facts.account_states"), like=expected)


SIGNS = """
account | fact            | at                  | says
lasting | unlinked        | 2026-02-27 05:00:00 |
limited | restricted      | 2026-02-27 05:00:00 | restriction=A; expires_at=2026-03-02 19:00:00
over    | restricted      | 2026-02-27 05:00:00 | restriction=B; expires_at=2026-03-02 18:59:59
lifted  | went_offline    | 2026-03-01 19:00:00 |
lifted  | came_online     | 2026-03-02 06:00:00 |
judged  | quality_changed | 2026-03-02 18:59:59 | quality=RED
later   | quality_changed | 2026-03-02 19:00:00 | quality=RED
before  | went_offline    | 2026-03-01 18:59:59 |
before  | came_online     | 2026-03-02 06:00:00 |
"""


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (2, 2, ["judged", "lifted", "before", "lasting", "limited", "over"]),
        (2, 4, ["later", "judged", "lifted", "before", "lasting", "limited", "over"]),
        (3, 4, ["later", "judged", "lasting"]),
    ],
)
def test_what_providers_say_of_accounts_is_shown_in_its_period_and_while_it_lasts(
    first: int, last: int, shown: list[str]
) -> None:
    days = Period(date(2026, 3, first), date(2026, 3, last))
    told = signals(warehouse(drawn_events(SIGNS)), period=days, scope=ACME)
    assert shown == told["account"].to_list()
