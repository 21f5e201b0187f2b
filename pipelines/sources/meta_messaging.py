"""What Meta tells of chats with a page or an Instagram account: `entry[].messaging[]`, item by item."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import (
    MAX_SHORT_TEXT,
    Chat,
    Medium,
    Reaction,
    Receipt,
    Step,
    Written,
    reacted,
    stepped,
    told_at,
    written,
)
from pipelines.sources.meta_calls import call, permission
from pipelines.sources.meta_webhooks import entries
from pipelines.sources.phones import identity, together
from pipelines.sources.reading import Fields, as_object, flag, items, member, required, text, word
from pipelines.sources.translations import each, found, ignored, numbered
from schemas.accounts import AccountCameOnline, AccountQualityChanged, AccountRestricted
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.instants import Instant
from schemas.messages import MessageKind
from schemas.people import Channel
from schemas.records import RawRecord

_LISTS = ("messaging", "standby", "changes", "calls")

# Fields of `changes[]` whose value is an item as in `messaging[]`: so are samples that the app's page sends.
_MESSAGING_FIELDS = frozenset(
    {
        "messages",
        "standby",
        "message_echoes",
        "message_deliveries",
        "message_reads",
        "message_reactions",
        "message_edits",
        "messaging_seen",
        "messaging_postbacks",
        "messaging_policy_enforcement",
        "call_permission_reply",
    }
)
_KINDS: dict[str, MessageKind] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "reel": "video",
    "ig_reel": "video",
    "animated_image": "image",
    "file": "document",
    "location": "location",
    "template": "template",
    "sticker": "sticker",
}
_SHARED = frozenset({"fallback", "share", "post", "ig_post"})

# Items that hold no fact of ours, each with what it is.
_OTHERS = {
    "message_edit": "an edit of a message: it is no new one",
    "referral": "a referral tells how a chat was opened, no message",
    "optin": "an opt-in to notifications is no message",
    "account_linking": "the linking of a login is no message",
    "app_roles": "the roles of apps are no message",
    "pass_thread_control": "the handing over of a chat between apps is no message",
    "take_thread_control": "the handing over of a chat between apps is no message",
    "request_thread_control": "the handing over of a chat between apps is no message",
    "order": "an order of a shop that is no message",
    "payment": "a payment is no message",
    "checkout_update": "an address for a delivery is no message",
    "pre_checkout": "a question before a payment is no message",
    "game_play": "a game that was played is no message",
    "messaging_feedback": "an answer to a feedback form is no message",
    "messaging_customer_information": "an address that a contact left in a form is no message",
    "response_feedback": "a thumb up or down under an answer of a robot is no message",
    "prior_message": "a reference to an earlier chat is no message",
    "typing_on": "somebody is typing",
    "typing_off": "somebody stopped typing",
}


class Platform(Struct, frozen=True, kw_only=True):
    """What differs between Messenger and Instagram: the body's object, our channel, the kind of the contact's id."""

    object: str
    channel: Channel
    identity: str


class _Page(Struct, frozen=True):
    """The page (or Instagram account) whose entry is read; its id is empty in a sample that has no entry."""

    scene: Scene
    platform: Platform
    id: str = ""


class _Item(Struct, frozen=True, kw_only=True):
    """One item of `messaging[]`: where it stands, its chat, whether our side did it, and when."""

    path: str
    fields: Fields
    chat: Chat
    is_ours: bool
    time: Instant


def translate(raw: RawRecord, *, company: Company, account: Account, platform: Platform) -> Translation:
    """Read every item of every entry; a broken one is refused by its own path."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    return entries(
        body,
        about=platform.object,
        called=word(platform.object),
        read_change=lambda: _change(_Page(scene, platform), body, path=""),
        read_entry=lambda path, value: _entry(scene, value, platform=platform, path=path),
    )


def _entry(scene: Scene, value: Any, *, platform: Platform, path: str) -> Translation:
    entry = as_object(value, what="the entry")
    page = _Page(scene, platform, text(entry, "id") or "")
    present = [name for name in _LISTS if entry.get(name) is not None]
    if not present and "sender" in entry:  # an answer to a request to call stands in the entry itself
        return _item(page, entry, path=path)
    if not present:
        return ignored("an entry holds no messages")
    return each(((f"{path}.{name}", name) for name in present), lambda _, name: _list(page, entry, name, path=path))


