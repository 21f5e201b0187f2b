"""The one list of event types: what each means, its newest version, its struct and its topic."""

from msgspec import Struct

from schemas import accounts, alerts, calls, crm, decisions, messages, permissions, transcripts, withdrawals


class EventType(Struct, frozen=True):
    """One kind of fact: `name` in the past tense, the newest `version`, the struct of its `data`, its topic.

    What withdraws an event has no topic of its own: it travels on that of the event.
    """

    name: str
    version: int
    struct: type[Struct]
    topic: str

    @property
    def dataschema(self) -> str:
        """The name and version as they stand in the envelope."""
        return f"{self.name}/{self.version}"

    @property
    def meaning(self) -> str:
        """What one event of this type says, in a sentence or two."""
        return " ".join((self.struct.__doc__ or "").split())


_ALL = (
    EventType("call.offered", 1, calls.CallOffered, "calls"),
    EventType("call.rang", 1, calls.CallRang, "calls"),
    EventType("call.accepted", 1, calls.CallAccepted, "calls"),
    EventType("call.rejected", 1, calls.CallRejected, "calls"),
    EventType("call.transferred", 1, calls.CallTransferred, "calls"),
    EventType("call.ended", 2, calls.CallEnded, "calls"),
    EventType("call.rated", 1, calls.CallRated, "calls"),
    EventType("call.tagged", 1, calls.CallTagged, "calls"),
    EventType("call.quality_measured", 1, calls.CallQualityMeasured, "calls"),
    EventType("call.recording_made_available", 1, calls.CallRecordingMadeAvailable, "calls"),
    EventType("call.recording_stored", 1, calls.CallRecordingStored, "transcripts"),
    EventType("call.transcribed", 2, transcripts.CallTranscribed, "transcripts"),
    EventType("message.received", 1, messages.MessageReceived, "messages"),
    EventType("message.sent", 1, messages.MessageSent, "messages"),
    EventType("message.delivered", 1, messages.MessageDelivered, "messages"),
    EventType("message.read", 1, messages.MessageRead, "messages"),
    EventType("message.failed", 1, messages.MessageFailed, "messages"),
    EventType("message.reacted_to", 1, messages.MessageReactedTo, "messages"),
    EventType("permission.requested", 1, permissions.PermissionRequested, "crm"),
    EventType("permission.granted", 1, permissions.PermissionGranted, "crm"),
    EventType("permission.denied", 1, permissions.PermissionDenied, "crm"),
    EventType("permission.revoked", 1, permissions.PermissionRevoked, "crm"),
    EventType("contact.identified", 1, crm.ContactIdentified, "crm"),
    EventType("deal.created", 1, crm.DealCreated, "crm"),
    EventType("deal.linked", 1, crm.DealLinked, "crm"),
    EventType("deal.parted", 1, crm.DealParted, "crm"),
    EventType("deal.changed", 1, crm.DealChanged, "crm"),
    EventType("deal.moved", 1, crm.DealMoved, "crm"),
    EventType("deal.won", 1, crm.DealWon, "crm"),
    EventType("deal.lost", 1, crm.DealLost, "crm"),
    EventType("deal.deleted", 1, crm.DealDeleted, "crm"),
    EventType("deal.restored", 1, crm.DealRestored, "crm"),
    EventType("deal.merged", 1, crm.DealMerged, "crm"),
    EventType("account.linked", 1, accounts.AccountLinked, "accounts"),
    EventType("account.unlinked", 1, accounts.AccountUnlinked, "accounts"),
    EventType("account.came_online", 1, accounts.AccountCameOnline, "accounts"),
    EventType("account.went_offline", 1, accounts.AccountWentOffline, "accounts"),
    EventType("account.restricted", 1, accounts.AccountRestricted, "accounts"),
    EventType("account.quality_changed", 1, accounts.AccountQualityChanged, "accounts"),
    EventType("dead_letter.retried", 1, decisions.DeadLetterRetried, "decisions"),
    EventType("dead_letter.discarded", 1, decisions.DeadLetterDiscarded, "decisions"),
    EventType("person.erased", 1, decisions.PersonErased, "decisions"),
    EventType("alert.raised", 2, alerts.AlertRaised, "alerts"),
    EventType(withdrawals.WITHDRAWN, 1, withdrawals.EventWithdrawn, ""),
)

EVENT_TYPES: dict[str, EventType] = {event_type.name: event_type for event_type in _ALL}
TYPE_OF_STRUCT: dict[type[Struct], EventType] = {event_type.struct: event_type for event_type in _ALL}
