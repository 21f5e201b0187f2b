"""Words in four languages, and foreign text that must stay text."""

import ast
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from analytics.metrics.catalogue import LANGUAGES, catalogue
from dashboards import columns, reasons, texts
from schemas.messages import MessageKind

TRANSLATED = [language for language in LANGUAGES if language != "en"]
WALK = Path(__file__).parents[2] / "docs" / "walkthrough.md"
KEYWORDS = {"say": (1,), "self": (1,), "N_": (1,), "plural": (1, 2)}


def words_of_the_code() -> set[str]:
    folder = Path(texts.__file__).parent
    found = extract_from_dir(folder, method_map=[("**.py", "python")], keywords=KEYWORDS)
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def messages(language: str) -> dict[str, Message]:
    with (texts.FOLDER / f"{language}.po").open(encoding="utf-8") as file:
        read = read_po(file, locale=language)
    return {message.id if isinstance(message.id, str) else message.id[0]: message for message in read if message.id}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_of_the_code_is_translated_and_no_other(language: str) -> None:
    assert words_of_the_code() == set(messages(language))


def test_the_walk_through_the_pages_names_places_that_are_there() -> None:
    named = set(re.findall(r"\*([^*]+)\*", WALK.read_text(encoding="utf-8").replace("**", "")))
    assert (set(), True) == (named - words_of_the_code(), {"Overview", "Missed", "Calls", "Costs"} <= named)


def test_no_text_is_said_inside_an_f_string() -> None:
    """Before Python 3.12 Babel does not look into them, and such a text would never be asked for."""
    said = [
        f"{file.name}:{call.lineno}"
        for file in sorted(Path(texts.__file__).parent.glob("*.py"))
        for formatted in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(formatted, ast.JoinedStr)
        for call in ast.walk(formatted)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute)
        if getattr(call.func, "id", getattr(call.func, "attr", "")) in {"say", "N_", "plural"}
        if call.args and isinstance(call.args[0], ast.Constant)
    ]
    assert [] == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_columns_of_a_table_have_one_name(language: str) -> None:
    """A table is a mapping by the names of its columns: of two that are called alike one would be lost."""
    say = texts.texts(language)
    doubled = [
        (file.name, name)
        for file in sorted(Path(texts.__file__).parent.glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        for name, count in Counter(say(text) for text in map(text_of, node.keys) if text).items()
        if count > 1
    ]
    assert [] == doubled


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_columns_of_a_file_have_one_name(language: str) -> None:
    """A spreadsheet bears no two columns that are called alike, in letters of whatever size."""
    called = Counter(texts.texts(language)(word).casefold() for word in columns.COLUMNS.values())
    assert [] == [word for word, count in called.items() if count > 1]


def text_of(key: ast.expr | None) -> str:
    """Give the text that a key says, where it says one without places."""
    match key:
        case ast.Call(func=ast.Name(id="say"), args=[ast.Constant(value=str(text))], keywords=[]):
            return text
        case _:
            return ""


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_empty_or_loses_a_place(language: str) -> None:
    wrong = [
        source
        for source, message in messages(language).items()
        for said in ([message.string] if isinstance(message.string, str) else message.string)
        if (not said.strip(" ,") and source != ", ") or places(source) != places(said)
    ]
    assert [] == wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_metric_is_explained(language: str) -> None:
    told = [metric.title.of(language) and metric.meaning.of(language) for metric in catalogue().values()]
    assert all(told)


@pytest.mark.parametrize(
    ("language", "n", "expected"),
    [
        ("en", 1, "1 call"),
        ("en", 2500, "2,500 calls"),
        ("ru", 1, "1 звонок"),
        ("ru", 3, "3 звонка"),
        ("ru", 11, "11 звонков"),
        ("kk", 5, "5 қоңырау"),
        ("pt", 0, "0 chamadas"),
        ("pt", 1, "1 chamada"),
        ("pt", 2500, "2.500 chamadas"),
    ],
)
def test_numbers_take_the_form_of_the_language(language: str, n: int, expected: str) -> None:
    assert expected == texts.texts(language).plural("{n} call", "{n} calls", n)


@pytest.mark.parametrize(
    ("n", "expected"), [(21, "9 из 21 звонка"), (650, "9 из 650 звонков"), (652, "9 из 652 звонков")]
)
def test_a_part_of_calls_takes_the_form_of_their_number(n: int, expected: str) -> None:
    assert expected == texts.texts("ru").plural("{part} of {n} call", "{part} of {n} calls", n, part="9")


@pytest.mark.parametrize(("language", "expected"), [("en", "%"), ("ru", "\u00a0%"), ("kk", "%"), ("pt", "%")])
def test_charts_write_a_percentage_as_pages_do(language: str, expected: str) -> None:
    say = texts.texts(language)
    assert (expected, f"7{expected}") == (say.number_format()["percent"], say.figure(0.07, unit="share"))


@pytest.mark.parametrize(("code", "expected"), [("kk", "казахский"), ("xx", "xx"), (None, "–")])
def test_a_language_is_named_and_not_its_code(code: str | None, expected: str) -> None:
    assert expected == texts.texts("ru").tongue(code)


def test_every_kind_of_message_has_a_word() -> None:
    assert {"text", "reaction"} == set(get_args(MessageKind)) - set(texts.WORDS)


@pytest.mark.parametrize(
    ("now", "before", "is_price", "expected"),
    [(0.0463, 0.0466, True, "-R$\xa00,0003"), (14.3, 14.54, True, "-R$\xa00,24"), (0.35, 0.3501, False, "-R$\xa00,00")],
)
def test_a_change_of_a_price_has_the_digits_of_the_price(
    now: float, before: float, is_price: bool, expected: str
) -> None:
    told = texts.texts("pt").change_of_money(now, before=before, currency="BRL", is_price=is_price)
    assert expected == told


@pytest.mark.parametrize(
    ("price", "currency", "expected"),
    [(0.018, "USD", "US$0.018"), (0.5, "USD", "US$0.50"), (5.97, "KZT", "₸5.97"), (None, "KZT", "–")],
)
def test_a_small_price_keeps_its_digits(price: float | None, currency: str, expected: str) -> None:
    assert expected == texts.texts("en").price(price, currency=currency)


def test_no_data_is_a_dash() -> None:
    assert "–" == texts.texts("en").figure(None, unit="share")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *((8.44, "8.4 s"), (59, "59 s"), (59.7, "1 min"), (60, "1 min"), (3_572, "59 min 32 s"), (3_599.7, "1 h")),
        *((3661.2, "1 h 1 min"), (7_190, "2 h"), (220_000, "2.5 d"), (None, "–")),
        *((-5, "-5 s"), (-65, "-1 min 5 s"), (-220_000, "-2.5 d")),
    ],
)
def test_durations_name_their_units(seconds: float | None, expected: str) -> None:
    assert expected == texts.texts("en").seconds(seconds)


