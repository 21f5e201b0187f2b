"""Permissions under a dated policy: how long they hold, what limits are used, which calls were outside of them."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from analytics.folding.scratch import Scratch
from analytics.questions.permissions import held, outside
from schemas.company import Company
from schemas.prices import PermissionPolicy
from tests.analytics.drawn import COMPANY, call, draw, drawn_events, rows, tidy, warehouse
from tests.analytics.drawn_rows import ACME, MARCH

A, B, TESTER, OURS = "phone:+77010000001", "phone:+77010000002", "phone:+77019999999", "phone:+77271111111"


def _built(
    permissions: str, calls: str = "", *, company: Company = COMPANY, others: tuple[Company, ...] = ()
) -> Scratch:
    """Tell it of one company, and the same of others."""
    drawn = ["call | account | fact | at | says"]
    for row in rows(calls) if calls else []:
        says = f"direction={row.get('direction', 'outgoing')}; contact={row['contact']}"
        says += f"; channel={row.get('channel', 'waba')}"
        ways = {"talk": f"; answered_at={row['at']}; talk_seconds=30", "machine": "; answered_by=machine"}
        answered = ways.get(row["came"], "")
        came = "completed" if answered else row["came"]
        end = row["at"][:-2] + f"{int(row['at'][-2:]) + 30:02d}"
        named = f"{row['call']} | {row.get('account', 'main')}"
        drawn.append(f"{named} | offered | {row['at']} | {says}")
        if came != "rings":
            drawn.append(f"{named} | ended | {end} | {says}; disposition={came}{answered}")
    events = [*drawn_events(permissions), *drawn_events("\n".join(drawn))]
    for other in others:
        for head, *lines in (permissions.strip().splitlines(), drawn):
            named = (f"{other.id} {line.strip()}" for line in lines)
            events += drawn_events("\n".join([head, *named]), company=other.id)
    return warehouse(events, [company, *others])


def _drawn(built: Scratch, relation: str, expected: str) -> list[str]:
    names = {call(name): name for name in "abcdefghijk"}
    return draw(built.sql(f"from {relation}"), like=expected, names=names)


def _policy(name: str, **fields: object) -> Company:
    return msgspec.structs.replace(COMPANY, permission_policy=name, **fields)


# One that a company has not had yet on the drawn day: nothing is judged then.
LATER = PermissionPolicy(name="later", since=date(2026, 3, 3), trusts_provider=False, allows_permanent=False)
GRANTS = f"""
permission | fact    | at                  | says
said       | granted | 2026-03-02 05:00:00 | contact={A}; given_by=user_action; expires_at=2026-03-09 04:00:00
unsaid     | granted | 2026-03-02 05:00:00 | contact={B}; channel=whatsapp
permanent  | granted | 2026-03-02 05:00:00 | contact=telegram:3; kind=permanent; expires_at=2026-03-09 04:00:00
"""


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            "meta",
            """
            kind      | channel  | given_by    | granted_at | expires_at          | ended_by
            temporary | waba     | user_action | 05:00:00   | 2026-03-09 04:00:00 | expired
            temporary | whatsapp | unknown     | 05:00:00   | 2026-03-09 05:00:00 | expired
            permanent | waba     | unknown     | 05:00:00   |                     |
            """,
        ),
        (
            "seed-2025",
            """
            kind      | channel  | given_by    | granted_at | expires_at          | ended_by
            temporary | waba     | user_action | 05:00:00   | 2026-03-03 05:00:00 | expired
            temporary | whatsapp | unknown     | 05:00:00   | 2026-03-03 05:00:00 | expired
            temporary | waba     | unknown     | 05:00:00   | 2026-03-03 05:00:00 | expired
            """,
        ),
        (
            "later",
            """
            kind      | channel  | given_by    | granted_at | expires_at          | ended_by
            temporary | waba     | user_action | 05:00:00   | 2026-03-09 04:00:00 | expired
            temporary | whatsapp | unknown     | 05:00:00   |                     |
            permanent | waba     | unknown     | 05:00:00   |                     |
            """,
        ),
    ],
)
def test_a_permission_lasts_as_the_policy_says(policy: str, expected: str) -> None:
    company = _policy(policy, permission_policies=(LATER,))
    assert tidy(expected) == _drawn(_built(GRANTS, company=company), "facts.permissions", expected)


def test_a_permission_ends_by_what_comes_first() -> None:
    permissions = f"""
    permission | account | fact    | at                  | says
    a          | main    | granted | 2026-03-02 05:00:00 | contact={A}
    a          | main    | revoked | 2026-03-03 05:00:00 | contact={A}
    a          | main    | revoked | 2026-03-04 05:00:00 | contact={A}
    a          | main    | revoked | 2026-03-01 05:00:00 | contact={A}
    b          | main    | granted | 2026-03-02 05:00:00 | contact={B}
    b          | main    | granted | 2026-03-04 05:00:00 | contact={B}
    b          | main    | revoked | 2026-03-20 05:00:00 | contact={B}
    b          | other   | granted | 2026-03-03 05:00:00 | contact={B}
    c          | main    | granted | 2026-03-02 05:00:00 | contact=telegram:3
    c          | main    | denied  | 2026-03-03 05:00:00 | contact=telegram:3
    """
    expected = """
    granted_at          | ended_at            | ended_by | calls | unanswered | is_warned
    05:00:00            | 2026-03-03 05:00:00 | revoked  | 0     | 0          | no
    05:00:00            | 2026-03-04 05:00:00 | renewed  | 0     | 0          | no
    2026-03-03 05:00:00 | 2026-03-10 05:00:00 | expired  | 0     | 0          | no
    2026-03-04 05:00:00 | 2026-03-11 05:00:00 | expired  | 0     | 0          | no
    05:00:00            | 2026-03-09 05:00:00 | expired  | 0     | 0          | no
    """
    assert tidy(expected) == _drawn(_built(permissions), "facts.permissions", expected)


def test_calls_are_inside_a_permission_or_outside_for_a_reason() -> None:
    permissions = f"""
    permission | fact      | at                  | says
    a          | requested | 2026-03-02 04:00:00 | contact={A}
    a          | granted   | 2026-03-02 05:00:00 | contact={A}
    a          | granted   | 2026-03-10 05:00:00 | contact={A}; kind=permanent
    b          | granted   | 2026-03-02 05:00:00 | contact={B}
    b          | revoked   | 2026-03-02 06:00:00 | contact={B}
    b          | requested | 2026-03-20 04:00:00 | contact={B}
    c          | granted   | 2026-03-09 05:00:00 | contact=telegram:4
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
    ours | {OURS}     | 2026-03-02 06:00:00 | talk
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
    # The other has a policy of its own, which asks nothing, another later, and none between them.
    dated = (
        PermissionPolicy(
            name="own", since=date(2026, 3, 2), until=date(2026, 3, 9), is_required=False, requests_a_week=1
        ),
        PermissionPolicy(name="own", since=date(2026, 3, 20), requests_a_day=1),
    )
    other = _policy("own", id="other", permission_policies=dated)
    built = _built(permissions, calls, others=(other,))
    assert tidy(expected) == _drawn(built, "facts.call_permissions where company = 'acme'", expected)
    listed = outside(built, period=MARCH, scope=ACME).select("call_id", "calls").rows()
    assert [(call(name), 4) for name in ("d", *sorted("ef", key=call), "a")] == listed
    used = """
    granted_at | calls | answered_calls
    05:00:00   | 2     | 2
    05:00:00   | 0     | 0
    2026-03-10 05:00:00 | 1 | 1
    2026-03-09 05:00:00 | 0 | 0
    """
    assert tidy(used) == _drawn(built, "facts.permissions where company = 'acme'", used)
    judged = """
    calls | policy | reason
    1     |        | expired
    1     |        | permitted
    1     | own    | permitted
    5     | own    | not_needed
    """
    of_other = built.sql("""
        select policy, reason, count(*) as calls from facts.call_permissions where company = 'other' group by all
    """)
    assert tidy(judged) == draw(of_other, like=judged)
    given = """
    granted_at          | policy
    05:00:00            | own
    05:00:00            | own
    2026-03-09 05:00:00 |
    2026-03-10 05:00:00 |
    """
    assert tidy(given) == _drawn(built, "facts.permissions where company = 'other'", given)
    asked = """
    policy | requests_in_week | is_over_limit
    own    | 1                | no
    own    | 1                | no
    """
    assert tidy(asked) == _drawn(built, "facts.permission_requests where company = 'other'", asked)


