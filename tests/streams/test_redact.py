# ruff: noqa: E501  # a sentence and what is left of it stand side by side
"""Secrets leave a transcript: by their check digits, in four languages, written or dictated, over words and turns."""

import random

import pytest

from schemas.company import parse_company
from schemas.ids import call_id, recording_id
from schemas.transcripts import SECRET_KINDS, Beep, CallTranscribed, Turn, Word
from streams.redact import redact, without_secrets
from streams.secret_numbers import is_card, is_cpf, is_iin, is_snils

CARD = "4111 1111 1111 1111"
CARD_IN_ENGLISH = "four one one one double one one one one one one one one one one one"


def _turn(text: str, *, start: float = 0.0, channel: int = 1) -> Turn:
    return Turn(
        channel=channel,
        role=("operator", "customer")[channel],
        start_seconds=start,
        end_seconds=start + 5,
        text=text,
    )


def _redacted(text: str, *, language: str, region: str = "KZ", asked: str = "") -> str:
    turns = [_turn(asked, channel=0), _turn(text, start=6)]
    return redact(turns, language=language, region=region, kinds=SECRET_KINDS).turns[1].text


@pytest.mark.parametrize(
    ("language", "asked", "said", "expected"),
    [
        ("en", "", f"My card is {CARD}, thanks.", "My card is [card], thanks."),
        ("en", "", "It is 5500-0000-0000-0004 12/27.", "It is [card]."),
        ("en", "", "It is 4111111111111111 1227 123.", "It is [card]."),
        ("en", "", f"It is {CARD_IN_ENGLISH}, done.", "It is [card], done."),
        ("en", "", "forty one eleven eleven eleven eleven eleven eleven eleven", "[card]"),
        ("en", "", "Pay to DE89 3704 0044 0532 0130 00 please", "Pay to [iban] please"),
        ("en", "", "Pay to KZ72 8701 1234 567 ABCD please", "Pay to [iban] please"),
        ("en", "", f"{'zero ' * 60}{CARD_IN_ENGLISH}", f"{'zero ' * 60}[card]"),
        ("en", "", "Write to John.Smith+x@example.co.uk today.", "Write to [email] today."),
        ("en", "", "It is john dot smith at example dot com okay", "It is [email] okay"),
        ("en", "", "It is mine j o e at mail dot example dot com okay", "It is mine [email] okay"),
        ("en", "", "Call me at +44 20 7946 0958 tomorrow", "Call me at [phone] tomorrow"),
        ("ru", "", "Карта четыре один один один один один один один один один один один один один один один", "Карта [card]"),
        ("ru", "", "сорок один одиннадцать, сто одиннадцать, сто одиннадцать, и сто одиннадцать, сто одиннадцать", "[card]"),
        ("ru", "", "Переведите на KZ86 125K ZT50 0410 0100, хорошо?", "Переведите на [iban], хорошо?"),
        ("ru", "", "ИИН 900101300017, верно", "ИИН [iin], верно"),
        ("ru", "", "девяносто ноль один ноль один тридцать ноль ноль семнадцать", "[iin]"),
        ("ru", "Назовите серию и номер паспорта", "сорок пять ноль восемь двенадцать тридцать четыре пятьдесят шесть", "[passport]"),
        ("ru", "", "Паспорт 4508 123456 выдан", "Паспорт [passport] выдан"),
        ("ru", "", "Мой СНИЛС 112-233-445 95.", "Мой СНИЛС [snils]."),
        ("ru", "Продиктуйте СНИЛС", "сто двенадцать двести тридцать три четыреста сорок пять девяносто пять", "[snils]"),
        ("ru", "", "Пишите: иван точка петров собака почта точка ру, жду", "Пишите: [email], жду"),
        ("ru", "", "Мой номер 8 (701) 123-45-67.", "Мой номер [phone]."),
        ("ru", "", "восемь семьсот один сто двадцать три сорок пять шестьдесят семь", "[phone]"),
        ("kk", "", "Картам төрт мың емес, 4111111111111111", "Картам төрт мың емес, [card]"),
        ("kk", "", "ЖСН 900101300017.", "ЖСН [iin]."),
        ("kk", "", "тоқсан нөл бір нөл бір отыз нөл нөл он жеті", "[iin]"),
        ("kk", "", "сегіз жеті жүз бір жүз жиырма үш қырық бес алпыс жеті", "[phone]"),
        ("kk", "", "Хат жазыңыз: aigul собака mail нүкте kz", "Хат жазыңыз: [email]"),
        ("pt", "", "Meu CPF é 529.982.247-25, certo?", "Meu CPF é [cpf], certo?"),
        ("pt", "", "cinco dois nove nove oito dois dois quatro sete dois cinco", "[cpf]"),
        ("pt", "", "quinhentos e vinte e nove novecentos e oitenta e dois duzentos e quarenta e sete vinte e cinco", "[cpf]"),
        ("pt", "", "O cartão é quatro um um um um um um um um um um um um um um um", "O cartão é [card]"),
        ("pt", "", "Meu e-mail é maria arroba exemplo ponto com ponto br", "Meu e-mail é [email]"),
        ("pt", "", "Ligue para +55 11 91234-5678.", "Ligue para [phone]."),
    ],
)  # fmt: skip
def test_a_secret_is_replaced_by_its_kind(language: str, asked: str, said: str, expected: str) -> None:
    assert expected == _redacted(said, language=language, asked=asked)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "My order number is four five seven two."),
        ("en", "One day I saw two of them at ten, at the door."),
        ("en", "Meet me at noon dot, at 12:30 on 01.02.2026 or 03.04.2026, please."),
        ("en", "The card 4111 1111 1111 1112 does not exist."),
        ("en", "At example dot com"),
        ("en", "It costs 1,500.00 and 2,750.50 and 3,999.99."),
        ("ru", "Заказ номер сорок пять семьдесят два, до двенадцати."),
        ("ru", "Собака лает, точка сбора в пять."),
        ("ru", "ИИН 900101300018 неверен"),
        ("ru", "Три раза звонил, два дня ждал, сто лет не видел."),
        ("ru", "С 2020 по 2026 год было 1500 заказов."),
        ("kk", "Тапсырыс нөмірі төрт бес жеті екі."),
        ("kk", "Екі күннен кейін, сағат онда келемін."),
        ("pt", "Meu número é quatro cinco sete dois."),
        ("pt", "O CPF 529.982.247-26 está errado."),
        ("pt", "Um dia, às duas e meia, dois pontos."),
    ],
)
def test_what_is_no_secret_stays(language: str, said: str) -> None:
    assert said == _redacted(said, language=language)


