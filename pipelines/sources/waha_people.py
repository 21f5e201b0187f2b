"""Whose event of WAHA is read, and the ids of its messages, in which the chat stands as well."""

import re

from msgspec import Struct

from pipelines.sources.facts import Scene
from pipelines.sources.linked_chats import Chat, chat, own_number, people
from pipelines.sources.reading import Fields, flag, loose, member, text
from schemas.errors import InvalidEvent
from schemas.ids import Id, message_id
from schemas.instants import Instant

# `true_77011234567@c.us_3EB0…`, in groups with the member behind it; or the last part alone.
_WHOLE = re.compile(r"^(true|false)_([^_\s]+@[a-z.]+)_([^_\s]+)(?:_(\S+@[a-z.]+))?$", re.ASCII)


class Session(Struct, frozen=True):
    """One session of the server: its name, its own chat id and the one that hides it, and when it sent what is read."""

    scene: Scene
    name: str | None
    own: str | None
    hidden: str | None
    time: Instant

    @property
    def number(self) -> str | None:
        """The company's number."""
        return own_number(self.scene, self.own)

    def is_own(self, *written: str | None) -> bool:
        """Say whether one of these chat ids is the session's own."""
        return not set(people(self.scene, self.own, self.hidden)).isdisjoint(people(self.scene, *written))

    def message(self, provider_id: str) -> Id:
        """Id of a message, whichever way its own is written."""
        return message_id(self.scene.raw.source, self.scene.account.id, bare(provider_id))


class Key(Struct, frozen=True, kw_only=True):
    """Which message, in which chat, written by whom."""

    provider_id: str
    chat: Chat
    is_ours: bool


def bare(written: str) -> str:
    """Cut a message's id down to the part that is the same wherever it is named."""
    parts = _WHOLE.match(written)
    return parts.group(3) if parts else written


def key_of(session: Session, fields: Fields) -> Key:
    """Read which message is meant; engines differ in where the chat stands, and all write it into the id.

    Raises InvalidEvent where the id is missing.
    """
    written = id_of(fields, "id")
    if written is None:
        raise InvalidEvent("id is missing")
    parts = _WHOLE.match(written)
    is_ours = parts.group(1) == "true" if parts else flag(fields, "fromMe")
    told = [parts.group(2)] if parts else []
    begin, end = text(fields, "from"), text(fields, "to")
    told += [text(fields, "chatId") or "", (end or begin if is_ours else begin) or ""]
    at = next((one for one in told if one), None)
    wrote = text(fields, "participant", "author") or (parts.group(4) if parts else None)
    if wrote is None and begin and at and at != begin and at.endswith("@g.us"):
        wrote = begin  # a vote in a group names its voter there
    others = _others(fields) if at and at.endswith("@lid") else []
    known = chat(session.scene, at, *others, member=wrote)
    return Key(provider_id=bare(written), chat=known, is_ours=is_ours)


def id_of(fields: Fields, name: str) -> str | None:
    """Give an id that is written as text, or as an object around it."""
    value = fields.get(name)
    return text(member(fields, name), "_serialized", "id") if isinstance(value, dict) else text(fields, name)


def _others(fields: Fields) -> list[str]:
    """Give the phone's id that an engine keeps beside one that hides it."""
    raw = loose(fields, "_data")
    key = loose(raw, "key")
    info = loose(raw, "Info") or raw  # of a receipt they stand in itself
    known = [key.get("remoteJidAlt"), key.get("senderPn"), info.get("SenderAlt"), info.get("RecipientAlt")]
    return [one for one in known if isinstance(one, str) and "@" in one]