def test_the_fourth_unanswered_call_in_a_row_ends_a_permission_and_talk_begins_the_row_anew() -> None:
    permissions = f"""
    permission | fact    | at       | says
    a          | granted | 05:00:00 | contact={A}
    b          | granted | 05:00:01 | contact={B}
    """
    calls = f"""
    call | contact | at       | came
    a    | {A}     | 05:10:00 | machine
    b    | {A}     | 05:20:00 | no_answer
    c    | {A}     | 05:30:00 | talk
    d    | {A}     | 05:40:00 | no_answer
    e    | {A}     | 05:50:00 | rejected
    f    | {A}     | 06:00:00 | voicemail
    g    | {A}     | 06:10:00 | busy
    h    | {A}     | 06:20:00 | no_answer
    i    | {B}     | 05:15:00 | no_answer
    j    | {B}     | 05:45:00 | talk
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
    i       | yes          | permitted  | 0                 | 0
    j       | yes          | permitted  | 1                 | 0
    """
    built = _built(permissions, calls)
    assert tidy(expected) == _drawn(built, "facts.call_permissions", expected)
    ended = "select ended_by, calls, answered_calls from facts.permissions order by granted_at"
    assert built.sql(ended).rows() == [("unanswered", 7, 1), ("expired", 2, 1)]


