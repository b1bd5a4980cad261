"""A span around each call, and its ids in the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc

from autoquality_core.runtime.context import observe
from autoquality_server.auth.identity import host_and_port
from autoquality_server.rpc.request_context import RequestContext

if TYPE_CHECKING:  # imports OpenTelemetry, which a server without traces does not need
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
"""Failures of the server, not of the caller, by OpenTelemetry's conventions."""

_NOT_IN_SPAN = ("rpc", "trace_id", "span_id")
"""Fields of the log that the span has anyway."""


@contextmanager
def traced(traces: Traces, request: RequestContext) -> Iterator[None]:
    """Make a span of the call, and one of each of its steps.

    Names follow OpenTelemetry's conventions for RPC; ours start with "autoquality.".
    """
    name = f"{request.service}/{request.method}"
    conventional = {"rpc.system.name": "grpc", "rpc.method": name, **_peer(request.call.peer())}
    trace = traces.begin(name, request.metadata, conventional)
    request.attributes.update(trace.ids)
    if trace.is_kept:
        observe(trace)
    raised = True
    try:
        yield
        raised = False
    finally:
        _end(trace, request, request.code_after(raised=raised))


def _end(trace: Trace, request: RequestContext, code: grpc.StatusCode) -> None:
    failed = code in _FAILURES
    attributes = {
        f"autoquality.{key}": value
        for key, value in request.attributes.items()
        if isinstance(value, str | bool | int | float) and key not in _NOT_IN_SPAN
    }
    attributes["rpc.response.status_code"] = code.name
    if failed:
        attributes["error.type"] = code.name
    error = request.attributes.get("error")
    trace.end(attributes, failed=failed, message=None if error is None else str(error))


def _peer(peer: str) -> dict[str, str | int]:
    """The attributes of a peer, from gRPC's name of it."""
    tcp = host_and_port(peer)
    if tcp is None:
        return {"network.transport": "unix"} if peer.startswith("unix:") else {}
    host, port = tcp
    return {
        "network.transport": "tcp",
        "network.peer.address": host,
        "network.peer.port": port,
        "client.address": host,
    }
