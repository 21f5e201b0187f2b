"""The envelope of every event: CloudEvents 1.0 attributes, with two clocks and the tenant."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.catalogue import EVENT_TYPES, TYPE_OF_STRUCT
from schemas.ids import Id
from schemas.instants import Instant
from schemas.withdrawals import EventWithdrawn

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_\-]{0,63}$", description="lower case, digits, _ and -")]
Key = Annotated[str, Meta(min_length=1, max_length=256, description="what the fact is about; keeps its order")]
Clock = Annotated[Instant, Meta(description="by our clock, when it was received or made; RFC 3339, UTC")]
Occurred = Annotated[Instant, Meta(description="by the source's clock, when it occurred; RFC 3339, UTC")]


class Attributes(Struct, frozen=True, kw_only=True):
    """The attributes of an event, without its data.

    `source` is the provider, `time` when the fact occurred by the source's clock, `recordedat` when we received it
    by ours, `subject` and `partitionkey` what it is about and what keeps its order, `causationid` the raw record or
    event it was made from. Of two events of one id that with the later `revision` counts, and one without any before
    all others: so a mistake of a translator is mended.
    """

    id: Id
    source: Annotated[Name, Meta(description="the provider, such as twilio")]
    type: Annotated[str, Meta(description="the kind of fact, noun.past_participle")]
    subject: Key
    time: Occurred
    recordedat: Clock
    company: Annotated[Name, Meta(description="the tenant")]
    account: Annotated[Name, Meta(description="the connected number or session at the source")]
    partitionkey: Key
    dataschema: Annotated[str, Meta(description="type and version of data, such as call.ended/2")]
    causationid: Annotated[Id | None, Meta(description="the raw record or event that this was made from")] = None
    revision: Annotated[
        Instant | UnsetType,
        Meta(
            description="only where it was told anew, by a correction: when; the latest takes the place of all before"
        ),
    ] = UNSET
    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"


class Event(Attributes, frozen=True, kw_only=True):
    """One fact: the attributes, and `data`, a frozen struct of the event's type."""

    data: Any


def event(  # noqa: PLR0913  # the envelope has as many attributes as it has
    data: Struct,
    *,
    id: Id,  # noqa: A002  # CloudEvents calls it so
    source: str,
    account: str,
    company: str,
    time: Instant,
    recordedat: Instant,
    key: str,
    causationid: Id | None = None,
    revision: Instant | UnsetType = UNSET,
) -> Event:
    """Wrap today's struct `data` in its envelope; `key` is the subject and the ordering key."""
    event_type = TYPE_OF_STRUCT[type(data)]
    return Event(
        id=id,
        source=source,
        type=event_type.name,
        subject=key,
        time=time,
        recordedat=recordedat,
        company=company,
        account=account,
        partitionkey=key,
        dataschema=event_type.dataschema,
        causationid=causationid,
        revision=revision,
        data=data,
    )


def topic_of(fact: Event) -> str:
    """Name, without prefix, of the topic on which an event travels: by its type, or by that which it withdraws."""
    return EVENT_TYPES[fact.data.event_type if isinstance(fact.data, EventWithdrawn) else fact.type].topic
