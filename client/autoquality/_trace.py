"""The caller's trace, for the server to continue."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def trace_context(given: Iterable[tuple[str, str | bytes]]) -> tuple[tuple[str, str], ...]:
    """Metadata that names the current span; empty where there is none, or one is `given`.

    Whoever has a span has imported OpenTelemetry; for everybody else it is
    not imported here. An instrumented channel puts its own span in place of it.
    """
    propagate = sys.modules.get("opentelemetry.propagate")
    if propagate is None or any(key == "traceparent" for key, _ in given):
        return ()
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple((key.lower(), value) for key, value in carrier.items())
