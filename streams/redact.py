"""Secrets leave a transcript before anybody reads it: cards, accounts, personal numbers, phones, addresses. Pure."""

import re
from collections.abc import Collection, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from schemas.company import Company
from schemas.transcripts import Beep, CallTranscribed, SecretKind, Turn, Word
from streams.secret_numbers import Group, iban_ends, kind_of, tail_of_card
from streams.spoken_numbers import FILLERS, Numerals, numerals_of, read_number

BEEP_PADDING_SECONDS: Final = 0.05
MAX_PAUSE_SECONDS: Final = 20.0  # a number goes on in the same speaker's next turn, unless it comes later than this
CONTEXT_TURNS: Final = 2  # how far back a word such as "passport" tells what digits are
MAX_GROUPS: Final = 60  # of one number; more digits in a row are no number of a person
MAX_FILLERS: Final = 2

_TOKEN: Final = re.compile(
    r"(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<date>\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b\d{1,2}:\d{2}\b)"
    r"|(?P<cpf>\b\d{3}\.\d{3}\.\d{3}-\d{2}\b)"
    r"|(?P<money>\d+[.,]\d+)"
    r"|(?P<digits>\+?\(?\d[\d()\-–]*)"  # a dash that people write in phones
    r"|(?P<word>[^\W_](?:[\w'’-]*[^\W_])?|@)"
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{1,4}){3,9}", re.IGNORECASE)
_AT: Final = frozenset({"at", "собака", "собачка", "arroba", "@", "ет", "эт"})
_DOT: Final = frozenset({"dot", "точка", "нүкте", "ponto", "дот"})
_JOINS: Final = _DOT | {"underscore", "dash", "подчёркивание", "подчеркивание", "нижнее", "тире", "дефис", "traço"}
_TOP_DOMAIN: Final = re.compile(r"[a-zа-я]{2,6}")


class Redacted(Struct, frozen=True):
    """Turns without their secrets, and the stretches of the recording in which these are heard."""

    turns: tuple[Turn, ...]
    beeps: tuple[Beep, ...]


class _Token(Struct, frozen=True):
    """A word or a written number: where it stands in which turn's text."""

    turn: int
    start: int
    end: int
    word: str
    kind: str


class _Secret(Struct, frozen=True):
    """A secret's part in one turn's text."""

    kind: SecretKind
    turn: int
    start: int
    end: int


def without_secrets(said: CallTranscribed, *, company: Company) -> CallTranscribed:
    """Give a transcript as it may be kept, by the company's rule; once more changes nothing."""
    kinds = company.listening.redact
    redacted = redact(said.turns, language=said.language, region=company.default_region, kinds=kinds)
    return msgspec.structs.replace(said, turns=redacted.turns, beeps=(*said.beeps, *redacted.beeps))


def redact(turns: Sequence[Turn], *, language: str, region: str, kinds: Collection[SecretKind]) -> Redacted:
    """Replace each secret by its kind in brackets, in the text and in the list of words.

    A speaker's turns are read as one stream, so that a number dictated in pieces, or in words, is found. Where a
    word of a secret has no time of its own, its whole turn is to be beeped.
    """
    numerals = numerals_of(language)
    found = [
        secret
        for speaker in sorted({_speaker(turn) for turn in turns})
        for secret in _of_speaker(turns, speaker=speaker, numerals=numerals, language=language, region=region)
        if secret.kind in kinds
    ]
    by_turn = {number: [secret for secret in found if secret.turn == number] for number in range(len(turns))}
    cleaned = [_cleaned(turn, secrets=_joined(by_turn[number])) for number, turn in enumerate(turns)]
    return Redacted(tuple(turn for turn, _ in cleaned), tuple(beep for _, beeps in cleaned for beep in beeps))


def _speaker(turn: Turn) -> tuple[int, int]:
    return turn.channel, -1 if turn.speaker is None else turn.speaker


