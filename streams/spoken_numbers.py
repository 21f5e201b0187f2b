"""Numbers as people say them, in English, Russian, Kazakh and Portuguese: words become the digits dictated. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

_UNITS: Final[dict[str, str]] = {
    "en": "zero|oh|nought one two three four five six seven eight nine",
    "ru": "ноль|нуль один|одна|раз два|две три четыре пять шесть семь восемь девять",
    "kk": "нөл|ноль бір екі үш төрт бес алты жеті сегіз тоғыз",
    "pt": "zero um|uma dois|duas três|tres quatro cinco seis|meia sete oito nove",
}
_TEENS: Final[dict[str, str]] = {
    "en": "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "ru": "десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать восемнадцать"
    " девятнадцать",
    "pt": "dez onze doze treze quatorze|catorze quinze dezesseis|dezasseis dezessete|dezassete dezoito"
    " dezenove|dezanove",
}
_TENS: Final[dict[str, str]] = {  # from 10 in Kazakh, whose eleven is "ten one"; from 20 elsewhere
    "en": "twenty thirty forty|fourty fifty sixty seventy eighty ninety",
    "ru": "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто",
    "kk": "он жиырма отыз қырық елу алпыс жетпіс сексен тоқсан",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
}
_HUNDREDS: Final[dict[str, str]] = {
    "ru": "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот",
    "kk": "жүз",
    "pt": "cem|cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos",
}
_REPEATS: Final = {"double": 2, "triple": 3, "дважды": 2, "трижды": 3, "dobro": 2, "triplo": 3}
_NAMED: Final = {  # "two zeros", "три семёрки": the count stands before
    "zeros": "0", "zeroes": "0", "нуля": "0", "нулей": "0", "нолика": "0", "единицы": "1",
    "единички": "1", "двойки": "2", "тройки": "3", "четвёрки": "4", "четверки": "4", "пятёрки": "5", "пятерки": "5",
    "шестёрки": "6", "шестерки": "6", "семёрки": "7", "семерки": "7", "восьмёрки": "8", "восьмерки": "8",
    "девятки": "9",
}  # fmt: skip
_MULTIPLIERS: Final = frozenset({"hundred", "жүз"})
# Said between digits without ending the number.
FILLERS: Final = frozenset(
    {"and", "then", "dash", "и", "э", "эм", "ээ", "потом", "далее", "затем", "тире", "дефис", "және", "сосын", "e"}
    | {"depois", "traço", "hífen", "uh", "uhm", "er", "м", "мм", "номер", "number", "número"}
)


class Digits(Struct, frozen=True):
    """Digits that were said or written by the words `first` to `last` of a stream, both included."""

    digits: str
    first: int
    last: int


def _ranked(table: Mapping[str, str], *, start: int, step: int) -> dict[str, dict[str, int]]:
    return {
        language: {word: start + step * place for place, words in enumerate(line.split()) for word in words.split("|")}
        for language, line in table.items()
    }


_UNIT_VALUES: Final = _ranked(_UNITS, start=0, step=1)
_TEEN_VALUES: Final = _ranked(_TEENS, start=10, step=1)
_TEN_VALUES: Final = _ranked({key: line for key, line in _TENS.items() if key != "kk"}, start=20, step=10) | _ranked(
    {"kk": _TENS["kk"]}, start=10, step=10
)
_HUNDRED_VALUES: Final = _ranked(_HUNDREDS, start=100, step=100)


class Numerals(Struct, frozen=True, kw_only=True):
    """The number words of a language: below ten, ten to nineteen, tens, hundreds."""

    units: dict[str, int]
    teens: dict[str, int]
    tens: dict[str, int]
    hundreds: dict[str, int]


def numerals_of(language: str) -> Numerals:
    """Give the number words of a language; Russian and Kazakh are mixed in speech, and an unknown language is any."""
    spoken = {"ru": ("ru", "kk"), "kk": ("kk", "ru"), "en": ("en",), "pt": ("pt",)}.get(language, tuple(_UNITS))
    merged = [
        {word: value for one in spoken for word, value in table.get(one, {}).items()}
        for table in (_UNIT_VALUES, _TEEN_VALUES, _TEN_VALUES, _HUNDRED_VALUES)
    ]
    return Numerals(units=merged[0], teens=merged[1], tens=merged[2], hundreds=merged[3])


def read_number(  # noqa: PLR0911  # one answer a form
    words: Sequence[str], start: int, *, numerals: Numerals
) -> Digits | None:
    """Read the one number that begins at `words[start]`, as long as it goes; None where none begins.

    "двадцать пять" is 25, "сто двадцать три" 123, "double four" 44, "два нуля" 00, "four" 4.
    """
    word = words[start]
    following = words[start + 1] if start + 1 < len(words) else ""
    if word in _REPEATS and following in numerals.units:
        return Digits(str(numerals.units[following]) * _REPEATS[word], start, start + 1)
    if word in numerals.units:
        count = numerals.units[word]
        if following in _NAMED and 1 <= count <= 4:
            return Digits(_NAMED[following] * count, start, start + 1)
        if following in _MULTIPLIERS and count:
            return _below_hundred(words, start + 2, numerals=numerals, hundreds=count * 100, first=start)
        return Digits(str(count), start, start)
    if word in numerals.hundreds:
        return _below_hundred(words, start + 1, numerals=numerals, hundreds=numerals.hundreds[word], first=start)
    if word in numerals.teens or word in numerals.tens:
        return _below_hundred(words, start, numerals=numerals, hundreds=0, first=start)
    return None


def _below_hundred(words: Sequence[str], place: int, *, numerals: Numerals, hundreds: int, first: int) -> Digits:
    value = hundreds
    last = place - 1
    at = _after_and(words, place) if hundreds else place
    word = words[at] if at < len(words) else ""
    if word in numerals.teens:
        return Digits(str(value + numerals.teens[word]), first, at)
    if word in numerals.tens:
        value += numerals.tens[word]
        last = at
        at = _after_and(words, at + 1)
        word = words[at] if at < len(words) else ""
    if numerals.units.get(word, 0) > 0:
        return Digits(str(value + numerals.units[word]), first, at)
    return Digits(str(value), first, last)


def _after_and(words: Sequence[str], place: int) -> int:
    """Portuguese says "vinte e três"."""
    return place + 1 if place < len(words) and words[place] in {"e", "and"} else place
