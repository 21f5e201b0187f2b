"""WhatsApp Cloud API of Meta: calls, messages, permissions, recordings and the account, from its webhooks."""

from collections.abc import Callable
from typing import Any

from pipelines.sources.contract import Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.meta_webhooks import entries, handshake, is_genuine
from pipelines.sources.reading import Fields, as_object, items, member, text
from pipelines.sources.translations import each, ignored, joined, numbered
from pipelines.sources.whatsapp_accounts import account_change
from pipelines.sources.whatsapp_calls import call, call_status
from pipelines.sources.whatsapp_messages import echoed, received, remembered
from pipelines.sources.whatsapp_people import Inbox, inbox
from pipelines.sources.whatsapp_statuses import message_status
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.records import RawRecord

OBJECT = "whatsapp_business_account"

_LISTS = ("messages", "statuses", "calls", "message_echoes", "history")


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read every item of every change of every entry; a broken one is refused by its own path."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    return entries(
        body,
        about=OBJECT,
        called="a WhatsApp business account",
        read_change=lambda: _change(scene, body, entry={}, path=""),
        read_entry=lambda path, value: _entry(scene, value, path=path),
    )


def _entry(scene: Scene, value: Any, *, path: str) -> Translation:
    entry = as_object(value, what="the entry")
    changes = items(entry, "changes")
    if not changes:
        return ignored("an entry has no changes")
    return each(
        numbered(f"{path}.changes", changes),
        lambda part, change: _change(scene, change, entry=entry, path=f"{part}."),
    )


def _change(scene: Scene, change: Any, *, entry: Fields, path: str) -> Translation:
    fields = as_object(change, what="the change")
    value, path = as_object(fields.get("value"), what="value"), f"{path}value."
    field = text(fields, "field") or ""
    observed = member(value, "standby")
    if observed:  # what Meta's agent and contacts write to each other lies one level deeper (Meta, Standby webhooks)
        value, path = value | observed, f"{path}standby."
    present = [name for name in _LISTS if value.get(name) is not None]
    if not present:
        if field in {"messages", "calls"} or value.get("errors"):
            return ignored("a change holds no message, status or call")
        return account_change(scene, field=field, value=value, entry=entry)
    lengths = (len(value[name]) for name in present if isinstance(value[name], list))
    box, broken_cards = inbox(scene, value, item_count=sum(lengths), path=path)
    read = each(
        ((f"{path}{name}", name) for name in present),
        lambda _, name: _items(box, value, name=name, path=path, field=field),
    )
    return joined([read, broken_cards])


def _items(box: Inbox, value: Fields, *, name: str, path: str, field: str) -> Translation:
    """Read one list of a change, item by item; raises InvalidEvent when it is no list, so that the others go on."""
    found = items(value, name)
    if not found:
        return ignored(f"{name} is empty")
    places = numbered(f"{path}{name}", found)
    if name == "history":
        return each(places, lambda where, chunk: _history(box, chunk, path=where))
    read = _reader(box, value, name=name, is_alone=len(found) == 1, field=field)
    return each(places, lambda _, item: read(item))


def _reader(box: Inbox, value: Fields, *, name: str, is_alone: bool, field: str) -> Callable[[Any], Translation]:
    if name == "messages":
        return lambda item: received(box, item)
    if name == "message_echoes":
        return lambda item: echoed(box, item)
    if name == "calls":
        return lambda item: call(box, item, errors=items(value, "errors") if is_alone else [])
    return lambda item: _status(box, item, field=field)


def _status(box: Inbox, item: Any, *, field: str) -> Translation:
    """Read a status of a call or of a message: both come in `statuses`."""
    fields = as_object(item, what="the status")
    kind = (text(fields, "type") or "").lower()
    if kind == "call" or (not kind and field == "calls"):
        return call_status(box, fields)
    return message_status(box, fields)


def _history(box: Inbox, value: Any, *, path: str) -> Translation:
    """Read the threads of a linked app's history, message by message."""
    threads = items(as_object(value, what="the history"), "threads")
    if not threads:
        return ignored("a part of the history holds no threads")
    return each(numbered(f"{path}.threads", threads), lambda where, thread: _thread(box, thread, path=where))


def _thread(box: Inbox, value: Any, *, path: str) -> Translation:
    thread = as_object(value, what="the thread")
    messages = items(thread, "messages")
    if not messages:
        return ignored("a thread of the history holds no messages")
    return each(numbered(f"{path}.messages", messages), lambda _, message: remembered(box, message, thread=thread))


SOURCE = Source(
    name="whatsapp_cloud",
    title="WhatsApp Business (Cloud API)",
    capabilities=("calls", "messages", "recordings", "permissions", "accounts"),
    is_genuine=is_genuine,
    translate=translate,
    handshake=handshake,
)

GUIDE = Guide(
    origin_check="`X-Hub-Signature-256`: HMAC-SHA256 of the raw body with the app secret.",
    proof="copied",
    handshake="chosen",
    channel="waba",
    connect_steps=(
        "In the app's settings at Meta copy the app secret into the file or variable that `secrets` names.",
        "Think of a verify token and put it where `verify_secret` points.",
        "Under WhatsApp, Configuration, set the callback address `/hooks/whatsapp_cloud/ACCOUNT` and the same token.",
        "Subscribe to the fields `messages`, `calls`, `account_update` and `phone_number_quality_update`; with a "
        "linked app also to `smb_message_echoes` and `history`, and where Meta Business Agent answers to `standby`.",
        "For recordings put an access token that may read media where `fetch_secret` points.",
    ),
    settings={
        "callback_data": Setting(
            "`operator` when the callback data of your calls names the operator's endpoint.",
            allowed=("operator",),
        ),
        "graph_url": Setting("Address that gives a recording's address for its media id, when it is not Meta's."),
    },
)
