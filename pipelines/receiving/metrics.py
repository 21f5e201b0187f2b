"""What the receiver counts, for Prometheus; names of sources and statuses, never anything that was sent."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipelines.receiving.keep import Figures

BUCKETS_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class _Keeping(Collector):
    """Asks the keeper how things stand whenever Prometheus asks."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        figures = self._figures()
        kept = CounterMetricFamily("angime_webhooks_kept", "raw records that are safe, by where", labels=["where"])
        kept.add_metric(["kafka"], figures.kept_by_kafka)
        kept.add_metric(["outbox"], figures.kept_by_outbox)
        yield kept
        yield CounterMetricFamily("angime_outbox_drained", "raw records sent from the outbox", value=figures.drained)
        for name, meaning, value in (
            ("angime_outbox_bytes", "bytes that wait on disk for Kafka", figures.outbox_bytes),
            ("angime_outbox_bytes_free", "bytes that the outbox may still take", figures.outbox_bytes_free),
            ("angime_webhooks_waiting", "requests that wait to be kept", figures.waiting),
            ("angime_kafka_near", "1 while Kafka answers and records go straight to it", int(figures.is_kafka_near)),
        ):
            yield GaugeMetricFamily(name, meaning, value=value)


class Metrics:
    """A registry of the receiver's own."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Keeping(figures))
        self._answers = Counter(
            "angime_webhooks_answered", "requests answered", ["source", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "angime_webhook_seconds",
            "from the request's headers to its answer, in seconds",
            ["source"],
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._labelled: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def count(self, *, source: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        # Remembered, for Prometheus' client looks labels up under a lock whenever it is asked for them.
        found = self._labelled.get((source, status))
        if found is None:
            found = self._answers.labels(source, str(status)), self._seconds.labels(source)
            self._labelled[source, status] = found
        answers, waits = found
        answers.inc()
        waits.observe(seconds)
