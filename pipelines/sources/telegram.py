"""Telegram bots: messages of a bot's chats and of business accounts it is connected to, reactions and buttons."""

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.messaging import Reaction, Written, reacted, told_at, written
from pipelines.sources.reading import Fields, as_object, flag, items, member, required, text, word
from pipelines.sources.signatures import is_one_of
from pipelines.sources.telegram_messages import chat_of, is_of_the_company, message, provider_id_of
from pipelines.sources.translations import each, found, ignored, numbered
from schemas.accounts import AccountLinked, AccountUnlinked
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

# Updates that hold no fact of ours, each with what it is.
_OTHERS = {
    "edited_message": "an edit of a message: it is no new one",
    "edited_business_message": "an edit of a message: it is no new one",
    "edited_channel_post": "an edit of a post",
    "channel_post": "a post of a channel is written to nobody in particular",
    "deleted_business_messages": "messages that were taken back",
    "message_reaction_count": "a count of anonymous reactions names nobody",
    "inline_query": "a search in an inline bot is no message",
    "chosen_inline_result": "the choice of an inline result: the message itself comes apart",
    "shipping_query": "a question about shipping holds no message",
    "pre_checkout_query": "a payment that is being made holds no message",
    "purchased_paid_media": "a purchase of media holds no message",
    "poll": "the state of a poll holds no message",
    "poll_answer": "an answer in a poll holds no message",
    "my_chat_member": "the bot was let in, blocked or unblocked",
    "chat_member": "a member of a group came, went or changed rights",
    "chat_join_request": "a request to join a group",
    "chat_boost": "a boost of a chat",
    "removed_chat_boost": "a boost of a chat",
    "managed_bot": "a bot that this bot manages was made or changed",
    "guest_message": "a question to the bot in a chat in which it is no member",
    "subscription": "a subscription to payments holds no message",
}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check `X-Telegram-Bot-Api-Secret-Token`, the token that was given to setWebhook (Bot API, setWebhook)."""
    return is_one_of(request.headers.get("x-telegram-bot-api-secret-token"), secrets)


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one update, or all that an answer of getUpdates holds; a broken one is refused by its place."""
    scene = Scene(raw, company, account)
    body = parse_json(raw.body)
    if isinstance(body, dict) and "result" in body and "update_id" not in body:
        return _updates(scene, items(as_object(body, what="the body"), "result"), path="result")
    if isinstance(body, list):
        return _updates(scene, items({"the body": body}, "the body"), path="")
    return _update(scene, body)


def _updates(scene: Scene, updates: list[Any], *, path: str) -> Translation:
    if not updates:
        return ignored("the body holds no updates")
    return each(numbered(path, updates), lambda _, update: _update(scene, update))


def _update(scene: Scene, value: Any) -> Translation:
    update = as_object(value, what="the update")
    update_id = required(update, "update_id")
    for name, read in _READERS.items():
        if update.get(name) is not None:
            return read(scene, member(update, name), update_id)
    for name, reason in _OTHERS.items():
        if name in update:
            return ignored(reason)
    unknown = next((name for name in update if name != "update_id"), None)
    raise InvalidEvent(f"the update {word(unknown)} is unknown" if unknown else "the update holds nothing")


def _message(scene: Scene, fields: Fields, _update_id: str) -> Translation:
    return message(scene, fields)


def _pressed(scene: Scene, fields: Fields, _update_id: str) -> Translation:
    """Read a pressed button under a message; its words stand beside the message, or are its payload."""
    under = member(fields, "message")
    person = member(fields, "from")
    by = {**under, "from": person, "sender_chat": None, "chat": member(under, "chat") or person}
    if is_of_the_company(scene, by):
        return ignored("somebody of the company pressed a button")
    pressed = Written(
        provider_id=f"callback/{required(fields, 'id')}",
        time=scene.raw.received_at,
        is_ours=False,
        kind="button",
        text=_words_of(under, payload=text(fields, "data")) or text(fields, "game_short_name"),
        reply_to=provider_id_of(under) if under else None,
    )
    return found(*written(chat_of(scene, by), pressed))


def _words_of(under: Fields, *, payload: str | None) -> str | None:
    for row in items(member(under, "reply_markup"), "inline_keyboard"):
        for value in items({"row": row}, "row"):
            button = as_object(value, what="the button")
            if payload is not None and text(button, "callback_data") == payload:
                return text(button, "text")
    return payload


def _reaction(scene: Scene, fields: Fields, update_id: str) -> Translation:
    """Read which emoji now stands on a message; of several the first, none when they were taken away."""
    standing = [as_object(one, what="new_reaction[]") for one in items(fields, "new_reaction")]
    emoji = (text(standing[0], "emoji", "custom_emoji_id", "type") or "") if standing else ""
    actor = {"from": member(fields, "user"), "sender_chat": member(fields, "actor_chat"), **fields}
    reaction = Reaction(
        target=provider_id_of(fields),
        emoji=emoji,
        is_ours=is_of_the_company(scene, actor),
        time=told_at(scene, fields.get("date"), what="date"),
        identity=(update_id,),
    )
    return found(reacted(chat_of(scene, actor), reaction))


def _connection(scene: Scene, fields: Fields, update_id: str) -> Translation:
    """Read that a business account let the bot in, or put it out again; the date told is always that of the former."""
    is_enabled = flag(fields, "is_enabled")
    struct = AccountLinked if is_enabled else AccountUnlinked
    told = struct(
        company_number=scene.account.address or text(member(fields, "user"), "username", "id"),
        provider_status="business_connection enabled" if is_enabled else "business_connection disabled",
    )
    time = told_at(scene, fields.get("date"), what="date") if is_enabled else scene.raw.received_at
    return found(fact(scene, told, identity=(update_id,), time=time))


_READERS: dict[str, Callable[[Scene, Fields, str], Translation]] = {
    "message": _message,
    "business_message": _message,
    "callback_query": _pressed,
    "message_reaction": _reaction,
    "business_connection": _connection,
}

SOURCE = Source(
    name="telegram",
    title="Telegram (bot and business account)",
    capabilities=("messages", "accounts", "contacts"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="`X-Telegram-Bot-Api-Secret-Token` equals the secret token that was given to setWebhook.",
    proof="chosen",
    channel="telegram",
    connect_steps=(
        "Make a bot with BotFather (`/newbot`), and think of a secret token of 1 to 256 letters, digits, `_` and `-`; "
        "put the latter, which is not the bot's own token, where `secrets` points.",
        "Call `https://api.telegram.org/botTOKEN/setWebhook`, TOKEN being the bot's own, with `url` set to "
        "`/hooks/telegram/ACCOUNT` of your public address, `secret_token`, and `allowed_updates` message, "
        "business_message, business_connection, callback_query and message_reaction. Telegram calls HTTPS on the ports "
        "443, 80, 88 and 8443 only; `getWebhookInfo` tells what hinders it.",
        "For a business account: switch on Business Mode for the bot at BotFather, and in the settings of the account "
        "under Telegram Business, Chatbots, connect the bot.",
        "For groups: make the bot an administrator, or it hears of commands alone and of no reactions.",
        "Telegram sends back no copy of what the bot itself writes: post those messages to Angime's own door, each "
        "with the chat's id as the contact, of the kind `telegram`; without them nothing is said of replies.",
    ),
    settings={
        "own_users": Setting(
            "Ids of your people and channels, whose messages in groups are the company's.",
            form="list",
        ),
    },
)
