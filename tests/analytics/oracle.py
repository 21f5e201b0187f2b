"""The metrics once more, straight from what truly happened at the simulated company: short, slow, obvious, no SQL.

Here are calls, missed contacts, leads and messages; costs, permissions, operators and wins are in the second half.

It knows the story and not the events, and shares with the warehouse nothing but the definitions in words.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from angime.simulator import company
from angime.simulator.people import THANKED
from angime.simulator.story import Call, Message, Story
from angime.simulator.traffic import is_open
from angime.simulator.truth import contact_key, operator_known
from schemas import ids
from tests.analytics.told_deals import told_deals

ZONE = ZoneInfo(company.TIME_ZONE)
IN_TIME_SECONDS = 20
LOST_SECONDS = 23 * 3_600
WEEK_SECONDS = 7 * 86_400
DAY_SECONDS = 86_400


class Row(Struct, frozen=True, kw_only=True):
    """What a metric counts one of: where it belongs, and what it adds above the line (None: nothing to measure)."""

    day: date
    channel: str | None
    team: str | None = None
    direction: str | None = None
    is_business_hours: bool | None = None
    adds: Any
    of: str | None = None


Figure = tuple[float | None, int]
Aggregate = Callable[[Sequence[Any]], float | None]


def share(adds: Sequence[int]) -> float:
    """Those that count, out of all."""
    return sum(adds) / len(adds)


def total(adds: Sequence[int]) -> float:
    """How many count."""
    return float(sum(adds))


def minutes(adds: Sequence[int]) -> float:
    """Milliseconds, summed, as minutes."""
    return sum(adds) / 60_000


def middle(adds: Sequence[int]) -> float:
    """The median of milliseconds, as seconds."""
    return _quantile(adds, Fraction(1, 2))


def nine_of_ten(adds: Sequence[int]) -> float:
    """The 90th percentile of milliseconds, between neighbours in proportion, as seconds."""
    return _quantile(adds, Fraction(9, 10))


def nineteen_of_twenty(adds: Sequence[int]) -> float:
    """The 95th percentile of milliseconds, likewise."""
    return _quantile(adds, Fraction(19, 20))


def _quantile(adds: Sequence[int], wanted: Fraction) -> float:
    ordered = sorted(adds)
    place = (len(ordered) - 1) * wanted
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    value = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    return round(float(value), 2) / 1000


def figure(rows: Iterable[Row], aggregate: Aggregate) -> Figure:
    """Count rows, or those whom they are `of`, each once; without any the figure is empty."""
    counted = [row for row in rows if row.adds is not None]
    sample = len({row.of or number for number, row in enumerate(counted)})
    return (aggregate([row.adds for row in counted]), sample) if counted else (None, 0)


def metrics(story: Story) -> dict[str, tuple[list[Row], Aggregate]]:
    """Give, for each metric, the rows that it counts and how."""
    calls = [call for call in story.calls if not is_left_out(call)]
    over = [call for call in calls if call.outcome != "in_progress"]
    incoming = [call for call in over if call.direction == "incoming"]
    outgoing = [call for call in over if call.direction == "outgoing"]
    in_hours = [call for call in incoming if is_open(call.began_at)]
    kept_on = [call for call in in_hours if call.outcome != "abandoned"]
    answered = [call for call in over if call.outcome == "answered"]
    answered_in = [call for call in incoming if call.outcome == "answered"]
    waits = [stretch for stretch in _stretches(story.messages) if stretch.needs_answer]
    replied = [stretch for stretch in waits if stretch.replied_at is not None]
    first = [stretch for stretch in replied if stretch.is_first]
    firsts = _first_calls(calls)
    leads = _leads(story)
    episodes = _episodes(story)
    tried = [episode for episode in episodes if episode.attempted_at is not None]
    talked = [episode for episode in episodes if episode.contacted_at is not None]

    def is_answered(call: Call) -> int:
        return int(call.outcome == "answered")

    return {
        "answer_rate": (_rows(incoming, is_answered), share),
        "missed_calls": (_rows(incoming, lambda call: int(call.outcome == "missed")), total),
        "abandonment_rate": (_rows(in_hours, lambda call: int(call.outcome == "abandoned")), share),
        "service_level": (_rows(kept_on, lambda call: int(0 <= _wait_ms(call) <= IN_TIME_SECONDS * 1000)), share),
        "answer_seconds_median": (_rows(answered_in, _wait_ms), middle),
        "answer_seconds_p90": (_rows(answered_in, _wait_ms), nine_of_ten),
        "contact_rate": (_rows(outgoing, is_answered), share),
        "talk_minutes": (_rows(answered, _talk_ms), minutes),
        "talk_seconds_median": (_rows(answered, _talk_ms), middle),
        "talk_seconds_p90": (_rows(answered, _talk_ms), nine_of_ten),
        "first_call_resolution": (_rows(firsts, lambda call: int(not _rang_again(call, calls))), share),
        "cold_call_share": (
            _rows([call for call in outgoing if call.contact], lambda call: int(_is_cold(call, story))),
            share,
        ),
        "lead_attempt_seconds_median": (_met(leads, "attempted_at"), middle),
        "lead_attempt_seconds_p95": (_met(leads, "attempted_at"), nineteen_of_twenty),
        "lead_contact_seconds_median": (_met(leads, "contacted_at"), middle),
        "lead_contact_seconds_p95": (_met(leads, "contacted_at"), nineteen_of_twenty),
        "leads_within_5_minutes": ([_lead_row(lead, lead.is_met_in_time) for lead in leads], share),
        "missed_contacts": ([episode.row(1) for episode in episodes], total),
        "missed_recovered_soon": ([episode.row(int(episode.is_reached_within(1_200))) for episode in episodes], share),
        "missed_recovered": ([one.row(int(one.is_reached_within(LOST_SECONDS))) for one in episodes], share),
        "missed_lost": ([episode.row(int(episode.state == "lost")) for episode in episodes], share),
        "callback_attempt_seconds_median": ([one.row(one.after_ms(one.attempted_at)) for one in tried], middle),
        "callback_contact_seconds_median": ([one.row(one.after_ms(one.contacted_at)) for one in talked], middle),
        "rings_per_episode": ([episode.row(len(episode.rings)) for episode in episodes], share),
        "replied_share": ([_waiting(one, int(one.replied_at is not None)) for one in waits], share),
        "first_reply_seconds_median": ([_waiting(one, one.clock_ms) for one in first], middle),
        "first_reply_business_seconds_median": ([_waiting(one, one.business_ms) for one in first], middle),
        "reply_seconds_median": ([_waiting(one, one.clock_ms) for one in replied], middle),
        "reply_seconds_p90": ([_waiting(one, one.clock_ms) for one in replied], nine_of_ten),
        "reply_business_seconds_median": ([_waiting(one, one.business_ms) for one in replied], middle),
    }


def local_day(moment: int) -> date:
    """The day on the company's calendar."""
    return datetime.fromtimestamp(moment, ZONE).date()


