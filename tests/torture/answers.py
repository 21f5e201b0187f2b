"""Answers of a broker that did what it was asked and says that it could not: an error code put in place of success.

Assumption: requests and answers are laid out as in Kafka's protocol guide, and are told apart by their correlation id.
"""

import struct

from msgspec import Struct

PRODUCE, OFFSET_COMMIT = 0, 8
# From these versions on an answer is flexible: lengths are varints, and its header ends with tags.
_FLEXIBLE = {PRODUCE: 9, OFFSET_COMMIT: 8}
_CODES = {
    PRODUCE: {
        "NOT_LEADER_OR_FOLLOWER": 6,
        "REQUEST_TIMED_OUT": 7,
        "NOT_ENOUGH_REPLICAS": 19,
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND": 20,
        "KAFKA_STORAGE_ERROR": 56,
    },
    OFFSET_COMMIT: {
        "COORDINATOR_LOAD_IN_PROGRESS": 14,
        "COORDINATOR_NOT_AVAILABLE": 15,
        "NOT_COORDINATOR": 16,
    },
}
# All that may be said by name: after each of them a client is to try again.
ERRORS = frozenset(error for codes in _CODES.values() for error in codes)
_HEAD = struct.Struct(">hhi")  # of a request: what is asked, in which version, and its correlation id
_SHORT = struct.Struct(">h")
_INDEX_BYTES = _THROTTLE_BYTES = _COUNT_BYTES = 4


class Asked(Struct, frozen=True):
    """What a request asks: the number of its kind, and the version in which it is to be answered."""

    kind: int
    version: int


def read_request(frame: bytes) -> tuple[int, Asked]:
    """Give the correlation id of a request, a frame without its length, and what it asks."""
    kind, version, correlation = _HEAD.unpack_from(frame)
    return correlation, Asked(kind, version)


def errors_of(asked: Asked) -> tuple[str, ...]:
    """Name the errors with which a request may be answered here; none where it is passed on as it is."""
    return tuple(_CODES.get(asked.kind, ()))


def refused(answer: bytes, asked: Asked, *, error: str) -> bytes:
    """Write an error in place of what is said of the first partition; `answer` is a frame without its length."""
    place = _INDEX_BYTES  # the correlation id
    is_flexible = asked.version >= _FLEXIBLE[asked.kind]
    place += 1 if is_flexible else 0  # no tags
    place += _THROTTLE_BYTES if asked.kind == OFFSET_COMMIT else 0
    if is_flexible:
        topics, name = answer[place], answer[place + 1]
        place += 2 + name - 1 + 1  # both, the name's text, and how many partitions
    else:
        [topics] = struct.unpack_from(">i", answer, place)
        [name] = _SHORT.unpack_from(answer, place + _COUNT_BYTES)
        place += _COUNT_BYTES + _SHORT.size + name + _COUNT_BYTES
    place += _INDEX_BYTES
    if not topics:
        return answer
    return answer[:place] + _SHORT.pack(_CODES[asked.kind][error]) + answer[place + _SHORT.size :]
