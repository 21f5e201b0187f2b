"""One row a deal: where it stands by its latest fact, in whatever order a CRM told it."""

import json
from typing import Any

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
    """
    expected = """
    deal_id  | status | stage | created_at | is_created_known | moved_at | won_at   | lost_at  | reason   | events
    open     | open   | new   | 05:00:00   | yes              |          |          |          |          | 1
    moved    | open   | talks | 05:00:00   | yes              | 05:10:00 |          |          |          | 2
    won      | won    | 142   | 05:00:00   | yes              | 06:30:00 | 06:00:00 |          |          | 3
    lost     | lost   |       | 06:00:00   | no               | 06:00:00 |          | 06:00:00 | too dear | 1
    reopened | open   | talks | 06:00:00   | no               | 07:00:00 |          |          |          | 2
    again    | won    |       | 06:00:00   | no               | 08:00:00 | 08:00:00 |          |          | 3
    tie      | won    | 142   | 06:00:00   | no               | 06:00:00 | 06:00:00 |          |          | 2
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
    d       | won    | phone:+77010000001 | 05:00:00   | yes              | 08:00:00 | 06:00:00 | 4
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


def _told_by_hubspot(*body: dict[str, Any]) -> list[Event]:
    """Give what HubSpot's events and objects say."""
    account = COMPANY.account(ACCOUNTS["hubspot"])
    assert account is not None
    written = json.dumps(body).encode()
    raw = RawRecord(
        raw_id=raw_id("hubspot", account.id, written.hex()),
        source="hubspot",
        account=account.id,
        company=COMPANY.id,
        received_at=RECEIVED_AT,
        body=written,
    )
    return list(SOURCES["hubspot"].translate(raw, company=COMPANY, account=account).events)


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
