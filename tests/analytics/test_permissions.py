"""Permissions under a dated policy: how long they hold, what limits are used, which calls were outside of them."""

from datetime import UTC, datetime

import msgspec
import pytest

from analytics.questions.permissions import held
from analytics.scratch import Scratch
from schemas.company import Company
from schemas.prices import PermissionPolicy
from tests.analytics.drawn import COMPANY, call, draw, drawn_events, rows, tidy, warehouse
from tests.analytics.drawn_rows import ACME

A, B, TESTER = "phone:+77010000001", "phone:+77010000002", "phone:+77019999999"


def _built(permissions: str, calls: str = "", *, company: Company = COMPANY) -> Scratch:
    drawn = ["call | account | fact | at | says"]
    for row in rows(calls) if calls else []:
        says = f"direction={row.get('direction', 'outgoing')}; channel=waba; contact={row['contact']}"
        answered = f"; answered_at={row['at']}; talk_seconds=30" if row["came"] == "talk" else ""
        came = "completed" if answered else row["came"]
        end = row["at"][:-2] + f"{int(row['at'][-2:]) + 30:02d}"
        named = f"{row['call']} | {row.get('account', 'main')}"
        drawn.append(f"{named} | offered | {row['at']} | {says}")
        if came != "rings":
            drawn.append(f"{named} | ended | {end} | {says}; disposition={came}{answered}")
    return warehouse([*drawn_events(permissions), *drawn_events("\n".join(drawn))], [company])


def _drawn(built: Scratch, relation: str, expected: str) -> list[str]:
    names = {call(name): name for name in "abcdefghijk"}
    return draw(built.sql(f"from {relation}"), like=expected, names=names)


def _policy(name: str, **fields: object) -> Company:
    return msgspec.structs.replace(COMPANY, permission_policy=name, **fields)


GRANTS = f"""
permission | fact    | at                  | says
said       | granted | 2026-03-02 05:00:00 | contact={A}; given_by=user_action; expires_at=2026-03-09 05:00:00
unsaid     | granted | 2026-03-02 05:00:00 | contact={B}
permanent  | granted | 2026-03-02 05:00:00 | contact=telegram:3; kind=permanent
"""


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            "meta",
            """
            kind      | granted_at | expires_at          | ended_by
            temporary | 05:00:00   | 2026-03-09 05:00:00 | expired
            temporary | 05:00:00   | 2026-03-09 05:00:00 | expired
            permanent | 05:00:00   |                     |
            """,
        ),
        (
            "seed-2025",
            """
            kind      | granted_at | expires_at          | ended_by
            temporary | 05:00:00   | 2026-03-03 05:00:00 | expired
            temporary | 05:00:00   | 2026-03-03 05:00:00 | expired
            temporary | 05:00:00   | 2026-03-03 05:00:00 | expired
            """,
        ),
    ],
)
def test_a_permission_lasts_as_the_policy_says(policy: str, expected: str) -> None:
    assert tidy(expected) == _drawn(_built(GRANTS, company=_policy(policy)), "facts.permissions", expected)


def test_a_permission_ends_by_what_comes_first() -> None:
    permissions = f"""
    permission | fact    | at                  | says
    a          | granted | 2026-03-02 05:00:00 | contact={A}
    a          | revoked | 2026-03-03 05:00:00 | contact={A}
    b          | granted | 2026-03-02 05:00:00 | contact={B}
    b          | granted | 2026-03-04 05:00:00 | contact={B}
    b          | revoked | 2026-03-20 05:00:00 | contact={B}
    c          | granted | 2026-03-02 05:00:00 | contact=telegram:3
    c          | denied  | 2026-03-03 05:00:00 | contact=telegram:3
    """
    expected = """
    granted_at          | ended_at            | ended_by
    05:00:00            | 2026-03-03 05:00:00 | revoked
    05:00:00            | 2026-03-04 05:00:00 | renewed
    2026-03-04 05:00:00 | 2026-03-11 05:00:00 | expired
    05:00:00            | 2026-03-09 05:00:00 | expired
    """
    assert tidy(expected) == _drawn(_built(permissions), "facts.permissions", expected)


