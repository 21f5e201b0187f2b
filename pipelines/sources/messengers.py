"""Names of messengers as aggregators write them, and whose id it is that stands for a contact there."""

import re

from msgspec import Struct

from pipelines.sources.facts import Scene
from pipelines.sources.linked_chats import people
from pipelines.sources.phones import e164, identity, phone_identity
from schemas.people import Channel, Identity

_NO_LETTER = re.compile(r"[^a-z]+")
_ENDING = re.compile(r"(?<=.)(?:group|bot|personal)$")  # what of a messenger is connected: `ok_group`, `tg_bot`
_PHONE = re.compile(r"^\+?[\d\s()-]{10,20}$", re.ASCII)


class Messenger(Struct, frozen=True):
    """A messenger: our channel, and the kind of the ids that it gives contacts.

    `has_phones` marks one where a contact's id is his number.
    """

    channel: Channel
    identity: str
    has_phones: bool = False


_WABA = Messenger("waba", "whatsapp_user", has_phones=True)
_WHATSAPP = Messenger("whatsapp", "whatsapp_user", has_phones=True)
_VK = Messenger("vk", "vk")
_MESSENGER = Messenger("messenger", "messenger")

# The first of these that stands in a name's letters tells what it is: `grWhatsApp`, `telegram_personal`, `instagramV3`.
_FRAGMENTS = (
    ("cawhatsapp", _WABA),
    ("whatsappbusiness", _WABA),
    ("whatsappapi", _WABA),
    ("whatsappcloud", _WABA),
    ("waba", _WABA),
    ("dialog", _WABA),  # 360dialog
    ("wapi", _WABA),
    ("wazzupapi", _WABA),
    ("whats", _WHATSAPP),
    ("instagram", Messenger("instagram", "instagram")),
    ("instapi", Messenger("instagram", "instagram")),
    ("telegram", Messenger("telegram", "telegram")),
    ("tgapi", Messenger("telegram", "telegram")),
    ("viber", Messenger("viber", "viber", has_phones=True)),
    ("vk", _VK),
    ("facebook", _MESSENGER),
    ("messenger", _MESSENGER),
    ("fb", _MESSENGER),
    ("sms", Messenger("sms", "other_number", has_phones=True)),
    ("mail", Messenger("email", "email")),
    ("avito", Messenger("other", "avito")),
    ("odnoklassniki", Messenger("other", "ok")),
    ("webchat", Messenger("web", "web_visitor")),
    ("livechat", Messenger("web", "web_visitor")),
    ("widget", Messenger("web", "web_visitor")),
)
_EXACT = {
    "tg": Messenger("telegram", "telegram"),
    "tele": Messenger("telegram", "telegram"),
    "ok": Messenger("other", "ok"),
    "max": Messenger("other", "max"),
    "wa": _WHATSAPP,
    "web": Messenger("web", "web_visitor"),
}
_UNKNOWN = Messenger("other", "chat_user")


def messenger_of(written: str | None) -> Messenger:
    """Tell the messenger by its name; one that we do not know is the channel `other`."""
    name = _NO_LETTER.sub("", (written or "").lower())
    short = _ENDING.sub("", name)
    if short in _EXACT:
        return _EXACT[short]
    return next((known for fragment, known in _FRAGMENTS if fragment in name), _UNKNOWN)


def named(known: Messenger, written: str | None) -> Messenger:
    """Tell names from ids: some write an Instagram account by its name, newer channels by its number."""
    is_number = written is not None and written.isascii() and written.strip().lstrip("-").isdigit()
    is_name = known.channel in {"instagram", "telegram", "vk"} and not is_number
    return Messenger(known.channel, f"{known.identity}_name") if is_name else known


def person_in(scene: Scene, messenger: Messenger, written: str | None) -> Identity | None:
    """Give the identity that an id in a messenger stands for: a number where it has numbers, else an id of its kind."""
    if written is None or not written.strip():
        return None
    if "@" in written and messenger.channel in {"whatsapp", "waba"}:
        return next(iter(people(scene, written)), None)
    return phone_in(scene, messenger, written) or identity(messenger.identity, written)


def phone_in(scene: Scene, messenger: Messenger, written: str | None) -> Identity | None:
    """Give the number that an id in a messenger is, with its country code or without; None where it is none."""
    if written is None or not messenger.has_phones or not _PHONE.match(written.strip()):
        return None
    return phone_identity(written, region=None if e164(written, region=None) else scene.region)