def _list(page: _Page, entry: Fields, name: str, *, path: str) -> Translation:
    values = items(entry, name)
    if not values:
        return ignored(f"{name} is empty")
    read = {"changes": _change, "calls": _call}.get(name, _item)
    return each(numbered(f"{path}.{name}", values), lambda where, value: read(page, value, path=where))


def _change(page: _Page, change: Any, *, path: str) -> Translation:
    fields = as_object(change, what="the change")
    field = text(fields, "field") or ""
    if field in _MESSAGING_FIELDS:
        return _item(page, fields.get("value"), path=f"{path}.value".lstrip("."))
    if field == "calls":
        value = as_object(fields.get("value"), what="value")
        where = f"{path}.value".lstrip(".")
        if "calls" not in value:
            return _call(page, value, path=where)
        return each(numbered(f"{where}.calls", items(value, "calls")), lambda at, one: _call(page, one, path=at))
    if field == "call_settings_update":
        return ignored("a change of the company's own settings of calls")
    if "call" in field:
        raise InvalidEvent(f"the field {word(field)} is unknown")
    return ignored(f"the field {word(field)} holds no message of a chat")


def _call(page: _Page, value: Any, *, path: str) -> Translation:  # noqa: ARG001  # the form of what reads a list
    chat = Chat(scene=page.scene, channel=page.platform.channel)
    own = page.id or page.scene.account.address or ""
    return call(chat, as_object(value, what="the call"), kind=page.platform.identity, page=own)


def _item(page: _Page, value: Any, *, path: str) -> Translation:
    fields = as_object(value, what="the item")
    kind = next((name for name in _READERS if name in fields), None)
    if kind is not None:
        return _READERS[kind](_told(page, fields, path=path))
    for name, reason in _OTHERS.items():
        if name in fields:
            return ignored(reason)
    unknown = next((name for name in fields if name not in {"sender", "recipient", "timestamp", "id", "time"}), None)
    raise InvalidEvent(f"the item holds {word(unknown)}, which is unknown" if unknown else "the item holds nothing")


def _told(page: _Page, fields: Fields, *, path: str) -> _Item:
    """Tell the sides apart: an echo, and all that the page itself sends, is ours."""
    sender, recipient = member(fields, "sender"), text(member(fields, "recipient"), "id")
    sender_id = text(sender, "id", "user_ref")
    scene, platform = page.scene, page.platform
    own = page.id or scene.account.address
    is_ours = flag(member(fields, "message"), "is_echo") or (bool(own) and sender_id == own)
    chat = Chat(
        scene=scene,
        channel=platform.channel,
        contact=together(identity(platform.identity, recipient if is_ours else sender_id)),
        contact_name=None if is_ours else text(sender, "name", "username"),
        company_number=scene.account.address or (sender_id if is_ours else recipient) or page.id or None,
    )
    time = told_at(scene, fields.get("timestamp"), what="timestamp")
    return _Item(path=path, fields=fields, chat=chat, is_ours=is_ours, time=time)


def _message(item: _Item) -> Translation:
    fields = member(item.fields, "message")
    provider_id = required(fields, "mid")
    sender, recipient = (text(member(item.fields, name), "id") for name in ("sender", "recipient"))
    if sender is not None and sender == recipient:  # Instagram, Self Messaging: told twice, of which one is no echo
        return ignored("a message of the account to itself")
    if flag(fields, "is_deleted"):
        return ignored("a message that was taken back")
    body = text(fields, "text")
    media, words = _attachments(fields, has_text=body is not None)
    kind: MessageKind = "text" if body or words else "unsupported"
    if member(fields, "quick_reply"):
        kind = "button"
    message = Written(
        provider_id=provider_id,
        time=item.time,
        is_ours=item.is_ours,
        kind=kind,
        text=body or words,
        media=media,
        reply_to=text(member(fields, "reply_to"), "mid"),
    )
    return found(*written(item.chat, message))


