"""One row a deal: where it stands by its latest fact, in whatever order a CRM told it."""

import json
import random
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st

from analytics.folding.scratch import Scratch
from pipelines.sources import SOURCES
from schemas.envelope import Event
from schemas.ids import raw_id
from schemas.records import RawRecord
from tests.analytics.drawn import deal, draw, drawn_events, tidy, warehouse
from tests.pipelines.sources.conftest import ACCOUNTS, COMPANY, RECEIVED_AT


def _deals(facts: str, expected: str) -> list[str]:
    events = drawn_events(facts)
    names = {deal(event.data.provider_deal_id): event.data.provider_deal_id for event in events}
    return draw(warehouse(events).sql("from facts.deals"), like=expected, names=names)


def test_the_latest_fact_says_where_a_deal_stands() -> None:
    facts = """
    deal     | fact    | at       | says
    open     | created | 05:00:00 | stage=new
    moved    | moved   | 05:10:00 | stage=talks
    moved    | created | 05:00:00 | stage=new
    won      | won     | 06:00:00 | stage=142
    won      | created | 05:00:00 |
    won      | won     | 06:30:00 |
    lost     | lost    | 06:00:00 | reason=too dear
    reopened | lost    | 06:00:00 | reason=too dear
    reopened | moved   | 07:00:00 | stage=talks
    again    | won     | 06:00:00 |
    again    | moved   | 07:00:00 |
    again    | won     | 08:00:00 |
    tie      | moved   | 06:00:00 | stage=142
    tie      | won     | 06:00:00 |
    brought  | won     | 06:00:00 | stage=142
    brought  | created | 09:00:00 | stage=142
    old      | lost    | 06:00:00 |
    old      | created | 09:00:00 |
    old      | moved   | 10:00:00 | stage=talks
    told     | created | 05:00:00 | stage=new
    told     | moved   | 06:00:00 | stage=talks
    told     | moved   | 07:00:00 | stage=talks
    told     | changed | 07:30:00 | stage=talks; amount=1
    told     | moved   | 08:00:00 |
    back     | moved   | 06:00:00 | stage=talks
    back     | moved   | 07:00:00 | stage=new
    back     | moved   | 08:00:00 | stage=talks
    back     | moved   | 09:00:00 | stage=talks
    unopened | moved   | 05:00:00 |
    unopened | won     | 06:00:00 |
    """
    expected = """
    deal_id  | status | stage | created_at | is_created_known | moved_at | won_at   | lost_at  | reason   | events
    open     | open   | new   | 05:00:00   | yes              |          |          |          |          | 1
    moved    | open   | talks | 05:00:00   | yes              | 05:10:00 |          |          |          | 2
    won      | won    | 142   | 05:00:00   | yes              | 06:00:00 | 06:00:00 |          |          | 3
    lost     | lost   |       | 06:00:00   | no               | 06:00:00 |          | 06:00:00 | too dear | 1
    reopened | open   | talks | 06:00:00   | no               | 07:00:00 |          |          |          | 2
    again    | won    |       | 06:00:00   | no               | 08:00:00 | 08:00:00 |          |          | 3
    tie      | won    | 142   | 06:00:00   | no               | 06:00:00 | 06:00:00 |          |          | 2
    brought  | won    | 142   | 06:00:00   | yes              | 06:00:00 | 06:00:00 |          |          | 2
    old      | open   | talks | 06:00:00   | yes              | 10:00:00 |          |          |          | 3
    told     | open   | talks | 05:00:00   | yes              | 06:00:00 |          |          |          | 5
    back     | open   | talks | 06:00:00   | no               | 08:00:00 |          |          |          | 4
    unopened | won    |       | 05:00:00   | no               | 06:00:00 | 06:00:00 |          |          | 2
    """
    assert tidy(expected) == _deals(facts, expected)


def test_that_a_deal_was_linked_tells_whose_it_is_and_not_where_it_stands() -> None:
    facts = """
    deal  | fact    | at       | says
    d     | created | 05:00:00 |
    d     | won     | 06:00:00 |
    d     | linked  | 07:00:00 | contact=phone:+77010000001
    d     | won     | 08:00:00 |
    alone | linked  | 07:00:00 | contact=crm_kommo:5
    """
    expected = """
    deal_id | status | contact_key        | created_at | is_created_known | moved_at | won_at   | events
    d       | won    | phone:+77010000001 | 05:00:00   | yes              | 06:00:00 | 06:00:00 | 4
    alone   | open   | crm_kommo:5        | 07:00:00   | no               |          |          | 1
    """
    assert tidy(expected) == _deals(facts, expected)


