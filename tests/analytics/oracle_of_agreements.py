"""The oracle's second half: what calls cost, whether they were permitted, who took part, and what was won after them.

As slow and obvious as the first, and as far from SQL: it reads the story, and of the CRM what it tells.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct, structs

from angime.simulator import company
from angime.simulator.story import ASKS_TO_CALL, Call, Message, Story
from angime.simulator.truth import contact_key, operator_known
from tests.analytics.oracle import Aggregate, Row, is_left_out, local_day, row_of, share, total
from tests.analytics.told_deals import told_deals

MICRO = Decimal("0.000001")
DOLLAR = Decimal("510.25")
CONVERSION_SECONDS = 30 * 86_400
UNANSWERED = ("no_answer", "rejected", "busy", "voicemail", "machine")
UNANSWERED_AT_MOST = 4
REJECTIONS_IN_A_ROW = 3


class Cost(Struct, frozen=True):
    """What one call cost in the company's currency, and how long was talked."""

    price: Decimal
    talk_ms: int


class Won(Struct, frozen=True):
    """A contact who was talked with, and how many deals are ascribed to that talk."""

    contact: str
    deals: int


def money(costs: Sequence[Cost]) -> float:
    """All that was paid."""
    return float(sum((cost.price for cost in costs), Decimal(0)))


def money_a_minute(costs: Sequence[Cost]) -> float | None:
    """All that was paid, for each minute that was talked; of calls without talk there is no such price."""
    talk_ms = sum(cost.talk_ms for cost in costs)
    return float(sum((cost.price for cost in costs), Decimal(0)) * 60_000) / talk_ms if talk_ms else None


def deals(won: Sequence[Won]) -> float:
    """How many deals were won."""
    return float(sum(one.deals for one in won))


def contacts_who_bought(won: Sequence[Won]) -> float:
    """Contacts with a won deal, out of all with whom somebody talked."""
    return len({one.contact for one in won if one.deals}) / len({one.contact for one in won})


def metrics(story: Story) -> dict[str, tuple[list[Row], Aggregate]]:
    """Give, for each metric, the rows that it counts and how."""
    costs = list(_costs(story.calls))
    asked = [call for call in story.calls if call.direction == "outgoing" and _channel(call) == "waba"]
    permitted = [row_of(call, int(_is_permitted(call, story))) for call in asked if not is_left_out(call)]
    parts = list(_parts(story.calls))
    over = list(_parts(call for call in story.calls if call.outcome != "in_progress"))
    wins = list(_wins(story))
    requests = list(_requests(story.messages))
    dialled = list(_dialled(story.calls))
    return {
        "call_cost": (costs, money),
        "cost_per_answered_minute": (costs, money_a_minute),
        "request_cost": (requests, money),
        "risk_signs": ([row for row in dialled if row.adds], total),
        "risk_signs_per_100_calls": (dialled, lambda adds: sum(adds) * 100 / adds.count(0)),
        "permitted_share": (permitted, share),
        "calls_outside_permission": ([structs.replace(row, adds=1 - row.adds) for row in permitted], total),
        "operator_answer_rate": (
            [structs.replace(row, adds=int(row.adds > 0)) for row in over if row.direction == "incoming"],
            share,
        ),
        "operator_talk_minutes": ([row for row in parts if row.adds > 0], lambda adds: sum(adds) / 60_000),
        "conversion_after_call": ([structs.replace(row, of=row.adds.contact) for row in wins], contacts_who_bought),
        "deals_won_after_call": (wins, deals),
    }


def _channel(call: Call) -> str:
    return company.LINES[call.account].channel


