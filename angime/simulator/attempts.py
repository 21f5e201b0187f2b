"""One attempt to talk: rung, picked up or not, transferred, declined; every way in which a call can go."""

import base64
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from angime.simulator.company import PEOPLE, TEST_NUMBER, TIME_ZONE, Line, Person
from angime.simulator.story import Call, Contact, Leg, Outcome

ZONE = ZoneInfo(TIME_ZONE)
LUNCH_HOURS = (12, 13)
# What the pages have to tell: in the last week one team stays away longer, and few of it pick up meanwhile.
LUNCH_HOURS_IN_THE_SOUTH_LAST_WEEK = (12, 13, 14)
ABANDONED = 0.04
MENU_ONLY = 0.045
TECHNICAL_FAILURE = 0.008
SECOND_OPERATOR = 0.14
TRANSFER = 0.06
INTERNAL = 0.02
TEST = 0.003
VOICEMAIL_AFTER_HOURS = 0.35
# Calls placed through Twilio's API (reminders) have no operator; only they meet machine detection and are cancelled.
BY_PROGRAM = 0.1
PLACED_BY_PROGRAM = ("machine", "cancelled")
# Share of calls that nobody picks up.
MISSED_AFTER_HOURS = 0.85
MISSED_IN_HOURS = 0.07
MISSED_AT_LUNCH = 0.1
MISSED_AT_LUNCH_IN_THE_SOUTH = 0.25
MISSED_AT_LUNCH_IN_THE_SOUTH_LAST_WEEK = 0.8
CALLED_WITHOUT_PERMISSION = 0.3
# Meta's calling error codes: no approved permission; limit of calls; connection failed; connection timed out.
NOT_PERMITTED_CODES = (138006, 138006, 138006, 138012)
FAILURE_CODES = (138004, 138007)
FAILED_AFTER_SECONDS = 20

_OUTGOING: dict[str, dict[Outcome, float]] = {
    "whatsapp_cloud": {"answered": 0.7, "no_answer": 0.19, "rejected": 0.09, "failed": 0.02},
    "twilio": {"answered": 0.58, "no_answer": 0.13, "busy": 0.07, "cancelled": 0.09, "machine": 0.1, "failed": 0.03},
    "asterisk": {"answered": 0.7, "no_answer": 0.2, "busy": 0.07, "failed": 0.03},
}

Chosen = TypeVar("Chosen")


class Attempt(Struct, frozen=True, kw_only=True):
    """Somebody means to call at `at`; `tries` counts the attempts before this one in the same matter."""

    at: int
    line: Line
    contact: Contact
    is_outgoing: bool = False
    is_last_week: bool = False
    tries: int = 0

    def again(self, **changes: Any) -> "Attempt":
        """The next attempt in the same matter."""
        return replace(self, tries=self.tries + 1, **changes)


def incoming(chance: random.Random, attempt: Attempt, *, free: tuple[Person, ...], is_open: bool) -> Call:
    """Let a contact call the company; `free` are the operators who could pick up."""
    begun = _begin(chance, attempt, direction="incoming")
    rung, is_anybody_free = _who_rings(chance, attempt, free=free)
    source = attempt.line.source
    if source == "asterisk" and chance.random() < MENU_ONLY:
        return _left_in_menu(chance, begun)
    if source == "whatsapp_cloud" and chance.random() < TECHNICAL_FAILURE:
        ended_at = attempt.at + FAILED_AFTER_SECONDS
        return replace(begun, outcome="failed", ended_at=ended_at, error_code=chance.choice(FAILURE_CODES))
    if chance.random() < ABANDONED:
        return _unanswered(begun, rung[:1], seconds=chance.randint(1, 3), outcome="abandoned")
    missed_share = _missed_share(attempt, is_open=is_open, team=rung[0].team)
    if is_anybody_free and chance.random() >= missed_share:
        return _answered_by_us(chance, begun, rung, is_transferable=source == "asterisk", free=free)
    missed = _unanswered(begun, rung, seconds=chance.randint(18, 38), outcome="missed")
    is_kept = source == "asterisk" and not is_open and chance.random() < VOICEMAIL_AFTER_HOURS
    return _voicemail(chance, missed) if is_kept else missed