@pytest.mark.parametrize("shape", ["{}", "{:.4} {:.4} {:.4} {:.4}", "said"])
def test_no_random_digits_that_fail_luhn_are_a_card(shape: str) -> None:
    chance = random.Random(20261125)
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    checked = 0
    while checked < (10_000 if shape == "{}" else 500):
        digits = "".join(chance.choice("0123456789") for _ in range(16))
        if is_card(digits):
            continue
        checked += 1
        spaced = " ".join(digits[place : place + 4] for place in range(0, 16, 4))
        said = {"{}": digits, "said": " ".join(words[int(digit)] for digit in digits)}.get(shape, spaced)
        assert "[card]" not in _redacted(f"the digits {said} mean nothing", language="en")


@pytest.mark.parametrize(
    ("holds", "right", "wrong"),
    [
        (is_card, "4111111111111111", "4111111111111112"),
        (is_iin, "900101300017", "900101300018"),
        (is_iin, "900101300017", "901301300017"),
        (is_iin, "900101300811", "900101300810"),
        (is_cpf, "52998224725", "52998224726"),
        (is_snils, "11223344595", "11223344596"),
    ],
)
def test_check_digits_tell_a_number_from_any_other(holds: object, right: str, wrong: str) -> None:
    assert callable(holds)
    assert (True, False) == (holds(right), holds(wrong))


def test_a_number_dictated_over_turns_and_other_voices_is_found_whole() -> None:
    turns = [
        _turn("My card is four one one one", start=0),
        _turn("Four one one one?", start=6, channel=0),
        _turn("yes, one one one one", start=12),
        _turn("uh, one one one one", start=18),
        _turn("and then one one one one. That is all.", start=24),
    ]
    redacted = redact(turns, language="en", region="KZ", kinds=SECRET_KINDS)

    # "yes" ends the number: what is no filler may not stand inside it.
    assert [turn.text for turn in turns] == [turn.text for turn in redacted.turns]
    told = [*turns[:2], _turn("one one one one", start=12), *turns[3:]]
    assert [
        "My card is [card]",
        "Four one one one?",
        "[card]",
        "[card]",
        "[card]. That is all.",
    ] == [turn.text for turn in redact(told, language="en", region="KZ", kinds=SECRET_KINDS).turns]
    # They are listed in any order.
    turned = redact(told[::-1], language="en", region="KZ", kinds=SECRET_KINDS).turns[::-1]
    assert ["[card]", "[card]", "[card]. That is all."] == [turn.text for turn in turned[2:]]


@pytest.mark.parametrize(("start", "is_found"), [(25, True), (25.1, False)])
def test_a_number_goes_on_in_the_speaker_s_next_turn_unless_it_comes_late(start: float, *, is_found: bool) -> None:
    half = "one one one one one one one"
    turns = [_turn(f"four {half}", start=0), _turn(f"one {half}", start=start)]
    redacted = redact(turns, language="en", region="KZ", kinds=SECRET_KINDS)

    assert [turn.text for turn in redacted.turns] == (["[card]"] * 2 if is_found else [turn.text for turn in turns])