def _of_speaker(
    turns: Sequence[Turn], *, speaker: tuple[int, int], numerals: Numerals, language: str, region: str
) -> list[_Secret]:
    own = [number for number, turn in enumerate(turns) if _speaker(turn) == speaker]
    own.sort(key=lambda number: (turns[number].start_seconds, number))
    tokens = [token for number in own for token in _tokens(turns[number].text, turn=number)]
    secrets = _written(turns, own)
    secrets += _spoken_mails(tokens)
    for groups in _runs(tokens, turns=turns, numerals=numerals):
        context = _context(turns, tokens[groups[0].first])
        secrets += _of_run(groups, tokens=tokens, context=context, language=language, region=region)
    return secrets


def _tokens(text: str, *, turn: int) -> list[_Token]:
    return [
        _Token(turn, match.start(), match.end(), match[0].lower(), match.lastgroup or "")
        for match in _TOKEN.finditer(text)
    ]


def _written(turns: Sequence[Turn], own: Sequence[int]) -> list[_Secret]:
    """What is seen in the text itself: addresses with their sign, and accounts with their letters."""
    secrets: list[_Secret] = []
    for number in own:
        text = turns[number].text
        secrets += [
            _Secret("email", number, match.start(), match.end())
            for match in _TOKEN.finditer(text)
            if match.lastgroup == "mail"
        ]
        for match in _IBAN.finditer(text):
            end = iban_ends(match[0])
            if end:
                secrets.append(_Secret("iban", number, match.start(), match.start() + end))
    return secrets


def _spoken_mails(tokens: Sequence[_Token]) -> list[_Secret]:
    """Find "ivan dot petrov at gmail dot com": a name, a sign, and at least two parts with a dot between."""
    secrets: list[_Secret] = []
    words = [token.word for token in tokens]
    for place, word in enumerate(words):
        if word not in _AT or place == 0:
            continue
        last = place + 1
        while last + 2 < len(words) and words[last + 1] in _DOT:
            last += 2
        if last == place + 1 or words[last] in _AT or not _TOP_DOMAIN.fullmatch(words[last]):
            continue
        first = place - 1
        while first >= 1 and (
            words[first - 1] in _JOINS or words[first] in _JOINS or len(words[first]) == len(words[first - 1]) == 1
        ):
            first -= 1
        secrets += _parts("email", tokens[first : last + 1])
    return secrets


def _runs(tokens: Sequence[_Token], *, turns: Sequence[Turn], numerals: Numerals) -> list[list[Group]]:
    """Digits that follow each other in a speaker's stream, said or written, with no more than fillers between."""
    words = [token.word for token in tokens]
    runs: list[list[Group]] = []
    run: list[Group] = []
    place = 0
    fillers = 0
    while place < len(tokens):
        group = _group(tokens, words, place, numerals=numerals)
        if group is None:
            fillers += 1
            if words[place] not in FILLERS or fillers > MAX_FILLERS:
                runs, run = ([*runs, run] if run else runs), []
            place += 1
            continue
        if run and (_is_later(tokens[run[-1].last], tokens[group.first], turns=turns) or len(run) == MAX_GROUPS):
            runs, run = [*runs, run], []
        run.append(group)
        fillers = 0
        place = group.last + 1
    return [*runs, run] if run else runs


def _group(tokens: Sequence[_Token], words: Sequence[str], place: int, *, numerals: Numerals) -> Group | None:
    token = tokens[place]
    if token.kind in {"digits", "cpf"}:
        return Group(re.sub(r"\D", "", token.word), place, place, token.word)
    number = read_number(words, place, numerals=numerals) if token.kind == "word" else None
    return None if number is None else Group(number.digits, number.first, number.last, "")


def _is_later(before: _Token, after: _Token, *, turns: Sequence[Turn]) -> bool:
    if before.turn == after.turn:
        return False
    return turns[after.turn].start_seconds - turns[before.turn].end_seconds > MAX_PAUSE_SECONDS