def _rows(calls: Iterable[Call], adds: Callable[[Call], int]) -> list[Row]:
    return [row_of(call, adds(call)) for call in calls]


def row_of(call: Call, adds: Any) -> Row:
    """Say where a call belongs, and what it adds."""
    return Row(
        day=local_day(call.began_at),
        channel=company.LINES[call.account].channel,
        team=_team(call),
        direction=call.direction,
        is_business_hours=is_open(call.began_at),
        adds=adds,
    )


def _team(call: Call) -> str | None:
    operator = operator_known(call)
    return company.PERSON[operator].team if operator else None


def is_left_out(call: Call) -> bool:
    """Internal and test calls are no part of metrics."""
    is_test = call.contact is not None and call.contact.number == company.TEST_NUMBER
    return call.direction == "internal" or is_test


def _wait_ms(call: Call) -> int:
    """From ringing to pickup; -1 where nobody picked up."""
    return -1 if call.answered_at is None else (call.answered_at - (call.rang_at or call.began_at)) * 1000


def _talk_ms(call: Call) -> int:
    return call.talk_seconds * 1000


def _first_calls(calls: Sequence[Call]) -> list[Call]:
    """Answered incoming calls with no other answered one of the contact in the 168 h before; 168 h ago or longer."""
    newest = max(local_day(call.began_at) for call in calls)
    answered = [call for call in calls if call.direction == "incoming" and call.outcome == "answered" and call.contact]
    return [
        call
        for call in answered
        if local_day(call.began_at) + timedelta(days=7) < newest
        and not any(
            contact_key(other.contact) == contact_key(call.contact)
            and _is_before(other, call)
            and call.began_at - other.began_at <= WEEK_SECONDS
            for other in answered
        )
    ]


def _rang_again(call: Call, calls: Sequence[Call]) -> bool:
    return any(
        other.direction == "incoming"
        and contact_key(other.contact) == contact_key(call.contact)
        and _is_before(call, other)
        and other.began_at - call.began_at <= WEEK_SECONDS
        for other in calls
    )


