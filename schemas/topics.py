"""The one list of topics: key, partitions, retention, who writes and who reads."""

from msgspec import Struct

PREFIX = "angime."
DAY_SECONDS = 86_400
MAX_RECORD_BYTES = 4 * 1024 * 1024


class Topic(Struct, frozen=True, kw_only=True):
    """A declared topic; `has_dead_letters` says that its readers put what they must refuse on `dead`."""

    name: str
    holds: str
    key: str
    partitions: int
    retention_days: int
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    has_dead_letters: bool

    @property
    def kafka_name(self) -> str:
        """The name in Kafka, with our prefix."""
        return PREFIX + self.name


_ALL = (
    Topic(
        name="raw",
        holds="provider's bytes, untouched, with chosen headers and never a secret",
        key="source/account",
        partitions=4,
        retention_days=30,
        writers=("pipelines.receive", "pipelines.collect", "pipelines.importing"),
        readers=("pipelines.normalise",),
        has_dead_letters=True,
    ),
    Topic(
        name="calls",
        holds="call.* events of providers",
        key="call_id",
        partitions=4,
        retention_days=30,
        writers=("pipelines.normalise",),
        readers=("pipelines.land", "streams"),
        has_dead_letters=True,
    ),
    Topic(
        name="messages",
        holds="message.* events",
        key="conversation_id",
        partitions=4,
        retention_days=30,
        writers=("pipelines.normalise",),
        readers=("pipelines.land",),
        has_dead_letters=True,
    ),
    Topic(
        name="accounts",
        holds="account.* events",
        key="account",
        partitions=1,
        retention_days=30,
        writers=("pipelines.normalise",),
        readers=("pipelines.land",),
        has_dead_letters=True,
    ),
    Topic(
        name="crm",
        holds="permission.* events, and what a CRM says of contacts and deals: contact.*, deal.*",
        key="contact, of deal.* deal_id",
        partitions=2,
        retention_days=30,
        writers=("pipelines.normalise",),
        readers=("pipelines.land",),
        has_dead_letters=True,
    ),
    Topic(
        name="transcripts",
        holds="call.recording_stored and call.transcribed events",
        key="call_id",
        partitions=4,
        retention_days=30,
        writers=("streams", "pipelines.normalise"),
        readers=("streams", "pipelines.land"),
        has_dead_letters=True,
    ),
    Topic(
        name="decisions",
        holds="dead_letter.* and person.* events: what the people who run Angime decided",
        key="subject",
        partitions=1,
        retention_days=90,
        writers=("angime",),
        readers=("pipelines.land",),
        has_dead_letters=True,
    ),
    Topic(
        name="alerts",
        holds="alert.raised events: what people want to be told of at once",
        key="what the alert is about",
        partitions=1,
        retention_days=30,
        writers=("pipelines.land",),
        readers=("streams", "pipelines.land"),
        has_dead_letters=True,
    ),
    Topic(
        name="dead",
        holds="dead letters: untouched bytes, with position, reason and our version as headers",
        key="as it was",
        partitions=1,
        retention_days=90,
        writers=("pipelines.normalise", "streams"),
        readers=("pipelines.land",),
        has_dead_letters=False,
    ),
)

TOPICS: dict[str, Topic] = {topic.name: topic for topic in _ALL}
# What the stream worker makes facts from; it reads alerts too, of which it makes none.
STREAMED = ("calls", "transcripts")
# What happened, which may be told anew; what was decided or noticed is told once.
FACTS = ("calls", "messages", "accounts", "crm", "transcripts")
CANONICAL = (*FACTS, "decisions", "alerts")
# Of these, stages that write dead letters refuse records. A letter of another topic is none of theirs: redelivered, it
# would bring onto that topic what whoever may write on `dead` made up.
BURIED = frozenset(topic.name for topic in _ALL if not set(TOPICS["dead"].writers).isdisjoint(topic.readers))
