"""Missed episodes: one contact's missed calls until somebody talked with him, or until he is lost."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st

from analytics.folding.scratch import Scratch, scratch
from analytics.questions import Period, Scope, missed
from analytics.views import read_views
from schemas.company import Company
from schemas.dated import DatedThresholds, Thresholds
from tests.analytics.drawn import COMPANY, DAY, call, draw, drawn_events, tidy, warehouse


def _episodes(
    facts: str, expected: str, *, messages: str = "", companies: tuple[Company, ...] = (COMPANY,)
) -> list[str]:
    events = drawn_events(facts)
    names = {call(event.data.provider_call_id): event.data.provider_call_id for event in events}
    built = warehouse([*events, *(drawn_events(messages) if messages else [])], companies)
    return draw(built.sql("from facts.missed_episodes"), like=expected, names=names)


def _calls(lines: str) -> str:
    """Draw whole calls, one a line: name, contact, what happened, when it began, and seconds until it was over."""
    says = {
        "missed": "direction=incoming; disposition=no_answer",
        "abandoned": "direction=incoming; disposition=no_answer; ended_by=contact",
        "answered": "direction=incoming; disposition=completed",
        "called": "direction=outgoing; disposition=completed",
        "tried": "direction=outgoing; disposition=no_answer",
        "refused": "direction=outgoing; disposition=not_permitted",
        "declined": "direction=incoming; disposition=rejected",
        "recorded": "direction=incoming; disposition=voicemail",
        "internal": "direction=internal; disposition=no_answer",
        "unknown": "disposition=completed",
    }
    drawn = ["call | fact | at | says"]
    for line in lines.strip().splitlines():
        name, contact, word, began, *rest = (part.strip() for part in line.split("|"))
        talk = f"; answered_at={rest[0]}; talk_seconds=60; operator=PJSIP/101" if rest else ""
        drawn += [
            f"{name} | offered | {began} | contact={contact}",
            f"{name} | ended | {_over(began, word, rest)} | {says[word]}{talk}",
        ]
    return "\n".join(drawn)


def _over(began: str, word: str, answered: list[str]) -> str:
    moment = datetime.fromisoformat(f"{DAY} {began}"[-19:] if not answered else f"{DAY} {answered[0]}"[-19:])
    seconds = 60 if answered else 3 if word == "abandoned" else 20
    return f"{moment + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"


A = "phone:+77010000001"
CASES = max(10, drawing.default.max_examples // 4) if drawing.default else 10
LOST_SECONDS = 82_800
# So many days one after the other a contact misses a call, and how long that may keep the processor: day by day 30 s.
MISSED_DAYS, FOLD_SECONDS = 10_000, 5.0
Entry = tuple[int, str]  # second, and what happened: missed, abandoned, answered, called, tried, wrote


def test_an_episode_closes_with_a_talk_of_which_nobody_tells_who_called() -> None:
    facts = _calls(f"""
    a1 | {A} | missed  | 05:00:00
    a2 | {A} | unknown | 05:10:00 | 05:10:10
    """)
    expected = """
    episode_id | attempts | contacted_at | contact_call_id | closed_by    | contact_seconds | band
    a1         | 0        | 05:10:10     | a2              | called_again | 610             | soon
    """
    assert tidy(expected) == _episodes(facts, expected)


def test_an_episode_closes_with_the_first_call_in_which_somebody_talked() -> None:
    facts = _calls(f"""
    a1 | {A}        | missed    | 05:00:00
    a2 | {A}        | abandoned | 05:02:00
    a3 | {A}        | tried     | 05:05:00
    a4 | {A}        | called    | 05:10:00 | 05:10:10
    b1 | telegram:2 | missed    | 05:00:00
    b2 | telegram:2 | answered  | 05:30:00 | 05:30:20
    c1 | telegram:3 | missed    | 05:00:00
    d1 | telegram:4 | answered  | 05:00:00 | 05:00:05
    e1 | telegram:5 | missed    | 05:00:00
    e2 | telegram:5 | refused   | 05:01:00
    f1 | telegram:6 | declined  | 05:00:00
    g1 | telegram:7 | recorded  | 05:00:00
    """)
    expected = """
    episode_id | rings | abandoned_rings | attempts | first_attempt_at | contacted_at | closed_by    | closed_at | attempt_seconds | contact_seconds | band | operator_id | lost_at
    a1         | 2     | 1               | 2        | 05:05:00         | 05:10:10     | called_back  | 05:10:10  | 300             | 610             | soon | aigul       | 2026-03-03 04:00:00
    b1         | 1     | 0               | 0        |                  | 05:30:20     | called_again | 05:30:20  |                 | 1820            | late | aigul       | 2026-03-03 04:00:00
    c1         | 1     | 0               | 0        |                  |              |              |           |                 |                 |      |             | 2026-03-03 04:00:00
    e1         | 1     | 0               | 0        |                  |              |              |           |                 |                 |      |             | 2026-03-03 04:00:00
    """  # noqa: E501
    assert tidy(expected) == _episodes(facts, expected)


def test_the_bounds_of_soon_and_of_lost_are_inclusive_to_the_second() -> None:
    facts = _calls(f"""
    a1 | {A}        | missed | 05:00:00
    a2 | {A}        | called | 05:19:00            | 05:20:00
    b1 | telegram:2 | missed | 05:00:00
    b2 | telegram:2 | called | 05:19:00            | 05:20:01
    c1 | telegram:3 | missed | 05:00:00
    c2 | telegram:3 | called | 2026-03-03 03:59:00 | 2026-03-03 04:00:00
    d1 | telegram:4 | missed | 05:00:00
    d2 | telegram:4 | called | 2026-03-03 03:59:00 | 2026-03-03 04:00:01
    """)
    expected = """
    episode_id | closed_by   | band | contact_seconds
    a1         | called_back | soon | 1200
    b1         | called_back | late | 1201
    c1         | called_back | late | 82800
    d1         |             |      | 82801
    """
    assert tidy(expected) == _episodes(facts, expected)
    assert tidy(expected) == _episodes(facts, expected, companies=())


def test_soon_and_lost_are_the_company_s_on_the_local_day_of_the_missed_call() -> None:
    facts = _calls(f"""
    a1 | {A}        | missed | 2026-03-02 18:59:59
    a2 | {A}        | called | 2026-03-02 19:19:59 | 2026-03-02 19:19:59
    b1 | telegram:2 | missed | 2026-03-02 19:00:00
    b2 | telegram:2 | called | 2026-03-02 19:01:00 | 2026-03-02 19:01:01
    c1 | telegram:3 | missed | 2026-03-02 19:00:00
    c2 | telegram:3 | missed | 2026-03-02 20:00:01
    c3 | telegram:3 | called | 2026-03-02 20:01:00 | 2026-03-02 20:01:01
    """)
    expected = """
    episode_id | closed_by   | band | lost_at
    a1         | called_back | soon | 2026-03-03 17:59:59
    b1         | called_back | late | 20:00:00
    c1         |             |      | 20:00:00
    c2         | called_back | soon | 21:00:01
    """
    strict = DatedThresholds(since=date(2026, 3, 3), callback_soon_seconds=60, callback_lost_seconds=3_600)
    company = msgspec.structs.replace(COMPANY, dated_thresholds=(strict,))
    hasty = Thresholds(callback_soon_seconds=1, callback_lost_seconds=2)
    other = msgspec.structs.replace(COMPANY, id="aaa", thresholds=hasty)
    assert tidy(expected) == _episodes(facts, expected, companies=(other, company))


def test_what_is_missed_after_the_contact_was_lost_or_reached_begins_another_episode() -> None:
    facts = _calls(f"""
    a1 | {A} | missed | 2026-03-02 05:00:00
    a2 | {A} | missed | 2026-03-03 04:00:00
    a3 | {A} | missed | 2026-03-03 04:00:01
    a4 | {A} | called | 2026-03-03 05:00:00 | 2026-03-03 05:00:00
    a5 | {A} | missed | 2026-03-03 06:00:00
    """)
    expected = """
    episode_id | rings | first_missed_at     | last_missed_at      | closed_by   | contact_seconds
    a1         | 2     | 05:00:00            | 2026-03-03 04:00:00 |             |
    a3         | 1     | 2026-03-03 04:00:01 | 2026-03-03 04:00:01 | called_back | 3599
    a5         | 1     | 2026-03-03 06:00:00 | 2026-03-03 06:00:00 |             |
    """
    assert tidy(expected) == _episodes(facts, expected)


def test_the_call_by_which_contact_is_made_is_an_attempt_and_what_is_done_after_it_none() -> None:
    facts = _calls(f"""
    a1 | {A}        | missed   | 05:00:00
    a2 | {A}        | called   | 05:10:00 | 05:10:10
    a3 | {A}        | tried    | 05:20:00
    b1 | telegram:2 | missed   | 05:00:00
    b2 | telegram:2 | answered | 05:10:00 | 05:10:10
    b3 | telegram:2 | called   | 05:20:00 | 05:20:10
    """)
    messages = f"""
    message | fact | at       | says
    a       | sent | 05:10:10 | contact={A}
    b       | sent | 05:10:11 | contact=telegram:2
    """
    expected = """
    episode_id | attempts | first_attempt_at | attempt_seconds | messaged_at | contact_call_id | closed_by
    a1         | 1        | 05:10:00         | 600             |             | a2              | called_back
    b1         | 0        |                  |                 |             | b2              | called_again
    """
    assert tidy(expected) == _episodes(facts, expected, messages=messages)


def test_a_message_of_ours_closes_it_only_where_no_call_does() -> None:
    facts = _calls(f"""
    a1 | {A}        | missed   | 05:00:00
    b1 | telegram:2 | missed   | 05:00:00
    b2 | telegram:2 | answered | 06:00:00 | 06:00:00
    c1 | telegram:3 | missed   | 05:00:00
    d1 | telegram:4 | missed   | 05:00:00
    f1 | telegram:6 | missed   | 05:00:00
    f2 | telegram:6 | missed   | 2026-03-03 05:00:00
    """)
    messages = f"""
    message | fact     | at                  | says
    a       | sent     | 05:10:00            | contact={A}
    b       | sent     | 05:10:00            | contact=telegram:2
    c       | sent     | 2026-03-03 04:00:01 | contact=telegram:3
    d       | received | 05:10:00            | contact=telegram:4
    e       | sent     | 05:10:00            | contact=telegram:4
    e       | failed   | 05:10:01            | contact=telegram:4
    f       | sent     | 2026-03-03 05:10:00 | contact=telegram:6
    """
    expected = """
    episode_id | closed_by    | closed_at           | messaged_at         | band
    a1         | messaged     | 05:10:00            | 05:10:00            |
    b1         | called_again | 06:00:00            | 05:10:00            | late
    c1         |              |                     | 2026-03-03 04:00:01 |
    d1         |              |                     |                     |
    f1         |              |                     |                     |
    f2         | messaged     | 2026-03-03 05:10:00 | 2026-03-03 05:10:00 |
    """
    assert tidy(expected) == _episodes(facts, expected, messages=messages)


def test_an_episode_belongs_to_the_local_day_and_hours_of_its_first_call_and_internal_calls_to_none() -> None:
    facts = _calls(f"""
    a1 | {A}                | missed   | 2026-03-02 18:59:59
    b1 | telegram:2         | missed   | 2026-03-02 19:00:00
    c1 | telegram:3         | missed   | 2026-03-02 05:00:00
    d1 | telegram:4         | internal | 2026-03-02 05:00:00
    e1 | phone:+77271111111 | missed   | 2026-03-02 05:00:00
    f1 | phone:+77019999999 | missed   | 2026-03-02 05:00:00
    """)
    expected = """
    episode_id | day        | hour | weekday | is_business_hours
    a1         | 2026-03-02 | 23   | 1       | no
    b1         | 2026-03-03 | 0    | 2       | no
    c1         | 2026-03-02 | 10   | 1       | yes
    """
    assert tidy(expected) == _episodes(facts, expected)


def test_calls_of_one_moment_are_taken_missed_first() -> None:
    facts = _calls(f"""
    a1 | {A} | missed | 05:00:00
    a2 | {A} | missed | 05:00:00
    a3 | {A} | called | 04:59:50 | 05:00:00
    """)
    expected = """
    episode_id | rings | closed_by   | contact_seconds | attempts | first_attempt_at | attempt_seconds
    first      | 2     | called_back | 0               | 0        |                  |
    """
    first = min(call("a1"), call("a2"))
    built = warehouse(drawn_events(facts))
    assert tidy(expected) == draw(built.sql("from facts.missed_episodes"), like=expected, names={first: "first"})


def test_an_episode_is_open_until_the_company_has_facts_of_later_than_its_end() -> None:
    facts = _calls(f"""
    a1 | {A}        | missed | 2026-03-02 05:00:00
    b1 | telegram:2 | missed | 2026-03-02 05:00:01
    b2 | telegram:2 | tried  | 2026-03-03 04:00:00
    c1 | telegram:3 | called | 2026-03-03 04:00:01 | 2026-03-03 04:00:05
    """)
    expected = """
    episode_id | state | as_of               | lost_at
    a1         | lost  | 2026-03-03 04:00:01 | 2026-03-03 04:00:00
    b1         | open  | 2026-03-03 04:00:01 | 2026-03-03 04:00:01
    """
    events = drawn_events(facts)
    names = {call(event.data.provider_call_id): event.data.provider_call_id for event in events}

    assert tidy(expected) == draw(warehouse(events).sql("from reports.missed_episodes"), like=expected, names=names)


def test_a_call_or_a_message_dated_after_now_makes_nobody_lost() -> None:
    facts = _calls(f"""
    a1 | {A}        | missed | 2026-03-02 05:00:00
    b1 | telegram:2 | missed | 2026-03-02 06:00:00
    c1 | telegram:3 | called | 2098-03-02 04:00:00 | 2098-03-02 04:00:05
    """)
    messages = """
    message | fact | at                  | says
    c       | sent | 2098-03-02 05:10:00 | contact=telegram:3
    """
    expected = """
    first_missed_at | state | as_of
    05:00:00        | open  | 06:00:00
    06:00:00        | open  | 06:00:00
    """
    built = warehouse([*drawn_events(facts), *drawn_events(messages)])

    assert tidy(expected) == draw(built.sql("from reports.missed_episodes"), like=expected)
    waiting = "first_missed_at | as_of\n05:00:00 | 06:00:00\n06:00:00 | 06:00:00"
    assert tidy(waiting) == draw(missed.waiting(built, scope=Scope(company="acme")), like=waiting)


def test_who_waits_is_shown_with_a_number_to_dial_and_what_he_last_wrote_by_any_identity() -> None:
    facts = _calls("""
    a1 | phone:+5531988887777 | missed | 05:00:00
    b1 | whatsapp_user:KZ.7   | missed | 05:01:00
    """)
    messages = """
    message | fact     | at       | says
    a2      | received | 04:00:00 | contact=phone:+553188887777,phone:+5531988887777; text=Oi
    b2      | received | 04:00:00 | contact=whatsapp_user:KZ.7; text=Hello
    b3      | received | 04:01:00 | contact=whatsapp_user:KZ.7; text=Are you there
    """
    expected = """
    phone          | last_wrote_at | last_text     | episodes
    +5531988887777 | 04:00:00      | Oi            | 2
                   | 04:01:00      | Are you there | 2
    """
    built = warehouse([*drawn_events(facts), *drawn_events(messages)])

    assert tidy(expected) == draw(missed.waiting(built, scope=Scope(company="acme")), like=expected)


def test_a_voice_message_is_what_who_waits_last_wrote_and_not_the_words_before_it() -> None:
    facts = _calls("a1 | phone:+77010000001 | missed | 05:00:00")
    messages = """
    message | fact     | at       | says
    a2      | received | 04:00:00 | contact=phone:+77010000001; text=Hello; kind=text
    a3      | received | 05:01:00 | contact=phone:+77010000001; kind=audio
    """
    expected = """
    last_wrote_at | last_media | last_text
    05:01:00      | audio      |
    """
    built = warehouse([*drawn_events(facts), *drawn_events(messages)])

    assert tidy(expected) == draw(missed.waiting(built, scope=Scope(company="acme")), like=expected)


def test_who_was_missed_in_a_period_is_listed_with_who_talked_with_him_and_after_how_long() -> None:
    facts = _calls(f"""
    a1 | {A}        | missed   | 05:00:00
    a2 | {A}        | called   | 05:10:00 | 05:10:10
    b1 | telegram:2 | missed   | 05:01:00
    b2 | telegram:2 | answered | 05:30:00 | 05:31:00
    c1 | telegram:3 | missed   | 05:02:00
    d1 | telegram:4 | missed   | 05:03:00
    e1 | telegram:5 | missed   | 2026-03-03 05:00:00
    """)
    messages = """
    message | fact | at       | says
    d       | sent | 05:08:00 | contact=telegram:4
    """
    expected = """
    first_missed_at | state        | operator | contact_call_id | closed_seconds
    05:03:00        | messaged     |          |                 | 300
    05:02:00        | lost         |          |                 |
    05:01:00        | called_again | Aigul    | b2              | 1800
    05:00:00        | called_back  | Aigul    | a2              | 610
    """
    events = drawn_events(facts)
    names = {call(event.data.provider_call_id): event.data.provider_call_id for event in events}
    built = warehouse([*events, *drawn_events(messages)])
    day = date.fromisoformat(DAY)

    listed = missed.of_period(built, period=Period(day, day), scope=Scope(company="acme"))
    assert tidy(expected) == draw(listed, like=expected, names=names)


def test_an_erased_person_whom_nobody_can_call_is_not_among_those_to_call_back() -> None:
    facts = _calls("""
    a1 | erased:KZ.7         | missed | 05:00:00
    b1 | whatsapp_user:KZ.7  | missed | 05:01:00
    """)
    built = warehouse(drawn_events(facts))
    expected = """
    first_missed_at | episodes
    05:01:00        | 1
    """
    assert tidy(expected) == draw(missed.waiting(built, scope=Scope(company="acme")), like=expected)
    assert built.sql("select count(*) from reports.missed_episodes where state = 'open'").item() == 2


def test_of_what_he_wrote_within_one_second_the_last_in_his_history_is_shown() -> None:
    facts = _calls("a1 | phone:+77010000001 | missed | 05:00:00")
    written = [f"m{number} | received | 04:00:00 | contact=phone:+77010000001; text={number}" for number in range(10)]
    built = warehouse([*drawn_events(facts), *drawn_events("\n".join(["message | fact | at | says", *written]))])

    [last] = built.sql("select arg_max(text, message_id) as text from facts.messages")["text"]
    assert missed.waiting(built, scope=Scope(company="acme"))["last_text"].to_list() == [last]


@pytest.fixture(scope="module")
def folding() -> Scratch:
    """Give a warehouse that knows one contact and holds nothing else, for tests that fold his episodes alone."""
    built = scratch([COMPANY])
    built.sql("from facts.missed_episodes limit 0")
    built.connection.execute(
        "insert into facts.identities by name select 'acme' as company, 'vk:1' as identity, 'he' as contact_id"
    )
    return built


def _fold(built: Scratch, entries: Sequence[Entry]) -> list[tuple[int, int, int, int, str | None]]:
    """Fold one contact's entries: second of the first and last missed call, rings, attempts, and what closed it."""
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        (
            str(number),
            "acme",
            "vk:1",
            begin + timedelta(seconds=second),
            "outgoing" if word in {"called", "tried", "wrote"} else "incoming",
            {"called": "answered", "tried": "no_answer", "wrote": "sent"}.get(word, word),
            word == "wrote",
        )
        for number, (second, word) in enumerate(entries)
    ]
    names = ("id", "company", "contact_key", "told_at", "direction", "outcome", "is_message")
    built.connection.hand_in("entries_here", pl.DataFrame(rows, schema=names, orient="row"))
    built.connection.execute("""
        delete from facts.calls;
        delete from facts.messages;
        insert into facts.calls by name
        select id as call_id, company, contact_key, told_at as started_at, told_at as answered_at,
            cast(told_at as date) as day, direction, outcome, false as is_internal, false as is_test
        from entries_here where not is_message;
        insert into facts.messages by name
        select id as message_id, company, contact_key, told_at as first_at, direction, outcome as status
        from entries_here where is_message
    """)
    text = next(view.select for view in read_views() if view.relation == "facts.missed_episodes")
    asked = f"""
        select epoch(first_missed_at) - $began, epoch(last_missed_at) - $began, rings, attempts, closed_by
        from ({text}) order by 1
    """  # noqa: S608  # our own text
    return built.connection.rows(asked, {"began": begin.timestamp()})


