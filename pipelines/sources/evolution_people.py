"""Whose event of Evolution is read, and the chat that its message keys name."""

from typing import Any

from msgspec import Struct

from pipelines.sources.facts import Scene
from pipelines.sources.linked_chats import Chat, chat, own_number
from pipelines.sources.reading import Fields, items, loose, text
from schemas.instants import Instant


class Instance(Struct, frozen=True):
    """One instance of the server: its name, its own chat id, and when it sent what is read."""

    scene: Scene
    name: str | None
    own: str | None
    time: Instant

    @property
    def number(self) -> str | None:
        """The company's number."""
        return own_number(self.scene, self.own)


def chat_of(instance: Instance, key: Fields) -> Chat:
    """Read the chat of a message key: beside an id that hides the phone (`@lid`) another one may name it."""
    others = [text(key, name) for name in ("remoteJidAlt", "senderPn", "senderLid", "previousRemoteJid")]
    member = text(key, "participantAlt", "participantPn", "participant")
    return chat(instance.scene, text(key, "remoteJid"), *others, member=member)


def listed(data: Any, *names: str) -> list[tuple[str, Any]]:
    """Give what an event holds, each under its place: one object, a list of them, or a list under one of `names`."""
    if isinstance(data, list):
        return _numbered("data", {"data": data}, "data")
    held = loose({"data": data}, "data")
    name = next((name for name in names if isinstance(held.get(name), list)), None)
    return [("data", data)] if name is None else _numbered(f"data.{name}", held, name)


def _numbered(path: str, fields: Fields, name: str) -> list[tuple[str, Any]]:
    return [(f"{path}[{at}]", one) for at, one in enumerate(items(fields, name))]