def test_what_a_deal_is_worth_and_whose_it_is_are_said_by_its_latest_facts() -> None:
    facts = """
    deal | fact    | at                  | says
    d    | created | 2026-03-02 18:59:59 | contact=telegram:7; amount=1000.50; currency=KZT; operator=client:aigul
    d    | moved   | 2026-03-02 19:30:00 | contact=phone:+77010000001,crm_kommo:5; amount=2000; currency=USD
    d    | moved   | 2026-03-02 20:00:00 | contact_name=Дана; operator=nobody of ours
    e    | created | 2026-03-02 19:00:00 | operator=PJSIP/102
    """
    expected = """
    deal_id | day        | contact_key        | also_known_as | contact_name | amount | currency | operator_endpoint | operator_id
    d       | 2026-03-02 | phone:+77010000001 | crm_kommo:5   | Дана         | 2000   | USD      | nobody of ours    |
    e       | 2026-03-03 |                    |               |              |        |          | PJSIP/102         | oleg
    """  # noqa: E501
    assert tidy(expected) == _deals(facts, expected)


def test_a_deal_is_whose_it_was_last_said_to_be() -> None:
    facts = """
    deal    | fact    | at       | says
    passed  | created | 05:00:00 | contact=phone:+77010000001,crm_kommo:5; contact_name=Дана
    passed  | linked  | 06:00:00 | contact=crm_kommo:6
    known   | created | 05:00:00 | contact=crm_kommo:5; contact_name=Дана
    known   | linked  | 05:30:00 | contact=crm_kommo:5,phone:+77010000001
    known   | moved   | 06:00:00 | contact=crm_kommo:5
    """
    expected = """
    deal_id | contact_key        | also_known_as | contact_name
    known   | phone:+77010000001 | crm_kommo:5   | Дана
    passed  | crm_kommo:6        |               | Дана
    """
    assert tidy(expected) == _deals(facts, expected)


def test_whatever_fact_told_it_last_says_what_a_deal_is_worth_and_who_is_responsible() -> None:
    facts = """
    deal    | fact    | at       | says
    later   | created | 05:00:00 | stage=new; pipeline=p; amount=10; currency=KZT; operator=a
    later   | changed | 07:00:00 | amount=30
    later   | won     | 06:00:00 | amount=20; currency=USD; operator=b
    earlier | won     | 06:00:00 | stage=won; amount=20; currency=KZT
    earlier | changed | 05:59:59 | amount=30; currency=USD; operator=a; pipeline=q
    alone   | changed | 05:00:00 | currency=EUR
    alone   | changed | 05:00:01 | amount=5
    emptied | won     | 05:00:00 | amount=10; currency=KZT; operator=a; pipeline=p
    emptied | changed | 06:00:00 | emptied=["amount","operator","pipeline"]
    again   | changed | 06:00:00 | emptied=["amount"]
    again   | won     | 06:00:01 | amount=10; currency=KZT
    """
    expected = """
    deal_id | status | stage | pipeline | amount | currency | operator_endpoint | moved_at | won_at   | created_at
    later   | won    | new   | p        | 30     | USD      | b                 | 06:00:00 | 06:00:00 | 05:00:00
    earlier | won    | won   | q        | 20     | KZT      | a                 | 06:00:00 | 06:00:00 | 05:59:59
    alone   | open   |       |          | 5      | EUR      |                   |          |          | 05:00:00
    emptied | won    |       |          |        |          |                   | 05:00:00 | 05:00:00 | 05:00:00
    again   | won    |       |          | 10     | KZT      |                   | 06:00:01 | 06:00:01 | 06:00:00
    """
    assert tidy(expected) == _deals(facts, expected)


def test_a_deal_that_was_deleted_counts_nowhere_until_it_is_restored() -> None:
    facts = """
    deal     | fact     | at       | says
    gone     | won      | 05:00:00 | contact=phone:+77010000001
    gone     | deleted  | 06:00:00 |
    gone     | won      | 07:00:00 | amount=5
    back     | won      | 05:00:00 | contact=phone:+77010000002
    back     | restored | 07:00:00 |
    back     | deleted  | 06:00:00 |
    """
    expected = """
    deal_id | status | moved_at | won_at   | events
    back    | won    | 05:00:00 | 05:00:00 | 3
    """
    assert tidy(expected) == _deals(facts, expected)

    had = warehouse(drawn_events(facts)).sql("select phone, first_kind, first_deal_at is not null from facts.contacts")
    assert [("+77010000001", "other", False), ("+77010000002", "deal", True)] == sorted(had.rows())


