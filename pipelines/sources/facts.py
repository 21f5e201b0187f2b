"""Wrapping what a source found as events: ids, keys and the two clocks, checked by the codec before they leave."""

from msgspec import Struct
from msgspec.structs import replace

from schemas import codec
from schemas.accounts import AccountFact
from schemas.calls import CallFact
from schemas.catalogue import TYPE_OF_STRUCT
from schemas.company import Account, Company
from schemas.crm import ContactIdentified, DealFact
from schemas.envelope import Event, event
from schemas.errors import InvalidEvent
from schemas.ids import Id, conversation_id, fact_id
from schemas.instants import Instant
from schemas.messages import MessageFact, MessageReceived, MessageSent
from schemas.people import Identity
from schemas.permissions import PermissionFact
from schemas.records import RawRecord


class Scene(Struct, frozen=True):
    """Whose raw record is being read: it, the company, the account."""

    raw: RawRecord
    company: Company
    account: Account

    @property
    def region(self) -> str:
        """Country of numbers written without one, and behind it the area code of shorter ones where it is stated."""
        return self.company.region_of(self.account)

    @property
    def zone(self) -> str:
        """Name of the zone in which the source writes local times."""
        return self.company.zone_of(self.account)

    @property
    def endpoints(self) -> frozenset[str]:
        """Where people of the company take calls.

        Assumption: at what was an operator's for a time no contact sits before or after it.
        """
        operators = self.company.operators
        seats = {seat.endpoint for operator in operators for seat in operator.seats}
        return frozenset(seats.union(*(operator.endpoints for operator in operators)))

    def setting(self, name: str) -> str:
        """Text of one of the account's settings, empty when it is not set."""
        return self.account.setting(name)

    def is_on(self, name: str) -> bool:
        """Say whether one of the account's settings is `true`."""
        return self.account.settings.get(name) is True

    def listed(self, name: str) -> tuple[str, ...]:
        """Words of one of the account's settings, one alone or a list."""
        return self.account.listed(name)

    def names(self, setting: str) -> frozenset[str]:
        """Words listed in one of the account's settings, in whatever order."""
        return frozenset(self.listed(setting))


def fact(scene: Scene, struct: Struct, *, identity: tuple[str, ...], time: Instant, is_of_one: bool = False) -> Event:
    """Wrap one fact; `identity` is how the provider tells it from every other fact of the same type.

    `is_of_one` says that a message's conversation is one contact's, though it goes by no identity of his.

    Raises InvalidEvent, naming the field, where it breaks its own schema (text too long, NUL, seconds out of range).
    """
    raw, account = scene.raw, scene.account
    if isinstance(struct, MessageFact) and not is_of_one and _is_of_a_group(scene, struct):
        struct = replace(struct, contact=(), contact_name=None)
    if isinstance(struct, MessageSent) and struct.kind == "text" and struct.text is None:
        struct = replace(struct, kind="unsupported")  # a status alone: what was sent is not known
    wrapped = event(
        struct,
        id=fact_id(raw.source, account.id, TYPE_OF_STRUCT[type(struct)].name, *identity),
        source=raw.source,
        account=account.id,
        company=scene.company.id,
        time=time,
        recordedat=raw.received_at,
        key=_key(struct, account=account),
        causationid=raw.raw_id,
    )
    return codec.reread(wrapped)


def _is_of_a_group(scene: Scene, struct: MessageFact) -> bool:
    """Say whether a fact that is no message of a contact's names one of many in its conversation.

    Whoever of a group got a message, read it or put an emoji on it is not who wrote it: as the contacts of one message
    they would be one person.
    """
    if isinstance(struct, MessageReceived) or not struct.contact:
        return False
    company = scene.company.id
    return all(conversation_id(company, one.kind, one.value) != struct.conversation_id for one in struct.contact)


def conversation_of(scene: Scene, contact: tuple[Identity, ...]) -> Id:
    """Give the conversation with a contact, by his phone where it is known; raises InvalidEvent without identity."""
    if not contact:
        raise InvalidEvent("the contact has no identity")
    return conversation_id(scene.company.id, contact[0].kind, contact[0].value)


def contact_key(contact: tuple[Identity, ...]) -> str:
    """Give the text by which a contact's facts are kept in order."""
    return f"{contact[0].kind}:{contact[0].value}"


def _key(struct: Struct, *, account: Account) -> str:
    if isinstance(struct, CallFact):
        return struct.call_id
    if isinstance(struct, MessageFact):
        return struct.conversation_id
    if isinstance(struct, PermissionFact | ContactIdentified):
        return contact_key(struct.contact)
    if isinstance(struct, DealFact):
        return struct.deal_id
    if isinstance(struct, AccountFact):
        return account.id
    raise TypeError(type(struct))