def _is_cold(call: Call, story: Story) -> bool:
    key = contact_key(call.contact)
    calls = [other for other in story.calls if contact_key(other.contact) == key]
    was_called = any(other.direction == "outgoing" and _is_before(other, call) for other in calls)
    has_called = any(other.direction == "incoming" and other.began_at < call.began_at for other in calls)
    has_written = any(
        contact_key(message.contact) == key and message.direction == "incoming" and message.sent_at < call.began_at
        for message in story.messages
        if message.kind != "reaction"
    )
    return not (was_called or has_called or has_written)


def _is_before(one: Call, other: Call) -> bool:
    """Whether a call began before another; of two in one second, by id."""
    return (one.began_at, _call_id(one)) < (other.began_at, _call_id(other))


def _call_id(call: Call) -> str:
    return ids.call_id(call.source, call.account, call.id)


class _Episode(Struct, frozen=True, kw_only=True):
    """Missed calls of one contact until somebody talked with him, or until they are lost."""

    rings: list[Call]
    attempted_at: int | None
    contacted_at: int | None
    written_at: int | None
    now: int

    @property
    def began_at(self) -> int:
        return self.rings[0].began_at

    @property
    def state(self) -> str:
        if self.is_reached_within(LOST_SECONDS):
            return "reached"
        if self.written_at is not None:
            return "written"
        return "lost" if self.now > self.began_at + LOST_SECONDS else "open"

    def is_reached_within(self, seconds: int) -> bool:
        return self.contacted_at is not None and self.contacted_at - self.began_at <= seconds

    def after_ms(self, moment: int | None) -> int:
        return 0 if moment is None else (moment - self.began_at) * 1000

    def row(self, adds: int) -> Row:
        return Row(
            day=local_day(self.began_at),
            channel=company.LINES[self.rings[0].account].channel,
            is_business_hours=is_open(self.began_at),
            adds=adds,
        )


def _episodes(story: Story) -> list[_Episode]:
    calls = [call for call in story.calls if not is_left_out(call) and call.contact is not None]
    now = max([call.began_at for call in story.calls] + [message.sent_at for message in story.messages])
    found: list[_Episode] = []
    for key in {contact_key(call.contact) for call in calls}:
        his = sorted((call for call in calls if contact_key(call.contact) == key), key=lambda call: call.began_at)
        written = [
            message.sent_at
            for message in story.messages
            if message.direction == "outgoing" and contact_key(message.contact) == key and message.status != "failed"
        ]
        missed = [call for call in his if call.direction == "incoming" and call.outcome in {"missed", "abandoned"}]
        while missed:
            began_at = missed[0].began_at
            talks = [call.answered_at for call in his if call.outcome == "answered" and call.began_at >= began_at]
            talked_at = min((at for at in talks if at is not None), default=None)
            until = min(began_at + LOST_SECONDS, talked_at or began_at + LOST_SECONDS)
            # What comes after the next episode began belongs to that one.
            next_at = min((call.began_at for call in missed if call.began_at > until), default=now + 1)
            contacted_at = talked_at if talked_at is not None and talked_at < next_at else None
            tries = [
                call.began_at
                for call in his
                if call.direction == "outgoing"
                and call.outcome != "not_permitted"
                and began_at <= call.began_at < next_at
                and (contacted_at is None or call.began_at <= contacted_at)
            ]
            found.append(
                _Episode(
                    rings=[call for call in missed if call.began_at <= until],
                    attempted_at=min(tries, default=None),
                    contacted_at=contacted_at,
                    written_at=min((at for at in written if began_at <= at <= until and at < next_at), default=None),
                    now=now,
                )
            )
            missed = [call for call in missed if call.began_at > until]
    return found


class _Lead(Struct, frozen=True, kw_only=True):
    """A deal, or the first message of a contact with whom there was nothing before; and what followed."""

    came_at: int
    channel: str | None
    team: str | None
    attempted_at: int | None
    contacted_at: int | None

    @property
    def is_met_in_time(self) -> int:
        return int(self.attempted_at is not None and self.attempted_at - self.came_at <= 300)


