"""Runbooks walked: the commands that one prints are typed one after the other, as they stand, and none is left out."""

import re
import shlex
from pathlib import Path

from tests.angime.front_door import Said, typed

FOLDER = Path(__file__).parent.parent / "docs" / "runbooks"
COMMAND = re.compile(r"`(angime [^`]*)`")


class Runbook:
    """A runbook on its way: `type` takes its next command, `done` says that all were taken."""

    def __init__(self, name: str, *, home: Path, kafka: str = "127.0.0.1:1") -> None:
        self._left = COMMAND.findall((FOLDER / f"{name}.md").read_text().replace("\n   ", " "))
        self.home = home
        self.kafka = kafka

    def read(self, command: str) -> None:
        """Take the next command, which the test carries out in its own way: a stage that runs until it is stopped."""
        assert self._left[:1] == [command]
        del self._left[0]

    def type(self, command: str, *, code: int = 0, **words: str) -> Said:
        """Take the next command, type it with `words` in the places of its capitals, and expect its exit code."""
        self.read(command)
        capitals = re.compile("|".join(words) or "$^")
        meant = [capitals.sub(lambda found: words[found[0]], word) for word in shlex.split(command)[1:]]
        said = typed(*meant, home=self.home, ANGIME_KAFKA=self.kafka)
        assert (command, said.code) == (command, code), said.err
        return said

    def done(self) -> None:
        """Say that no command was left out."""
        assert self._left == []
