"""Deletes recordings of erased persons from the store, for those who know where they lie."""

from collections.abc import Sequence

from analytics.anonymous import ERASED
from angime.settings import load
from streams.settings import StreamsSettings
from streams.store import forget, open_store


def forget_recordings(paths: Sequence[str]) -> int:
    """Delete what lies at these paths; gives how many there were. Raises NotYet while the store is away.

    Facts that are anonymous already name no place of the store.
    """
    meant = [path for path in paths if not path.startswith(f"{ERASED}/")]
    if not meant:
        return 0
    store = open_store(load(StreamsSettings).recordings_url)
    return sum(forget(store, path) for path in meant)
