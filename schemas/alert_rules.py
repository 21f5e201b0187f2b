"""What a company wants to be told of at once, through which channels, and when not; checked as company.toml is."""

from datetime import time
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.envelope import Name
from schemas.hours import parse_span, span_at
from schemas.listening import Language
from schemas.secret_references import SecretReference

Minutes = Annotated[int, Meta(ge=1, le=10_080)]


class Channel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alerts go: `apprise` sends to an address that Apprise reads (Telegram, mail, …), `webhook` posts JSON.

    `url` points to the address, for it holds secrets. A webhook with a `secret` is signed as Standard Webhooks say.
    """

    id: Name
    url: SecretReference
    kind: Literal["apprise", "webhook"] = "apprise"
    secret: SecretReference | None = None


class _Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A rule's name, and the channels that it goes to."""

    id: Name
    to: Annotated[tuple[Name, ...], Meta(min_length=1)]


class MissedCall(_Rule, frozen=True, kw_only=True, tag="missed_call"):
    """A call missed in business hours, and nobody called back within `minutes`."""

    minutes: Minutes = 20


class LowAnswerRate(_Rule, frozen=True, kw_only=True, tag="low_answer_rate"):
    """Of the calls of the last hour's business time, at least `least_calls`, fewer than `at_least` were answered."""

    at_least: Annotated[float, Meta(gt=0, le=1)] = 0.8
    least_calls: Annotated[int, Meta(ge=1, le=1_000_000)] = 10


class PermissionExpiring(_Rule, frozen=True, kw_only=True, tag="permission_expiring"):
    """A permission to call runs out within `minutes`."""

    minutes: Minutes = 120


class AccountRestricted(_Rule, frozen=True, kw_only=True, tag="account_restricted"):
    """A provider limits what an account may do."""


class LowQuality(_Rule, frozen=True, kw_only=True, tag="low_quality"):
    """A provider finds an account bad, warns of it, or finds that it broke a rule."""


class RejectionStreak(_Rule, frozen=True, kw_only=True, tag="rejection_streak"):
    """Three calls from an account were declined one after the other on one day."""


class SourceSilent(_Rule, frozen=True, kw_only=True, tag="source_silent"):
    """An account that told of something in the last week told of nothing for `minutes` of business time."""

    minutes: Minutes = 120


class DeadLetters(_Rule, frozen=True, kw_only=True, tag="dead_letters"):
    """At least `at_least` records were refused within the last `minutes`."""

    at_least: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    minutes: Minutes = 60


Rule = (
    MissedCall
    | LowAnswerRate
    | PermissionExpiring
    | AccountRestricted
    | LowQuality
    | RejectionStreak
    | SourceSilent
    | DeadLetters
)


class Alerts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a company is told of at once: in its `language`, and not in its local `quiet_hours`.

    What still holds when a quiet time is over is told then.
    """

    language: Language = "en"
    quiet_hours: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    rules: tuple[Rule, ...] = ()

    def channels_of(self, rule: str) -> tuple[Channel, ...]:
        """Give the channels of a rule, none where it stands here no longer."""
        wanted = next((one.to for one in self.rules if one.id == rule), ())
        return tuple(channel for channel in self.channels if channel.id in wanted)


def is_quiet(alerts: Alerts, *, at: time) -> bool:
    """Whether nothing is to be told at this local time of day."""
    return span_at(alerts.quiet_hours, at) is not None


def alert_problems(alerts: Alerts) -> list[tuple[str, str]]:
    """Say what is wrong with alerts as a whole: where, as a path in company.toml, and in a sentence."""
    problems: list[tuple[str, str]] = []
    for span in alerts.quiet_hours:
        try:
            parse_span(span)
        except ValueError:
            problems.append(
                ("alerts.quiet_hours", f"write the quiet time {span!r} like 00:00-08:00, the beginning before the end")
            )
    channels = [channel.id for channel in alerts.channels]
    rules = [rule.id for rule in alerts.rules]
    for noun, names in (("channel", channels), ("rule", rules)):
        problems += [
            (f"alerts.{noun}s.{number}", f"{noun} {name!r} of [alerts] stands twice")
            for number, name in enumerate(names)
            if name in names[:number]
        ]
    problems += [
        (f"alerts.channels.{number}", f"channel {one.id!r} has a secret, which only webhooks are signed with")
        for number, one in enumerate(alerts.channels)
        if one.secret is not None and one.kind != "webhook"
    ]
    problems += [
        (f"alerts.rules.{number}", f"rule {rule.id!r} goes to {name!r}, which is not listed under [[alerts.channels]]")
        for number, rule in enumerate(alerts.rules)
        for name in rule.to
        if name not in channels
    ]
    return problems