def test_calls_are_inside_a_permission_or_outside_for_a_reason() -> None:
    permissions = f"""
    permission | fact    | at                  | says
    a          | granted | 2026-03-02 05:00:00 | contact={A}
    a          | granted | 2026-03-10 05:00:00 | contact={A}; kind=permanent
    b          | granted | 2026-03-02 05:00:00 | contact={B}
    b          | revoked | 2026-03-02 06:00:00 | contact={B}
    """
    calls = f"""
    call | contact    | at                  | came
    a    | {A}        | 2026-03-02 04:59:59 | talk
    h    | {A}        | 2026-03-20 05:00:00 | talk
    b    | {A}        | 2026-03-02 05:00:00 | talk
    c    | {A}        | 2026-03-09 04:59:59 | talk
    d    | {A}        | 2026-03-09 05:00:00 | not_permitted
    e    | {B}        | 2026-03-02 06:00:00 | talk
    f    | telegram:3 | 2026-03-02 06:00:00 | talk
    test | {TESTER}   | 2026-03-02 06:00:00 | talk
    g    | {A}        | 2026-03-02 07:00:00 | rings
    """.replace(":59 |", ":29 |")
    expected = """
    call_id | is_permitted | reason
    a       | no           | never_granted
    b       | yes          | permitted
    c       | yes          | permitted
    d       | no           | expired
    e       | no           | revoked
    f       | no           | never_granted
    g       | yes          | permitted
    h       | yes          | permitted
    """
    built = _built(permissions, calls)
    assert tidy(expected) == _drawn(built, "facts.call_permissions", expected)
    used = """
    granted_at | calls | answered_calls
    05:00:00   | 2     | 2
    05:00:00   | 0     | 0
    2026-03-10 05:00:00 | 1 | 1
    """
    assert tidy(used) == _drawn(built, "facts.permissions", used)
    free = _built(permissions, calls, company=_policy("none"))
    assert free.sql("select distinct is_permitted, reason from facts.call_permissions").rows() == [(True, "not_needed")]


def test_the_fourth_unanswered_call_in_a_row_ends_a_permission_and_talk_begins_the_row_anew() -> None:
    permissions = f"permission | fact | at | says\na | granted | 05:00:00 | contact={A}\n"
    calls = f"""
    call | contact | at       | came
    a    | {A}     | 05:10:00 | no_answer
    b    | {A}     | 05:20:00 | no_answer
    c    | {A}     | 05:30:00 | talk
    d    | {A}     | 05:40:00 | no_answer
    e    | {A}     | 05:50:00 | rejected
    f    | {A}     | 06:00:00 | no_answer
    g    | {A}     | 06:10:00 | busy
    h    | {A}     | 06:20:00 | no_answer
    """
    expected = """
    call_id | is_permitted | reason     | unanswered_before | connections_before
    a       | yes          | permitted  | 0                 | 0
    b       | yes          | permitted  | 1                 | 0
    c       | yes          | permitted  | 2                 | 0
    d       | yes          | permitted  | 0                 | 1
    e       | yes          | permitted  | 1                 | 1
    f       | yes          | permitted  | 2                 | 1
    g       | yes          | permitted  | 3                 | 1
    h       | no           | unanswered | 4                 | 1
    """
    built = _built(permissions, calls)
    assert tidy(expected) == _drawn(built, "facts.call_permissions", expected)
    assert built.sql("select ended_by, calls, answered_calls from facts.permissions").rows() == [("unanswered", 7, 1)]


def test_two_unanswered_calls_in_a_row_warn_until_somebody_talks() -> None:
    permissions = f"""
    permission | fact    | at       | says
    a          | granted | 05:00:00 | contact={A}
    b          | granted | 05:00:01 | contact={B}
    """
    calls = f"""
    call | contact | at       | came
    a    | {A}     | 05:10:00 | no_answer
    b    | {A}     | 05:20:00 | rejected
    c    | {B}     | 05:10:00 | no_answer
    d    | {B}     | 05:20:00 | no_answer
    e    | {B}     | 05:30:00 | talk
    f    | {B}     | 05:40:00 | no_answer
    """
    expected = """
    granted_at | unanswered | is_warned
    05:00:00   | 2          | yes
    05:00:01   | 1          | no
    """
    assert tidy(expected) == _drawn(_built(permissions, calls), "facts.permissions", expected)


def test_a_permission_is_that_of_one_account_and_so_is_what_ends_it() -> None:
    permissions = f"""
    permission | account | fact    | at       | says
    a          | main    | granted | 05:00:00 | contact={A}
    b          | other   | revoked | 05:45:00 | contact={A}
    """
    calls = f"""
    call | account | contact | at       | came
    a    | other   | {A}     | 05:10:00 | no_answer
    b    | other   | {A}     | 05:20:00 | no_answer
    c    | other   | {A}     | 05:30:00 | no_answer
    d    | other   | {A}     | 05:40:00 | no_answer
    e    | main    | {A}     | 05:50:00 | talk
    f    | other   | {A}     | 06:00:00 | no_answer
    """
    expected = """
    call_id | is_permitted | reason        | unanswered_before | connections_before
    a       | no           | never_granted | 0                 | 0
    b       | no           | never_granted | 1                 | 0
    c       | no           | never_granted | 2                 | 0
    d       | no           | never_granted | 3                 | 0
    e       | yes          | permitted     | 0                 | 0
    f       | no           | never_granted | 4                 | 0
    """
    built = _built(permissions, calls)
    assert tidy(expected) == _drawn(built, "facts.call_permissions", expected)
    assert built.sql("select ended_by, calls, answered_calls from facts.permissions").rows() == [("expired", 1, 1)]


