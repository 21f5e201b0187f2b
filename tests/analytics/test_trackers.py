# ruff: noqa: E501  # what is written stands beside what is said of it
"""Trackers find a company's phrases whatever the form of the words; scorecards count them with the talk figures."""

import pytest

from analytics.folding.scratch import Scratch
from schemas.company import parse_company
from schemas.errors import Misconfigured
from tests.analytics.drawn import call, draw, drawn_events, tidy, warehouse
from tests.analytics.drawn_talk import talk

_HEAD = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"
"""
_TRACKERS = """
[[trackers]]
id = "price"
name = "Price named"
[trackers.phrases]
ru = ["доставка стоит", "стоимость"]
en = ["delivery costs"]
kk = ["жеткізу құны"]
pt = ["custo da entrega"]

[[trackers]]
id = "greeting"
name = "Greeting"
role = "operator"
gap_words = 0
[trackers.phrases]
ru = ["добрый день"]
en = ["good morning"]

[[trackers]]
id = "again"
name = "Calls again"
is_ordered = false
gap_words = 1
[trackers.phrases]
ru = ["перезвонить завтра"]
"""
_CARD = """
[[scorecards]]
id = "sale"
name = "A good sale"
[[scorecards.criteria]]
id = "greets"
name = "Greets at once"
points = 10
tracker = "greeting"
first_seconds = 5
[[scorecards.criteria]]
id = "prices"
name = "Names the price"
points = 20
tracker = "price"
[[scorecards.criteria]]
id = "listens"
name = "Lets the customer talk"
points = 5
figure = "talk_ratio"
at_most = 0.6
[[scorecards.criteria]]
id = "never"
name = "Puts nobody off"
points = 5
tracker = "again"
at_most = 0
"""
_NAMES = {call(name): name for name in "abc"}


def test_who_repeats_a_phrase_for_an_hour_takes_no_more_memory_than_his_words() -> None:
    said = "Delivery costs. " * 3_000
    built = _built(f"call | who | from | to | says\na | operator | 0 | 60 | {said}", CALLS)
    built.connection.execute("set memory_limit = '300MiB'; set temp_directory = ''")

    found = built.sql("select count(*), max(word), min(said), max(at_seconds) from facts.tracker_hits").rows()

    assert found == [(1_500, 5_997, "Delivery costs Delivery costs", 59.96)]


def _built(turns: str, calls: str, *, company: str = _TRACKERS) -> Scratch:
    return warehouse(drawn_events(talk(turns, calls)), companies=[parse_company(_HEAD + company)])


CALLS = """
call | seconds
a    | 60
"""


@pytest.mark.parametrize(
    ("tracker", "said"),
    [
        ("price", "Сама доставка у нас стоит пятьсот."),
        ("price", "За доставку стоило бы заплатить"),
        ("price", "Какова стоимости разница"),
        ("price", "Our deliveries now cost ten."),
        ("price", "Жеткізудің толық құнын айтамын"),
        ("price", "O custo das entregas mudou, custos da entrega"),
        ("greeting", "Добрый день!"),
        ("again", "завтра мы перезвоним"),
        ("again", "перезвоню вам завтра"),
    ],
)
def test_a_phrase_is_found_in_any_form_of_its_words(tracker: str, said: str) -> None:
    turns = f"""
    call | who      | from | to | says
    a    | operator | 0    | 4  | {said}
    """
    found = _built(turns, CALLS).sql("select distinct tracker_id from facts.tracker_hits").rows()

    assert found == [(tracker,)]


@pytest.mark.parametrize(
    "said",
    [
        "Столица и стол",
        "стоит ли доставка того",
        "доставка и потом ещё три слова стоит",
        "Good evening, morning",
        "The cost of a delivery",
        "Құны жеткізу емес",
        "завтра придёте, а потом уже перезвоните",
        "",
    ],
)
def test_other_words_another_order_and_wider_gaps_are_no_hits(said: str) -> None:
    turns = f"""
    call | who      | from | to | says
    a    | operator | 0    | 4  | {said}
    """

    assert _built(turns, CALLS).sql("from facts.tracker_hits").rows() == []


def test_a_hit_says_who_said_what_and_when() -> None:
    turns = """
    call | who      | from | to | says
    a    | operator | 0    | 4  | Так, добрый день, стоимость доставки
    a    | customer | 4    | 5  | Добрый день
    a    | operator | 6    | 16 | Стоимость? Стоимость пять. Добрый день.
    """
    expected = """
    turn | tracker_id | word | role     | said        | at_seconds | phrase      | language | day        | company
    1    | greeting   | 2    | operator | добрый день | 0.8        | добрый день | ru       | 2026-03-02 | acme
    1    | price      | 4    | operator | стоимость   | 2.4        | стоимость   | ru       | 2026-03-02 | acme
    3    | price      | 1    | operator | Стоимость   | 6          | стоимость   | ru       | 2026-03-02 | acme
    3    | price      | 2    | operator | Стоимость   | 8          | стоимость   | ru       | 2026-03-02 | acme
    3    | greeting   | 4    | operator | Добрый день | 12         | добрый день | ru       | 2026-03-02 | acme
    """
    built = _built(turns, CALLS)

    assert tidy(expected) == draw(built.sql("from facts.tracker_hits"), like=expected)


def test_a_scorecard_explains_each_point() -> None:
    turns = """
    call | who      | from | to | says
    a    | operator | 0    | 4  | Добрый день
    a    | customer | 4    | 8  | Сколько стоит?
    a    | operator | 8    | 12 | Стоимость пять, завтра перезвоним
    b    | customer | 0    | 8  | Алло?
    b    | operator | 8    | 9  | Добрый день
    c    | operator | 0    | 4  |
    """
    calls = """
    call | seconds | grade
    a    | 60      | segments
    b    | 60      | segments
    c    | 60      | turns
    """
    expected = """
    call_id | criterion_id | measured | is_met | earned | card_earned | card_points | card_share | explanation
    a       | greets       | 1        | yes    | 10     | 30          | 40          | 0.75       | “Добрый день” 0:00 (operator)
    a       | prices       | 1        | yes    | 20     | 30          | 40          | 0.75       | “Стоимость” 0:08 (operator)
    a       | listens      | 0.667    | no     | 0      | 30          | 40          | 0.75       | talk_ratio 0.67
    a       | never        | 1        | no     | 0      | 30          | 40          | 0.75       | “завтра перезвоним” 0:10 (operator)
    b       | greets       | 0        | no     | 0      | 10          | 40          | 0.25       |
    b       | prices       | 0        | no     | 0      | 10          | 40          | 0.25       |
    b       | listens      | 0.111    | yes    | 5      | 10          | 40          | 0.25       | talk_ratio 0.11
    b       | never        | 0        | yes    | 5      | 10          | 40          | 0.25       |
    c       | greets       |          |        |        | 0           | 5           | 0          |
    c       | prices       |          |        |        | 0           | 5           | 0          |
    c       | listens      | 1        | no     | 0      | 0           | 5           | 0          | talk_ratio 1.0
    c       | never        |          |        |        | 0           | 5           | 0          |
    """
    built = _built(turns, calls, company=_TRACKERS + _CARD)

    assert tidy(expected) == draw(built.sql("from reports.scorecards"), like=expected, names=_NAMES)


def test_a_company_may_prefer_the_providers_transcript() -> None:
    head = "language=ru; grade=segments; duration_seconds=9; channels=2"
    turn = '[{"channel":0,"role":"operator","start_seconds":0,"end_seconds":1,"text":"%s"}]'
    facts = f"""
    call | fact        | at       | says
    a    | transcribed | 06:00:00 | recording_id=r; origin=provider; model=b; {head}; turns={turn % "theirs"}
    a    | transcribed | 06:01:00 | recording_id=r; origin=whisperx; model=a; {head}; turns={turn % "ours"}
    """
    said = [
        warehouse(drawn_events(facts), companies=[parse_company(_HEAD + rule)])
        .sql("select turns.text, calls.transcript_model from facts.turns inner join facts.calls using (call_id)")
        .rows()
        for rule in ("", '[listening]\ntranscript = "provider"')
    ]

    assert said == [[("ours", "a")], [("theirs", "b")]]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('[[trackers]]\nid = "a"\nname = "A"\nphrases = {}', "tracker 'a' has no phrase"),
        ('[[trackers]]\nid = "a"\nname = "A"\nphrases = {ru = ["…"]}', "has a phrase without a word"),
        ('[[trackers]]\nid = "a"\nname = "A"\nis_ordered = false\nphrases = {en = ["a b c d e"]}', "at most 4 words"),
        ('[[scorecards]]\nid = "s"\nname = "S"\n[[scorecards.criteria]]\nid = "c"\nname = "C"\npoints = 1\ntracker = "x"',
         "criterion 'c': the tracker 'x' is not listed under"),
        ('[[scorecards]]\nid = "s"\nname = "S"\n[[scorecards.criteria]]\nid = "c"\nname = "C"\npoints = 1',
         "name either a tracker or a figure"),
        ('[[scorecards]]\nid = "s"\nname = "S"\n[[scorecards.criteria]]\nid = "c"\nname = "C"\npoints = 1\nfigure = "talk_ratio"',
         "a figure needs at_least, at_most or both"),
    ],
)  # fmt: skip
def test_what_cannot_be_tracked_or_scored_is_said_in_a_sentence(written: str, reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason):
        parse_company(f"{_HEAD}\n{written}")
