"""One message of Telegram: who wrote it in which chat, what kind it is, and what it carries."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.messaging import Chat, Medium, Written, told_at, written
from pipelines.sources.phones import identity, phone_identity, together
from pipelines.sources.reading import Fields, as_object, flag, items, member, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.crm import ContactIdentified
from schemas.messages import MessageKind

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
        contact=together(*chat.contact, phone_identity(text(card, "phone_number"), region=scene.region)),
        contact_name=chat.contact_name,
    )
    return found(*written(chat, told), fact(scene, known, identity=(told.provider_id,), time=told.time))


def chat_of(scene: Scene, fields: Fields) -> Chat:
    """Tell the contact: whom a private chat is with, or who wrote in a group."""
    chat = member(fields, "chat")
    person = member(fields, "from")
    is_group = (text(chat, "type") or "private").lower() in _GROUPS
    is_ours = is_of_the_company(scene, fields)
    contact = person if is_group else chat
    is_known = not (is_group and is_ours)
    return Chat(
        scene=scene,
        channel="telegram",
        contact=together(identity("telegram", text(contact, "id"))) if is_known else (),
        contact_name=_name(contact) if is_known else None,
        company_number=scene.account.address or None,
        operator=text(person, "id") if is_ours else None,
        thread=("telegram_group", required(chat, "id")) if is_group else None,
    )


def is_of_the_company(scene: Scene, fields: Fields) -> bool:
    """Say whether our side wrote: in a private chat everybody but the contact; in a group bots and our people."""
    chat, person = member(fields, "chat"), member(fields, "from")
    writer = text(person, "id")
    if (text(chat, "type") or "private").lower() not in _GROUPS:
        return writer is not None and writer != text(chat, "id")
    is_anonymous_admin = bool(text(member(fields, "sender_chat"), "id")) and (
        text(member(fields, "sender_chat"), "id") == text(chat, "id")
    )
    return flag(person, "is_bot") or is_anonymous_admin or writer in scene.names("own_users")


def provider_id_of(fields: Fields) -> str:
    """Give a message's id: Telegram counts messages in each chat, and of each business account, anew."""
    return _id_in_chat(fields, number=required(fields, "message_id"))


def _id_in_chat(fields: Fields, *, number: str) -> str:
    connection = text(fields, "business_connection_id")
    place = required(member(fields, "chat"), "id")
    return f"{connection}/{place}/{number}" if connection else f"{place}/{number}"


def _replied_to(fields: Fields) -> str | None:
    number = text(member(fields, "reply_to_message"), "message_id")
    return _id_in_chat(fields, number=number) if number else None


def _content(fields: Fields) -> dict[str, Any]:
    """Give kind, text and media; what we know no name for is kept as unsupported."""
    words = text(fields, "text", "caption")
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
