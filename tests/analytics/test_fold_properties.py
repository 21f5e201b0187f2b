"""The fold is free of the order of facts and of repeats: any permutation, any subset twice, the same rows."""

import json
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st
from msgspec import structs

from analytics.folding.scratch import Scratch
from analytics.log import append_events
from analytics.views import read_views
from angime.printing import VERSIONS
from schemas import codec, ids
from schemas.catalogue import EVENT_TYPES
from schemas.company import parse_company
from schemas.envelope import Event
from tests.analytics.asked import answers
from tests.analytics.drawn import COMPANY, COMPANY_TEXT, drawn_events, warehouse

# Each case folds every table of facts anew.
CASES = max(15, drawing.default.max_examples // 3) if drawing.default else 15
_FACTS = [view for view in read_views() if view.layer == "facts"]
_CALLS = """
call     | leg | fact                     | at           | says
talk     |     | offered                  | 05:00:00     | direction=incoming; contact=whatsapp_user:KZ.1; contact_name=A
talk     |     | rang                     | 05:00:00     | contact=phone:+77010000001; contact_name=B; channel=waba
talk     | a   | accepted                 | 05:00:07     | operator=PJSIP/101
talk     | a   | ended                    | 05:00:40.100 | talk_seconds=0.1; operator=PJSIP/101; ended_by=company
talk     | a   | ended                    | 05:00:40.100 | talk_seconds=0.1; operator=PJSIP/102; ended_by=contact
talk     | b   | ended                    | 05:00:50.200 | talk_seconds=0.2; operator=PJSIP/102; disposition=failed
talk     | c   | ended                    | 05:00:50.200 | talk_seconds=0.7; operator=PJSIP/101; disposition=completed
talk     | d   | ended                    | 05:00:50.200 | talk_seconds=1e-3; operator=PJSIP/103; error_code=1
talk     |     | transferred              | 05:00:45     | to_operator=PJSIP/102
talk     |     | transferred              | 05:00:45     | to_operator=PJSIP/101
talk     |     | recording_made_available | 05:01:00     | recording_id=r; url=x
talk     |     | recording_made_available | 05:01:00     | recording_id=s; url=x
talk     |     | transcribed              | 05:02:00     | recording_id=r; origin=whisperx; model=m; language=kk; grade=turns; duration_seconds=3; channels=1; beeps=[{"channel":0,"start_seconds":0,"end_seconds":1,"kind":"card"}]; turns=[{"channel":0,"role":"operator","start_seconds":0,"end_seconds":1,"text":"Hello"},{"channel":0,"role":"customer","start_seconds":0,"end_seconds":2,"text":"Hello there"}]
talk     |     | transcribed              | 05:02:00     | recording_id=r; origin=whisperx; model=n; language=ru; grade=turns; duration_seconds=3; channels=1; turns=[{"channel":1,"role":"operator","start_seconds":0,"end_seconds":1}]
talk     |     | transcribed              | 05:02:00     | recording_id=r; origin=provider; model=o; language=pt; grade=turns; duration_seconds=4; channels=1
declined |     | rejected                 | 05:00:05     | direction=outgoing; rejected_by=contact; contact=phone:+77010000004
declined |     | ended                    | 05:00:06     | disposition=no_answer
twice    |     | ended                    | 05:00:06     | disposition=no_answer; direction=incoming
twice    |     | ended                    | 05:00:06     | disposition=cancelled; direction=outgoing
missed   |     | offered                  | 04:00:00     | direction=incoming; contact=phone:+77010000001; company_number=+77270000001
missed   |     | ended                    | 04:00:20     | disposition=no_answer
again    |     | offered                  | 04:00:00     | direction=incoming; contact=whatsapp_user:KZ.1
again    |     | ended                    | 04:00:20     | disposition=no_answer
waba     |     | offered                  | 04:30:00     | direction=outgoing; channel=waba; contact=phone:+77010000001
waba     |     | ended                    | 04:31:00     | talk_seconds=50; answered_at=04:30:10
menu     |     | accepted                 | 05:00:06     | answered_by=ivr
menu     |     | accepted                 | 05:00:06     | answered_by=unknown
menu     |     | ended                    | 05:00:26     | disposition=completed
waits    |     | ended                    | 05:00:30     | started_at=05:00:10; disposition=no_answer; direction=incoming; contact=telegram:7
spoke    |     | ended                    | 05:01:00     | talk_seconds=20; direction=incoming; contact=telegram:11
"""  # noqa: E501
_MESSAGES = """
message | fact       | at       | says
m       | sent       | 05:00:00 | text=one; operator=PJSIP/101
m       | sent       | 05:00:00 | text=two
m       | delivered  | 05:00:01 |
m       | failed     | 05:00:01 | error_code=2
m       | failed     | 05:00:01 | error_code=1
m       | reacted_to | 05:00:03 | emoji=👍
m       | reacted_to | 05:00:03 | emoji=🙏
n       | received   | 05:00:00 | kind=image; contact=phone:+77010000001
o       | received   | 2026-03-01 05:00:00 | contact=telegram:9
q       | received   | 2026-03-01 05:00:00 | contact=telegram:10
"""
_DEALS = """
deal | fact    | at       | says
d    | created | 05:00:00 | contact=phone:+77010000001; amount=1.10; currency=KZT
d    | moved   | 05:01:00 | contact=telegram:7; amount=2; currency=USD
d    | moved   | 05:01:00 | contact=telegram:8; amount=3; currency=EUR
d    | won     | 05:02:00 | operator=PJSIP/101
d    | won     | 05:02:00 | operator=PJSIP/102
e    | lost    | 05:02:00 | reason=a
e    | lost    | 05:02:00 | reason=b
d    | changed | 05:03:00 | amount=4; operator=PJSIP/103
d    | changed | 05:03:00 | emptied=["amount","operator"]
d    | parted  | 05:01:00 | contact=telegram:8
d    | linked  | 05:01:00 | contact=telegram:8
f    | created | 05:00:00 | contact=telegram:9; amount=5
g    | deleted | 05:04:00 |
g    | won     | 05:00:00 | contact=telegram:9; amount=5; currency=KZT
g    | merged  | 05:05:00 | into_deal_id=e
g    | merged  | 05:05:00 | into_deal_id=f
h    | created | 05:00:00 | contact=phone:+77010000001; amount=7; currency=KZT
h    | won     | 05:10:00 |
"""
_PERMISSIONS = """
permission | fact      | at       | says
p          | requested | 05:00:00 | contact=phone:+77010000001,whatsapp_user:KZ.1
p          | granted   | 05:01:00 | contact=phone:+77010000001
p          | granted   | 05:01:00 | contact=phone:+77010000001; kind=permanent
p          | denied    | 05:01:00 | contact=whatsapp_user:KZ.1
p          | revoked   | 05:03:00 | contact=phone:+77010000002
"""
_ACCOUNTS = """
account | fact            | at       | says
main    | linked          | 05:00:00 | company_number=+77270000001
main    | restricted      | 05:01:00 | restriction=A; company_number=+77270000001
main    | restricted      | 05:01:00 | restriction=B
main    | came_online     | 05:01:00 |
main    | quality_changed | 05:01:00 | quality=RED
"""
_CONTACTS = """
contact | fact       | at       | says
c       | identified | 05:00:00 | contact=telegram:7,phone:+77010000003
"""
_TOLD = (_CALLS, _MESSAGES, _DEALS, _PERMISSIONS, _ACCOUNTS, _CONTACTS)
_EVENTS = [fact for text in _TOLD for fact in drawn_events(text)]


@pytest.fixture(scope="module")
def scratch() -> Scratch:
    opened = warehouse(_EVENTS)
    opened.build()
    return opened


def _fold(scratch: Scratch, events: list[Event]) -> dict[str, list[tuple[object, ...]]]:
    """Fold `events` in this order; the count of facts is the log's, which holds each once, so it is left out."""
    scratch.connection.execute("delete from log.stored_events")
    append_events(scratch.connection, events, landed_at="2026-01-01T00:00:00.000Z")
    for fact in _FACTS:
        if fact.is_table:
            scratch.connection.execute(f"create or replace table {fact.relation} as {fact.select}")
    frames = {fact.relation: scratch.sql(f"from {fact.relation}") for fact in _FACTS}
    return {relation: sorted(frame.drop("events", strict=False).rows(), key=str) for relation, frame in frames.items()}


@pytest.fixture(scope="module")
def once(scratch: Scratch) -> dict[str, list[tuple[object, ...]]]:
    return _fold(scratch, _EVENTS)


@drawing(max_examples=CASES)
@given(chance=st.randoms(use_true_random=False), repeated=st.sets(st.integers(0, len(_EVENTS) - 1)))
def test_any_order_and_any_repeats_give_the_same_rows(
    scratch: Scratch,
    once: dict[str, list[tuple[object, ...]]],
    chance: random.Random,
    repeated: set[int],
) -> None:
    events = [*_EVENTS, *(_EVENTS[place] for place in repeated)]
    chance.shuffle(events)

    assert once == _fold(scratch, events)


def test_what_a_fact_leaves_to_the_defaults_of_its_type_may_be_left_out(
    scratch: Scratch, once: dict[str, list[tuple[object, ...]]]
) -> None:
    def is_said(field: structs.FieldInfo, value: object) -> bool:
        return value not in {field.default, ()} or field.required

    bare = [
        structs.replace(
            fact,
            data={
                field.name: msgspec.to_builtins(getattr(fact.data, field.name))
                for field in structs.fields(fact.data)
                if is_said(field, getattr(fact.data, field.name))
            },
        )
        for fact in _EVENTS
    ]

    assert once == _fold(scratch, bare)


OLD = """
call | fact    | at       | says
c    | ended/1 | 05:01:00 | duration_seconds=30; status=completed; answered_by=human; total_seconds=40
n    | ended/1 | 05:01:00 | status=no_answer
e    | ended/1 | 05:01:00 |
"""


def test_every_example_of_an_old_version_gives_the_rows_of_its_upcast(scratch: Scratch) -> None:
    newest = {event_type.dataschema for event_type in EVENT_TYPES.values()}
    examples = [Event(**json.loads(path.read_text())) for path in sorted(VERSIONS.glob("*/*.pass.json"))]
    old = [*(one for one in examples if one.dataschema not in newest), *drawn_events(OLD)]
    upcast = [codec.decode(codec.encode(one)) for one in old]
    superseded = {f"{one.name}/{version}" for one in EVENT_TYPES.values() for version in range(1, one.version)}

    assert (superseded, True) == ({one.dataschema for one in old}, newest.issuperset(one.dataschema for one in upcast))
    assert _fold(scratch, old) == _fold(scratch, upcast)


def test_what_is_told_of_one_company_is_the_same_whatever_is_told_of_another() -> None:
    other = parse_company(COMPANY_TEXT.replace('"acme"', '"other"').replace("Asia/Almaty", "Pacific/Honolulu"))
    judging = COMPANY_TEXT
    for word, instead in _JUDGING.items():
        judging = judging.replace(word, instead)
    strict = parse_company(judging + _BOUNDS)
    of_other = [fact for text in (*_TOLD, *_OF_OTHER.split("\n\n")) for fact in _at_other(text)]

    late = [structs.replace(fact, recordedat="2026-03-04T05:00:00.000Z") for fact in (_EVENTS[0], of_other[0])]
    told = [late[0], *_EVENTS[1:]]
    alone, beside = warehouse(told), warehouse([*told, late[1], *of_other[1:]], [COMPANY, other, strict])
    answered = answers(alone)

    assert _told_of_acme(alone) == _told_of_acme(beside)
    assert answered == answers(beside)
    assert [name for name, rows in answered.items() if not rows] == []


# What only the other company is told: who is who there, whom it answered and called, who has a deal, and its number.
_OF_OTHER = """
contact | fact       | at       | says
d       | identified | 05:00:00 | contact=phone:+77010000001,telegram:7

message | fact | at                  | says
p       | sent | 2026-03-03 05:00:00 | contact=telegram:9

call   | fact  | at                  | says
called | ended | 2026-03-03 05:00:00 | direction=outgoing; contact=telegram:10; talk_seconds=20

deal | fact    | at       | says
i    | created | 05:30:00 | contact=telegram:11

account | fact   | at       | says
main    | linked | 05:06:00 | company_number=+77270000002
"""
# Of a third company nothing is told but its own data, by which it would judge what has the same names and numbers.
_JUDGING = {
    '"acme"': '"strict"',
    "2026-03-09": "2026-03-02",
    "+7 727 111-11-11": "+77010000001",
    '"+77019999999"': '"+77010000004", "+77270000001"',
}
_BOUNDS = """
    [thresholds]
    short_abandon_seconds = 600
    service_level_seconds = 1
    conversion_days = 1

    [listening]
    transcript = "provider"
"""


def _at_other(text: str) -> list[Event]:
    """Read the facts as those of another company, whose accounts have the same names, each half a second later."""
    head, *lines = text.strip().splitlines()
    apart = "" if head.startswith("account") else "other-"
    return [
        structs.replace(fact, id=ids.identify("other", fact.id), time=fact.time.replace(".000Z", ".500Z"))
        for fact in drawn_events("\n".join([head, *(f"{apart}{line}" for line in lines)]), company="other")
    ]


def _told_of_acme(built: Scratch) -> dict[str, list[tuple[object, ...]]]:
    """Give the rows of the company in each table and view that tells of one."""
    asked = [view.relation for view in read_views() if any(column.name == "company" for column in view.columns)]
    return {name: sorted(built.sql(f"from {name} where company = 'acme'").rows(), key=str) for name in asked}


def test_the_fold_of_the_property_has_rows_of_every_grain(once: dict[str, list[tuple[object, ...]]]) -> None:
    assert {relation for relation, rows in once.items() if not rows} == set()