def test_a_deal_that_went_into_another_counts_as_that_one_and_gives_it_what_it_lacks() -> None:
    facts = """
    deal   | fact    | at       | says
    one    | created | 05:00:00 | stage=new; contact=phone:+77010000001,crm_kommo:1; amount=10; currency=KZT; operator=a
    one    | won     | 05:30:00 |
    one    | merged  | 06:00:00 | into_deal_id=into
    into   | created | 05:10:00 | stage=new; amount=7
    into   | moved   | 05:20:00 | stage=talks
    far    | created | 04:00:00 | contact=phone:+77010000002; pipeline=p
    far    | merged  | 04:30:00 | into_deal_id=one
    silent | won     | 05:00:00 | contact=phone:+77010000003; amount=3; currency=KZT
    silent | merged  | 06:00:00 | into_deal_id=unheard
    twice  | created | 05:00:00 |
    twice  | merged  | 06:00:00 | into_deal_id=twice
    ring   | merged  | 06:00:00 | into_deal_id=round
    round  | merged  | 06:00:00 | into_deal_id=ring
    lost   | created | 05:00:00 | amount=1
    lost   | merged  | 06:00:00 | into_deal_id=gone
    gone   | created | 05:00:00 | amount=1
    gone   | deleted | 06:00:00 |
    apart  | merged  | 06:00:00 | into_deal_id=into
    apart  | restored | 07:00:00 |
    """
    expected = """
    deal_id | status | stage | pipeline | created_at | won_at   | contact_key        | also_known_as | amount | currency | operator_endpoint | events
    into    | open   | talks | p        | 04:00:00   |          | phone:+77010000001 | crm_kommo:1   | 7      |          | a                 | 7
    unheard | won    |       |          | 05:00:00   | 05:00:00 | phone:+77010000003 |               | 3      | KZT      |                   | 2
    twice   | open   |       |          | 05:00:00   |          |                    |               |        |          |                   | 2
    ring    | open   |       |          | 06:00:00   |          |                    |               |        |          |                   | 1
    round   | open   |       |          | 06:00:00   |          |                    |               |        |          |                   | 1
    apart   | open   |       |          | 06:00:00   |          |                    |               |        |          |                   | 2
    """  # noqa: E501
    names = {deal(name): name for name in ("into", "unheard", "twice", "ring", "round", "apart")}
    assert tidy(expected) == draw(warehouse(drawn_events(facts)).sql("from facts.deals"), like=expected, names=names)


def test_a_contact_who_was_parted_from_a_deal_has_it_no_longer_until_he_is_named_again() -> None:
    facts = """
    deal  | fact    | at       | says
    two   | created | 05:00:00 | contact=crm_kommo:1
    two   | linked  | 06:00:00 | contact=crm_kommo:2,phone:+77010000002
    two   | parted  | 07:00:00 | contact=crm_kommo:2
    none  | created | 05:00:00 | contact=crm_kommo:1; contact_name=Дана
    none  | parted  | 05:00:00 | contact=crm_kommo:1
    again | parted  | 06:00:00 | contact=crm_kommo:1
    again | linked  | 05:00:00 | contact=crm_kommo:1
    again | moved   | 07:00:00 | contact=crm_kommo:1
    """
    expected = """
    deal_id | contact_key
    two     | crm_kommo:1
    none    |
    again   | crm_kommo:1
    """
    assert tidy(expected) == _deals(facts, expected)


_SAID = ("amount", "operator", "pipeline", "stage")


@cache
def _empty() -> Scratch:
    return warehouse([])