def test_two_unanswered_calls_in_a_row_warn_until_somebody_talks() -> None:
    permissions = f"""
    permission | fact    | at       | says
    a          | granted | 05:00:00 | contact={A}
    b          | granted | 05:00:01 | contact={B}
    c          | granted | 05:00:02 | contact=telegram:3
    """
    calls = f"""
    call | contact    | at       | came
    a    | {A}        | 05:10:00 | machine
    b    | {A}        | 05:35:00 | rejected
    c    | {B}        | 05:10:00 | no_answer
    d    | {B}        | 05:20:00 | no_answer
    e    | {B}        | 05:30:00 | talk
    f    | {B}        | 05:40:00 | no_answer
    g    | telegram:3 | 05:10:00 | no_answer
    h    | telegram:3 | 05:20:00 | no_answer
    i    | telegram:3 | 05:30:00 | talk
    """
    expected = """
    granted_at | unanswered | is_warned
    05:00:00   | 2          | yes
    05:00:01   | 1          | no
    05:00:02   | 0          | no
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
    g    | other   | {A}     | 06:10:00 | no_answer
    h    | main    | {A}     | 05:25:00 | no_answer
    """
    expected = """
    call_id | is_permitted | reason        | unanswered_before | connections_before
    a       | no           | never_granted | 0                 | 0
    b       | no           | never_granted | 1                 | 0
    c       | no           | never_granted | 2                 | 0
    d       | no           | never_granted | 3                 | 0
    e       | yes          | permitted     | 1                 | 0
    f       | no           | never_granted | 4                 | 0
    g       | no           | never_granted | 5                 | 0
    h       | yes          | permitted     | 0                 | 0
    """
    built = _built(permissions, calls)
    assert tidy(expected) == _drawn(built, "facts.call_permissions", expected)
    assert built.sql("select ended_by, calls, answered_calls from facts.permissions").rows() == [("expired", 2, 1)]


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


