"""Old versions become today's: one pure step from each version to the next, walked in a chain."""

from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]
Step = Callable[[Fields], Fields]


def _call_ended_1_to_2(fields: Fields) -> Fields:
    """`duration_seconds` meant talk time in version 1, and `status` was the disposition.

    Version 2 names both by what they mean, because providers' "duration" often holds the ringing too.
    """
    upcast = {name: field for name, field in fields.items() if name not in {"duration_seconds", "status"}}
    upcast["talk_seconds"] = fields.get("duration_seconds")
    upcast["disposition"] = fields.get("status", "unknown")
    return upcast


def _call_transcribed_1_to_2(fields: Fields) -> Fields:
    """Version 1 knew no voices within a channel: where there were channels, they told the speakers apart."""
    channels = fields.get("channels")
    return {**fields, "separation": "channels" if isinstance(channels, int) and channels > 1 else "unknown"}


def _alert_raised_1_to_2(fields: Fields) -> Fields:
    """Version 1 knew no rejection streaks."""
    return fields


STEPS: dict[tuple[str, int], Step] = {
    ("alert.raised", 1): _alert_raised_1_to_2,
    ("call.ended", 1): _call_ended_1_to_2,
    ("call.transcribed", 1): _call_transcribed_1_to_2,
}


def upcast(type_: str, fields: Fields, *, version: int, newest: int) -> Fields:
    """Walk `fields` of an older `version` up to the `newest`; today's fields come back as they are."""
    for step_version in range(version, newest):
        fields = STEPS[type_, step_version](fields)
    return fields
