"""What a person needs to connect a source: printed into the documentation, one guide per source."""

from msgspec import Struct


class Guide(Struct, frozen=True, kw_only=True):
    """How the origin of requests is checked, the steps at the provider, and the account settings it understands."""

    origin_check: str
    connect_steps: tuple[str, ...]
    settings: dict[str, str] = {}