def unfinished(chance: random.Random, attempt: Attempt) -> Call:
    """Let a contact call who rings still when the story stops."""
    rung, _ = _who_rings(chance, attempt, free=())
    leg = Leg(operator=rung[0].id, rang_at=attempt.at, answered_at=None, ended_at=attempt.at)
    begun = _begin(chance, attempt, direction="incoming")
    return replace(begun, outcome="in_progress", rang_at=attempt.at, legs=(leg,), operator=leg.operator)


def outgoing(chance: random.Random, attempt: Attempt, *, free: tuple[Person, ...], is_permitted: bool) -> Call | None:
    """Let one of the `free` operators call a contact; None where he must ask for permission first and does."""
    begun = _begin(chance, attempt, direction="outgoing")
    caller = chance.choice(free)
    begun = replace(begun, operator=caller.id)
    if not is_permitted:
        if chance.random() >= CALLED_WITHOUT_PERMISSION:
            return None
        code = chance.choice(NOT_PERMITTED_CODES)
        return replace(begun, outcome="not_permitted", ended_at=attempt.at, error_code=code)
    if attempt.line.source == "asterisk" and chance.random() < INTERNAL and len(free) > 1:
        return _internal(chance, begun, caller=caller, free=free)
    outcome = draw(chance, _OUTGOING[attempt.line.source])
    if attempt.line.source == "twilio" and (outcome in PLACED_BY_PROGRAM or chance.random() < BY_PROGRAM):
        begun = replace(begun, operator=None)
    return _answer_by_contact(chance, begun, outcome=outcome)


def draw(chance: random.Random, shares: Mapping[Chosen, float]) -> Chosen:
    """Draw one of several by their shares."""
    return chance.choices(list(shares), list(shares.values()))[0]


def new_id(chance: random.Random, line: Line, *, at: int) -> str:
    """Make an id as the line's provider makes them; the random part holds nothing of the contact."""
    if line.source == "whatsapp_cloud":
        return "wacid." + base64.b64encode(chance.randbytes(24)).decode()
    if line.source == "twilio":
        return f"CA{chance.getrandbits(128):032x}"
    return f"{at}.{chance.randrange(10**6)}"


def _begin(chance: random.Random, attempt: Attempt, *, direction: Any) -> Call:
    contact = attempt.contact
    if attempt.line.source == "asterisk" and chance.random() < TEST:
        contact = replace(contact, number=TEST_NUMBER, name="Проверка связи")
    return Call(
        id=new_id(chance, attempt.line, at=attempt.at),
        account=attempt.line.account,
        source=attempt.line.source,
        direction=direction,
        outcome="in_progress",
        contact=contact,
        began_at=attempt.at,
    )


def _who_rings(chance: random.Random, attempt: Attempt, *, free: tuple[Person, ...]) -> tuple[tuple[Person, ...], bool]:
    """Ring one operator of one of the line's teams, at times a second after him; say whether anybody is free."""
    candidates = free or tuple(person for person in PEOPLE if person.team in attempt.line.teams)
    team = chance.choice(sorted({person.team for person in candidates}))
    members = [person for person in candidates if person.team == team]
    is_second_rung = attempt.line.source == "asterisk" and chance.random() < SECOND_OPERATOR
    return tuple(chance.sample(members, min(len(members), 1 + is_second_rung))), bool(free)


def _missed_share(attempt: Attempt, *, is_open: bool, team: str) -> float:
    if not is_open:
        return MISSED_AFTER_HOURS
    hour = datetime.fromtimestamp(attempt.at, ZONE).hour
    if team == "south" and attempt.is_last_week and hour in LUNCH_HOURS_IN_THE_SOUTH_LAST_WEEK:
        return MISSED_AT_LUNCH_IN_THE_SOUTH_LAST_WEEK
    if hour not in LUNCH_HOURS:
        return MISSED_IN_HOURS
    return MISSED_AT_LUNCH_IN_THE_SOUTH if team == "south" else MISSED_AT_LUNCH


