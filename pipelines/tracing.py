"""Traces: one webhook from its receipt to the commit of its facts, told to whoever keeps traces; off unless asked for.

The header `traceparent` (W3C Trace Context, https://www.w3.org/TR/trace-context/) goes from the webhook through the
outbox and the topics to the lander. It is transport: no event and no row depends on it. This is the one door to
OpenTelemetry.
"""

import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from pipelines.kafka.ports import Headers
from schemas.errors import Misconfigured
from schemas.records import TRACEPARENT

MAX_SPANS = 1_000  # of one batch: a backlog is no time to look at single webhooks
_FORM = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


class Span(Struct, frozen=True):
    """A stage's part of a trace: what is carried on, and what ends it."""

    traceparent: str
    end: Callable[[], None] = lambda: None

    @property
    def headers(self) -> Headers:
        """Headers of the records that come of it."""
        return [(TRACEPARENT, self.traceparent.encode())]


# How a trace begins, or goes on from a parent, under a stage's name.
Begin = Callable[[str, str | None], Span]


class Tracer:
    """Begins a stage's part of traces. Without `begin` nothing is told to anybody, and what comes is carried on."""

    def __init__(self, begin: Begin | None = None, *, close: Callable[[], None] = lambda: None) -> None:
        self._begin = begin
        self.close = close

    def span(self, stage: str, parent: str | None, *, may_begin: bool = False) -> Span | None:
        """Give a stage's part of a trace, None where there is none and none may begin."""
        known = parent if parent and _FORM.match(parent) else None
        if self._begin is not None and (known or may_begin):
            return self._begin(stage, known)
        return Span(known) if known else None

    def spans(self, stage: str, records: Iterable[Headers]) -> list[Span]:
        """Give a stage's part of the traces that records carry, where anybody is told of it."""
        if self._begin is None:
            return []
        parents = [parent for headers in records if (parent := traceparent_of(headers))]
        return [span for parent in parents[:MAX_SPANS] if (span := self.span(stage, parent))]


OFF = Tracer()


def traceparent_of(headers: Headers) -> str | None:
    """Give the trace that a record belongs to."""
    for name, content in headers:
        if name == TRACEPARENT:
            return content.decode("latin-1")
    return None


def end_all(spans: Iterable[Span | None]) -> None:
    """End what was done."""
    for span in spans:
        if span is not None:
            span.end()


def open_tracer(endpoint: str) -> Tracer:
    """Give what sends traces to an address by OTLP over HTTP, in the background; OFF without one.

    An address that is away loses traces and nothing else. Raises Misconfigured where OpenTelemetry is not installed.
    """
    if not endpoint:
        return OFF
    try:
        from opentelemetry.context import Context
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        raise Misconfigured(
            "ANGIME_TRACES is set, and OpenTelemetry is not installed: install angime[traces]"
        ) from None
    provider = TracerProvider(resource=Resource({"service.name": "angime"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    tracer, propagator = provider.get_tracer("angime"), TraceContextTextMapPropagator()

    def begin(stage: str, parent: str | None) -> Span:
        # What has no parent begins a trace of its own, whatever this thread may be doing.
        context = propagator.extract({TRACEPARENT: parent}) if parent else Context()
        span = tracer.start_span(stage, context=context)
        own = span.get_span_context()
        return Span(f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}", span.end)

    return Tracer(begin, close=provider.shutdown)
