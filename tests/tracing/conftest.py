"""A server in this process whose spans stay here, and one collector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from autoquality import Client
from autoquality_server.config import Settings
from autoquality_server.process.app import App
from autoquality_server.telemetry import traces
from tests.tracing.spans import Tree

_LOCAL = {"listen": "127.0.0.1:0", "metrics_listen": "", "workers": 2, "tracing": True}
_NO_NETWORKS = {f"{fmt}_net": "none" for fmt in ("jpeg", "webp", "avif", "jxl")}


@dataclass
class Traced:
    """A server with traces, and a client of it; `spans` are there once it has stopped."""

    app: App
    client: Client
    channel: grpc.Channel
    spans: list[ReadableSpan] = field(default_factory=list)

    @property
    def trees(self) -> list[Tree]:
        """The spans of each call, in the order of the ends of the calls."""
        return [Tree(one, self.spans) for one in self.spans if one.name.startswith("autoquality.")]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Serve with traces under these settings, for the body of a `with`."""

    @contextmanager
    def serve(**settings: Any) -> Iterator[Traced]:
        kept = InMemorySpanExporter()
        monkeypatch.setattr(traces, "_otlp", lambda: kept)
        app = App(Settings(**{**_LOCAL, **_NO_NETWORKS, **settings}))
        app.start()
        address = settings.get("listen", f"127.0.0.1:{app.port}")
        with Client(address, retries=0) as client, grpc.insecure_channel(address) as channel:
            running = Traced(app, client, channel)
            yield running
        app.drain()
        running.spans += kept.get_finished_spans()

    return serve
