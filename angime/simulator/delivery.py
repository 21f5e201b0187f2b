"""In which order, how late and how often providers deliver what happened: parcels, each one HTTP request."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace

from angime.simulator import asterisk, crm, twilio, whatsapp
from angime.simulator.company import LINES, Line, secrets_of
from angime.simulator.story import Call, Recorded, Story

# Meta joins up to a thousand updates into a body; ours stay well below the receiver's limit of a megabyte.
CHANGES_A_BODY = 80
ROWS_A_FILE = 150
LATE = 0.015
LONGEST_DELAY_SECONDS = 7 * 86_400  # Meta repeats a webhook for so long
OUT_OF_ORDER = 0.03
DOUBLED = 0.02
REPEATED_LATER = 0.01
AS_JSON = 0.1
USUAL_DELAY_SECONDS = 2
SETTLED_SECONDS = 86_400

Item = TypeVar("Item")


class Audio(Struct, frozen=True, kw_only=True):
    """A recording as its provider hands it out."""

    url: str
    content: bytes


class Parcel(Struct, frozen=True, kw_only=True):
    """One HTTP request that a provider would send at `at`; `form` instead of bytes where its fields are signed."""

    at: int
    account: str
    form: dict[str, str] | None = None
    content: bytes = b""
    content_type: str = "application/json"

    @property
    def path(self) -> str:
        """Where the receiver takes it."""
        return f"/hooks/{LINES[self.account].source}/{self.account}"

    @property
    def body(self) -> bytes:
        """The bytes that travel."""
        return self.content if self.form is None else urlencode(self.form).encode()


def parcels(story: Story, *, audio: Mapping[str, Audio]) -> tuple[Parcel, ...]:
    """Pack a story as providers would send it, by the time of delivery; `audio` is known by the recording's id.

    Some items come days late, some before what they follow, some bodies twice with the same bytes, some items again
    in another body.
    """
    chance = random.Random(f"{story.seed}/delivery")  # noqa: S311  # a story, not a secret
    packed = [parcel for line in LINES.values() for parcel in _PACKERS[line.source](chance, story, line, audio)]
    again = [_again(chance, parcel, now=story.now) for parcel in packed if chance.random() < DOUBLED]
    return tuple(sorted([*packed, *again], key=lambda parcel: parcel.at))


def headers(parcel: Parcel, *, url: str, seed: int) -> dict[str, str]:
    """Give the headers, signed as the provider does for the `url` it calls."""
    line = LINES[parcel.account]
    secret = secrets_of(line, seed=seed).signing
    if line.source == "whatsapp_cloud":
        return whatsapp.headers(parcel.content, app_secret=secret)
    if line.source == "asterisk":
        return asterisk.headers(token=secret, content_type=parcel.content_type)
    if line.source == "ingest":
        return crm.headers(token=secret)
    return {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "x-twilio-signature": twilio.signature(url, parcel.form or {}, auth_token=secret),
    }


def whatsapp_parcels(
    changes: Sequence[whatsapp.Change], *, line: Line, changes_a_body: int = CHANGES_A_BODY
) -> list[Parcel]:
    """Join changes, in the order in which they are given, into bodies."""
    return [
        Parcel(at=part[-1][0], account=line.account, content=whatsapp.body(part, line=line))
        for part in _in_parts(changes, size=changes_a_body)
    ]


def _pack_whatsapp(chance: random.Random, story: Story, line: Line, audio: Mapping[str, Audio]) -> list[Parcel]:
    told: list[whatsapp.Change] = []
    for call in _calls(story, line):
        if call.contact is not None:
            changes = whatsapp.changes_of_call(chance, call, line=line, contact=call.contact)
            told += _out_of_order(chance, changes)
    for message in story.messages:
        if message.account == line.account:
            told += whatsapp.changes_of_message(message, line=line)
    told += [
        whatsapp.change_of_permission(reply, line=line) for reply in story.permissions if reply.account == line.account
    ]
    for recorded, call in _recordings(story, line):
        heard = audio[recorded.id]
        told.append(whatsapp.change_of_recording(recorded, call, line=line, url=heard.url, content=heard.content))
    repeated = [change for change in told if chance.random() < REPEATED_LATER]
    return whatsapp_parcels(_delivered(chance, [*told, *repeated], now=story.now), line=line)


def _pack_twilio(chance: random.Random, story: Story, line: Line, audio: Mapping[str, Audio]) -> list[Parcel]:
    told: list[twilio.Callback] = []
    for call in _calls(story, line):
        if call.contact is not None:
            told += _out_of_order(chance, twilio.callbacks(call, line=line, contact=call.contact))
    for recorded, call in _recordings(story, line):
        told.append(twilio.recording_callback(recorded, call, line=line, url=audio[recorded.id].url))
    return [Parcel(at=at, account=line.account, form=form) for at, form in _delivered(chance, told, now=story.now)]


def _pack_asterisk(
    chance: random.Random,
    story: Story,
    line: Line,
    audio: Mapping[str, Audio],  # noqa: ARG001  # the packers' form
) -> list[Parcel]:
    """Most rows travel in files, cut wherever they are full; some are posted as JSON, call by call."""
    in_files: list[asterisk.TimedRow] = []
    posted: list[Parcel] = []
    for call in _calls(story, line):
        rows = asterisk.rows(call, line=line, contact=call.contact)
        if chance.random() < AS_JSON:
            posted.append(
                Parcel(at=rows[-1][0], account=line.account, content=asterisk.json_rows([row for _, row in rows]))
            )
        else:
            in_files += rows
    files = [
        Parcel(
            at=part[-1][0],
            account=line.account,
            content=asterisk.csv_lines([row for _, row in part]),
            content_type="text/csv",
        )
        for part in _in_parts(_delivered(chance, in_files, now=story.now), size=ROWS_A_FILE)
    ]
    return [*posted, *files]


def _pack_crm(
    chance: random.Random,  # noqa: ARG001  # the packers' form
    story: Story,
    line: Line,
    audio: Mapping[str, Audio],  # noqa: ARG001
) -> list[Parcel]:
    # Drawn by chance of its own, so that what providers send does not depend on what the CRM tells.
    delays = random.Random(f"{story.seed}/crm delivery")  # noqa: S311  # a story, not a secret
    arriving = _delivered(delays, crm.events(story), now=story.now)
    return [
        Parcel(at=part[-1][0], account=line.account, content=crm.body([event for _, event in part]))
        for part in _in_parts(arriving, size=CHANGES_A_BODY)
    ]


_PACKERS: dict[str, Callable[[random.Random, Story, Line, Mapping[str, Audio]], list[Parcel]]] = {
    "whatsapp_cloud": _pack_whatsapp,
    "twilio": _pack_twilio,
    "asterisk": _pack_asterisk,
    "ingest": _pack_crm,
}


def _calls(story: Story, line: Line) -> Iterator[Call]:
    return (call for call in story.calls if call.account == line.account)


def _recordings(story: Story, line: Line) -> Iterator[tuple[Recorded, Call]]:
    calls = {call.id: call for call in _calls(story, line)}
    return ((recorded, calls[recorded.call_id]) for recorded in story.recordings if recorded.account == line.account)


def _out_of_order(chance: random.Random, told: list[tuple[int, Any]] | list[Any]) -> list[Any]:
    """Let what was told first arrive last at times: an end before its beginning."""
    if len(told) < 2 or chance.random() >= OUT_OF_ORDER:
        return told
    first, last = told[0], told[-1]
    return [*told[1:], (last[0] + chance.randint(1, 30), *first[1:])]


def _delivered(chance: random.Random, told: Sequence[Any], *, now: int) -> list[Any]:
    """Order items by when they arrive: at once mostly, days late at times, never after `now`."""
    arriving = sorted(
        ((_arrival(chance, item[0], now=now), place, item) for place, item in enumerate(told)),
        key=lambda arrived: arrived[:2],
    )
    return [(at, *item[1:]) for at, _, item in arriving]


def _arrival(chance: random.Random, at: int, *, now: int) -> int:
    delay = chance.randint(0, USUAL_DELAY_SECONDS)
    if chance.random() < LATE:
        delay = round(LONGEST_DELAY_SECONDS * chance.random() ** 3)
    return min(at + delay, now)


def _again(chance: random.Random, parcel: Parcel, *, now: int) -> Parcel:
    return replace(parcel, at=min(now, parcel.at + chance.randrange(20, SETTLED_SECONDS)))


def _in_parts(items: Sequence[Item], *, size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
