"""Answers that are kept as bytes, by what was asked of which state, for whoever asks the same.

Streamlit's own caches remember every key that was ever asked for, and each state of the warehouse brings other keys.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from threading import Lock

MAX_ANSWERS = 1_000


class Answers:
    """What was answered last, of more than MAX_ANSWERS not those that nobody asked for the longest.

    Whoever asks what is just being asked waits for its answer; where it is not answered, he asks himself.
    """

    def __init__(self, *, most: int = MAX_ANSWERS) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._asked: dict[Hashable, tuple[Lock, int]] = {}  # what is being asked, and by how many
        self._lock = Lock()

    def give(self, key: Hashable, ask: Callable[[], bytes]) -> bytes:
        """Give the answer that is kept under a key, or what `ask` gives; raises what it raises."""
        with self._turn(key):
            with self._lock:
                if (kept := self._kept.get(key)) is not None:
                    self._kept.move_to_end(key)
                    return kept
            answer = ask()
            with self._lock:
                self._kept[key] = answer
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            return answer

    @contextmanager
    def _turn(self, key: Hashable) -> Generator[None]:
        """Let one at a time look for a key, or ask for it."""
        with self._lock:
            turn, others = self._asked.get(key, (Lock(), 0))
            self._asked[key] = (turn, others + 1)
        try:
            with turn:
                yield
        finally:
            with self._lock:
                turn, others = self._asked.pop(key)
                if others > 1:
                    self._asked[key] = (turn, others - 1)
