"""Alerts: that something rose of which a company wants to be told at once."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.instants import Instant

AlertKind = Literal[
    "missed_call",
    "low_answer_rate",
    "permission_expiring",
    "account_restricted",
    "low_quality",
    "rejection_streak",
    "source_silent",
    "dead_letters",
]
RuleName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_\-]{0,63}$", description="lower case, digits, _ and -")]


class AlertRaised(Struct, frozen=True, kw_only=True):
    """Something held of which a company wants to be told; one id however often it is seen.

    `rule` stands in company.toml. `about` is what it is about: the first call of a missed episode, a permission, the
    fact that restricted or judged an account, an account, or the company. `count`, `share` and `minutes` are what was
    found, as far as the kind has them.
    """

    rule: RuleName
    kind: AlertKind
    about: Annotated[str, Meta(min_length=1, max_length=256, description="ids of our own making, never an identity")]
    since: Annotated[Instant, Meta(description="when what is told of began")]
    count: int | None = None
    share: float | None = None
    minutes: int | None = None
