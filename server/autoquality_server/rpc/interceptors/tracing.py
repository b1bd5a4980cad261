"""One span around each call, and its number in the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc
import structlog

from autoquality_core.runtime.context import Attribute, observe
from autoquality_server.rpc.interceptors.behavior import AroundInterceptor, Call
from autoquality_server.telemetry.logs import log_fields

if TYPE_CHECKING:  # brings OpenTelemetry, which a server without traces does without
    from autoquality_server.telemetry.traces import Trace, Traces

_FAILURES = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""What OpenTelemetry's conventions count as the server's failure, not the caller's."""


class TracingInterceptor(AroundInterceptor):
    """The names are those of OpenTelemetry's conventions for RPC; ours begin with autoquality."""

    def __init__(self, traces: Traces, service: str) -> None:
        """Traces the calls of `service`: health checks would be most of all traces."""
        self._traces = traces
        self._service = service

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        if call.service != self._service:
            yield
            return
        name = f"{call.service}/{call.method}"
        known = {"rpc.system.name": "grpc", "rpc.method": name, **_peer(call.context.peer())}
        trace = self._traces.begin(name, call.metadata, known)
        log_fields(**trace.ids)
        raised = True
        try:
            if trace.is_kept:
                observe(trace)
            yield
            raised = False
        finally:
            _end(trace, call.code_after(raised=raised))


def _end(trace: Trace, code: grpc.StatusCode) -> None:
    failed = code in _FAILURES
    told = _told(structlog.contextvars.get_contextvars())
    attributes: dict[str, Attribute] = {
        "rpc.response.status_code": code.name,
        "error.type": code.name if failed else None,
        **{f"autoquality.{key}": value for key, value in told.items()},
    }
    trace.end(attributes, failed=failed, why=str(told["error"]) if "error" in told else None)


def _told(fields: Mapping[str, object]) -> dict[str, Attribute]:
    """What the line in the log tells, but for the trace itself and for bytes."""
    return {
        key: value
        for key, value in fields.items()
        if isinstance(value, str | bool | int | float) and key not in ("trace_id", "span_id")
    }


def _peer(peer: str) -> dict[str, Attribute]:
    """The conventions' attributes for gRPC's name of a peer."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return {"network.transport": kind} if kind == "unix" else {}
    host, _, port = rest.replace("%5B", "[").replace("%5D", "]").rpartition(":")
    address = host.strip("[]")
    return {
        "network.transport": "tcp",
        "network.peer.address": address,
        "network.peer.port": int(port),
        "client.address": address,
    }
