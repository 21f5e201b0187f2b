"""What the simulated company's CRM tells, through our own door: deals that follow calls, and who is one contact."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from angime.simulator.company import CRM, TEST_NUMBER
from angime.simulator.story import Call, Contact, Story
from schemas.ids import deal_id

TimedEvent = tuple[int, dict[str, Any]]

HOUR, DAY = 3_600, 86_400
SHARE_WITH_DEAL = 0.4
SHARE_WON, SHARE_LOST = 0.38, 0.3
SHARE_LINKED = 0.7
PRICES = ("129000", "189990", "249500", "315000.50", "78900")


def events(story: Story) -> list[TimedEvent]:
    """Give the CRM's events with the moments of telling, by them; nothing is told after the story's end."""
    chance = random.Random(f"{story.seed}/crm")  # noqa: S311  # a story, not a secret
    told: list[TimedEvent] = []
    for number, (contact, call) in enumerate(_first_talks(story), start=1):
        if chance.random() < SHARE_WITH_DEAL:
            told += _deal(chance, number, contact=contact, call=call)
            if chance.random() < SHARE_LINKED:
                told.append(_link(chance, number, contact=contact, call=call))
    return sorted((one for one in told if one[0] < story.now), key=lambda one: (one[0], one[1]["id"]))


def body(part: list[dict[str, Any]]) -> bytes:
    """Write a batch of CloudEvents."""
    return json.dumps(part, ensure_ascii=False).encode()


def headers(*, token: str) -> dict[str, str]:
    """Give what a module of the company's own sends with a batch."""
    return {"content-type": "application/cloudevents-batch+json", "authorization": f"Bearer {token}"}


def _first_talks(story: Story) -> Iterator[tuple[Contact, Call]]:
    seen: set[str] = set()
    for call in story.calls:
        if call.outcome != "answered" or call.contact is None or call.contact.number == TEST_NUMBER:
            continue
        if call.contact.user_id not in seen:
            seen.add(call.contact.user_id)
            yield call.contact, call


def _deal(chance: random.Random, number: int, *, contact: Contact, call: Call) -> list[TimedEvent]:
    name = f"L{number}"
    known: dict[str, Any] = {
        "deal_id": deal_id(CRM.source, CRM.account, name),
        "provider_deal_id": name,
        "contact": _identities(contact)[:1],
        "contact_name": contact.name,
        "pipeline": "sales",
        "operator": call.operator,
        "amount": chance.choice(PRICES),
        "currency": "KZT",
    }
    at = (call.ended_at or call.began_at) + chance.randrange(30, HOUR)
    told = [_event(at, "deal.created", f"{name}/created", {**known, "stage": "new"})]
    at += chance.randrange(HOUR, 3 * DAY)
    told.append(_event(at, "deal.moved", f"{name}/moved", {**known, "stage": "offer", "from_stage": "new"}))
    luck = chance.random()
    at += chance.randrange(HOUR, 12 * DAY)
    if luck < SHARE_WON:
        told.append(_event(at, "deal.won", f"{name}/won", {**known, "stage": "won"}))
    elif luck < SHARE_WON + SHARE_LOST:
        told.append(_event(at, "deal.lost", f"{name}/lost", {**known, "stage": "lost", "reason": "too dear"}))
    return told


def _link(chance: random.Random, number: int, *, contact: Contact, call: Call) -> TimedEvent:
    """The CRM's card of a contact names his phone, his WhatsApp and the card itself, some time after the call."""
    at = (call.ended_at or call.began_at) + chance.randrange(HOUR, 5 * DAY)
    identities = [*_identities(contact), {"kind": "crm_contact", "value": str(number)}]
    return _event(at, "contact.identified", f"C{number}", {"contact": identities, "contact_name": contact.name})


def _identities(contact: Contact) -> list[dict[str, str]]:
    return [{"kind": "phone", "value": contact.number}, {"kind": "whatsapp_user", "value": contact.user_id}]


def _event(at: int, type_: str, identity: str, fields: dict[str, Any]) -> TimedEvent:
    return at, {
        "specversion": "1.0",
        "id": identity,
        "source": "demo-crm",
        "type": type_,
        "time": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
        "data": {name: value for name, value in fields.items() if value is not None},
    }