def _costs(calls: Iterable[Call]) -> Iterator[Row]:
    """Bill each call that is over, as they began: a thousand minutes a month to Kazakhstan by WhatsApp are dearer."""
    seconds: dict[tuple[int, int], int] = {}
    for call in sorted(calls, key=lambda call: call.began_at):
        if call.outcome == "in_progress":
            continue
        country = call.contact.country if call.contact else ""
        if _channel(call) == "waba" and call.direction == "outgoing":
            billed = -(-call.talk_seconds // 6) * 6
            month = (local_day(call.began_at).year, local_day(call.began_at).month)
            if country == "KZ":
                price = Decimal("5.97") if seconds.get(month, 0) < 60_000 else Decimal("5.37")
                seconds[month] = seconds.get(month, 0) + billed
            else:
                price = Decimal("14.5")
            cost = (price * billed / 60).quantize(MICRO, ROUND_HALF_UP)
        elif call.account == company.INTERNATIONAL.account and call.direction in {"incoming", "outgoing"}:
            minutes = -(-_connected_seconds(call) // 60)
            dollars = minutes * (Decimal("0.018") if country == "BR" else Decimal("0.055"))
            cost = (dollars * DOLLAR).quantize(MICRO, ROUND_HALF_UP)
        else:
            continue
        if not is_left_out(call):
            yield row_of(call, Cost(cost, call.talk_seconds * 1000))


def _connected_seconds(call: Call) -> int:
    """How long was talked, or a machine listened to."""
    if call.outcome in {"machine", "voicemail"} and call.machine_at is not None and call.ended_at is not None:
        return call.ended_at - call.machine_at
    return call.talk_seconds


def _requests(messages: Iterable[Message]) -> Iterator[Row]:
    """Bill each question whether we may call that Meta took."""
    for message in messages:
        if message.kind == ASKS_TO_CALL and message.failed_at is None:
            price = Decimal("5.8") if message.contact.country == "KZ" else Decimal("31.25")
            yield Row(day=local_day(message.sent_at), channel="waba", adds=Cost(price, 0))


def _dialled(calls: Iterable[Call]) -> Iterator[Row]:
    """Each call of ours that is over, and beside it each third one that was declined in a row on one day."""
    rows: dict[tuple[str, date], int] = {}
    for call in sorted(calls, key=lambda call: (call.began_at, call.id)):
        if call.direction != "outgoing" or call.outcome == "in_progress" or is_left_out(call):
            continue
        yield row_of(call, 0)
        place = call.account, local_day(call.began_at)
        rows[place] = rows.get(place, 0) + 1 if call.outcome == "rejected" else 0
        if rows[place] == REJECTIONS_IN_A_ROW:
            yield row_of(call, 1)


def _is_permitted(call: Call, story: Story) -> bool:
    """Whether the contact's latest yes to this number still held: a week by Meta's word, or until nobody answers."""
    yes = [
        reply
        for reply in story.permissions
        if reply.is_accepted
        and reply.account == call.account
        and contact_key(reply.contact) == contact_key(call.contact)
        and reply.at <= call.began_at
    ]
    if not yes:
        return False
    latest = max(yes, key=lambda reply: reply.at)
    if not latest.is_permanent and (latest.expires_at or 0) <= call.began_at:
        return False
    row = 0
    for other in story.calls:
        is_his = other.account == call.account and contact_key(other.contact) == contact_key(call.contact)
        if not is_his or other.began_at < latest.at:
            continue
        is_unanswered = other.direction == "outgoing" and other.outcome in UNANSWERED
        row = 0 if other.outcome == "answered" else row + is_unanswered
        if row >= UNANSWERED_AT_MOST and (other.ended_at or other.began_at) <= call.began_at:
            return False
    return True


def _parts(calls: Iterable[Call]) -> Iterator[Row]:
    """Each operator who was rung or called, with what he or she talked."""
    for call in calls:
        if is_left_out(call):
            continue
        talked: dict[str, int] = {}
        known = operator_known(call)
        if call.legs and call.source != "whatsapp_cloud":
            for leg in call.legs:
                talk = 0 if leg.answered_at is None else (leg.ended_at - leg.answered_at) * 1000
                talked[leg.operator] = talked.get(leg.operator, 0) + talk
        elif known is not None:
            talked[known] = call.talk_seconds * 1000
        for operator, talk in talked.items():
            yield structs.replace(row_of(call, talk), team=company.PERSON[operator].team)


def _wins(story: Story) -> Iterator[Row]:
    """Each answered call, with the deals of which it was the last answered call in the thirty days before."""
    calls = [call for call in story.calls if call.outcome == "answered" and call.contact and not is_left_out(call)]
    won: dict[str, int] = {}
    for deal in told_deals(story):
        before = [
            call
            for call in calls
            if deal.won_at is not None
            and contact_key(call.contact) == deal.contact
            and 0 <= deal.won_at - call.began_at <= CONVERSION_SECONDS
        ]
        if before:
            last = max(before, key=lambda call: call.began_at)
            won[last.id] = won.get(last.id, 0) + 1
    for call in calls:
        yield row_of(call, Won(contact_key(call.contact) or "", won.get(call.id, 0)))
