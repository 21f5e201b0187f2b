"""Which columns may leave without personal data: what is known to be none stays, what is not known goes."""

from typing import Literal

Treatment = Literal["kept", "replaced", "emptied"]

# Texts that say nothing of a person: words of ours or of providers, ids of our own making. Whoever hides personal
# details begins with these, and adds only what is plain for his own purpose.
NEVER_PERSONAL = frozenset(
    {
        *("company", "source", "account", "channel", "direction", "device", "media", "kind", "role", "status", "grade"),
        *("call_id", "message_id", "recording_id", "team_id", "operator_id", "deal_id", "episode_id"),
        *("outcome", "disposition", "provider_status", "answered_by", "ended_by", "error_code"),
        *("transcript_language", "transcript_model", "time_zone", "default_region", "language", "metric"),
        *("policy", "tariff", "currency", "stage", "state", "unit", "fact", "formula", "since", "good"),
        *("relation", "column", "type", "meaning"),
        *("title_en", "title_ru", "title_kk", "title_pt", "meaning_en", "meaning_ru", "meaning_kk", "meaning_pt"),
    }
)
PLAIN_TEXTS = NEVER_PERSONAL | {"reaction"}
# Texts that tell one person from another, and are needed to: they become a name that says nothing else.
IDENTITIES = frozenset({"contact_key", "conversation_id", "contact_id"})
# Numbers, times and yes or no say nothing of who it was.
PLAIN_TYPES = (
    *("boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "ubigint", "double", "float", "decimal"),
    *("date", "time", "timestamp", "interval"),
)


def treatment(column: str, type_: str) -> Treatment:
    """Say what becomes of a column; a new text column is emptied until it is known to be plain."""
    written = type_.lower()
    if column in IDENTITIES:
        return "replaced"
    if written.endswith("[]"):
        return "kept" if written.startswith(PLAIN_TYPES) else "emptied"
    if written.startswith(PLAIN_TYPES) or (written == "varchar" and column in PLAIN_TEXTS):
        return "kept"
    return "emptied"
