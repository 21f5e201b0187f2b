"""One message of Telegram: who wrote it in which chat, what kind it is, and what it carries."""

from collections.abc import Iterator
from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import Chat, Medium, Written, told_at, written
from pipelines.sources.phones import identity, phone_identity, together
from pipelines.sources.reading import Fields, as_object, flag, items, member, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.crm import ContactIdentified
from schemas.messages import MessageKind

_PRIVATE = "private"
_GROUPS = frozenset({"group", "supergroup"})

# What a message may carry as a file, the more telling name first: an animation comes with a document as well.
_FILES: dict[str, MessageKind] = {
    "animation": "video",
    "video_note": "video",
    "video": "video",
    "voice": "audio",
    "audio": "audio",
    "sticker": "sticker",
    "document": "document",
}
_OTHER_KINDS: dict[str, MessageKind] = {
    "contact": "contacts",
    "venue": "location",
    "location": "location",
    "poll": "interactive",
    "checklist": "interactive",
    "web_app_data": "interactive",
    "game": "interactive",
    "dice": "text",
    "invoice": "order",
    "story": "unsupported",
    "paid_media": "unsupported",
}

# What Telegram itself writes into a chat; a video chat of a group is no call.
_SERVICE = frozenset(
    {
        "new_chat_members",
        "new_chat_member",
        "new_chat_participant",
        "left_chat_member",
        "new_chat_title",
        "new_chat_photo",
        "delete_chat_photo",
        "group_chat_created",
        "supergroup_chat_created",
        "channel_chat_created",
        "message_auto_delete_timer_changed",
        "migrate_to_chat_id",
        "migrate_from_chat_id",
        "pinned_message",
        "successful_payment",
        "refunded_payment",
        "users_shared",
        "user_shared",
        "chat_shared",
        "connected_website",
        "write_access_allowed",
        "passport_data",
        "proximity_alert_triggered",
        "boost_added",
        "chat_background_set",
        "forum_topic_created",
        "forum_topic_edited",
        "forum_topic_closed",
        "forum_topic_reopened",
        "general_forum_topic_hidden",
        "general_forum_topic_unhidden",
        "giveaway_created",
        "giveaway",
        "giveaway_winners",
        "giveaway_completed",
        "video_chat_scheduled",
        "video_chat_started",
        "video_chat_ended",
        "video_chat_participants_invited",
        "voice_chat_scheduled",
        "voice_chat_started",
        "voice_chat_ended",
        "voice_chat_participants_invited",
        "checklist_tasks_done",
        "checklist_tasks_added",
        "direct_message_price_changed",
        "paid_message_price_changed",
        "gift",
        "unique_gift",
        "gift_upgrade_sent",
        "suggested_post_approved",
        "suggested_post_approval_failed",
        "suggested_post_declined",
        "suggested_post_paid",
        "suggested_post_refunded",
        "chat_owner_left",
        "chat_owner_changed",
        "poll_option_added",
        "poll_option_deleted",
        "managed_bot_created",
        "community_chat_added",
        "community_chat_removed",
    }
)


def message(scene: Scene, fields: Fields) -> Translation:
    """Read a message; a shared contact card of the writer's own tells his phone as well."""
    service = next((name for name in fields if name in _SERVICE), None)
    if service is not None:
        return ignored(f"a service message of the chat, {word(service)}")
    if flag(fields, "is_automatic_forward"):
        return ignored("a post that its channel put into its group")
    chat = chat_of(scene, fields)
    told = Written(
        provider_id=provider_id_of(fields),
        time=told_at(scene, fields.get("date"), what="date"),
        is_ours=is_of_the_company(scene, fields),
        reply_to=_replied_to(fields),
        **_content(fields),
    )
    card = member(fields, "contact")
    is_own_card = card and text(card, "user_id") == text(member(fields, "from"), "id")
    if not is_own_card or told.is_ours:
        return found(*written(chat, told))
    known = ContactIdentified(
        contact=together(*chat.contact, phone_identity(text(card, "phone_number"), region=None)),
        contact_name=chat.contact_name,
    )
    return found(*written(chat, told), fact(scene, known, identity=(told.provider_id,), time=told.time))


def chat_of(scene: Scene, fields: Fields) -> Chat:
    """Tell the contact: whom a chat is with alone, or who wrote in a group or under a post."""
    alone = _alone_with(fields)
    is_ours = is_of_the_company(scene, fields)
    contact = alone or ({} if is_ours else _writer(fields))
    is_group = not alone and _type_of(fields) in _GROUPS
    return Chat(
        scene=scene,
        channel="telegram",
        contact=together(identity("telegram", text(contact, "id"))),
        contact_name=_name(contact),
        company_number=scene.account.address or None,
        operator=_operator(fields) if is_ours else None,
        thread=("telegram_group", required(member(fields, "chat"), "id")) if is_group else None,
    )


