"""Stems: the form of a word under which its inflections are found, as macros of every session of the warehouse."""

from collections.abc import Iterable

from analytics.connection import Connection

# Kazakh words are stems with endings one after the other (number, possession, case; of verbs, tense and person). No
# stemmer of DuckDB knows them, so the usual endings are taken off, as long as three letters stay.
_KAZAKH_ENDINGS = (
    "(лар|лер|дар|дер|тар|тер)?"
    "(ымыз|іміз|мыз|міз|ыңыз|іңіз|ңыз|ңіз|сы|сі|ым|ім|ың|ің|ы|і)?"
    "(ның|нің|дың|дің|тың|тің|ға|ге|қа|ке|на|не|ны|ні|ды|ді|ты|ті|нда|нде|да|де|та|те|нан|нен|дан|ден|тан|тен"
    "|мен|бен|пен)?"
    "(у|уды|уді|уге|уға|ады|еді|йды|йді|амын|емін|аймын|еймін|амыз|еміз|асыз|есіз|ған|ген|қан|кен|ып|іп|сын|сін)?"
)
_STEMMERS = {"ru": "russian", "en": "english", "pt": "portuguese"}
# What the stemmers leave apart, as (pattern, what stands instead). Portuguese plurals are made singular before:
# cartões, papéis, fáceis, canais, homens. Of Russian stems a vowel that comes and goes is left out (звонок, звонка;
# скидок, скидка; кошелёк, кошелька; копеек, копейка), where four letters stay.
_BEFORE = {
    "pt": (
        ("(õ|ã)es$", "ão"),
        ("ais$", "al"),
        ("éis$", "el"),
        ("eis$", "il"),
        ("óis$", "ol"),
        ("ns$", "m"),
    )
}
_SHORTEST_PLURAL = "^(.{2,})"  # mais, seis and mães are no plurals of this kind
_AFTER = {
    "ru": (
        ("ь([кц])$", "\\1"),
        ("([аоуеияюэы])ек$", "\\1йк"),
        ("^(.{2,}[^аоуеияюэыьй])[ое]([кцнлр])$", "\\1\\2"),
    )
}
# Of Kazakh stems the last consonant softens (кітап, кітабы; жүрек, жүрегі) and the last vowel goes (орын, орны; халық,
# халқы; ауыз, аузы).
_KAZAKH_ROOT = (
    ("б$", "п"),
    ("ғ$", "қ"),
    ("г$", "к"),
    ("^(.+[^аәеиоөұүыіэюя])[ыі]([рнзлқкп])$", "\\1\\2"),
)


def make_stem_macros(connection: Connection) -> None:
    """Make `stem_word(word, language)`, and `stem_words` for a list, for this session; it needs the extension fts.

    A word is composed (NFC), and in lower case unless it comes in a list. In a language that nobody knows a word is its
    own stem. `kazakh_root(stem)` is one more form under which a search looks for a Kazakh stem.
    """
    connection.execute(MACROS)


def _stem(language: str) -> str:
    singular = [(_SHORTEST_PLURAL + ending, f"\\1{other}") for ending, other in _BEFORE.get(language, ())]
    return _replaced(f"stem({_replaced('word', singular)}, '{_STEMMERS[language]}')", _AFTER.get(language, ()))


def _replaced(text: str, replacements: Iterable[tuple[str, str]]) -> str:
    for pattern, other in replacements:
        text = f"regexp_replace({text}, '{pattern}', '{other}')"
    return text


_CASES = "\n".join(f"when '{language}' then {_stem(language)}" for language in _STEMMERS)
# Facts stand under these stems, so that a change of them is a change of the facts.
MACROS = f"""
    create or replace temp macro stem_word(word, language) as case language
        {_CASES}
        when 'kk' then regexp_replace(word, '^(.{{3,}}?){_KAZAKH_ENDINGS}$', '\\1')
        else word
    end;
    create or replace temp macro kazakh_root(stem) as {_replaced("stem", _KAZAKH_ROOT)};
    create or replace temp macro stem_words(words, language) as
        list_transform(words, lambda one: stem_word(lower(one), language))
"""