def _episodes_of(entries: Sequence[Entry]) -> list[tuple[int, int, int, int, str | None]]:
    """Tell the same moment by moment: of one second what was missed comes first."""
    begun: list[int] = []
    is_over = True
    for second, word in sorted(entries, key=lambda entry: (entry[0], entry[1] in {"answered", "called"})):
        if word in {"missed", "abandoned"} and (is_over or second > begun[-1] + LOST_SECONDS):
            begun.append(second)
            is_over = False
        is_over = is_over or word in {"answered", "called"}
    told = [
        [entry for entry in sorted(entries) if first <= entry[0] < following]
        for first, following in zip(begun, [*begun[1:], 2**60], strict=True)
    ]
    return [_episode_of(first, within) for first, within in zip(begun, told, strict=True)]


def _episode_of(first: int, entries: Sequence[Entry]) -> tuple[int, int, int, int, str | None]:
    missed_at = [second for second, word in entries if word in {"missed", "abandoned"}]
    talks = [entry for entry in entries if entry[1] in {"answered", "called"}]
    until = talks[0][0] if talks else 2**60
    attempts = sum(word in {"called", "tried"} and second <= until for second, word in entries)
    if talks and until <= first + LOST_SECONDS:
        closed_by = "called_back" if talks[0][1] == "called" else "called_again"
    else:
        is_written = any(word == "wrote" and second <= first + LOST_SECONDS for second, word in entries)
        closed_by = "messaged" if is_written else None
    return first, missed_at[-1], len(missed_at), attempts, closed_by