def is_of_the_company(scene: Scene, fields: Fields) -> bool:
    """Say whether our side wrote: where one contact is alone all others; in a group it, bots and our people."""
    writer, alone = _writer(fields), _alone_with(fields)
    who = text(writer, "id")
    if who is None or alone:
        return who is not None and who != text(alone, "id")
    return flag(writer, "is_bot") or who == text(member(fields, "chat"), "id") or who in scene.names("own_users")


def _alone_with(fields: Fields) -> Fields:
    """Give the contact of a chat that is his alone, as his topic of a channel's direct messages is; else nothing."""
    chat = member(fields, "chat")
    if flag(chat, "is_direct_messages"):
        return member(member(fields, "direct_messages_topic"), "user")
    return chat if _type_of(fields) == _PRIVATE else {}


def _type_of(fields: Fields) -> str:
    return (text(member(fields, "chat"), "type") or _PRIVATE).lower()


def _writer(fields: Fields) -> Fields:
    """Give who wrote; for a group or channel in whose name it was a bot that nobody has stands in `from`."""
    return member(fields, "sender_chat") or member(fields, "from")


def _operator(fields: Fields) -> str | None:
    """Give who of us wrote; none for bots, for greetings and the like, and for who writes as the group."""
    person = member(fields, "from")
    is_nobodys = (
        flag(person, "is_bot")
        or flag(fields, "is_from_offline")
        or member(fields, "sender_business_bot")
        or member(fields, "sender_chat")
    )
    return None if is_nobodys else text(person, "id")


def provider_id_of(fields: Fields) -> str:
    """Give a message's id: Telegram counts messages in each chat, and of each business account, anew."""
    return _id_in_chat(fields, told=fields)


def _id_in_chat(fields: Fields, *, told: Fields) -> str:
    """Give the id of a message `told` in the chat; that of an ephemeral one is used again when it is gone."""
    connection = text(fields, "business_connection_id")
    place = required(member(fields, "chat"), "id")
    number, fleeting = required(told, "message_id"), text(told, "ephemeral_message_id")
    if fleeting:
        number = f"ephemeral/{fleeting}/{required(told, 'date')}"
    return f"{connection}/{place}/{number}" if connection else f"{place}/{number}"


def _replied_to(fields: Fields) -> str | None:
    replied = member(fields, "reply_to_message")
    return _id_in_chat(fields, told=replied) if replied else None


def _content(fields: Fields) -> dict[str, Any]:
    """Give kind, text and media; what we know no name for is kept as unsupported."""
    rich = "\n".join(filter(None, _lines(member(fields, "rich_message"))))
    words = text(fields, "text", "caption") or rich or None
    photos = [as_object(size, what="photo[]") for size in items(fields, "photo")]
    if photos:
        return {"text": words, "media": (Medium(kind="image", media_id=text(photos[-1], "file_id")),)}
    for name, kind in _FILES.items():
        file = member(fields, name)
        if file:
            medium = Medium(kind=kind, media_id=text(file, "file_id"), media_type=text(file, "mime_type"))
            return {"text": words or text(file, "emoji"), "media": (medium,)}
    for name, kind in _OTHER_KINDS.items():
        if fields.get(name) is not None:
            return {"kind": kind, "text": words or _words(name, as_object(fields[name], what=name))}
    return {"kind": "text" if words else "unsupported", "text": words}


def _words(name: str, content: Fields) -> str | None:
    if name == "contact":
        return _name(content)
    if name == "venue":
        return ", ".join(part for part in (text(content, "title"), text(content, "address")) if part) or None
    return text(content, "question", "title", "button_text", "emoji")


def _name(person: Fields) -> str | None:
    full = " ".join(part for part in (text(person, "first_name"), text(person, "last_name")) if part)
    return full or text(person, "title", "username")


def _lines(block: Any) -> Iterator[str]:
    """Give the words of a rich message line by line, of each block before those of what it holds."""
    if isinstance(block, str):
        yield block
    elif isinstance(block, list):
        for one in items({"blocks": block}, "blocks"):
            yield from _lines(one)
    elif isinstance(block, dict):
        yield _inline(as_object(block, what="block"))
        for name in ("summary", "blocks", "items", "cells", "caption", "credit"):
            yield from _lines(block.get(name))  # pyright: ignore[reportUnknownMemberType]  # keys are text


def _inline(words: Any) -> str:
    """Give rich text as plain: a text, several that follow each other, or one with its form."""
    if isinstance(words, str):
        return words
    if isinstance(words, list):
        return "".join(map(_inline, items({"text": words}, "text")))
    if not isinstance(words, dict):
        return ""
    form = as_object(words, what="text")
    return next((_inline(form[name]) for name in ("text", "alternative_text", "expression") if name in form), "")
