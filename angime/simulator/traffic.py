"""Two months at the simulated company, lived hour by hour: who calls, who picks up, who calls back, who is lost."""

import heapq
import random
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from angime.simulator import chats
from angime.simulator.attempts import Attempt, draw, incoming, outgoing, unfinished
from angime.simulator.company import CARE, HOLIDAYS, HOURS, INTERNATIONAL, LINES, OFFICE, PEOPLE, SALES, TIME_ZONE, Line
from angime.simulator.people import Pool, contacts
from angime.simulator.story import Call, Contact, Message, PermissionReply, Recorded, Story

ZONE = ZoneInfo(TIME_ZONE)
DAY = 86_400
WEEK = 7 * DAY
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Where the day's and the week's contacts fall, local time.
HOUR_WEIGHTS = (
    *(0.03, 0.01, 0.01, 0.01, 0.01, 0.02, 0.05, 0.12, 0.35, 1.0, 1.3, 1.25),
    *(0.95, 0.9, 1.1, 1.15, 1.0, 0.85, 0.6, 0.35, 0.28, 0.17, 0.09, 0.05),
)
WEEKDAY_WEIGHTS = (1.15, 1.05, 1.0, 1.0, 0.95, 0.45, 0.2)
HOLIDAY_WEIGHT = 0.3
LAST_WEEK_WEIGHT = 1.06
# Of first attempts; what follows from them (callbacks, second tries) comes on top.
SHARE_OF_FIRST_ATTEMPTS = 0.86
SHARE_OUTGOING = 0.2
LINE_SHARES = {OFFICE.account: 0.48, SALES.account: 0.31, CARE.account: 0.13, INTERNATIONAL.account: 0.08}
POOLS: dict[str, dict[Pool, float]] = {
    OFFICE.account: {"kz": 0.85, "ru": 0.15},
    SALES.account: {"kz": 0.75, "ru": 0.2, "br": 0.05},
    CARE.account: {"kk": 1.0},
    INTERNATIONAL.account: {"br": 0.55, "ru": 0.3, "kz": 0.15},
}
POOL_SHARES: dict[Pool, float] = {"kz": 0.17, "kk": 0.05, "ru": 0.04, "br": 0.03}
SMALLEST_POOL = 12
REGULARS = 1.8  # the larger, the more of the calls come from few contacts
MESSAGES_A_CALL = 2.6
UNFINISHED_CALLS = 3  # on each of the two lines that tell of calls while they last
RECORDED_DAYS = 10
LONGEST_WAIT_SECONDS = 3 * DAY
BUSY_AGAIN_SECONDS = 120  # while all are talking, whoever means to call waits

Spoken = tuple[str, int]


class _Plan(Struct, frozen=True, order=True):
    at: int
    number: int
    attempt: Attempt


