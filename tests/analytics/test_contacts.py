"""Contacts: identities named together are one, in whatever order and however late that is told."""

import random
import time
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st

from analytics.folding.refresh import Refresher
from analytics.folding.scratch import Scratch, scratch
from analytics.landing.batches import Lander
from analytics.questions import Period, Scope
from analytics.questions.conversations import conversation, conversations
from analytics.views import read_views
from analytics.warehouse import Batch
from schemas import codec
from schemas.envelope import Event
from schemas.ids import conversation_id
from tests.analytics.drawn import COMPANY, call, draw, drawn_events, moment, tidy, warehouse
from tests.analytics.landing_cases import NOW, records_of

CASES = max(5, drawing.default.max_examples // 10) if drawing.default else 5
# So many orders are landed side by side, each told of a company of its own, for up to eight batches take seconds.
COMPANIES = [f"c{number}" for number in range(5)]
ROUNDS = max(2, CASES // len(COMPANIES))
LINKS = """
contact | fact       | at       | says
a       | identified | 05:00:00 | contact=telegram:1,vk:1
b       | identified | 05:01:00 | contact=vk:2,viber:1
c       | identified | 05:02:00 | contact=viber:1,phone:+77010000001
d       | identified | 05:03:00 | contact=phone:+77010000001,telegram:1
e       | identified | 05:04:00 | contact=phone:+77010000002
f       | identified | 05:05:00 | contact=phone:+77010000003,instagram:9
g       | identified | 05:06:00 | contact=instagram:9,vk:3
h       | identified | 05:07:00 | contact=crm_kommo:5,vk:3
"""
_BY_CONTACT = f"""
    select
        cold_calls.is_first,
        strftime(call_repeats.called_again_at, '%Y-%m-%dT%H:%M:%S.000Z') as called_again_at,
        cold_calls.is_cold
    from reports.cold_calls, reports.call_repeats where call_repeats.call_id = '{call("a")}'
"""  # noqa: S608  # an id of the test's own


@pytest.fixture(scope="module")
def joining() -> Scratch:
    """Give a warehouse in which nothing was told, for tests that fold who is whom alone."""
    return scratch([COMPANY])


def _groups(built: Scratch, *, company: str = "acme") -> set[frozenset[str]]:
    asked = "select list(identity) from facts.identities where company = $company group by contact_id"
    return {frozenset(identities) for (identities,) in built.sql(asked, {"company": company}).rows()}


def test_identities_named_together_are_one_contact_over_any_chain_of_facts() -> None:
    assert {
        frozenset({"telegram:1", "vk:1", "vk:2", "viber:1", "phone:+77010000001"}),
        frozenset({"phone:+77010000002"}),
        frozenset({"phone:+77010000003", "instagram:9", "vk:3", "crm_kommo:5"}),
    } == _groups(warehouse(drawn_events(LINKS)))


def _orders(events: int) -> st.SearchStrategy[list[list[int]]]:
    """Draw for each company in which order its events come."""
    return st.lists(st.permutations(range(events)), min_size=len(COMPANIES), max_size=len(COMPANIES))


def _told_of(company: str, *tables: str) -> list[Event]:
    """Read drawn facts of which each is about something of this company."""
    told: list[Event] = []
    for table in tables:
        head, *lines = table.strip().splitlines()
        told += drawn_events("\n".join([head, *(f"{company}-{line}" for line in lines)]), company=company)
    return told


def _side_by_side(told: Sequence[list[Event]], orders: Sequence[list[int]], *, size: int = 1) -> list[list[Event]]:
    """Cut what is told of each company, in its order, into batches of so many events of each."""
    return [
        [events[place] for events, order in zip(told, orders, strict=True) for place in order[start : start + size]]
        for start in range(0, len(orders[0]), size)
    ]


@drawing(max_examples=ROUNDS)
@given(orders=_orders(8), size=st.integers(1, 8))
def test_identities_linked_in_any_order_and_batches_are_the_same_contacts(orders: list[list[int]], size: int) -> None:
    told = [_told_of(company, LINKS) for company in COMPANIES]
    once = sorted(warehouse([event for events in told for event in events]).sql("from facts.identities").rows())

    assert once == sorted(_landed(_side_by_side(told, orders, size=size)).sql("from facts.identities").rows())


def _landed(batches: list[list[Event]]) -> Scratch:
    built = scratch()
    built.build()
    lander = Lander(
        built.connection, refresher=Refresher(built.connection, read_views(), companies=()), hot_events=1_000
    )
    landed = 0
    for batch in batches:
        lander.land(Batch(records_of(batch, first_offset=landed)), now=NOW)
        landed += len(batch)
    return built


Named = tuple[str, list[str]]
OURS, NOBODY = ("phone:+77271111111", "sip:+77271111111"), ("phone:anonymous", "sip: Unknown ")
IDENTITIES = [*OURS, *NOBODY, *(f"{kind}:{number}" for kind in ("phone", "telegram", "vk") for number in range(6))]
# The links of a chain that is read at once, and how long that may keep the processor: link by link it took 11 s.
CHAINED, CHAIN_SECONDS = 4_000, 4.0


def _joined(built: Scratch, named: Iterable[Named]) -> set[tuple[str, frozenset[str]]]:
    """Fold the identities of contacts from what is named together, as one fact each."""
    rows = [(company, identities[0], identities[1:] or None) for company, identities in named]
    names = {"company": pl.String, "contact_key": pl.String, "also_known_as": pl.List(pl.String)}
    built.sql("from facts.identities limit 0")
    built.connection.hand_in("named_here", pl.DataFrame(rows, schema=names, orient="row"))
    built.connection.execute("delete from facts.contact_events")
    built.connection.execute("insert into facts.contact_events by name from named_here")
    text = next(view.select for view in read_views() if view.relation == "facts.identities")
    frame = built.connection.frame(f"select company, list(identity) from ({text}) group by company, contact_id")  # noqa: S608
    return {(company, frozenset(identities)) for company, identities in frame.rows()}


def _reached(named: Iterable[Named]) -> set[tuple[str, frozenset[str]]]:
    """Say who is one contact: all who can be reached over what was named together, but through nobody and ourselves."""
    contacts: list[tuple[str, set[str]]] = []
    for company, identities in named:
        ours = {(company, one) for one in identities if company == COMPANY.id and one in OURS}
        others = {one for one in identities if one not in NOBODY and (company, one) not in ours}
        met = [contact for contact in contacts if contact[0] == company and contact[1] & others]
        contacts = [contact for contact in contacts if contact not in met]
        contacts += [(company, {one}) for company, one in ours]
        contacts += [(company, others.union(*(identities for _, identities in met)))] if others else []
    return {(company, frozenset(identities)) for company, identities in contacts}


@drawing(max_examples=CASES)
@given(chance=st.randoms(use_true_random=False), facts=st.integers(1, 40), most=st.sampled_from([2, 2, 4]))
def test_a_contact_is_all_who_can_be_reached_over_what_was_named_together(
    joining: Scratch, chance: random.Random, facts: int, most: int
) -> None:
    named = [
        (chance.choice(["acme", "other"]), chance.choices(IDENTITIES, k=chance.randint(1, most))) for _ in range(facts)
    ]

    assert _reached(named) == _joined(joining, named)


def test_who_links_thousands_of_identities_in_a_row_keeps_nobody_waiting(joining: Scratch) -> None:
    least_first = [f"telegram:{number:05}" for number in range(CHAINED)]
    # The least of each pair beside the greatest: each is the least that the next one can be reached from.
    row = [one for pair in zip(least_first, reversed(least_first), strict=True) for one in pair][:CHAINED]
    began = time.process_time()

    contacts = _joined(joining, [("acme", list(link)) for link in pairwise(row)])

    assert {("acme", frozenset(least_first))} == contacts
    assert time.process_time() - began < CHAIN_SECONDS


NAMED_APART = """
call | fact    | at       | says
a    | offered | 05:00:00 | direction=incoming; contact=phone:+77010000001
a    | rang    | 05:00:01 | contact=telegram:7
a    | rang    | 05:00:02 | leg_id=2; contact=viber:8
a    | ended   | 05:00:30 | contact=whatsapp_user:KZ.9; disposition=no_answer

message | fact      | at       | says
m       | received  | 05:00:00 | contact=phone:+77010000002; kind=text
m       | delivered | 05:00:01 | contact=telegram:2
m       | read      | 05:00:02 | contact=viber:2
"""


@drawing(max_examples=ROUNDS)
@given(orders=_orders(7))
def test_all_that_the_facts_of_one_thing_name_one_at_a_time_are_one_contact(orders: list[list[int]]) -> None:
    told = [_told_of(company, *NAMED_APART.split("\n\n")) for company in COMPANIES]
    named = {
        frozenset({"phone:+77010000001", "telegram:7", "viber:8", "whatsapp_user:KZ.9"}),
        frozenset({"phone:+77010000002", "telegram:2", "viber:2"}),
    }
    assert named == _groups(warehouse(told[0]), company=COMPANIES[0])
    landed = _landed(_side_by_side(told, orders))
    assert [named for _ in COMPANIES] == [_groups(landed, company=company) for company in COMPANIES]


@pytest.mark.parametrize(
    ("noun", "fact", "relation"),
    [
        ("call", "offered", "calls"),
        ("message", "received", "messages"),
        ("deal", "created", "told_deals"),
        ("deal", "created", "deal_contacts"),
        ("permission", "requested", "permission_events"),
        ("contact", "identified", "contact_events"),
    ],
)
def test_further_identities_are_told_once_in_their_order(noun: str, fact: str, relation: str) -> None:
    facts = f"""
    {noun}  | fact   | at       | says
    alone   | {fact} | 05:00:00 | contact=telegram:1
    twice   | {fact} | 05:00:00 | contact=vk:2,vk:2
    several | {fact} | 05:00:00 | contact=viber:3,vk:2,phone:+77010000001,telegram:1,vk:2
    """
    asked = f"select contact_key, also_known_as from facts.{relation} order by contact_key"  # noqa: S608  # our own
    told = [("phone:+77010000001", ["telegram:1", "viber:3", "vk:2"]), ("telegram:1", None), ("vk:2", None)]

    assert told == warehouse(drawn_events(facts)).sql(asked).rows()


PASSED_ON = """
deal | fact    | at       | says
d    | created | 05:00:00 | contact=crm_kommo:1
d    | linked  | 05:00:01 | contact=crm_kommo:1,phone:+77010000001; contact_name=Dana
d    | moved   | 05:00:02 | stage=offer
d    | linked  | 05:00:03 | contact=crm_kommo:2,phone:+77010000002; contact_name=Oleg
e    | created | 06:00:00 | contact=telegram:3; contact_name=Aigul
"""


@drawing(max_examples=ROUNDS)
@given(orders=_orders(5))
def test_a_deal_that_passes_from_one_to_another_makes_no_one_of_them(orders: list[list[int]]) -> None:
    told = [_told_of(company, PASSED_ON) for company in COMPANIES]
    asked = "select identities, name, first_kind from facts.contacts where company = $company order by all"
    people = [
        (["crm_kommo:1", "phone:+77010000001"], "Dana", "deal"),
        (["crm_kommo:2", "phone:+77010000002"], "Oleg", "deal"),
        (["telegram:3"], "Aigul", "deal"),
    ]
    assert people == warehouse(told[0]).sql(asked, {"company": COMPANIES[0]}).rows()
    landed = _landed(_side_by_side(told, orders))
    for company in COMPANIES:
        assert people == landed.sql(asked, {"company": company}).rows()


def test_a_contact_is_what_all_that_was_told_of_him_says() -> None:
    one, other = "phone:+77010000001,telegram:1", "phone:+77019999999"
    told = f"""
    call | account | fact    | at       | says
    a    | second  | offered | 03:00:00 | direction=outgoing; channel=phone; contact={one}; is_test=yes; contact_name=Test
    b    | main    | offered | 04:00:00 | direction=incoming; channel=phone; contact={one}; contact_name=Early
    b2   | main    | offered | 04:10:00 | direction=incoming; channel=phone; contact={one}
    c    | main    | offered | 03:00:00 | direction=incoming; channel=phone; contact={other}
    d    | main    | offered | 02:50:00 | direction=internal; channel=phone; contact={other}
    t    | main    | offered | 09:00:00 | direction=incoming; channel=phone; contact=vk:8; is_test=yes
    u    | main    | offered | 09:00:00 | direction=incoming; channel=phone; contact=vk:9; is_test=yes

    message | fact     | at       | says
    m       | sent     | 04:30:00 | contact=telegram:1; channel=telegram; contact_name=Late
    m2      | sent     | 04:40:00 | contact=telegram:1; channel=telegram
    n       | received | 06:00:00 | contact=whatsapp_user:KZ.5,whatsapp_parent_user:BR.5,telegram:5; channel=whatsapp

    deal | fact    | at       | says
    g    | created | 03:30:00 | contact=phone:+77010000001
    g    | deleted | 03:40:00 |
    e    | created | 05:00:00 | contact=phone:+77010000001
    f    | created | 05:10:00 | contact=phone:+77010000001
    h    | created | 07:00:00 | contact=phone:+77010000005,phone:+447700900123,phone:+447700900122,whatsapp_user:BR.12345678901234

    permission | fact      | at       | says
    p          | requested | 08:00:00 | contact=telegram:5
    q          | requested | 09:10:00 | contact=vk:8

    contact | fact       | at       | says
    r       | identified | 09:10:00 | contact=vk:9
    """  # noqa: E501
    expected = """
    phone         | country | name  | channels        | first_at | last_at  | first_kind | first_direction | first_account | first_incoming_at | first_outgoing_at | first_deal_at | is_left_out
    +447700900122 | GB      |       |                 | 07:00:00 | 07:00:00 | deal       |                 | main          |                   |                   | 07:00:00      | no
    +77010000001  | KZ      | Late  | phone, telegram | 03:00:00 | 05:10:00 | call       | outgoing        | second        | 04:00:00          | 04:30:00          | 05:00:00      | no
    +77019999999  | KZ      |       | phone           | 02:50:00 | 03:00:00 | call       | internal        | main          |                   |                   |               | yes
                  | BR      |       | whatsapp        | 06:00:00 | 08:00:00 | message    | incoming        | main          | 06:00:00          |                   |               | no
                  |         |       | phone           | 09:00:00 | 09:10:00 | call       | incoming        | main          |                   |                   |               | no
                  |         |       | phone           | 09:00:00 | 09:10:00 | call       | incoming        | main          |                   |                   |               | no
    """  # noqa: E501
    built = warehouse([event for table in told.strip().split("\n\n") for event in drawn_events(table)])
    assert tidy(expected) == draw(built.sql("from facts.contacts"), like=expected)


def test_a_late_link_gives_the_history_of_both_to_one_contact() -> None:
    calls = drawn_events("""
    call | fact    | at       | says
    a    | offered | 05:00:00 | direction=incoming; contact=whatsapp_user:KZ.7; contact_name=Dana
    a    | ended   | 05:00:30 | disposition=no_answer
    b    | offered | 05:10:00 | direction=outgoing; contact=phone:+77010000007
    b    | ended   | 05:11:00 | answered_at=05:10:10; talk_seconds=50
    c    | offered | 06:00:00 | direction=incoming; contact=phone:+77010000007
    c    | ended   | 06:01:00 | answered_at=06:00:10; talk_seconds=50
    """)
    link = drawn_events("""
    contact | fact       | at       | says
    d       | identified | 09:00:00 | contact=phone:+77010000007,whatsapp_user:KZ.7
    e       | identified | 09:00:00 | contact=phone:+12025550123,phone:+447700900123
    """)
    apart = """
    phone        | country | first_kind | identities
                 | KZ      | call       | whatsapp_user:KZ.7
    +77010000007 | KZ      | call       | phone:+77010000007
    """
    joined = """
    phone         | country | name | first_kind | identities
    +77010000007  | KZ      | Dana | call       | phone:+77010000007, whatsapp_user:KZ.7
    +447700900123 | GB      |      | other      | phone:+12025550123, phone:+447700900123
    """
    episodes = """
    rings | closed_by   | contact_seconds | band
    1     | called_back | 610             | soon
    """
    built = _landed([calls])
    assert tidy(apart) == draw(built.sql("from facts.contacts"), like=apart)
    assert built.sql(_BY_CONTACT).rows() == [(True, None, True)]
    built = _landed([calls, link])
    assert tidy(joined) == draw(built.sql("from facts.contacts"), like=joined)
    assert tidy(episodes) == draw(built.sql("from facts.missed_episodes"), like=episodes)
    assert built.sql("select answered_calls, missed_calls from facts.conversations").rows() == [(2, 1)]
    # What was missed of one identity is called again by the other, and who called us by one is not cold by the other.
    assert built.sql(_BY_CONTACT).rows() == [(True, moment("06:00:00"), False)]


def test_blank_and_anonymous_callers_are_nobody_and_our_own_numbers_join_nobody() -> None:
    facts = """
    call | fact    | at       | says
    a    | offered | 05:00:00 | direction=incoming; contact=sip:anonymous
    b    | offered | 05:01:00 | direction=incoming; contact=sip:anonymous,phone:+77010000001
    c    | offered | 05:02:00 | direction=incoming; contact=sip:Unknown,phone:+77010000002
    d    | offered | 05:03:00 | direction=incoming; contact=phone:+77271111111,telegram:1
    e    | offered | 05:04:00 | direction=incoming; contact=phone:+77271111111,telegram:2
    f    | offered | 05:05:00 | direction=incoming
    g    | offered | 05:06:00 | direction=incoming; contact=phone:+77271111111,telegram:3,vk:4
    h    | offered | 05:07:00 | direction=incoming; contact=phone:anonymous,telegram:5,vk:6
    """
    assert {
        frozenset({"phone:+77010000001"}),
        frozenset({"phone:+77010000002"}),
        frozenset({"phone:+77271111111"}),
        frozenset({"telegram:1"}),
        frozenset({"telegram:2"}),
        frozenset({"telegram:3", "vk:4"}),
        frozenset({"telegram:5", "vk:6"}),
    } == _groups(warehouse(drawn_events(facts)))


# What networks write in place of a number that is withheld, and the digits that spell it on a keypad.
WITHHELD = (
    *("anonymous", "restricted", "blocked", "unknown", "unavailable", "private", "withheld", "hidden", "none"),
    *("+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"),
)


def test_every_word_for_a_withheld_number_is_nobody_however_it_is_written() -> None:
    ways = {"phone:{}": str.lower, "sip:{}": str.upper, "sip: {}": str.title}
    facts = "call | fact | at | says\n" + "\n".join(
        f"{word}{way} | offered | 05:00:00 | direction=incoming; contact={way.format(write(word))},telegram:{word}{way}"
        for word in WITHHELD
        for way, write in ways.items()
    )
    spaces = [codec.decode(codec.encode(event).replace(b'"none"', b'" "')) for event in drawn_events(facts)]

    for events in (drawn_events(facts), spaces):
        expected = {frozenset({f"telegram:{word}{way}"}) for word in WITHHELD for way in ways}
        assert expected == _groups(warehouse(events))


def test_the_longest_prefix_that_is_known_tells_the_country_of_a_phone_and_the_id_that_of_others() -> None:
    countries = {
        "phone:+12425550123": "BS",
        "phone:+12025550123": "US",
        "phone:+375291234567": "BY",
        "phone:+447700900123": "GB",
        "phone:+77010000001": "KZ",
        "phone:+79160000001": "RU",
        "whatsapp_user:BR.1": "BR",
        "whatsapp_parent_user:BR.1": "BR",
        "erased:KZ.1": "KZ",
        "whatsapp_user:12": None,
        "telegram:BR.1": None,
    }
    facts = "call | fact | at | says\n" + "\n".join(
        f"{place} | offered | 05:00:00 | direction=incoming; contact={identity}"
        for place, identity in enumerate(countries)
    )
    built = warehouse(drawn_events(facts))

    assert countries == dict(built.sql("select identity, country from facts.identities").iter_rows())
    assert countries == dict(built.sql("select contact_key, contact_country from facts.calls").iter_rows())


def test_the_same_identity_at_two_companies_is_two_contacts() -> None:
    events = [*drawn_events(LINKS), *drawn_events(LINKS, company="other")]
    counts = "select company, count(distinct contact_id) from facts.identities group by company order by company"

    assert [("acme", 3), ("other", 3)] == warehouse(events).sql(counts).rows()


def test_a_conversation_says_whose_turn_it_is() -> None:
    facts = """
    message | fact     | at       | says
    m       | received | 05:00:00 | contact=telegram:1; channel=telegram
    m2      | received | 05:05:00 | contact=telegram:1; channel=telegram
    n       | received | 05:00:00 | contact=telegram:2; channel=telegram
    n2      | sent     | 05:01:00 | contact=telegram:2; channel=telegram
    o       | sent     | 04:00:00 | contact=telegram:3; channel=telegram
    p       | received | 05:00:00 | contact=telegram:4; channel=telegram
    p2      | sent     | 05:00:00 | contact=telegram:4; channel=telegram
    q       | sent     | 05:00:00 | contact=telegram:5; channel=telegram
    q4      | received | 05:00:00 | contact=telegram:5; channel=telegram
    r       | received | 05:00:00 | contact=telegram:7; channel=telegram
    r2      | sent     | 05:01:00 | contact=telegram:7; channel=telegram
    r2      | failed   | 05:01:01 |
    """
    calls = """
    call | fact  | at       | says
    c    | ended | 05:10:00 | direction=incoming; contact=telegram:3; disposition=no_answer; total_seconds=30
    v    | ended | 05:10:00 | direction=incoming; contact=telegram:6; disposition=voicemail; total_seconds=30
    soon | offered | 05:20:00 | direction=incoming; contact=telegram:8
    soon | ended | 05:20:03 | ended_by=contact
    ours | ended | 05:10:00 | direction=outgoing; contact=telegram:9; disposition=voicemail; total_seconds=30
    test | ended | 05:10:00 | direction=incoming; contact=telegram:4; disposition=no_answer; total_seconds=30; is_test=yes
    """  # noqa: E501
    expected = """
    incoming_messages | outgoing_messages | missed_calls | last_kind | last_direction | last_outcome | waiting_since | last_at
    2                 | 0                 | 0            | message   | incoming       | received     | 05:00:00      | 05:05:00
    1                 | 1                 | 0            | message   | outgoing       | sent         |               | 05:01:00
    0                 | 1                 | 1            | call      | incoming       | missed       | 05:09:30      | 05:09:30
    1                 | 1                 | 0            | message   | outgoing       | sent         |               | 05:00:00
    1                 | 1                 | 0            | message   | outgoing       | sent         |               | 05:00:00
    0                 | 0                 | 0            | call      | incoming       | voicemail    | 05:09:30      | 05:09:30
    1                 | 1                 | 0            | message   | outgoing       | failed       | 05:00:00      | 05:01:00
    0                 | 0                 | 1            | call      | incoming       | abandoned    | 05:20:00      | 05:20:00
    0                 | 0                 | 0            | call      | outgoing       | voicemail    |               | 05:09:30
    """  # noqa: E501
    built = warehouse([*drawn_events(facts), *drawn_events(calls)])
    told = built.sql("from facts.conversations left join reports.waiting_contacts using (company, contact_id)")
    assert tidy(expected) == draw(told, like=expected)


GROUP, OTHERS = (f"conversation_id={conversation_id('acme', 'whatsapp_group', group)}" for group in ("1", "2"))
IN_A_GROUP = f"""
message | fact     | at       | says
a       | received | 05:00:00 | contact=telegram:1; channel=telegram; {GROUP}
b       | received | 05:01:00 | contact=telegram:2; channel=telegram; {GROUP}
answer  | sent     | 05:02:00 | channel=telegram; {GROUP}
c       | received | 05:03:00 | contact=telegram:3; channel=telegram; {GROUP}
d       | received | 05:04:00 | contact=telegram:2; channel=telegram; {GROUP}
lost    | sent     | 05:05:00 | channel=telegram; {GROUP}
lost    | failed   | 05:05:01 | channel=telegram; {GROUP}
e       | received | 05:00:00 | contact=telegram:4; channel=telegram; {OTHERS}
"""


@drawing(max_examples=CASES)
@given(chance=st.randoms(use_true_random=False))
def test_an_answer_in_a_group_is_one_to_whoever_had_written_there(chance: random.Random) -> None:
    events = drawn_events(IN_A_GROUP) * 2
    chance.shuffle(events)
    waiting = """
    identity   | waiting_since
    telegram:2 | 05:04:00
    telegram:3 | 05:03:00
    telegram:4 | 05:00:00
    """
    built = warehouse(events)

    told = built.sql("from reports.waiting_contacts join facts.identities using (company, contact_id)")
    assert tidy(waiting) == draw(told, like=waiting)
    answered = built.sql("select came_at, attempt_seconds from reports.leads where attempt_seconds is not null").rows()
    assert {120.0, 60.0} == {seconds for _, seconds in answered}


def test_the_page_shows_our_answers_in_a_group_to_whoever_had_written_there() -> None:
    built = warehouse(drawn_events(IN_A_GROUP))
    day = Period(date(2026, 3, 2), date(2026, 3, 2))

    def waiting(period: Period) -> dict[str, bool]:
        scope = Scope(company="acme")
        found = conversations(built, period=period, scope=scope, search="", is_waiting=False, limit=10, offset=0)
        return dict(found.select("contact_key", "is_waiting").iter_rows())

    assert {"telegram:1": False, "telegram:2": True, "telegram:3": True, "telegram:4": True} == waiting(day)
    histories = [
        conversation(built, company="acme", contact_key=f"telegram:{contact}")["direction"].to_list()
        for contact in (1, 2, 3, 4)
    ]
    there = ["incoming", "outgoing"]
    assert [[*there, "outgoing"], [*there, *there], there, ["incoming"]] == histories
