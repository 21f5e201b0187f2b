"""What a person needs to connect a source: printed into the documentation, one guide per source."""

from msgspec import Struct

# For providers that write their proof of origin into the body itself; why it is kept: docs/adr/0024.
KEPT_IN_THE_BODY = (
    " It stays in the raw record, which is kept as it came until Kafka forgets it: let nobody who may not know it read "
    "the topics raw and dead."
)


class Guide(Struct, frozen=True, kw_only=True):
    """How the origin of requests is checked, the steps at the provider, and the account settings it understands."""

    origin_check: str
    connect_steps: tuple[str, ...]
    settings: dict[str, str] = {}
