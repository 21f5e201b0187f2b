"""What takes an event back that was told by mistake."""

from typing import Annotated

from msgspec import Meta, Struct

WITHDRAWN = "event.withdrawn"


class EventWithdrawn(Struct, frozen=True, kw_only=True):
    """What was told under this id is told no more: today's code and settings make no such event of what was received.

    It travels on the topic of what it withdraws, with a `revision`, and names nobody.
    """

    event_type: Annotated[str, Meta(max_length=64, description="type of the event that is withdrawn")]
    entity: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=256,
            description="what the event was folded with: id of its call, message or deal, its account, or its own id",
        ),
    ]
