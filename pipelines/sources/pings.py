"""Pings: small bodies with which a provider makes sure of an address, and wants to hear 200 before it is proved."""

from collections.abc import Callable

from pipelines.sources.contract import Answer, Challenge, Request
from pipelines.sources.reading import Fields, as_object
from schemas.codec import parse_json
from schemas.errors import InvalidEvent

MAX_PING_BYTES = 4096


def answers_to(is_ping: Callable[[Fields], bool]) -> Challenge:
    """Give a challenge that answers what `is_ping` knows, and nothing else."""

    def challenge(request: Request, *, secrets: object, verify_secret: object) -> Answer | None:  # noqa: ARG001  # the port's form
        if len(request.body) > MAX_PING_BYTES:
            return None
        try:
            return Answer() if is_ping(as_object(parse_json(request.body), what="the body")) else None
        except InvalidEvent:
            return None

    return challenge