def _attachments(fields: Fields, *, has_text: bool) -> tuple[tuple[Medium, ...], str | None]:
    """Give what a message carries, and the words in it: titles of shared links and places.

    The preview of a link that stands in the text is no medium.
    """
    media: list[Medium] = []
    words: list[str] = []
    for value in items(fields, "attachments"):
        attachment = as_object(value, what="attachments[]")
        kind = (text(attachment, "type") or "").lower()
        payload = member(attachment, "payload")
        title = text(attachment, "title") or text(payload, "title", "text")
        if title:
            words.append(title)
        if kind in _SHARED and (title or has_text):
            continue
        known = "sticker" if payload.get("sticker_id") else _KINDS.get(kind, "unsupported")
        media.append(Medium(kind=known, media_id=text(payload, "url") or text(attachment, "url")))
    return tuple(media), "\n".join(words) or None


def _postback(item: _Item) -> Translation:
    """Read a pressed button; older ones have no id, and are told apart by who pressed it and when."""
    fields = member(item.fields, "postback")
    sender = text(member(item.fields, "sender"), "id") or ""
    message = Written(
        provider_id=text(fields, "mid") or f"postback/{sender}/{item.time}",
        time=item.time,
        is_ours=item.is_ours,
        kind="button",
        text=text(fields, "title", "payload"),
    )
    return found(*written(item.chat, message))


def _reaction(item: _Item) -> Translation:
    fields = member(item.fields, "reaction")
    action = (text(fields, "action") or "react").lower()
    if action not in {"react", "unreact"}:
        raise InvalidEvent(f"the reaction's action {word(action)} is unknown")
    emoji = (text(fields, "emoji", "reaction") or "") if action == "react" else ""
    reaction = Reaction(
        target=required(fields, "mid"),
        emoji=emoji,
        is_ours=item.is_ours,
        time=item.time,
        identity=("company" if item.is_ours else "contact", item.time, action),
    )
    return found(reacted(item.chat, reaction))


def _delivery(item: _Item) -> Translation:
    ids = items(member(item.fields, "delivery"), "mids")
    if not ids:
        return ignored("a receipt up to a time names no message")
    return each(
        numbered(f"{item.path}.delivery.mids".lstrip("."), ids),
        lambda _, value: _receipt(item, required({"mid": value}, "mid"), step="delivered"),
    )


def _read(item: _Item) -> Translation:
    provider_id = text(member(item.fields, "read"), "mid")
    if provider_id is None:
        return ignored("a receipt up to a time names no message")
    if item.is_ours:
        return ignored("the company has seen a message of the contact")
    return _receipt(item, provider_id, step="read")


def _receipt(item: _Item, provider_id: str, *, step: Step) -> Translation:
    return found(stepped(item.chat, Receipt(provider_id=provider_id, step=step, time=item.time, word=step)))


def _permission(item: _Item) -> Translation:
    return permission(item.chat, member(item.fields, "call_permission_reply"), time=item.time)


def _policy(item: _Item) -> Translation:
    """Read that Meta blocks the page, lets it go on, or warns it."""
    judged = member(item.fields, "policy_enforcement")
    action = required(judged, "action").lower()
    reason = (text(judged, "reason") or action)[:MAX_SHORT_TEXT]
    known: Fields = {"company_number": item.chat.company_number, "provider_status": action}
    if action == "block":
        told: Any = AccountRestricted(**known, restriction=reason)
    elif action == "unblock":
        told = AccountCameOnline(**known)
    elif action == "warning":
        told = AccountQualityChanged(**known, quality=reason)
    else:
        raise InvalidEvent(f"the policy's action {word(action)} is unknown")
    told_by = ("policy", item.chat.company_number or "", action, item.time)
    return found(fact(item.chat.scene, told, identity=told_by, time=item.time))


_READERS: dict[str, Callable[[_Item], Translation]] = {
    "message": _message,
    "postback": _postback,
    "reaction": _reaction,
    "delivery": _delivery,
    "read": _read,
    "policy_enforcement": _policy,
    "call_permission_reply": _permission,
}
