"""Words of a text, and every stem under which a search may find each of them."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from analytics.connection import Reader
from analytics.search.irregular_words import WORDS_OF

MAX_WORDS_KNOWN = 500_000

_ACCENTED = (*range(0x41, 0x530), *range(0x1E00, 0x1F00))
WORD = re.compile(r"[^\W_]+")
# Russian and Kazakh are mixed in one sentence, and so are English and Portuguese words: each word has a stem in both.
# What looks like the end of a Kazakh case may be the word's own letter and a possession (қызметі, мұрны), and who types
# Portuguese often leaves the accents out.
_STEMS_OF = """list_distinct(if(
    regexp_matches(one, '[\\x{0400}-\\x{04FF}]'),
    [
        stem_word(one, 'ru'), stem_word(one, 'kk'), kazakh_root(stem_word(one, 'kk')),
        kazakh_root(regexp_replace(one, '[ыі]$', ''))
    ],
    [stem_word(one, 'en'), stem_word(one, 'pt'), strip_accents(stem_word(one, 'pt'))]
))"""
# Sounds that change at the end of a verb's stem, so that a stem stands under its root too: доставить, доставлю;
# заказать, закажу; платить, плачу; pagar, paguei; ficar, fiquei.
_ROOTS = (
    (re.compile(r"(?<=..[бпвмф])л$"), ""),
    (re.compile(r"(?<=....)а$"), ""),
    (re.compile(r"(?<=...)ж$"), "з"),
    (re.compile(r"(?<=...)ч$"), "т"),
    (re.compile(r"(?<=..g)u$"), ""),
    (re.compile(r"(?<=..)qu$"), "c"),
)

# Of Latin and Cyrillic: each sign without its accents and in lower case, and all the signs of a letter.
_PLAIN = {sign: unicodedata.normalize("NFD", sign.lower())[0] for sign in map(chr, _ACCENTED) if sign.isalpha()}
_SIGNS = {letter: "".join(sign for sign, plain in _PLAIN.items() if plain == letter) for letter in _PLAIN.values()}


class Stems:
    """The stems of the words met so far, each asked of the warehouse once."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def of(self, words: Iterable[str], *, reader: Reader) -> dict[str, list[str]]:
        """Give every stem under which each of these words may stand; words are in lower case."""
        if len(self._known) > MAX_WORDS_KNOWN:
            self._known = {}
        known, wanted = self._known, set(words)  # another thread may begin with none meanwhile
        new = {word for word in wanted if word not in known}
        if new:
            asked = sorted(new.union(*(WORDS_OF.get(word, ()) for word in new)))
            text = f"select one, {_STEMS_OF} as stems from (select unnest($words) as one)"  # noqa: S608  # of our own
            found: dict[str, list[str]] = dict(reader.sql(text, {"words": asked}).iter_rows())
            known.update({word: _with_roots((word, *WORDS_OF.get(word, ())), stems=found) for word in new})
        return {word: known[word] for word in wanted}

    def beginning_like(self, stems: Collection[str], *, reader: Reader) -> re.Pattern[str]:
        """Give what finds, among the words of a text, the few that may stand under one of these stems.

        No change of a word's end touches its first letter, accents aside; irregular words are looked at one by one.
        """
        irregular = self.of(WORDS_OF, reader=reader)
        other = {word for word, known in irregular.items() if not set(known).isdisjoint(stems)}
        letters = {_letter(word) for word in (*stems, *other)}
        signs = "".join(re.escape(_SIGNS.get(letter, letter + letter.upper())) for letter in sorted(letters))
        return re.compile(rf"(?<![^\W_])[{signs}][^\W_]*")


def _letter(word: str) -> str:
    """A word's first letter, of Latin and Cyrillic without its accents."""
    return _PLAIN.get(word[0], word[0])


def _with_roots(words: Sequence[str], *, stems: Mapping[str, Sequence[str]]) -> list[str]:
    found = [stem for word in words for stem in stems[word]]
    roots = [change.sub(other, stem) for stem in found for change, other in _ROOTS if change.search(stem)]
    return list(dict.fromkeys([*found, *roots]))


STEMS = Stems()  # of the process: each page opens the index anew


def words_of(text: str) -> list[str]:
    """Give the words of a text in their order, composed (NFC) and in lower case."""
    return [word.lower() for word in WORD.findall(unicodedata.normalize("NFC", text))]