def _context(turns: Sequence[Turn], token: _Token) -> str:
    """What was said right before, by anybody: the operator asks for the passport, the customer says digits."""
    began = turns[token.turn].start_seconds
    order = sorted(
        (turn for number, turn in enumerate(turns) if turn.start_seconds <= began and number != token.turn),
        key=lambda turn: turn.start_seconds,
    )
    before = [turn.text for turn in order[-CONTEXT_TURNS:]]
    return " ".join([*before, turns[token.turn].text[: token.start]]).lower()


def _of_run(
    groups: Sequence[Group], *, tokens: Sequence[_Token], context: str, language: str, region: str
) -> list[_Secret]:
    """Take the longest number from the run's beginning, then from what is left."""
    secrets: list[_Secret] = []
    start = 0
    while start < len(groups):
        for end in range(len(groups), start, -1):
            kind = kind_of(
                groups[start:end],
                is_first=start == 0,
                is_last=end == len(groups),
                context=context,
                language=language,
                region=region,
            )
            if kind is not None:
                end += tail_of_card(groups[end:]) if kind == "card" else 0  # noqa: PLW2901  # its date and code follow
                secrets += _parts(kind, tokens[groups[start].first : groups[end - 1].last + 1])
                start = end
                break
        else:
            start += 1
    return secrets


def _parts(kind: SecretKind, tokens: Sequence[_Token]) -> list[_Secret]:
    """One part in every turn over which a secret's tokens go."""
    return [
        _Secret(
            kind,
            turn,
            min(token.start for token in tokens if token.turn == turn),
            max(token.end for token in tokens if token.turn == turn),
        )
        for turn in dict.fromkeys(token.turn for token in tokens)
    ]


def _joined(secrets: Sequence[_Secret]) -> list[_Secret]:
    """Secrets of one turn by their place; of two that overlap the first keeps its kind."""
    joined: list[_Secret] = []
    for secret in sorted(secrets, key=lambda one: (one.start, -one.end)):
        if joined and secret.start < joined[-1].end:
            last = joined.pop()
            joined.append(msgspec.structs.replace(last, end=max(last.end, secret.end)))
        else:
            joined.append(secret)
    return joined


def _cleaned(turn: Turn, *, secrets: Sequence[_Secret]) -> tuple[Turn, list[Beep]]:
    if not secrets:
        return turn, []
    places = _places(turn)
    text = turn.text
    words = list(turn.words) if places else []
    beeps: list[Beep] = []
    for secret in reversed(secrets):
        text = f"{text[: secret.start]}[{secret.kind}]{text[secret.end :]}"
        hit = [number for number, (start, end) in enumerate(places) if start < secret.end and end > secret.start]
        said = [turn.words[number] for number in hit]
        beeps.insert(0, _beep(turn, kind=secret.kind, words=said))
        if hit:
            mark = Word(text=f"[{secret.kind}]", start_seconds=said[0].start_seconds, end_seconds=said[-1].end_seconds)
            words[hit[0] : hit[-1] + 1] = [mark]
    return msgspec.structs.replace(turn, text=text, words=tuple(words)), beeps


def _places(turn: Turn) -> list[tuple[int, int]]:
    """Where each word stands in the text; none where words and text disagree, and then the words are given up."""
    places: list[tuple[int, int]] = []
    at = 0
    for word in turn.words:
        said = word.text.strip()
        start = turn.text.find(said, at)
        if start < 0 or turn.text[at:start].strip():
            return []
        at = start + len(said)
        places.append((start, at))
    return [] if turn.text[at:].strip() else places


def _beep(turn: Turn, *, kind: SecretKind, words: Sequence[Word]) -> Beep:
    start = words[0].start_seconds if words else None
    end = words[-1].end_seconds if words else None
    if start is None or end is None:
        start, end = turn.start_seconds, turn.end_seconds
    return Beep(
        channel=turn.channel,
        start_seconds=round(max(0.0, start - BEEP_PADDING_SECONDS), 3),
        end_seconds=round(max(start, end) + BEEP_PADDING_SECONDS, 3),
        kind=kind,
    )
