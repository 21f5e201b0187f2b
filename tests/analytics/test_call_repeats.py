"""First-call resolution: which call is a contact's first, whether he called again within 168 h, and whose it is."""

from datetime import date

import msgspec

from schemas.dated import DatedThresholds, Thresholds
from tests.analytics.drawn import COMPANY, draw, tidy
from tests.analytics.drawn_rows import calls, figure, fill

# Acme's zone is Asia/Almaty, UTC+5. The last call closes the 168 h of all calls before its week.
CALLS = """
call_id | started_at          | contact_key | outcome     | is_test | is_internal
first   | 2026-03-02 05:00:00 | phone:+71   | answered    | no | no
again   | 2026-03-09 05:00:00 | phone:+71   | answered    | no | no
late    | 2026-03-02 05:00:00 | phone:+72   | answered    | no | no
later   | 2026-03-09 05:00:01 | phone:+72   | missed      | no | no
missed  | 2026-03-02 05:00:00 | phone:+73   | missed      | no | no
then    | 2026-03-02 06:00:00 | phone:+73   | answered    | no | no
blank   | 2026-03-02 05:00:00 | -           | answered    | no | no
blank2  | 2026-03-02 05:00:01 | -           | answered    | no | no
tie     | 2026-03-02 05:00:00 | phone:+74   | answered    | no | no
tie2    | 2026-03-02 05:00:00 | phone:+74   | answered    | no | no
test    | 2026-03-02 07:00:00 | phone:+73   | answered    | yes | no
ours    | 2026-03-02 08:00:00 | phone:+76   | answered    | no      | yes
newest  | 2026-03-10 05:00:00 | phone:+75   | answered    | no | no
"""


def test_a_call_knows_the_answered_one_before_it_and_the_next() -> None:
    expected = """
    call_id | is_repeat | called_again_at     | is_settled
    again   | yes       |                     | no
    blank   | no        |                     | yes
    blank2  | no        |                     | yes
    first   | no        | 2026-03-09 05:00:00 | yes
    late    | no        |                     | yes
    later   | no        |                     | no
    missed  | no        | 06:00:00            | yes
    newest  | no        |                     | no
    ours    | no        |                     | yes
    test    | no        |                     | yes
    then    | no        |                     | yes
    tie     | no        | 05:00:00            | yes
    tie2    | yes       |                     | yes
    """

    assert tidy(expected) == draw(calls(CALLS).sql("from reports.call_repeats"), like=expected)


def test_the_while_is_the_company_s_on_the_local_day_of_the_call() -> None:
    soon = DatedThresholds(since=date(2026, 3, 3), until=date(2026, 3, 4), resolution_hours=24)
    dated = msgspec.structs.replace(COMPANY, dated_thresholds=(soon,), thresholds=Thresholds(resolution_hours=48))
    told = """
    call_id | started_at          | contact_key
    before  | 2026-03-02 18:59:59 | phone:+71
    again   | 2026-03-04 18:59:59 | phone:+71
    within  | 2026-03-02 19:00:00 | phone:+72
    late    | 2026-03-03 19:00:01 | phone:+72
    after   | 2026-03-03 19:00:00 | phone:+73
    then    | 2026-03-05 19:00:00 | phone:+73
    """
    expected = """
    call_id | is_repeat | called_again_at
    before  | no        | 2026-03-04 18:59:59
    again   | yes       |
    within  | no        |
    late    | yes       |
    after   | no        | 2026-03-05 19:00:00
    then    | yes       |
    """

    assert tidy(expected) == draw(calls(told, companies=(dated,)).sql("from reports.call_repeats"), like=expected)


def test_first_call_resolution_counts_first_answered_calls_of_known_contacts() -> None:
    assert (2 / 4, 4) == figure(calls(CALLS), "first_call_resolution")


def test_without_a_settled_call_there_is_no_resolution() -> None:
    only = """
    call_id | started_at          | contact_key
    a       | 2026-03-02 05:00:00 | phone:+71
    b       | 2026-03-09 18:59:59 | phone:+72
    """

    assert (None, 0) == figure(calls(only), "first_call_resolution")


def test_a_call_dated_after_today_settles_nothing() -> None:
    told = """
    call_id | started_at          | contact_key
    a       | 2026-03-02 05:00:00 | phone:+71
    b       | 2098-03-09 05:00:00 | phone:+72
    """

    assert (None, 0) == figure(calls(told), "first_call_resolution")


def test_a_late_call_makes_its_contacts_first_call_unresolved() -> None:
    warehouse = calls(CALLS)
    late = """
    call_id | company | direction | started_at          | day        | contact_key | outcome  | is_internal | is_test
    new     | acme    | incoming  | 2026-03-05 05:00:00 | 2026-03-05 | phone:+72   | answered | no          | no
    """

    fill(warehouse, "facts.calls", late, usual={})

    assert (1 / 4, 4) == figure(warehouse, "first_call_resolution")
