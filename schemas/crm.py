"""Facts that a CRM tells: which identities are one contact, and how its deals move until they are won or lost."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.calls import Contact, ShortText
from schemas.ids import Id
from schemas.people import Identity

Amount = Annotated[
    str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$", description="decimal text such as 12500.50, no float")
]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="a currency of ISO 4217 such as KZT")]

DealField = Literal["amount", "operator", "pipeline"]


class ContactIdentified(Struct, frozen=True, kw_only=True):
    """These identities are known to be one and the same contact; the facts of each become facts of all."""

    contact: Annotated[tuple[Identity, ...], Meta(min_length=1, max_length=16)]
    contact_name: Annotated[ShortText | None, Meta(description="the contact's name as the provider has it")] = None


class DealFact(Struct, frozen=True, kw_only=True):
    """What any deal fact may say of its deal, because a CRM's facts come in any order.

    `operator` is the person responsible as the CRM writes him; `amount` and `currency` are what the deal is worth.
    """

    deal_id: Annotated[Id, Meta(description="the deal; the same for all its facts")]
    provider_deal_id: Annotated[ShortText, Meta(description="the CRM's own id of the deal")]
    contact: Contact = ()
    contact_name: Annotated[ShortText | None, Meta(description="the contact's name as the CRM has it")] = None
    pipeline: Annotated[ShortText | None, Meta(description="the CRM's own id or name of the funnel")] = None
    stage: Annotated[ShortText | None, Meta(description="the CRM's own id or name of the stage it is in now")] = None
    operator: Annotated[ShortText | None, Meta(description="who is responsible, as the CRM writes him")] = None
    amount: Amount | None = None
    currency: Currency | None = None
    provider_status: Annotated[ShortText | None, Meta(description="the provider's own word, untouched")] = None


class DealCreated(DealFact, frozen=True, kw_only=True):
    """A deal (or lead) was opened at `time`."""


class DealLinked(DealFact, frozen=True, kw_only=True):
    """A deal is known since `time` to be this contact's; CRMs tell it apart from the deal's own course."""


class DealParted(DealFact, frozen=True, kw_only=True):
    """A deal is known since `time` to be no longer this contact's; whom else its facts name keeps it."""

    contact: Annotated[  # pyright: ignore[reportGeneralTypeIssues]  # whom a parting names is all that it says
        tuple[Identity, ...],
        Meta(min_length=1, max_length=16, description="who has it no longer, by all identities the fact names"),
    ]


class DealChanged(DealFact, frozen=True, kw_only=True):
    """Something of a deal changed at `time`, and its stage is not said to have: it holds what is known to stand since.

    What is left out may stand as before; what holds nothing since then is named in `emptied`.
    """

    emptied: Annotated[
        tuple[DealField, ...],
        Meta(max_length=3, description="which fields hold nothing since then"),
    ] = ()


class DealMoved(DealFact, frozen=True, kw_only=True):
    """A deal changed its stage at `time`, neither won nor lost; the stage before stands in `from_stage` if known."""

    from_stage: ShortText | None = None


class DealWon(DealFact, frozen=True, kw_only=True):
    """A deal was won at `time`."""


class DealLost(DealFact, frozen=True, kw_only=True):
    """A deal was lost at `time`; `reason` is the CRM's own word for why."""

    reason: ShortText | None = None


class DealDeleted(DealFact, frozen=True, kw_only=True):
    """A deal was deleted in the CRM at `time`: it counts nowhere until it is restored."""


class DealRestored(DealFact, frozen=True, kw_only=True):
    """A deal that was deleted is there again since `time`, and stands where its other facts say."""


class DealMerged(DealFact, frozen=True, kw_only=True):
    """A deal went into another at `time`: since then the two count as that one, which is whose this one was, too."""

    into_deal_id: Annotated[Id, Meta(description="the deal that it went into")]