def _unanswered(begun: Call, rung: tuple[Person, ...], *, seconds: int, outcome: Outcome) -> Call:
    """Ring `rung` one after the other, each the same time, until the caller gives up."""
    shares = [seconds // len(rung)] * len(rung) if rung else []
    legs: list[Leg] = []
    at = begun.began_at
    for person, share in zip(rung, shares, strict=True):
        legs.append(Leg(operator=person.id, rang_at=at, answered_at=None, ended_at=at + share))
        at += share
    ended_at = at if legs else begun.began_at + seconds
    last = legs[-1].operator if legs else None
    return replace(begun, outcome=outcome, rang_at=begun.began_at, ended_at=ended_at, legs=tuple(legs), operator=last)


def _answered_by_us(
    chance: random.Random, begun: Call, rung: tuple[Person, ...], *, is_transferable: bool, free: tuple[Person, ...]
) -> Call:
    at = begun.began_at
    legs: list[Leg] = []
    for person in rung[:-1]:
        legs.append(Leg(operator=person.id, rang_at=at, answered_at=None, ended_at=at + 15))
        at += 15
    answered_at = at + _ring_seconds(chance)
    talk = _talk_seconds(chance)
    legs.append(Leg(operator=rung[-1].id, rang_at=at, answered_at=answered_at, ended_at=answered_at + talk))
    others = [person for person in free if person not in rung]
    if is_transferable and others and chance.random() < TRANSFER:
        rang_at = answered_at + talk
        picked_up_at = rang_at + chance.randint(3, 9)
        more = _talk_seconds(chance)
        other = chance.choice(others).id
        legs.append(Leg(operator=other, rang_at=rang_at, answered_at=picked_up_at, ended_at=picked_up_at + more))
        talk += more
    return replace(
        begun,
        outcome="answered",
        rang_at=begun.began_at,
        answered_at=answered_at,
        ended_at=legs[-1].ended_at,
        talk_seconds=talk,
        operator=legs[-1].operator,
        legs=tuple(legs),
    )


def _left_in_menu(chance: random.Random, begun: Call) -> Call:
    """The caller hears the menu and hangs up before anybody is rung."""
    return replace(
        begun,
        outcome="missed",
        machine_at=begun.began_at,
        ended_at=begun.began_at + chance.randint(9, 50),
        is_menu_only=True,
    )


def _voicemail(chance: random.Random, missed: Call) -> Call:
    machine_at = missed.ended_at or missed.began_at
    return replace(missed, outcome="voicemail", machine_at=machine_at, ended_at=machine_at + chance.randint(8, 60))


def _internal(chance: random.Random, begun: Call, *, caller: Person, free: tuple[Person, ...]) -> Call:
    called = chance.choice([person for person in free if person is not caller])
    answered_at = begun.began_at + _ring_seconds(chance)
    talk = _talk_seconds(chance)
    leg = Leg(operator=called.id, rang_at=begun.began_at, answered_at=answered_at, ended_at=answered_at + talk)
    return replace(
        begun,
        direction="internal",
        outcome="answered",
        contact=None,
        rang_at=begun.began_at,
        answered_at=answered_at,
        ended_at=answered_at + talk,
        talk_seconds=talk,
        legs=(leg,),
    )


def _answer_by_contact(chance: random.Random, begun: Call, *, outcome: Outcome) -> Call:
    at = begun.began_at
    rang_at = at + chance.randint(1, 3)
    if outcome == "failed":
        code = chance.choice(FAILURE_CODES) if begun.source == "whatsapp_cloud" else None
        return replace(begun, outcome=outcome, ended_at=at + chance.randint(1, 3), error_code=code)
    if outcome == "busy":
        return replace(begun, outcome=outcome, ended_at=at + chance.randint(2, 4))
    if outcome in {"no_answer", "rejected", "cancelled"}:
        seconds = {"no_answer": 40, "rejected": 9, "cancelled": 14}[outcome] + chance.randint(0, 8)
        return replace(begun, outcome=outcome, rang_at=rang_at, ended_at=rang_at + seconds)
    picked_up_at = rang_at + _ring_seconds(chance)
    if outcome == "machine":
        return replace(
            begun,
            outcome=outcome,
            rang_at=rang_at,
            machine_at=picked_up_at,
            ended_at=picked_up_at + chance.randint(6, 25),
        )
    talk = _talk_seconds(chance)
    return replace(
        begun,
        outcome=outcome,
        rang_at=rang_at,
        answered_at=picked_up_at,
        ended_at=picked_up_at + talk,
        talk_seconds=talk,
    )


def _ring_seconds(chance: random.Random) -> int:
    return max(2, min(35, round(chance.lognormvariate(2.0, 0.6))))


def _talk_seconds(chance: random.Random) -> int:
    return max(7, min(2_400, round(chance.lognormvariate(4.7, 0.9))))
