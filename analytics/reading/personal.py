"""Which columns may leave without personal data: what is known to be none stays, what is not known goes."""

from typing import Literal

Treatment = Literal["kept", "replaced", "emptied"]

# Texts that say nothing of a person: words of ours or of providers, ids of our own making. Whoever hides personal
# details begins with these, and adds only what is plain for his own purpose.
NEVER_PERSONAL = frozenset(
    {
        *("company", "source", "account", "channel", "direction", "device", "media", "kind", "role", "status", "grade"),
        *("call_id", "message_id", "recording_id", "team_id", "operator_id", "deal_id", "deal_ids", "episode_id"),
        "into_deal_id",
        *("outcome", "disposition", "provider_status", "answered_by", "ended_by", "error_code"),
        *("transcript_language", "transcript_model", "time_zone", "default_region", "language", "metric"),
        *("policy", "tariff", "currency", "stage", "state", "unit", "fact", "formula", "since", "good"),
        *("relation", "column", "type", "meaning", "week_starts"),
        *("title_en", "title_ru", "title_kk", "title_pt", "meaning_en", "meaning_ru", "meaning_kk", "meaning_pt"),
    }
)
PLAIN_TEXTS = NEVER_PERSONAL | {
    *("reaction", "outcome_reason", "consent", "given_by", "pipeline", "permission_policy", "attribution", "prefix"),
    *(
        "band",
        "closed_by",
        "company_currency",
        "contact_call_id",
        "contact_country",
        "country",
        "channels",
        "figure",
        "price_country",
        "aspect",
        "sign",
        "tariff_id",
    ),
    *("first_kind", "first_direction", "first_account", "last_kind", "last_direction", "last_account", "last_channel"),
    *("last_id", "last_outcome", "scorecard_id", "scorecard", "criterion_id", "criterion", "tracker_id", "tracker"),
}
PLAIN_OF = frozenset(
    {
        *("reference.companies.name", "reference.teams.name", "reference.listening.transcript"),
        *("facts.call_permissions.reason", "facts.permission_events.word", "reports.conversation_entries.id"),
    }
)
# Texts that tell one person from another, and are needed to: they become a name that says nothing else. Ids of facts
# that are told of a contact alone are made of his identities: whoever tries all numbers would find his.
IDENTITIES = frozenset(
    {
        *("contact_key", "conversation_id", "contact_id", "identity", "identities", "also_known_as"),
        *("event_id", "permission_id", "request_id", "sign_id", "row_id", "leg_id"),
    }
)
# Numbers, times and yes or no say nothing of who it was.
PLAIN_TYPES = (
    *("boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "ubigint", "double", "float", "decimal"),
    *("date", "time", "timestamp", "interval"),
)


def treatment(column: str, type_: str, *, relation: str = "") -> Treatment:
    """Say what becomes of a column; a new text column is emptied until it is known to be plain."""
    written = type_.lower()
    if column in IDENTITIES:
        return "replaced"
    is_plain_text = column in PLAIN_TEXTS or f"{relation}.{column}" in PLAIN_OF
    if written in {"varchar", "varchar[]"}:
        return "kept" if is_plain_text else "emptied"
    return "kept" if written.startswith(PLAIN_TYPES) else "emptied"