@drawing(max_examples=5)
@given(chance=st.randoms(use_true_random=False))
def test_of_each_property_stands_what_was_told_last_whichever_fact_told_it(chance: random.Random) -> None:
    kinds = ("created", "moved", "changed", "linked", "won", "lost", "deleted", "restored")
    expected: dict[str, list[str | None]] = {}
    lines: list[str] = []
    for number in range(20):
        stands: dict[str, str | None] = dict.fromkeys(_SAID)
        is_deleted = False
        for second in range(chance.randint(1, 8)):
            kind = chance.choice(kinds)
            told = {name: str(chance.randint(1, 99)) for name in _SAID if chance.random() < 0.4}
            emptied = [name for name in _SAID[:3] if name not in told and chance.random() < 0.3]
            stands |= told
            says = [f"{name}={value}" for name, value in told.items()]
            if kind == "changed" and emptied:
                stands |= dict.fromkeys(emptied)
                says.append(f"emptied={json.dumps(emptied)}")
            is_deleted = kind == "deleted" or (is_deleted and kind != "restored")
            lines.append(f"d{number} | {kind} | 05:00:{second:02d} | {'; '.join(says)}")
        if not is_deleted:
            expected[deal(f"d{number}")] = [stands[name] for name in _SAID]
    chance.shuffle(lines)
    scratch = _empty()
    scratch.connection.execute("delete from log.stored_events")
    scratch.load_events(drawn_events("\n".join(["deal | fact | at | says", *lines])))

    told_now = scratch.sql("""
        select deal_id, cast(cast(amount as integer) as varchar), operator_endpoint, pipeline, stage from facts.deals
    """)

    assert {deal_id: list(stood) for deal_id, *stood in told_now.rows()} == expected


@drawing(max_examples=5)
@given(chance=st.randoms(use_true_random=False))
def test_whatever_goes_into_whatever_counts_as_where_it_is_at_last(chance: random.Random) -> None:
    into = {number: chance.randrange(60) for number in range(60) if chance.random() < 0.7}
    into |= {number: number + 1 for number in range(100, 100 + chance.randint(1, 300))}  # one after the other
    lines = [f"d{number} | merged | 05:00:00 | into_deal_id=d{other}" for number, other in into.items()]
    scratch = _empty()
    scratch.connection.execute("delete from log.stored_events")
    scratch.load_events(drawn_events("\n".join(["deal | fact | at | says", *lines])))

    counting = scratch.sql("select deal_id, events from facts.deals").rows()

    homes = Counter(home if (home := _home(number, into)) is not None else number for number in into)
    assert dict(counting) == {deal(f"d{number}"): facts for number, facts in homes.items()}


def _home(number: int, into: Mapping[int, int]) -> int | None:
    """Walk from deal to deal; None where that leads round in a circle, which a deal that went into itself does not."""
    passed: set[int] = set()
    while into.get(number, number) != number and number not in passed:
        passed.add(number)
        number = into[number]
    return None if number in passed else number


def _told_by(source: str, body: bytes) -> list[Event]:
    """Give what a CRM's bytes say."""
    account = COMPANY.account(ACCOUNTS[source])
    assert account is not None
    raw = RawRecord(
        raw_id=raw_id(source, account.id, body.hex()),
        source=source,
        account=account.id,
        company=COMPANY.id,
        received_at=RECEIVED_AT,
        body=body,
    )
    return list(SOURCES[source].translate(raw, company=COMPANY, account=account).events)


def _told_by_hubspot(*body: dict[str, Any]) -> list[Event]:
    return _told_by("hubspot", json.dumps(body).encode())


def _call(number: int, *, contact: int) -> dict[str, Any]:
    properties = {"hs_call_direction": "OUTBOUND", "hs_call_status": "COMPLETED", "hs_call_duration": "60000"}
    return {
        "id": number,
        "properties": {**properties, "hs_timestamp": "2026-03-02T09:00:00Z"},
        "associations": {"contacts": {"results": [{"id": contact}]}},
    }


def _won(number: int, *, contact: int) -> list[dict[str, Any]]:
    ends = {"fromObjectTypeId": "0-3", "toObjectTypeId": "0-1", "fromObjectId": number, "toObjectId": contact}
    stage = {"objectId": number, "propertyName": "dealstage", "propertyValue": "closedwon"}
    at = {"occurredAt": 1772445600000}
    return [
        {**at, **ends, "subscriptionType": "object.associationChange", "associationTypeId": 3},
        {**at, **stage, "subscriptionType": "object.propertyChange", "objectTypeId": "0-3"},
    ]