def test_what_is_used_of_the_limits_now_stands_beside_what_the_policy_allows() -> None:
    permissions = f"""
    permission | fact      | at                  | says
    a          | granted   | 2026-03-01 04:00:00 | contact={A}; kind=permanent
    a          | requested | 2026-03-05 05:00:00 | contact={A}
    a          | requested | 2026-03-05 09:00:00 | contact={A}
    b          | granted   | 2026-03-01 05:00:00 | contact={B}; kind=permanent
    b          | requested | 2026-02-26 09:59:59 | contact={B}
    b          | requested | 2026-03-04 09:59:59 | contact={B}
    b          | requested | 2026-03-05 06:00:00 | contact={B}
    """
    calls = f"""
    call | direction | contact | at                  | came
    a    | outgoing  | {A}     | 2026-03-05 08:00:00 | talk
    b    | incoming  | {A}     | 2026-03-05 07:00:00 | talk
    c    | outgoing  | {A}     | 2026-03-04 09:59:00 | talk
    d    | outgoing  | {B}     | 2026-03-05 07:00:00 | no_answer
    """
    expected = """
    requests_in_day | requests_a_day | requests_in_week | requests_a_week | connections_in_day | connections_a_day
    1               | 1              | 1                | 2               | 1                  | 100
    1               | 1              | 2                | 2               | 0                  | 100
    """
    now = datetime(2026, 3, 5, 10, tzinfo=UTC)
    holding = held(_built(permissions, calls), scope=ACME, now=now, tonight=now)
    assert tidy(expected) == draw(holding, like=expected, names={})


def test_connected_calls_are_limited_a_day_for_a_contact() -> None:
    limited = PermissionPolicy(name="strict", is_required=False, connections_a_day=2)
    calls = f"""
    call | direction | contact | at                  | came
    a    | outgoing  | {A}     | 2026-03-02 05:00:00 | talk
    b    | outgoing  | {A}     | 2026-03-02 06:00:00 | talk
    in   | incoming  | {A}     | 2026-03-02 06:30:00 | talk
    c    | outgoing  | {A}     | 2026-03-02 07:00:00 | no_answer
    d    | outgoing  | {A}     | 2026-03-03 05:00:00 | talk
    e    | outgoing  | {B}     | 2026-03-02 07:00:00 | talk
    """
    expected = """
    call_id | connections_before | is_over_limit
    a       | 0                  | no
    b       | 1                  | no
    c       | 2                  | yes
    d       | 1                  | no
    e       | 0                  | no
    """
    nobody = "permission | fact | at | says"
    built = _built(nobody, calls, company=_policy("strict", permission_policies=(limited,)))
    assert tidy(expected) == _drawn(built, "facts.call_permissions", expected)


def test_requests_use_limits_until_somebody_talks_and_are_answered_by_what_follows() -> None:
    permissions = f"""
    permission | fact      | at                  | says
    a          | requested | 2026-03-02 05:00:00 | contact={A}
    a          | denied    | 2026-03-02 06:00:00 | contact={A}; given_by=user_action
    a          | requested | 2026-03-03 04:59:59 | contact={A}
    a          | requested | 2026-03-05 05:00:00 | contact={A}
    a          | granted   | 2026-03-05 06:00:00 | contact={A}; given_by=user_action
    a          | requested | 2026-03-05 09:00:00 | contact={A}
    b          | requested | 2026-03-05 09:00:00 | contact={B}
    b          | granted   | 2026-03-05 09:30:00 | contact={B}; given_by=automatic
    c          | requested | 2026-03-02 05:00:00 | contact=telegram:3
    c          | requested | 2026-03-03 05:00:00 | contact=telegram:3
    c          | requested | 2026-03-09 04:59:59 | contact=telegram:3
    c          | requested | 2026-03-09 05:00:00 | contact=telegram:3
    """
    calls = f"""
    call | contact | at                  | came
    a    | {A}     | 2026-03-05 08:00:00 | talk
    """
    expected = """
    requested_at        | answer  | answered_at         | requests_in_day | requests_in_week | is_over_limit
    05:00:00            | denied  | 06:00:00            | 1               | 1                | no
    2026-03-03 04:59:59 |         |                     | 2               | 2                | yes
    2026-03-05 05:00:00 | granted | 2026-03-05 06:00:00 | 1               | 3                | yes
    2026-03-05 09:00:00 |         |                     | 1               | 1                | no
    2026-03-05 09:00:00 |         |                     | 1               | 1                | no
    05:00:00            |         |                     | 1               | 1                | no
    2026-03-03 05:00:00 |         |                     | 1               | 2                | no
    2026-03-09 04:59:59 |         |                     | 1               | 3                | yes
    2026-03-09 05:00:00 |         |                     | 2               | 3                | yes
    """
    assert tidy(expected) == _drawn(_built(permissions, calls), "facts.permission_requests", expected)
