"""Facts about calls and their recordings; every one may carry what its provider knew of the whole call."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.ids import Id
from schemas.instants import Instant
from schemas.people import AnsweredBy, Channel, Device, Direction, Identity, Role, Side

Seconds = Annotated[float, Meta(ge=0, le=604_800, description="seconds, at most a week")]
ShortText = Annotated[str, Meta(max_length=1024)]
Contact = Annotated[
    tuple[Identity, ...], Meta(max_length=16, description="the customer, by all identities the fact names")
]
ChannelRoles = Annotated[
    tuple[Role, ...], Meta(max_length=16, description="who speaks in each audio channel, first channel first")
]
Disposition = Literal[
    "completed",
    "no_answer",
    "busy",
    "rejected",
    "cancelled",
    "failed",
    "not_permitted",
    "voicemail",
    "unknown",
]
RatedBy = Literal["operator", "contact", "machine", "unknown"]
Consent = Literal["given", "refused", "unknown"]


class CallFact(Struct, frozen=True, kw_only=True):
    """What any call fact may say of its call, because a provider's facts come in any order.

    `leg_id` names the ring of one endpoint inside the call; a fact of the call as a whole has none.
    `operator` is the endpoint as the provider writes it (`PJSIP/101`, a user id); company data says whose it is.
    """

    call_id: Annotated[Id, Meta(description="the call; the same for all its facts")]
    provider_call_id: Annotated[ShortText, Meta(description="the provider's own id of the call")]
    leg_id: Annotated[ShortText | None, Meta(description="the ring of one endpoint inside the call")] = None
    direction: Annotated[Direction, Meta(description="seen from the company")] = "unknown"
    channel: Channel = "other"
    contact: Contact = ()
    contact_name: Annotated[ShortText | None, Meta(description="the customer's name as the provider has it")] = None
    company_number: Annotated[ShortText | None, Meta(description="the company's own number or id in this call")] = None
    operator: Annotated[ShortText | None, Meta(description="the endpoint as the provider writes it")] = None
    device: Annotated[Device, Meta(description="what the company's side called from")] = "unknown"
    provider_status: Annotated[ShortText | None, Meta(description="the provider's own word, untouched")] = None
    is_test: Annotated[bool, Meta(description="the provider says that it was a test")] = False


class CallOffered(CallFact, frozen=True, kw_only=True):
    """A call was offered to the called side; `time` is when it began."""

    media: Literal["audio", "video"] = "audio"


class CallRang(CallFact, frozen=True, kw_only=True):
    """The called side's device began to ring at `time`."""


class CallAccepted(CallFact, frozen=True, kw_only=True):
    """Somebody or something picked up at `time`; only `human` and `unknown` may count as an answer."""

    answered_by: AnsweredBy = "unknown"


class CallRejected(CallFact, frozen=True, kw_only=True):
    """A side declined the call at `time`."""

    rejected_by: Side = "unknown"


class CallTransferred(CallFact, frozen=True, kw_only=True):
    """The call was handed on at `time` from one endpoint to another."""

    from_operator: ShortText | None = None
    to_operator: ShortText | None = None


class CallEnded(CallFact, frozen=True, kw_only=True):
    """A call, or with `leg_id` one leg of it, was over at `time`.

    `talk_seconds` runs from pickup to the end and leaves ringing, queueing and machines out; None when the
    provider does not say. `total_seconds` is the provider's own length with ringing, where it gives one.
    `disposition` is how the provider says it ended, in our words; our outcome is judged later, from all facts.
    """

    started_at: Instant | None = None
    answered_at: Instant | None = None
    talk_seconds: Annotated[Seconds | None, Meta(description="pickup to end, without ringing, queue or machine")] = None
    total_seconds: Annotated[Seconds | None, Meta(description="the provider's whole length, ringing included")] = None
    disposition: Annotated[Disposition, Meta(description="how the provider says it ended, in our words")] = "unknown"
    answered_by: AnsweredBy = "unknown"
    ended_by: Side = "unknown"
    error_code: Annotated[ShortText | None, Meta(description="the provider's code of what went wrong")] = None


class CallRated(CallFact, frozen=True, kw_only=True):
    """Somebody, or something, gave the call a mark, `best_rating` being the best there is."""

    rating: Annotated[float, Meta(ge=0, le=100, description="the mark, as the provider counts it")]
    best_rating: Annotated[float, Meta(gt=0, le=100, description="the best mark there is")] = 5
    rated_by: Annotated[RatedBy, Meta(description="who gave the mark")] = "unknown"


class CallTagged(CallFact, frozen=True, kw_only=True):
    """The call was given these labels, instead of those that it had before; none when they were all taken away."""

    tags: Annotated[tuple[ShortText, ...], Meta(max_length=64, description="all its labels, as the provider has them")]


class CallQualityMeasured(CallFact, frozen=True, kw_only=True):
    """How well the sound came through, as the provider measured it on what it received from this leg."""

    mos: Annotated[float, Meta(ge=0, le=5, description="mean opinion score, 5 is the best")] | None = None
    lost_share: Annotated[float, Meta(ge=0, le=1, description="share of packets that did not come")] | None = None
    jitter_milliseconds: Annotated[float, Meta(ge=0, le=60_000, description="how unevenly they came")] | None = None


class CallRecordingMadeAvailable(CallFact, frozen=True, kw_only=True):
    """The provider can hand out a recording; `url` may live for minutes only (`expires_at`).

    `channel_roles` says who speaks in each audio channel, first channel first; empty when the provider does not.
    """

    recording_id: Id
    url: Annotated[str, Meta(min_length=1, max_length=4096, description="where the provider hands it out")]
    media_type: ShortText | None = None
    channels: Annotated[int, Meta(ge=1, le=16, description="audio channels")] | None = None
    channel_roles: ChannelRoles = ()
    duration_seconds: Seconds | None = None
    consent: Annotated[Consent, Meta(description="whether the contact agreed to be recorded")] = "unknown"
    expires_at: Instant | None = None


class CallRecordingStored(CallFact, frozen=True, kw_only=True):
    """A recording lies in our store under `path` (relative to the store), its bytes checked by `sha256`."""

    recording_id: Id
    path: Annotated[str, Meta(min_length=1, max_length=1024, description="relative to the store of recordings")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Meta(ge=0)]
    media_type: ShortText | None = None
    channel_roles: ChannelRoles = ()