def test_a_win_is_its_contact_s_and_of_nobody_who_has_the_same_word_for_a_number() -> None:
    at = {"subscriptionType": "contact.propertyChange", "propertyName": "phone", "occurredAt": 1772445600000}
    words = [{**at, "objectId": contact, "propertyValue": "нет"} for contact in (302, 303)]
    events = _told_by_hubspot(
        _call(1, contact=301), *_won(123, contact=301), *words, _call(2, contact=302), *_won(124, contact=303)
    )

    ascribed = warehouse(events).sql("""
        select calls.provider_call_id, deals.provider_deal_id
        from reports.calls_before_wins as led
        inner join facts.calls as calls on led.call_id = calls.call_id
        left join facts.deals as deals on led.deal_ids[1] = deals.deal_id
        order by calls.provider_call_id
    """)

    assert ascribed.rows() == [("1", "123"), ("2", None)]


def _moment(second: int) -> int:
    return 1772445600000 + 1000 * second


def test_what_hubspot_tells_of_a_deal_gives_its_worth_of_now_whatever_it_was_worth_when_it_was_won() -> None:
    def changed(number: int, name: str, value: str, *, second: int) -> dict[str, Any]:
        at = {"subscriptionType": "deal.propertyChange", "occurredAt": _moment(second), "objectId": number}
        return {**at, "propertyName": name, "propertyValue": value}

    def whole(amount: str, *, day: int) -> dict[str, Any]:
        dates = {"createdate": "2026-03-01T09:00:00Z", "closedate": "2026-03-02T09:00:00Z"}
        said = {"dealstage": "closedwon", "amount": amount, "hs_lastmodifieddate": f"2026-03-{day:02d}T09:00:00Z"}
        return {"id": 124, "properties": {**dates, **said}}

    merged = {"subscriptionType": "deal.merge", "occurredAt": _moment(9), "objectId": 125, "primaryObjectId": 125}
    told = _told_by_hubspot(
        changed(123, "amount", "300", second=3),
        changed(123, "dealstage", "closedwon", second=2),
        changed(123, "amount", "100", second=1),
        changed(125, "dealstage", "closedwon", second=1),
        changed(125, "amount", "70", second=2),
        whole("10", day=2),
        whole("30", day=4),
        whole("20", day=3),
        {**merged, "mergedObjectIds": [126], "newObjectId": 127},
        changed(126, "dealstage", "closedwon", second=1),
        changed(128, "dealstage", "closedwon", second=1),
        {"subscriptionType": "deal.deletion", "occurredAt": _moment(2), "objectId": 128},
    )

    worth = warehouse(told).sql("select provider_deal_id, status, cast(amount as integer), currency from facts.deals")

    assert sorted(worth.rows()) == [
        ("123", "won", 300, "KZT"),
        ("124", "won", 30, "KZT"),
        ("125", "won", 70, "KZT"),
    ]


def test_what_kommo_and_bitrix24_tell_of_a_deal_gives_its_worth_and_responsible_operator_of_now() -> None:
    def lead(action: str, **said: Any) -> list[Event]:
        return _told_by(
            "kommo", "&".join(f"leads[{action}][0][{name}]={value}" for name, value in said.items()).encode()
        )

    def card(event: str, *, second: int, **fields: Any) -> list[Event]:
        return _told_by("bitrix24", json.dumps({"event": event, "data": {"FIELDS": fields}, "ts": second}).encode())

    closed = {"status_id": 142, "closed_at": 1772440000, "responsible_user_id": 7}
    told = [
        *lead("update", id=1, **closed, price=300, last_modified=1772445600),
        *lead("status", id=1, **closed, price=100, last_modified=1772440000),
        *lead("update", id=1, **closed, price=200, last_modified=1772445500),
        *lead("responsible", id=1, responsible_user_id=8),
        *lead("status", id=2, **closed, price=100, last_modified=1772440000),
        *lead("delete", id=2, status_id=142),
        *card("ONCRMDEALUPDATE", second=1772445600, ID="3", STAGE_ID="WON", OPPORTUNITY="10", ASSIGNED_BY_ID="1"),
        *card("ONCRMDEALUPDATE", second=1772445601, ID="3", OPPORTUNITY="20"),
        *card("ONCRMDEALUPDATE", second=1772445600, ID="4", STAGE_ID="WON", OPPORTUNITY="10"),
        *card("ONCRMDEALDELETE", second=1772445700, ID="4"),
    ]

    worth = warehouse(told).sql(
        "select provider_deal_id, status, cast(amount as integer), operator_endpoint from facts.deals"
    )

    assert sorted(worth.rows()) == [("1", "won", 300, "8"), ("3", "won", 20, "1")]
