"""What a person may set of the pipelines, each by an environment variable `ANGIME_…`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.kafka_access import Mechanism, SecurityProtocol
from schemas.topics import MAX_RECORD_BYTES

KIB = 1024
MIB = 1024 * KIB

Transport = Literal["auto", "kafka-python", "confluent"]


class PipelinesSettings(BaseSettings):
    """Where state lies, which Kafka is spoken to, and what the receiver accepts."""

    model_config = SettingsConfigDict(env_prefix="ANGIME_", frozen=True, extra="ignore")

    home: Annotated[Path, Field(description="folder of all state of this installation")] = Path(".angime")
    kafka: Annotated[
        str, Field(description="bootstrap addresses of Kafka, such as 127.0.0.1:9092; empty: the local broker")
    ] = ""
    kafka_security: Annotated[
        SecurityProtocol,
        Field(
            description="how that Kafka is spoken to, in its own words: with SSL encrypted, with SASL as a user "
            "(docs/deploy)"
        ),
    ] = "PLAINTEXT"
    kafka_ca: Annotated[
        Path | None,
        Field(description="authorities (PEM) of which one signed Kafka's certificate; empty: those of the system"),
    ] = None
    kafka_certificate: Annotated[
        Path | None, Field(description="certificate (PEM) that we show to Kafka, where it asks clients for one")
    ] = None
    kafka_key: Annotated[Path | None, Field(description="its key (PEM, not closed by a password)")] = None
    kafka_mechanism: Annotated[Mechanism, Field(description="how the user proves its password to Kafka")] = (
        "SCRAM-SHA-512"
    )
    kafka_user: Annotated[str, Field(description="user as whom we come to Kafka")] = ""
    kafka_password: Annotated[SecretStr, Field(description="password of that user")] = SecretStr("")
    kafka_password_file: Annotated[
        Path | None,
        Field(description="file that holds this password, in its stead; read anew whenever we connect"),
    ] = None
    company: Annotated[
        Path | None,
        Field(description="a company.toml, or a folder of *.toml, one a company; empty: company.toml under home"),
    ] = None
    transport: Annotated[
        Transport, Field(description="Kafka client of the pipelines; auto takes confluent where it is installed")
    ] = "auto"
    receive_host: Annotated[str, Field(description="address on which the receiver listens")] = "127.0.0.1"
    receive_port: Annotated[
        int, Field(ge=0, le=65_535, description="port on which the receiver listens; 0: any free one")
    ] = 8080
    max_body_bytes: Annotated[
        int,
        Field(gt=0, le=MAX_RECORD_BYTES, description="largest webhook body that is accepted, in bytes; larger: 413"),
    ] = MIB
    outbox_bytes: Annotated[
        int,
        Field(ge=4 * MIB, description="disk that webhooks may take while Kafka is away, in bytes; beyond: 503"),
    ] = 256 * MIB
    traces: Annotated[
        str,
        Field(
            description="address that takes traces by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; "
            "empty: nobody is told of any"
        ),
    ] = ""

    @property
    def company_path(self) -> Path:
        """Where company data lies."""
        return self.company if self.company is not None else self.home / "company.toml"

    @property
    def outbox_folder(self) -> Path:
        """Where webhooks wait while Kafka is away."""
        return self.home / "outbox"