def test_two_voices_of_one_channel_dictate_no_number_together() -> None:
    half = "one one one one one one one"
    said = ((0, f"four {half}"), (1, f"one {half}"))
    turns = [
        Turn(
            channel=0,
            speaker=speaker,
            role="unknown",
            start_seconds=6 * speaker,
            end_seconds=6 * speaker + 5,
            text=text,
        )
        for speaker, text in said
    ]

    assert redact(turns, language="en", region="KZ", kinds=SECRET_KINDS).turns == tuple(turns)


@pytest.mark.parametrize(("fillers", "is_found"), [("uh and", True), ("uh and uh", False)])
def test_a_number_bears_two_fillers_in_a_row(fillers: str, *, is_found: bool) -> None:
    said = f"4111 1111 {fillers} 1111 1111"

    assert _redacted(said, language="en") == ("[card]" if is_found else said)


def test_words_and_beeps_follow_the_text() -> None:
    said = "Card 4111 1111 1111 1111 now"
    words = tuple(
        Word(text=word, start_seconds=float(place), end_seconds=place + 0.5) for place, word in enumerate(said.split())
    )
    turn = Turn(channel=1, role="customer", start_seconds=0, end_seconds=9, text=said, words=words)
    redacted = redact([turn], language="en", region="KZ", kinds=SECRET_KINDS)

    assert ["Card", "[card]", "now"] == [word.text for word in redacted.turns[0].words]
    assert (1.0, 4.5) == (redacted.turns[0].words[1].start_seconds, redacted.turns[0].words[1].end_seconds)
    assert (Beep(channel=1, start_seconds=0.95, end_seconds=4.55, kind="card"),) == redacted.beeps


def test_no_beep_begins_before_its_recording() -> None:
    turn = Turn(channel=0, role="customer", start_seconds=0.02, end_seconds=4, text=CARD)

    [beep] = redact([turn], language="en", region="KZ", kinds=SECRET_KINDS).beeps
    assert (0.0, 4.05) == (beep.start_seconds, beep.end_seconds)


def test_a_turn_whose_words_have_no_times_or_differ_from_its_text_is_beeped_whole() -> None:
    timeless = Turn(
        channel=0,
        role="customer",
        start_seconds=2,
        end_seconds=9,
        text=f"Card {CARD}",
        words=tuple(Word(text=word) for word in f"Card {CARD}".split()),
    )
    other = Turn(
        channel=0,
        role="customer",
        start_seconds=40,
        end_seconds=49,
        text=f"Card {CARD}",
        words=(Word(text="4111111111111111", start_seconds=41, end_seconds=42),),
    )
    redacted = redact([timeless, other], language="en", region="KZ", kinds=SECRET_KINDS)

    assert ["Card", "[card]"] == [word.text for word in redacted.turns[0].words]
    assert () == redacted.turns[1].words
    assert [(1.95, 9.05), (39.95, 49.05)] == [(beep.start_seconds, beep.end_seconds) for beep in redacted.beeps]


def test_a_transcript_that_is_redacted_once_more_stays_as_it_is_with_its_beeps() -> None:
    company = parse_company('id = "a"\nname = "A"\ntime_zone = "UTC"\ndefault_region = "KZ"')
    known = {"call_id": call_id("s", "a", "1"), "provider_call_id": "1", "recording_id": recording_id("s", "a", "1")}
    heard = {"origin": "whisperx", "model": "m", "grade": "segments", "duration_seconds": 9.0, "channels": 2}
    said = CallTranscribed(**known, **heard, language="en", turns=(_turn(f"Card {CARD}"),))
    once = without_secrets(said, company=company)

    assert [beep.kind for beep in once.beeps] == ["card"]
    assert without_secrets(once, company=company) == once


def test_what_digits_are_is_told_by_the_two_turns_before_them_and_by_none_earlier() -> None:
    said = ("Your passport, please", "Wait", "So", "one two three four five six seven eight nine zero")
    far = [_turn(text, start=6 * place, channel=place % 2) for place, text in enumerate(said)]

    last = [
        redact(turns, language="en", region="KZ", kinds=("passport",)).turns[-1] for turns in (far, far[:1] + far[2:])
    ]
    assert [turn.text for turn in last] == [said[-1], "[passport]"]
    at_once = [_turn(said[0], start=6, channel=0), _turn(said[-1], start=6)]
    assert redact(at_once, language="en", region="KZ", kinds=("passport",)).turns[-1].text == "[passport]"
    # A provider may list turns in any order: their times tell what was said before.
    assert redact(far[::-1], language="en", region="KZ", kinds=("passport",)).turns[0].text == said[-1]


def test_only_what_the_company_lists_is_redacted_and_once_more_changes_nothing() -> None:
    said = f"Card {CARD}, mail a@b.kz"
    once = redact([_turn(said)], language="en", region="KZ", kinds=("email",))

    assert f"Card {CARD}, mail [email]" == once.turns[0].text
    assert once.turns == redact(once.turns, language="en", region="KZ", kinds=("email",)).turns
    assert said == redact([_turn(said)], language="en", region="KZ", kinds=()).turns[0].text