def test_permissions_that_hold_are_listed_and_those_that_end_by_tonight_are_counted() -> None:
    permissions = f"""
    permission | fact    | at                  | says
    a          | granted | 2026-03-01 05:00:00 | contact={A}
    b          | granted | 2026-03-01 05:00:00 | contact={B}
    b          | revoked | 2026-03-05 10:00:00 | contact={B}
    c          | granted | 2026-03-01 04:00:00 | contact=telegram:3; kind=permanent
    d          | granted | 2026-03-05 10:00:00 | contact=telegram:4
    e          | granted | 2026-03-05 10:00:01 | contact=telegram:5
    f          | granted | 2026-02-28 05:00:00 | contact=telegram:6
    """
    now, tonight = datetime(2026, 3, 5, 10, tzinfo=UTC), datetime(2026, 3, 8, 5, tzinfo=UTC)
    company = _policy("meta", permission_policies=(PermissionPolicy(name="meta", since=date(2026, 3, 1)),))
    built = _built(permissions, company=company)

    told = held(built, scope=ACME, now=now, tonight=tonight)
    ends = [datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 12, 10, tzinfo=UTC), None]
    assert [(end, 3, 1) for end in ends] == told.select("ended_at", "permissions", "ending").rows()
    assert ends[:1] == held(built, scope=ACME, now=now, tonight=tonight, limit=1)["ended_at"].to_list()


def test_connected_calls_are_limited_a_day_for_a_contact() -> None:
    limited = PermissionPolicy(name="strict", is_required=False, connections_a_day=2)
    calls = f"""
    call | direction | channel | contact | at                  | came
    a    | outgoing  | waba    | {A}     | 2026-03-02 05:00:00 | talk
    b    | outgoing  | waba    | {A}     | 2026-03-02 06:00:00 | talk
    in   | incoming  | waba    | {A}     | 2026-03-02 06:30:00 | talk
    c    | outgoing  | waba    | {A}     | 2026-03-02 07:00:00 | no_answer
    d    | outgoing  | waba    | {A}     | 2026-03-03 05:00:00 | talk
    e    | outgoing  | waba    | {B}     | 2026-03-02 07:00:00 | talk
    f    | outgoing  | phone   | {B}     | 2026-03-02 08:00:00 | talk
    g    | outgoing  | waba    | vk:3    | 2026-03-02 05:00:00 | no_answer
    h    | outgoing  | waba    | vk:3    | 2026-03-02 06:00:00 | busy
    his  | incoming  | waba    | vk:3    | 2026-03-02 07:00:00 | talk
    i    | outgoing  | waba    | vk:3    | 2026-03-02 08:00:00 | no_answer
    """
    expected = """
    call_id | connections_before | is_over_limit | unanswered_before
    a       | 0                  | no            | 0
    b       | 1                  | no            | 0
    c       | 2                  | yes           | 0
    d       | 1                  | no            | 1
    e       | 0                  | no            | 0
    g       | 0                  | no            | 0
    h       | 0                  | no            | 1
    i       | 0                  | no            | 0
    """
    nobody = "permission | fact | at | says"
    built = _built(nobody, calls, company=_policy("strict", permission_policies=(limited,)))
    assert tidy(expected) == _drawn(built, "facts.call_permissions", expected)
    assert [call("c")] == outside(built, period=MARCH, scope=ACME)["call_id"].to_list()


