"""What stays of an erased person's events: that something happened, when and for how long, and nothing of who it was.

Sums and rates are folded from events, so an erased event becomes an anonymous one with the same id: identities, names,
texts, addresses and the provider's own ids go; times, durations, outcomes and the company's side stay. One person keeps
one made-up identity, so that "called again" still counts.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from analytics.company.dialling import country_of
from analytics.privacy.traces import pattern_of, stands_in, traces_of
from schemas.ids import ID_PATTERN, identify, message_id

ERASED = "erased"
NO_FINGERPRINT = "0" * 64
# Fields of events that are emptied where they stand, and those whose letters are masked: counts of words stay.
EMPTIED = frozenset({"contact_name", "media_id", "reason"})
OWN_IDS = {"provider_call_id": "call_id", "provider_message_id": "message_id", "provider_deal_id": "deal_id"}
# Events of these are folded by an entity that a provider knows by an id.
OF_ENTITIES = ("call.", "message.", "deal.")
# What else is of our own making, or a sum, and names nobody whatever digits are in it.
_OURS = re.compile(r"_id$|_at$|^amount$")
# A word of a provider's list, such as no-answer or NO ANSWER; a sentence may say anything.
_STATUS = re.compile(r"^([A-Za-z0-9_.:-]{1,64}|[A-Z ]{1,64})$")
_COUNTRY = re.compile(r"^[A-Z]{2}\.")
_LETTER = re.compile(r"[^\W_]")


class Stranger(Struct, frozen=True):
    """A made-up identity in place of others (`kind:value`), and what of these must not be left anywhere.

    Ids that were made of his, or of a provider's words, are made anew of the `salt`, which nobody keeps: of the token,
    which stands in the log, whoever tries all numbers would have them.
    """

    token: str
    salt: str
    identities: tuple[str, ...]
    traces: tuple[str, ...]


def is_anonymous(table: str) -> str:
    """Write whether an event of a table is that of somebody who was erased."""
    return f"""(contains({table}.data, '"kind":"{ERASED}"') or starts_with({table}.subject, '{ERASED}:'))"""


def stranger_for(identities: Iterable[str], *, token: str, salt: str) -> Stranger:
    """Put a made-up identity in place of these (`kind:value`); it tells their country, by which calls are billed."""
    known = tuple(sorted(identities))
    countries = [country for identity in known if (country := _country_of(identity))]
    told = ".".join([*countries[:1], token])
    return Stranger(token=told, salt=salt, identities=known, traces=traces_of(known))


def _country_of(identity: str) -> str | None:
    kind, _, value = identity.partition(":")
    if kind == "phone":
        return country_of(value)
    return value[:2] if kind.startswith("whatsapp_") and _COUNTRY.match(value) else None


def anonymous(row: Mapping[str, Any], *, stranger: Stranger) -> dict[str, Any]:
    """Give a row of `log.events` as it stays."""
    said = msgspec.json.decode(row["data"])
    kept = {name: _field(name, value, said=said, row=row, stranger=stranger) for name, value in said.items()}
    key = _key(row, kept=kept, stranger=stranger)
    is_entity_s = row["type"].startswith(OF_ENTITIES)
    return {
        **row,
        # Ids of what is told of a contact alone are made of his identities: whoever tries all numbers has them.
        "id": row["id"] if is_entity_s else identify(ERASED, stranger.salt, row["id"]),
        "subject": key,
        "partition_key": key,
        "entity": row["entity"] if is_entity_s else key,
        "causation_id": None,
        "data": msgspec.json.encode(kept).decode(),
    }


def _key(row: Mapping[str, Any], *, kept: Mapping[str, Any], stranger: Stranger) -> str:
    """Calls and deals go by ids of ours; conversations and contacts went by the identity."""
    if "conversation_id" in kept:
        return kept["conversation_id"]
    written = row["subject"]
    is_named = written in stranger.identities or any(stands_in(written, trace=trace) for trace in stranger.traces)
    return f"{ERASED}:{stranger.token}" if is_named and not ID_PATTERN.match(written) else written


def _field(  # noqa: C901, PLR0911, PLR0912  # a rule each
    name: str, value: Any, *, said: Mapping[str, Any], row: Mapping[str, Any], stranger: Stranger
) -> Any:
    if value is None or name in EMPTIED:
        return None
    match name:
        case "contact":
            return [{"kind": ERASED, "value": stranger.token}] if value else value
        case "provider_call_id" | "provider_message_id" | "provider_deal_id":
            return said[OWN_IDS[name]]
        case "request_message_id":  # whether that message failed says what the request cost
            return value if ID_PATTERN.match(value) else message_id(row["source"], row["account"], value)
        case "conversation_id":
            return identify(ERASED, stranger.salt, value)
        case "leg_id":
            return blake2b(f"{stranger.salt}{value}".encode(), digest_size=8).hexdigest()
        case "url" | "path":
            return f"{ERASED}/{said['recording_id']}"
        case "sha256":
            return NO_FINGERPRINT
        case "turns":
            return [_turn(turn) for turn in value]
        case "text" | "emoji":
            return masked(value)
        case "tags":
            return [masked(tag) for tag in value]
        case "media_type":
            return value.partition(";")[0]  # behind it may stand the name of the file
        case "provider_status" if not _STATUS.match(value):
            return None
        case _ if _OURS.search(name):
            return value
        case _:
            return _without_traces(value, stranger=stranger)


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    words = [{**word, "text": masked(word["text"])} for word in turn.get("words", ())]
    return {**turn, "text": masked(turn.get("text", "")), "words": words}


def masked(text: str) -> str:
    """Write every letter and digit as x: lengths and marks stay, so that words and questions can still be counted."""
    return _LETTER.sub("x", text)


def are_masked(texts: Iterable[str | None]) -> bool:
    """Tell whether texts that have any letter have none but those of masked ones."""
    told = " ".join(text or "" for text in texts)
    return "x" in told and masked(told) == told


def without_words(data: str) -> str:
    """Give the JSON of a message's or a transcript's fact with its words masked; one that says nothing, as it is.

    Masked again, it stays the same: what comes again later can be told to be the same fact.
    """
    said = msgspec.json.decode(data)
    kept = {**said}
    if said.get("text"):
        kept["text"] = masked(said["text"])
    if any(turn.get("text") or turn.get("words") for turn in said.get("turns") or ()):
        kept["turns"] = [_turn(turn) for turn in said["turns"]]
    return data if kept == said else msgspec.json.encode(kept).decode()


def _without_traces(value: Any, *, stranger: Stranger) -> Any:
    """Take identities out of all that is written anywhere else, such as in the provider's own words."""
    if isinstance(value, str):
        for trace in stranger.traces:
            if trace in value:
                value = re.sub(pattern_of(trace), ERASED, value)
        return value
    if isinstance(value, list):
        return [_without_traces(item, stranger=stranger) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: _without_traces(item, stranger=stranger) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
