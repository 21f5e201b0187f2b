"""Messages around calls and between them, and the permissions that WhatsApp asks for before a business may call."""

import base64
import random
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from angime.simulator.attempts import Attempt, draw
from angime.simulator.company import CARE, LINES, SALES, Line
from angime.simulator.people import ASKED, CAPTIONS, MAY_WE_CALL, THANKED
from angime.simulator.story import ASKS_TO_CALL, Call, Contact, Message, MessageStatus, PermissionReply

WEEK_SECONDS = 7 * 86_400
WRITES_BEFORE_CALLING = 0.42
IS_WRITTEN_AFTER = 0.45
THANKS = 0.5
KINDS = {"text": 0.84, "image": 0.06, "audio": 0.04, "document": 0.03, "location": 0.01, "sticker": 0.02}
REACTS = 0.015
# Meta's codes: message undeliverable; more than a day since the contact last wrote.
FAILED_CODES = (131026, 131047)
OUTGOING_STATUSES: dict[MessageStatus, float] = {"read": 0.72, "delivered": 0.19, "sent": 0.05, "failed": 0.04}


class Thread(Struct, frozen=True, kw_only=True):
    """A conversation of a contact on a line; nothing of it is told after `now`."""

    line: Line
    contact: Contact
    now: int


def around(chance: random.Random, call: Call, *, contact: Contact, now: int) -> list[Message]:
    """What contact and company write before and after a call, on the WhatsApp line next to the call's."""
    line = LINES[call.account] if LINES[call.account].channel == "waba" else SALES
    if contact.hides_number and line is SALES:
        line = CARE
    thread = Thread(line=line, contact=contact, now=now)
    written: list[Message] = []
    if call.direction == "incoming" and chance.random() < WRITES_BEFORE_CALLING:
        at = call.began_at - chance.randrange(120, 5_400)
        written += _exchange(chance, thread, at=at, turns=chance.randint(1, 3))
    ended_at = call.ended_at or call.began_at
    if chance.random() < IS_WRITTEN_AFTER:
        written += _from_us(chance, thread, at=ended_at + chance.randrange(30, 900))
        if chance.random() < THANKS:
            at = ended_at + chance.randrange(1_000, 7_200)
            written += _from_contact(chance, thread, at=at, texts=THANKED)
    return written


def conversation(chance: random.Random, line: Line, *, contact: Contact, at: int, now: int) -> list[Message]:
    """A conversation in writing, without a call."""
    thread = Thread(line=line, contact=contact, now=now)
    return _exchange(chance, thread, at=at, turns=chance.randint(2, 9))


def ask_permission(chance: random.Random, attempt: Attempt, *, now: int) -> tuple[Message, PermissionReply | None]:
    """Ask for permission to call: the request's message, and the answer where one came before `now`."""
    line, contact = attempt.line, attempt.contact
    thread = Thread(line=line, contact=contact, now=now)
    written = _outgoing(chance, thread, at=attempt.at)
    request = replace(written, kind=ASKS_TO_CALL, text=MAY_WE_CALL[contact.language])
    at = attempt.at + chance.randrange(60, 7_200)
    luck = chance.random()
    if luck > 0.7 or at >= now:
        return request, None
    is_accepted = luck < 0.55
    is_permanent = is_accepted and chance.random() < 0.15
    reply = PermissionReply(
        id=_message_id(chance),
        account=line.account,
        contact=contact,
        at=at,
        is_accepted=is_accepted,
        is_permanent=is_permanent,
        expires_at=at + WEEK_SECONDS if is_accepted and not is_permanent else None,
        is_automatic=False,
        context_id=request.id,
    )
    return request, reply


def automatic_permission(chance: random.Random, call: Call, *, contact: Contact) -> PermissionReply:
    """Give the permission that a contact's own call brings with it."""
    at = (call.ended_at or call.began_at) + 1
    return PermissionReply(
        id=_message_id(chance),
        account=call.account,
        contact=contact,
        at=at,
        is_accepted=True,
        is_permanent=False,
        expires_at=at + WEEK_SECONDS,
        is_automatic=True,
        context_id=call.id,
    )


def _exchange(chance: random.Random, thread: Thread, *, at: int, turns: int) -> list[Message]:
    written: list[Message] = []
    for turn in range(turns):
        if turn % 2 == 0:
            written += _from_contact(chance, thread, at=at, texts=ASKED)
        else:
            written += _from_us(chance, thread, at=at)
        at += chance.randrange(20, 900)
    return written


def _from_contact(
    chance: random.Random, thread: Thread, *, at: int, texts: dict[str, tuple[str, ...]]
) -> list[Message]:
    if at >= thread.now:
        return []
    kind = draw(chance, KINDS)
    text = CAPTIONS[thread.contact.language] if kind == "image" else chance.choice(texts[thread.contact.language])
    return [
        Message(
            id=_message_id(chance),
            account=thread.line.account,
            direction="incoming",
            contact=thread.contact,
            sent_at=at,
            kind=kind,
            text=text,
            status="received",
        )
    ]


def _from_us(chance: random.Random, thread: Thread, *, at: int) -> list[Message]:
    """Write to the contact, who at times only puts an emoji on it."""
    if at >= thread.now:
        return []
    written = _outgoing(chance, thread, at=at)
    reacted_at = (written.read_at or thread.now) + 5
    if chance.random() >= REACTS or reacted_at >= thread.now:
        return [written]
    reaction = Message(
        id=_message_id(chance),
        account=thread.line.account,
        direction="incoming",
        contact=thread.contact,
        sent_at=reacted_at,
        kind="reaction",
        text="👍",
        status="received",
        about=written.id,
    )
    return [written, reaction]


def _outgoing(chance: random.Random, thread: Thread, *, at: int) -> Message:
    """Send a message of ours; what would be told of it after `now` is not told yet."""
    wished = draw(chance, OUTGOING_STATUSES)
    delivered_at = _before(at + chance.randint(1, 40), thread.now, wanted=wished in {"delivered", "read"})
    read_at = None
    if delivered_at is not None:
        read_at = _before(delivered_at + chance.randint(4, 5_400), thread.now, wanted=wished == "read")
    failed_at = _before(at + chance.randint(1, 5), thread.now, wanted=wished == "failed")
    status: Literal["sent", "delivered", "read", "failed"] = "sent"
    for word, moment in (("delivered", delivered_at), ("read", read_at), ("failed", failed_at)):
        if moment is not None:
            status = word  # pyright: ignore[reportAssignmentType]  # the words of the tuple above
    return Message(
        id=_message_id(chance),
        account=thread.line.account,
        direction="outgoing",
        contact=thread.contact,
        sent_at=at,
        kind="text",
        text="",
        status=status,
        delivered_at=delivered_at,
        read_at=read_at,
        failed_at=failed_at,
        error_code=chance.choice(FAILED_CODES) if failed_at is not None else None,
    )


def _before(moment: int, now: int, *, wanted: bool) -> int | None:
    return moment if wanted and moment < now else None


def _message_id(chance: random.Random) -> str:
    return "wamid." + base64.b64encode(chance.randbytes(27)).decode()