def _leads(story: Story) -> list[_Lead]:
    messages = [message for message in story.messages if message.kind != "reaction"]
    deals = told_deals(story)
    came = [
        (deal.contact, deal.created_at, None, company.PERSON[deal.operator].team if deal.operator else None)
        for deal in deals
    ]
    for key in {contact_key(message.contact) for message in messages if message.direction == "incoming"}:
        his = sorted((message for message in messages if contact_key(message.contact) == key), key=_place)
        first = next(message for message in his if message.direction == "incoming")
        met = [call.began_at for call in story.calls if contact_key(call.contact) == key]
        met += [_known_from(message) for message in his] + [deal.created_at for deal in deals if deal.contact == key]
        if min(met) == first.sent_at:
            came.append((key, first.sent_at, company.LINES[first.account].channel, None))
    found: list[_Lead] = []
    for key, came_at, channel, team in came:
        calls = [call for call in story.calls if contact_key(call.contact) == key]
        ours = [
            message.sent_at
            for message in messages
            if contact_key(message.contact) == key and message.direction == "outgoing" and message.status != "failed"
        ]
        tries = [call for call in calls if call.direction == "outgoing" and call.outcome != "not_permitted"]
        ours += [call.began_at for call in tries]
        talks = [
            max(call.answered_at, came_at)
            for call in calls
            if call.outcome == "answered"
            and call.answered_at is not None
            and call.ended_at is not None
            and call.ended_at >= came_at
        ]
        found.append(
            _Lead(
                came_at=came_at,
                channel=channel,
                team=team,
                attempted_at=min((at for at in [*ours, *talks] if at >= came_at), default=None),
                contacted_at=min(talks, default=None),
            )
        )
    return found


def _known_from(message: Message) -> int:
    """A message that could not be delivered is known from when that was told."""
    return message.failed_at or message.sent_at


def _met(leads: Iterable[_Lead], moment: str) -> list[Row]:
    reached = [(lead, getattr(lead, moment)) for lead in leads if getattr(lead, moment) is not None]
    return [_lead_row(lead, (at - lead.came_at) * 1000) for lead, at in reached]


def _lead_row(lead: _Lead, adds: int) -> Row:
    return Row(day=local_day(lead.came_at), channel=lead.channel, team=lead.team, adds=adds)


class _Stretch(Struct, frozen=True, kw_only=True):
    """Messages of a contact until we wrote back."""

    message: Message
    needs_answer: bool
    is_first: bool
    replied_at: int | None

    @property
    def clock_ms(self) -> int:
        return 0 if self.replied_at is None else (self.replied_at - self.message.sent_at) * 1000

    @property
    def business_ms(self) -> int:
        return 0 if self.replied_at is None else _open_seconds(self.message.sent_at, self.replied_at) * 1000


def _stretches(messages: Iterable[Message]) -> list[_Stretch]:
    talks: dict[Any, list[Message]] = {}
    for message in messages:
        if message.kind != "reaction" and message.status != "failed":
            talks.setdefault(contact_key(message.contact), []).append(message)
    return [stretch for talk in talks.values() for stretch in _of_talk(sorted(talk, key=_place))]


def _of_talk(talk: Sequence[Message]) -> list[_Stretch]:
    found: list[_Stretch] = []
    waiting: list[Message] = []
    before: Message | None = None
    is_first = False
    for message in talk:
        if message.direction == "incoming":
            if not waiting:
                is_first = before is None or message.sent_at - before.sent_at > DAY_SECONDS
            waiting.append(message)
        elif waiting:
            found.append(_stretch(waiting, is_first=is_first, replied_at=message.sent_at))
            waiting = []
        before = message
    return [*found, _stretch(waiting, is_first=is_first, replied_at=None)] if waiting else found


def _stretch(waiting: Sequence[Message], *, is_first: bool, replied_at: int | None) -> _Stretch:
    needing = [message for message in waiting if _needs_answer(message)]
    return _Stretch(
        message=(needing or waiting)[0], needs_answer=bool(needing), is_first=is_first, replied_at=replied_at
    )


def _needs_answer(message: Message) -> bool:
    thanks = {text for texts in THANKED.values() for text in texts}
    return message.kind != "sticker" and not (message.kind == "text" and message.text in thanks)


def _place(message: Message) -> tuple[int, str]:
    source = company.LINES[message.account].source
    return message.sent_at, ids.message_id(source, message.account, message.id)


def _waiting(stretch: _Stretch, adds: int) -> Row:
    message = stretch.message
    return Row(day=local_day(message.sent_at), channel=company.LINES[message.account].channel, adds=adds)


def _open_seconds(first: int, last: int) -> int:
    """Seconds of business hours between two moments, day by day."""
    seconds = 0
    day = local_day(first)
    while day <= local_day(last):
        opens, closes = company.HOURS.get(("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day.weekday()], (0, 0))
        if (day.month, day.day) not in company.HOLIDAYS:
            begin, end = (_moment(day, hour) for hour in (opens, closes))
            seconds += max(0, min(last, end) - max(first, begin))
        day += timedelta(days=1)
    return seconds


def _moment(day: date, hour: int) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=ZONE).astimezone(UTC).timestamp())
