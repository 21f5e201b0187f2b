"""VK communities (Callback API): messages, receipts, reactions, calls in a chat, lead forms and orders."""

from collections.abc import Callable, Sequence

from pipelines.sources.contract import Answer, Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import KEPT_IN_THE_BODY, Guide
from pipelines.sources.reading import as_object, member, required, text, word
from pipelines.sources.signatures import is_one_of
from pipelines.sources.translations import ignored
from pipelines.sources.vk_deals import lead_form, order, order_changed
from pipelines.sources.vk_messages import Callback, pressed, reaction, receipt, received, replied
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

CONFIRMATION = "confirmation"
MAX_CONFIRMATION_BYTES = 4096

# Events that hold no fact of ours, each with what it is.
_OTHERS = {
    CONFIRMATION: "VK makes sure of the address",
    "message_edit": "an edit of a message: it is no new one",
    "message_allow": "a contact lets the community write to him",
    "message_deny": "a contact forbids the community to write to him",
    "message_typing_state": "somebody is typing",
    "like_add": "a like holds no message",
    "like_remove": "a like that was taken back holds no message",
    "group_join": "somebody joined the community",
    "group_leave": "somebody left the community",
    "user_block": "somebody was blocked in the community",
    "user_unblock": "somebody was unblocked in the community",
    "poll_vote_new": "a vote in a poll holds no message",
    "group_officers_edit": "the community's officers changed",
    "group_change_settings": "the community's settings changed",
    "group_change_photo": "the community's picture changed",
    "vkpay_transaction": "a payment holds no message",
    "app_payload": "an event of a mini app",
}
# Posts, comments and payments of supporters: events whose names begin so hold nothing that is written to the company.
_OTHER_BEGINNINGS = ("wall_", "photo_", "video_", "audio_", "board_", "market_comment_", "donut_")


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the secret that VK writes into every body (Callback API, secret key)."""
    try:
        body = as_object(parse_json(request.body), what="the body")
        return is_one_of(text(body, "secret"), secrets)
    except InvalidEvent:
        return False


def challenge(request: Request, *, secrets: Sequence[str], verify_secret: str | None) -> Answer | None:
    """Answer VK's confirmation with the code that it shows in the community's settings.

    It comes before the first event, with the secret or without one; a wrong secret is not answered.
    """
    if verify_secret is None or len(request.body) > MAX_CONFIRMATION_BYTES:
        return None
    try:
        body = as_object(parse_json(request.body), what="the body")
        is_asked = text(body, "type") == CONFIRMATION
        given = text(body, "secret")
    except InvalidEvent:
        return None
    is_right = given is None or is_one_of(given, secrets)
    return Answer(body=verify_secret) if is_asked and is_right else None


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event; raises InvalidEvent where its kind is unknown or what identifies it is missing."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    kind = required(body, "type")
    if kind in _READERS:
        group = account.address or text(body, "group_id")
        told_by = text(body, "event_id") or raw.raw_id
        return _READERS[kind](Callback(scene=scene, fields=member(body, "object"), group=group, told_by=told_by))
    if kind in _OTHERS:
        return ignored(_OTHERS[kind])
    if kind.startswith(_OTHER_BEGINNINGS):
        return ignored(f"the event {word(kind)} is no message to the community")
    raise InvalidEvent(f"the event {word(kind)} is unknown")


_READERS: dict[str, Callable[[Callback], Translation]] = {
    "message_new": received,
    "message_reply": replied,
    "message_event": pressed,
    "message_read": receipt,
    "message_reaction_event": reaction,
    "lead_forms_new": lead_form,
    "market_order_new": order,
    "market_order_edit": order_changed,
}

SOURCE = Source(
    name="vk",
    title="VK (community messages)",
    capabilities=("messages", "calls", "deals", "contacts"),
    is_genuine=is_genuine,
    translate=translate,
    challenge=challenge,
    answer=Answer(body="ok"),
)

GUIDE = Guide(
    origin_check="The secret key in the body's `secret`; the confirmation is answered with the code of the settings."
    + KEPT_IN_THE_BODY,
    proof="chosen",
    handshake="copied",
    channel="vk",
    connect_steps=(
        "In the community: Manage, API usage, Callback API. Copy the string that the server must return, and put it "
        "where `verify_secret` points.",
        "Think of a secret key of at most 50 letters and digits, put it where `secrets` points, and set it there as "
        "the server's secret key.",
        "Set the address to `/hooks/vk/ACCOUNT` of your public address and confirm it; choose the API version 5.131 or "
        "newer.",
        "Under event types switch on incoming and outgoing messages, actions with messages (reading, reactions, "
        "buttons), lead forms and orders; and under Messages let the community receive them.",
    ),
)
