"""OpenTelemetry: a span for each request and each of its steps.

No other module imports OpenTelemetry, and this one is imported only if tracing is enabled. The
standard OTEL_* variables configure the exporter and the sampler.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.util.types import AttributeValue

from autoquality._version import __version__
from autoquality_core.errors import ServiceError
from autoquality_core.runtime.context import Observer, Step, clock
from autoquality_server.config import ConfigError
from autoquality_server.telemetry.logs import logger

SETTING = "AUTOQUALITY_TRACING"
_OURS = "autoquality."
_FLUSH_SECONDS = 3.0
"""How long a drain waits for a collector."""

_log = logger(__name__)


def open_traces() -> Traces:
    """The traces that the OTEL_* variables describe. Raises ConfigError if they are invalid."""
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    exporter = _exporter()
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)


class Traces:
    """Starts the trace of each request. Thread-safe."""

    def __init__(self, provider: TracerProvider) -> None:
        """Own `provider` from now on."""
        self._provider = provider
        self._tracer = provider.get_tracer("autoquality_server", __version__)

    def begin(
        self,
        name: str,
        metadata: Iterable[tuple[str, str | bytes]],
        attributes: Mapping[str, AttributeValue],
    ) -> Trace:
        """Start the span of a call, as a part of the caller's trace if `metadata` names one."""
        carrier: dict[str, list[str]] = {}
        for key, value in metadata:
            if isinstance(value, str):
                carrier.setdefault(key, []).append(value)
        parent = propagate.extract(carrier)
        span = self._tracer.start_span(name, parent, trace.SpanKind.SERVER, attributes)
        return Trace(self._tracer, span)

    def close(self) -> None:
        """Send the remaining spans; wait a few seconds at most."""
        flushing = threading.Thread(target=self._flush, name="traces", daemon=True)
        flushing.start()
        flushing.join(_FLUSH_SECONDS)

    def _flush(self) -> None:
        try:
            self._provider.shutdown()
        except Exception:  # noqa: BLE001 (an exception in a thread ends the process)
            _log.warning("traces were not sent", exc_info=True)


class Trace(Observer):
    """The spans of one request and of its steps."""

    def __init__(self, tracer: trace.Tracer, root: trace.Span) -> None:
        self._tracer = tracer
        self._root = root
        self._open: dict[Step, trace.Span] = {}
        self._epoch = time.time() - clock()

    @property
    def ids(self) -> dict[str, str]:
        """`trace_id` and `span_id` in hexadecimal, for the log; empty without a trace."""
        context = self._root.get_span_context()
        if not context.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(context.trace_id),
            "span_id": trace.format_span_id(context.span_id),
        }

    @property
    def is_kept(self) -> bool:
        """Whether it is exported: the sampler decides at the start."""
        return self._root.is_recording()

    def started(self, step: Step) -> None:
        parent = self._open[step.parent] if step.parent else self._root
        self._open[step] = self._tracer.start_span(
            step.name, trace.set_span_in_context(parent), start_time=self._time(step.started)
        )

    def finished(self, step: Step, error: BaseException | None) -> None:
        span = self._open.pop(step)
        for key, value in step.attributes.items():
            if value is not None:
                span.set_attribute(_OURS + key, value)
        if error is not None:
            # The text of an unexpected exception may quote anything: it stays in the log.
            known = error if isinstance(error, ServiceError) else None
            span.set_attribute("error.type", known.reason if known else type(error).__qualname__)
            span.set_status(trace.StatusCode.ERROR, known.message if known else None)
        span.end(self._time(step.started + step.seconds))

    def _time(self, at: float) -> int:
        """A time of `clock` in nanoseconds since 1970."""
        return round((self._epoch + at) * 1e9)

    def end(
        self, attributes: Mapping[str, AttributeValue], *, failed: bool, message: str | None
    ) -> None:
        self._root.set_attributes(attributes)
        if failed:
            self._root.set_status(trace.StatusCode.ERROR, message)
        self._root.end()


def _resource() -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; by default our own name and version."""
    found = Resource.create()
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        found = found.merge(Resource({SERVICE_NAME: "autoquality"}))
    return Resource({SERVICE_VERSION: __version__}).merge(found)


def _exporter() -> SpanExporter | None:
    kind = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    if kind == "none":
        return None
    if kind == "console":
        return ConsoleSpanExporter()
    if kind != "otlp":
        raise ConfigError(f"OTEL_TRACES_EXPORTER: must be otlp, console or none, not {kind!r}")
    return _otlp()


def _otlp() -> SpanExporter:
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = os.environ.get(name, "").strip().lower()
        if protocol == "grpc":
            break
        if protocol:
            raise ConfigError(f"{name}: must be grpc, not {protocol!r}")
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    try:
        return OTLPSpanExporter()
    except Exception as error:
        # For example a missing certificate or an unknown compression.
        raise ConfigError(
            f"{SETTING}: the OTEL_EXPORTER_OTLP_* variables cannot be used: {error}"
        ) from error
