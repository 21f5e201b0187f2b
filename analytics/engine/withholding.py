"""Withholding a library from those who only look whether it is there."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from threading import local
from types import ModuleType


class Withholding(MetaPathFinder):
    """Lets a library be taken for not installed by the thread that is inside `meanwhile`, and by no other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._asking = local()

    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        """Leave every library to the finders behind this one, but the one that is withheld."""
        if fullname == self._name and getattr(self._asking, "is_now", False):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)

    @contextmanager
    def meanwhile(self) -> Generator[None]:
        """Withhold it from this thread, unless it is there already."""
        self._asking.is_now = True
        try:
            yield
        finally:
            self._asking.is_now = False