class _World:
    """The company while its story is told: chance, what is planned, who is busy, what was written down."""

    def __init__(self, *, seed: int, now: int, first_day: int, calls: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # a story, not a secret
        self.now = now
        self.first_day = first_day
        self.people: dict[Pool, tuple[Contact, ...]] = {
            pool: contacts(self.chance, pool=pool, count=max(SMALLEST_POOL, int(calls * share)))
            for pool, share in POOL_SHARES.items()
        }
        self.busy_until = {person.id: 0 for person in PEOPLE}
        self.numbers = count(1)
        self.plans: list[_Plan] = []
        self.calls: list[Call] = []
        self.messages: list[Message] = []
        self.permissions: list[PermissionReply] = []
        self.permitted_until: dict[tuple[str, str], int] = {}

    def plan(self, attempt: Attempt) -> None:
        """Put an attempt on the calendar."""
        heapq.heappush(self.plans, _Plan(attempt.at, next(self.numbers), attempt))


def tell(*, seed: int, now: int, days: int = 61, calls: int = 8_000, spoken: tuple[Spoken, ...] = ()) -> Story:
    """Tell the story of the `days` before `now` (epoch seconds): about `calls` calls and 2.6 messages for each.

    `spoken` lists what can be heard, as language and whole seconds; a finished call of the last days is given to each
    and made as long as it. The same arguments tell the same story.
    """
    first_day = _midnight(now) - (days - 1) * DAY
    world = _World(seed=seed, now=now, first_day=first_day, calls=calls)
    _plan_first_attempts(world, days=days, attempts=round(calls * SHARE_OF_FIRST_ATTEMPTS))
    while world.plans:
        _live(world, heapq.heappop(world.plans).attempt)
    _leave_unfinished(world)
    _chat_to_quota(world, quota=round(calls * MESSAGES_A_CALL))
    recorded, calls_told = _record(world, spoken=spoken)
    return Story(
        seed=seed,
        now=now,
        calls=tuple(sorted(calls_told, key=lambda call: (call.began_at, call.id))),
        messages=tuple(sorted(world.messages, key=lambda message: (message.sent_at, message.id))),
        permissions=tuple(world.permissions),
        recordings=recorded,
    )


def is_open(moment: int) -> bool:
    """Say whether the company's business hours hold at `moment`."""
    local = datetime.fromtimestamp(moment, ZONE)
    opens, closes = HOURS.get(WEEKDAYS[local.weekday()], (24, 0))
    return opens <= local.hour < closes and (local.month, local.day) not in HOLIDAYS


def _plan_first_attempts(world: _World, *, days: int, attempts: int) -> None:
    """Spread first attempts over days and hours; the last week is a little busier than those before."""
    midnights = [world.first_day + day * DAY for day in range(days)]
    weights = [_day_weight(midnight, now=world.now) for midnight in midnights]
    for midnight in world.chance.choices(midnights, weights, k=attempts):
        hour = world.chance.choices(range(24), HOUR_WEIGHTS)[0]
        at = midnight + hour * 3_600 + world.chance.randrange(3_600)
        is_outgoing = world.chance.random() < SHARE_OUTGOING and is_open(at)
        line = LINES[draw(world.chance, LINE_SHARES)]
        contact = _someone(world, line)
        world.plan(
            Attempt(
                at=at, line=line, contact=contact, is_outgoing=is_outgoing, is_last_week=_is_last_week(at, world.now)
            )
        )


def _day_weight(midnight: int, *, now: int) -> float:
    local = datetime.fromtimestamp(midnight + DAY // 2, ZONE)
    weight = WEEKDAY_WEIGHTS[local.weekday()]
    if (local.month, local.day) in HOLIDAYS:
        weight *= HOLIDAY_WEIGHT
    return weight * (LAST_WEEK_WEIGHT if _is_last_week(midnight, now) else 1.0)


def _is_last_week(moment: int, now: int) -> bool:
    """Say whether `moment` lies in the seven days before `now`."""
    return moment >= now - WEEK


def _someone(world: _World, line: Line) -> Contact:
    people = world.people[draw(world.chance, POOLS[line.account])]
    return people[int(len(people) * world.chance.random() ** REGULARS)]


def _live(world: _World, attempt: Attempt) -> None:
    """Let one attempt happen, write it down, and plan what follows from it."""
    if attempt.at > world.now - 120:
        return
    free = tuple(
        person for person in PEOPLE if person.team in attempt.line.teams and world.busy_until[person.id] <= attempt.at
    )
    if attempt.is_outgoing and not free:
        world.plan(replace(attempt, at=attempt.at + BUSY_AGAIN_SECONDS))
        return
    if attempt.is_outgoing:
        call = outgoing(world.chance, attempt, free=free, is_permitted=_may_call(world, attempt))
    else:
        call = incoming(world.chance, attempt, free=free, is_open=is_open(attempt.at))
    if call is None:
        _ask_permission(world, attempt)
        return
    if (call.ended_at or 0) > world.now - 60:
        return
    world.calls.append(call)
    for leg in call.legs:
        world.busy_until[leg.operator] = max(world.busy_until[leg.operator], leg.ended_at)
    if attempt.is_outgoing and call.operator is not None:
        world.busy_until[call.operator] = max(world.busy_until[call.operator], call.ended_at or attempt.at)
    _give_permission(world, call)
    if call.contact is not None and call.direction != "internal":
        world.messages += chats.around(world.chance, call, contact=call.contact, now=world.now)
    _follow_up(world, attempt, call)


def _may_call(world: _World, attempt: Attempt) -> bool:
    if attempt.line.channel != "waba":
        return True
    return world.permitted_until.get((attempt.line.account, attempt.contact.user_id), 0) > attempt.at


def _ask_permission(world: _World, attempt: Attempt) -> None:
    """Ask a contact whether we may call; who agrees is called, who does not is left in peace."""
    request, reply = chats.ask_permission(world.chance, attempt, now=world.now)
    world.messages.append(request)
    if reply is None:
        return
    world.permissions.append(reply)
    if reply.is_accepted:
        world.permitted_until[attempt.line.account, attempt.contact.user_id] = reply.expires_at or world.now + WEEK
        world.plan(attempt.again(at=reply.at + world.chance.randrange(300, 3_600)))


def _give_permission(world: _World, call: Call) -> None:
    """Who calls us on WhatsApp may be called back for a week, which Meta tells at once."""
    if call.contact is None or call.direction != "incoming" or LINES[call.account].channel != "waba":
        return
    key = (call.account, call.contact.user_id)
    if world.permitted_until.get(key, 0) > call.began_at:
        return
    reply = chats.automatic_permission(world.chance, call, contact=call.contact)
    world.permitted_until[key] = reply.expires_at or 0
    world.permissions.append(reply)


def _follow_up(world: _World, attempt: Attempt, call: Call) -> None:
    """After a call that reached nobody: somebody calls again, or the contact is lost."""
    if call.outcome == "answered" or attempt.tries >= 3:
        return
    ended_at = call.ended_at or attempt.at
    luck = world.chance.random()
    if attempt.is_outgoing:
        if luck < 0.35 and call.outcome in {"no_answer", "busy", "machine"}:
            _plan_call_back(world, attempt, after=ended_at + 1_800)
    elif luck < 0.68:
        _plan_call_back(world, attempt, after=ended_at)
    elif luck < 0.82:
        world.plan(attempt.again(at=ended_at + world.chance.randrange(90, 2_400)))


def _plan_call_back(world: _World, attempt: Attempt, *, after: int) -> None:
    """Call back within minutes in business hours, else after the doors open again."""
    delay = int(min(LONGEST_WAIT_SECONDS, world.chance.lognormvariate(6.6, 1.1))) + 45
    at = after + delay
    while not is_open(at):
        at += 900
        if is_open(at):
            at += world.chance.randrange(3_600)
    is_moved = attempt.line is SALES and world.chance.random() < 0.2
    line = OFFICE if is_moved and not attempt.contact.hides_number else attempt.line
    world.plan(attempt.again(at=at, line=line, is_outgoing=True))


def _leave_unfinished(world: _World) -> None:
    """A few calls ring or are talked on at the very moment at which the story stops."""
    for line in (SALES, INTERNATIONAL):
        for number in range(UNFINISHED_CALLS):
            at = world.now - 60 - 45 * number - world.chance.randrange(30)
            attempt = Attempt(at=at, line=line, contact=_someone(world, line), is_last_week=True)
            world.calls.append(unfinished(world.chance, attempt))


def _chat_to_quota(world: _World, *, quota: int) -> None:
    """Conversations without calls, until there are as many messages as such a company writes."""
    span = world.now - world.first_day
    while len(world.messages) < quota:
        line = world.chance.choices((SALES, CARE), (0.7, 0.3))[0]
        at = world.first_day + world.chance.randrange(span)
        local_hour = datetime.fromtimestamp(at, ZONE).hour
        if world.chance.random() < HOUR_WEIGHTS[local_hour] / max(HOUR_WEIGHTS):
            world.messages += chats.conversation(
                world.chance, line, contact=_someone(world, line), at=at, now=world.now
            )


def _record(world: _World, *, spoken: tuple[Spoken, ...]) -> tuple[tuple[Recorded, ...], list[Call]]:
    """Give each spoken dialogue a call of the last days that was long enough, and cut the call to its length."""
    calls = {call.id: call for call in world.calls}
    recorded: list[Recorded] = []
    taken: set[str] = set()
    for number, (language, seconds) in enumerate(spoken):
        fitting = [
            call
            for call in calls.values()
            if _can_be_recorded(call, language=language, seconds=seconds, since=world.now - RECORDED_DAYS * DAY)
            and call.id not in taken
        ]
        if not fitting:
            continue
        call = world.chance.choice(fitting)
        taken.add(call.id)
        calls[call.id] = _cut(call, seconds=seconds)
        recorded.append(
            Recorded(
                id=f"{world.chance.getrandbits(128):032x}",
                call_id=call.id,
                account=call.account,
                number=number,
                language=language,
                seconds=seconds,
            )
        )
    return tuple(recorded), list(calls.values())


def _can_be_recorded(call: Call, *, language: str, seconds: int, since: int) -> bool:
    """Recordings come from incoming calls that one operator answered, on the line of that language."""
    line = LINES[call.account]
    return (
        line.channel_roles is not None
        and line.language == language
        and call.direction == "incoming"
        and call.outcome == "answered"
        and call.began_at >= since
        and call.talk_seconds >= seconds
    )


def _cut(call: Call, *, seconds: int) -> Call:
    ended_at = (call.answered_at or call.began_at) + seconds
    legs = tuple(replace(leg, ended_at=ended_at) if leg.answered_at is not None else leg for leg in call.legs)
    return replace(call, talk_seconds=seconds, ended_at=ended_at, legs=legs)


def _midnight(moment: int) -> int:
    local = datetime.fromtimestamp(moment, ZONE)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(midnight.timestamp())