def test_requests_use_limits_until_somebody_talks_and_are_answered_by_what_follows() -> None:
    permissions = f"""
    permission | account | fact      | at                  | says
    a          | main    | requested | 2026-03-02 05:00:00 | contact={A}
    a          | main    | denied    | 2026-03-02 06:00:00 | contact={A}; given_by=user_action
    a          | main    | requested | 2026-03-03 04:59:59 | contact={A}
    a          | main    | requested | 2026-03-05 05:00:00 | contact={A}
    a          | main    | granted   | 2026-03-05 06:00:00 | contact={A}; given_by=user_action
    a          | main    | requested | 2026-03-06 09:00:00 | contact={A}
    b          | main    | requested | 2026-03-05 09:00:00 | contact={B}
    b          | main    | granted   | 2026-03-05 09:30:00 | contact={B}; given_by=automatic
    c          | main    | requested | 2026-03-02 05:00:00 | contact=telegram:3
    c          | main    | requested | 2026-03-03 05:00:00 | contact=telegram:3
    c          | main    | requested | 2026-03-09 04:59:59 | contact=telegram:3
    c          | main    | requested | 2026-03-09 05:00:00 | contact=telegram:3
    d          | main    | requested | 2026-03-10 05:00:00 | contact=telegram:4
    d          | main    | requested | 2026-03-10 05:00:00 | contact=telegram:4
    e          | main    | denied    | 2026-03-11 05:00:00 | contact=telegram:5
    e          | main    | requested | 2026-03-11 05:00:00 | contact=telegram:5
    f          | main    | denied    | 2026-03-12 05:00:00 | contact=telegram:6
    f          | main    | requested | 2026-03-12 05:00:00 | contact=telegram:6
    g          | other   | denied    | 2026-03-03 05:30:00 | contact={A}; given_by=user_action
    g          | other   | requested | 2026-03-06 05:30:00 | contact={A}
    g          | other   | requested | 2026-03-06 10:00:00 | contact={A}
    c          | main    | revoked   | 2026-03-04 05:00:00 | contact=telegram:3
    h          | main    | requested | 2026-03-02 05:30:00 | contact=telegram:8
    i          | main    | requested | 2026-02-20 05:00:00 | contact=telegram:9
    i          | other   | requested | 2026-02-20 06:00:00 | contact=telegram:9
    i          | main    | requested | 2026-03-02 05:10:00 | contact=telegram:9
    i          | main    | requested | 2026-03-02 07:10:00 | contact=telegram:9
    i          | main    | requested | 2026-03-02 09:10:00 | contact=telegram:9
    """
    calls = f"""
    call | contact    | at                  | came
    a    | {A}        | 2026-03-06 08:00:00 | talk
    b    | telegram:3 | 2026-03-03 04:00:00 | no_answer
    c    | telegram:9 | 2026-03-02 06:10:00 | talk
    d    | telegram:9 | 2026-03-02 08:10:00 | talk
    """
    expected = """
    requested_at        | answer  | answered_at         | requests_in_day | requests_in_week | is_over_limit
    05:00:00            | denied  | 06:00:00            | 1               | 1                | no
    2026-03-03 04:59:59 |         |                     | 2               | 2                | yes
    2026-03-05 05:00:00 | granted | 2026-03-05 06:00:00 | 1               | 3                | yes
    2026-03-05 09:00:00 |         |                     | 1               | 1                | no
    2026-03-06 05:30:00 |         |                     | 1               | 1                | no
    2026-03-06 09:00:00 |         |                     | 1               | 1                | no
    2026-03-06 10:00:00 |         |                     | 2               | 2                | yes
    05:00:00            |         |                     | 1               | 1                | no
    2026-03-03 05:00:00 |         |                     | 1               | 2                | no
    2026-03-09 04:59:59 |         |                     | 1               | 3                | yes
    2026-03-09 05:00:00 |         |                     | 2               | 3                | yes
    2026-03-10 05:00:00 |         |                     | 1               | 1                | no
    2026-03-10 05:00:00 |         |                     | 2               | 2                | yes
    2026-03-11 05:00:00 | denied  | 2026-03-11 05:00:00 | 1               | 1                | no
    2026-03-12 05:00:00 | denied  | 2026-03-12 05:00:00 | 1               | 1                | no
    05:30:00            |         |                     | 1               | 1                | no
    2026-02-20 05:00:00 |         |                     | 1               | 1                | no
    2026-02-20 06:00:00 |         |                     | 1               | 1                | no
    05:10:00            |         |                     | 1               | 1                | no
    07:10:00            |         |                     | 1               | 1                | no
    09:10:00            |         |                     | 1               | 1                | no
    """
    assert tidy(expected) == _drawn(_built(permissions, calls), "facts.permission_requests", expected)
