"""From a server in a process of its own to a collector, by OTLP over gRPC."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc

from autoquality import Client
from tests.commands import python
from tests.photos import crop
from tests.servers import NO_NETWORKS, clean_environment, running_server
from tests.waiting import wait_for

PHOTO = crop("coffee.png", 96, 64)
TRACING = {**NO_NETWORKS, "AUTOQUALITY_TRACING": "true", "AUTOQUALITY_PROCESSES": "1"}


@dataclass
class Collector(otlp_grpc.TraceServiceServicer):
    """Keeps the spans that it receives."""

    port: int = 0
    received: list[Any] = field(default_factory=list)

    def Export(  # noqa: N802 - OTLP's name
        self, request: otlp.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> otlp.ExportTraceServiceResponse:
        self.received += request.resource_spans
        return otlp.ExportTraceServiceResponse()

    @property
    def spans(self) -> list[Any]:
        scopes = (scope for resource in self.received for scope in resource.scope_spans)
        return [span for scope in scopes for span in scope.spans]

    @property
    def resource(self) -> dict[str, str]:
        """The attributes that describe the server."""
        return {
            one.key: one.value.string_value
            for resource in self.received
            for one in resource.resource.attributes
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    otlp_grpc.add_TraceServiceServicer_to_server(made, server)
    made.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield made
    wait_for(server.stop(grace=None))


def test_spans_reach_the_collector_at_the_latest_when_the_server_ends(
    collector: Collector, tmp_path: Path
) -> None:
    token = "x" * 40
    tokens = tmp_path / "tokens"
    tokens.write_text(f"shop:{token}\n")
    variables = {
        **TRACING,
        "AUTOQUALITY_TOKEN_FILE": str(tokens),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }
    with (
        running_server(tmp_path, variables) as server,
        Client(server.address, token=token) as client,
    ):
        encoded = client.encode(PHOTO, format="jpeg", method="dssim", target=0.01)
        (line,) = [one for one in server.log_lines() if one["event"] == "request"]
        assert not collector.spans
    names = [span.name for span in collector.spans]
    assert names.count("probe") == encoded.iterations
    (root,) = [span for span in collector.spans if span.name == line["rpc"]]
    assert root.trace_id.hex() == line["trace_id"]
    assert root.span_id.hex() == line["span_id"]
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert collector.resource["service.name"] == "autoquality"
    assert collector.resource["deployment.environment.name"] == "test"
    sent = b"".join(one.SerializeToString() for one in collector.received)
    assert b"shop" in sent
    assert token.encode() not in sent
    assert not any(data in sent for data in (PHOTO[:16], encoded.image[:16]))


def test_a_collector_that_is_away_keeps_no_server_from_serving_and_ending(tmp_path: Path) -> None:
    variables = {
        **TRACING,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_SERVICE_NAME": "images",
    }
    with running_server(tmp_path, variables) as server, Client(server.address) as client:
        client.encode(PHOTO, format="jpeg")
    assert server.process.returncode == 0
    assert server.log_lines()[-1]["event"] == "stopped"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "zipkin"},
            "OTEL_TRACES_EXPORTER: must be otlp, console or none, not 'zipkin'",
        ),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            "OTEL_EXPORTER_OTLP_PROTOCOL: must be grpc, not 'http/protobuf'",
        ),
        (
            {"OTEL_EXPORTER_OTLP_COMPRESSION": "lzma"},
            "AUTOQUALITY_TRACING: the OTEL_EXPORTER_OTLP_* variables cannot be used: ",
        ),
        (
            {"OTEL_PROPAGATORS": "none-such"},
            "AUTOQUALITY_TRACING: the OTEL_* variables cannot be used: Propagator none-such",
        ),
        (
            {"OTEL_BSP_MAX_QUEUE_SIZE": "-1"},
            "AUTOQUALITY_TRACING: the OTEL_* variables cannot be used: max_queue_size",
        ),
    ],
)
def test_variables_that_cannot_be_used_stop_the_start_with_one_line(
    variables: dict[str, str], says: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autoquality_server"],
        env={**clean_environment(), **TRACING, "AUTOQUALITY_LOG_LEVEL": "error", **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["error"].startswith(says)


WITHOUT = """
import sys
for name in ("opentelemetry", "opentelemetry.sdk"):
    sys.modules[name] = None
from autoquality_server.__main__ import main
sys.exit(main(["--tracing", "--listen", "127.0.0.1:0", "--log-level", "error"]))
"""


def test_without_the_extra_one_line_says_how_to_get_it() -> None:
    done = python(WITHOUT, env=clean_environment(), status=2)
    says = "AUTOQUALITY_TRACING: needs OpenTelemetry: pip install 'autoquality[otel]'"
    assert json.loads(done.stderr)["error"] == says


OFF = """
import sys
from autoquality import Client
from autoquality_server.process.app import App
from autoquality_server.config import Settings
app = App(Settings(
    listen="127.0.0.1:0", metrics_listen="", jpeg_net="none", webp_net="none", avif_net="none",
    jxl_net="none"))
app.start()
with Client(f"127.0.0.1:{app.port}") as client:
    client.encode(sys.argv[1], format="jpeg", method="dssim")
app.drain()
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def test_a_server_and_a_client_without_traces_never_import_opentelemetry(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(PHOTO)
    done = python(OFF, photo, env=clean_environment())
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
