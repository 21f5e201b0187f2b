"""How a client comes in to Kafka: encrypted or not, with a certificate, as a user."""

from typing import Literal

from msgspec import Struct

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class Access(Struct, frozen=True, kw_only=True):
    """In Kafka's words. `ca`, `certificate` and `key` are files of PEM; what is empty is not used."""

    protocol: SecurityProtocol = "PLAINTEXT"
    ca: str = ""
    certificate: str = ""
    key: str = ""
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str = ""
    password: str = ""

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody between us and Kafka can read."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def has_user(self) -> bool:
        """Whether we say who we are, and prove it by a password."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def __repr__(self) -> str:
        """Tell of everything but the user and the password."""
        return f"Access(protocol={self.protocol!r}, mechanism={self.mechanism!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """Tell no more to who prints in colours."""
        return [("protocol", self.protocol), ("mechanism", self.mechanism)]
