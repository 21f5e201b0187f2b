# pyright: basic, reportGeneralTypeIssues=false, reportInvalidTypeArguments=false
"""The Faust app: at least once, acknowledged in a partition's order, no tables, no web."""

import ssl

import faust

from schemas.kafka_access import Access
from schemas.topics import MAX_RECORD_BYTES, TOPICS

GROUP = "angime-streams"
# A call of hours is one event: its transcription must not look like a dead worker.
MAX_POLL_SECONDS = 3 * 3600.0
SESSION_SECONDS = 10.0
HEARTBEAT_SECONDS = 3.0
# What was done of the last second may be done again after a crash. To tell Kafka of each event by itself took the
# worker seven times as long to read a backlog, and the broker a processor meanwhile.
COMMIT_SECONDS = 1.0


def make_app(bootstrap: str, *, home: str, access: Access, encryption: ssl.SSLContext | None) -> faust.App:
    """Make the app against an existing cluster; `home` is the folder where Faust may write."""
    return faust.App(
        GROUP,
        broker=f"kafka://{bootstrap}",
        broker_credentials=_credentials(access, encryption=encryption),
        datadir=home,
        store="memory://",
        value_serializer="raw",
        key_serializer="raw",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        processing_guarantee="at_least_once",
        broker_max_poll_interval=MAX_POLL_SECONDS,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        broker_commit_interval=COMMIT_SECONDS,
        broker_max_poll_records=50,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=MAX_RECORD_BYTES * 2,
        producer_acks=-1,
        producer_max_request_size=MAX_RECORD_BYTES * 2,
        stream_wait_empty=False,
        worker_redirect_stdouts=False,
    )


def _credentials(access: Access, *, encryption: ssl.SSLContext | None) -> faust.SASLCredentials | ssl.SSLContext | None:
    if not access.has_user:
        return encryption
    return faust.SASLCredentials(
        mechanism=access.mechanism, username=access.user, password=access.password, ssl_context=encryption
    )


def topic(app: faust.App, name: str) -> faust.TopicT[bytes]:
    """Give one of our declared topics as Faust's, keys and values as raw bytes."""
    return app.topic(
        TOPICS[name].kafka_name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