@drawing(max_examples=CASES)
@given(
    chance=st.randoms(use_true_random=False),
    grain=st.sampled_from([1, 3_600, LOST_SECONDS // 2, LOST_SECONDS, 86_400]),
    most=st.sampled_from([6, 20, 60]),
    words=st.sampled_from(
        [["missed"], ["missed"] * 4 + ["wrote", "answered"], ["missed", "abandoned", "called", "tried", "wrote"]]
    ),
)
def test_episodes_are_those_that_are_told_moment_by_moment(
    folding: Scratch, chance: random.Random, grain: int, most: int, words: list[str]
) -> None:
    drawn = [(grain * chance.randrange(most) + chance.randint(0, 1), chance.choice(words)) for _ in range(most)]
    # Of two talks in one second the one of the lesser id is taken, which nobody tells here.
    entries = [
        next(iter(told))
        for _, told in groupby(sorted(drawn), key=lambda entry: (entry[0], entry[1] in {"answered", "called"}))
    ]

    assert _episodes_of(entries) == _fold(folding, entries)


def test_who_misses_a_call_a_day_for_decades_keeps_nobody_waiting(folding: Scratch) -> None:
    days = range(0, 86_400 * MISSED_DAYS, 86_400)
    began = time.process_time()

    episodes = _fold(folding, [(second, "missed") for second in days])

    assert [(second, second, 1, 0, None) for second in days] == episodes
    assert time.process_time() - began < FOLD_SECONDS
