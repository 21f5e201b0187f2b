"""Stems: the form of a word under which its inflections are found, as macros of every session of the warehouse."""

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


def make_stem_macros(connection: Connection) -> None:
    """Make `stem_word(word, language)`, and `stem_words` for a list, for this session; it needs the extension fts.

    A word is composed (NFC), and in lower case unless it comes in a list. In a language that nobody knows a word is its
    own stem.
    """
    cases = "\n".join(f"when '{language}' then stem(word, '{name}')" for language, name in _STEMMERS.items())
    connection.execute(f"""
        create or replace temp macro stem_word(word, language) as case language
            {cases}
            when 'kk' then regexp_replace(word, '^(.{{3,}}?){_KAZAKH_ENDINGS}$', '\\1')
            else word
        end;
        create or replace temp macro stem_words(words, language) as
            list_transform(words, lambda one: stem_word(lower(one), language))
    """)