@pytest.mark.parametrize(
    ("language", "expected"), [("ru", "1 мин 5 с"), ("kk", "1 мин 5 с"), ("pt", "1 min 5 s"), ("en", "1 min 5 s")]
)
def test_durations_are_written_as_each_language_writes_them(language: str, expected: str) -> None:
    assert expected == texts.texts(language).seconds(65)


@pytest.mark.parametrize(("seconds", "expected"), [(0, "0:00"), (59.9, "0:59"), (3_572, "59:32"), (3_661, "1:01:01")])
def test_a_place_in_a_recording_is_written_as_players_do(seconds: float, expected: str) -> None:
    assert expected == texts.texts("ru").place(seconds)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 с"), (5, "5 с"), (90, "90 с"), (1_200, "20 мин"), (82_800, "23 ч")]
)
def test_spans_that_people_chose_are_written_as_they_say_them(seconds: int, expected: str) -> None:
    assert expected == texts.texts("ru").span(seconds)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(1.5, "90 минут назад"), (21.6, "22 часа назад"), (30, "30 часов назад"), (50, "2 дня назад")],
)
def test_how_long_ago_something_was_is_told_so_that_who_waits_longer_is_seen(hours: float, expected: str) -> None:
    assert expected == texts.texts("ru").ago(timedelta(hours=hours))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(5, "5 minutes ago"), (0.2, "1 minute ago"), (0, "just now"), (-0.5, "just now"), (-3, "clock ahead: 3 minutes")],
)
def test_what_is_yet_to_come_was_told_by_a_clock_that_is_ahead(minutes: float, expected: str) -> None:
    assert expected == texts.texts("en").ago(timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "3 wk ago"), ("ru", "3 нед. назад"), ("kk", "3 ап. бұрын"), ("pt", "há 3 sem.")],
)
def test_in_a_cell_it_is_told_in_short_words(language: str, expected: str) -> None:
    assert expected == texts.texts(language).ago(timedelta(weeks=3), is_short=True)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("a person talked for 39.0 s after 4.0 s of ringing", "человек говорил 39 с, ответили через 4 с"),
        (
            "incoming, rang 7.0 s, nobody answered (threshold 5 s); the provider's word is COMPLETED",
            "входящий, гудки 7 с, никто не ответил (менее 5 с — считался бы брошенным); статус у провайдера: COMPLETED",
        ),
        (
            "only a menu picked up: outgoing, rang 9.5 s, nobody answered",
            "ответило только меню: исходящий, гудки 9,5 с, никто не ответил",
        ),
        ("a reason of tomorrow", "a reason of tomorrow"),
        (None, "–"),
    ],
)
def test_why_a_call_counts_so_is_said_in_the_language(reason: str | None, expected: str) -> None:
    assert expected == reasons.told(texts.texts("ru"), reason)


def test_a_day_is_written_in_the_language() -> None:
    day = date(2026, 3, 9)
    assert ["Mon 9 Mar", "пн 9 мар.", "seg. 9 mar."] == [texts.texts(name).day(day) for name in ("en", "ru", "pt")]


@pytest.mark.parametrize(
    ("wanted", "accepted", "expected"),
    [("kk", ["ru-RU"], "kk"), ("", ["pt-BR"], "pt"), ("", ["de", "ru"], "ru"), ("", ["de"], "en"), ("xx", [], "en")],
)
def test_the_choice_comes_before_the_browser(wanted: str, accepted: list[str], expected: str) -> None:
    assert expected == texts.choose(wanted, accepted=accepted)


@pytest.mark.parametrize(
    ("foreign", "expected"),
    [
        ("**bold**", r"\*\*bold\*\*"),
        ("[x](http://evil)", r"\[x\]\(http\:\/\/evil\)"),
        ("<img src=x>", r"\<img src\=x\>"),
        (":red[boo] $x$", r"\:red\[boo\] \$x\$"),
        ("one\ntwo\x00\u202ethree", "one twothree"),
        ("a" * 10_000, "a" * 119 + "…"),
        ("Дана 😀", "Дана 😀"),
        ("6,3\u00a0%\u2028of  all", "6,3\u00a0% of all"),
        (None, "–"),
    ],
)
def test_foreign_text_is_shown_as_text(foreign: str | None, expected: str) -> None:
    assert expected == texts.plain(foreign)
