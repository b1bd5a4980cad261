"""A real server in this process, and calls of EncodeStream without the Python client."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.config import Settings
from autoquality_server.process.app import App
from tests.rpc.conftest import ENCODING, encoding_stub, scrape
from tests.rpc.test_errors import detail
from tests.waiting import GATE_LIMIT

Detail = TypeVar("Detail", bound=Message)

LOCAL: dict[str, Any] = {
    "listen": "127.0.0.1:0",
    "metrics_listen": "127.0.0.1:0",
    "drain_timeout": 10.0,
    "workers": 1,
    "queue_size": 1,
    "jpeg_net": "none",
    "webp_net": "none",
    "avif_net": "none",
    "jxl_net": "none",
}


@dataclass
class Serving:
    """A server and a stub for it."""

    app: App
    stub: Any

    @property
    def metrics(self) -> dict[str, float]:
        assert self.app.metrics_port is not None
        return scrape(self.app.metrics_port)

    def ended(self, code: str) -> float:
        """Return how many streams ended with `code`."""
        labels = f'grpc_code="{code}",grpc_method="EncodeStream",grpc_service="{ENCODING}"'
        return self.metrics[f'grpc_server_handled_total{{{labels},grpc_type="bidi_stream"}}']

    def rejected(self, reason: str) -> float:
        return self.metrics[f'autoquality_rejected_total{{reason="{reason}"}}']

    def stream(self, parts: Iterable[pb.EncodeStreamRequest], **options: Any) -> Any:
        return self.stub.EncodeStream(iter(parts), **options)

    def gauge(self, name: str) -> float:
        return self.metrics[f"autoquality_{name}"]

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Hold the only worker, as a running request does."""
        with self.app.admission.admit(Deadline()):
            yield

    def is_idle(self) -> bool:
        """Whether no request runs, waits, is sent or received, or is watched for a hang."""
        in_flight = ("requests", "pixels", "uploads")
        busy = sum(self.gauge(f"{name}_in_flight") for name in in_flight)
        busy += self.gauge("requests_queued")
        # No metric counts these.
        busy += len(self.app._downloads) + len(self.app._watchdog._watched)
        return not busy and not any(one.name.startswith("stream") for one in threading.enumerate())


@contextmanager
def serving(**changes: Any) -> Iterator[Serving]:
    app = App(Settings(**LOCAL | changes))
    app.start()
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        yield Serving(app, encoding_stub(channel))
    app.drain()


def start(request: pb.EncodeRequest, source_bytes: int | None = None) -> pb.EncodeStreamRequest:
    first = pb.EncodeStreamStart(request=request, source_bytes=source_bytes)
    return pb.EncodeStreamRequest(start=first)


def chunk(data: bytes) -> pb.EncodeStreamRequest:
    return pb.EncodeStreamRequest(chunk=data)


def parts(
    request: pb.EncodeRequest, source: bytes, *, size: int = 2**16
) -> list[pb.EncodeStreamRequest]:
    """Return the whole request: `source` in chunks of `size`, with its size declared."""
    chunks = [chunk(source[at : at + size]) for at in range(0, len(source), size)]
    return [start(request, len(source)), *chunks]


class Sender:
    """The parts of a request, which a test sends one by one from any thread."""

    def __init__(self, *first: pb.EncodeStreamRequest) -> None:
        self._parts: SimpleQueue[pb.EncodeStreamRequest | None] = SimpleQueue()
        for part in first:
            self.send(part)

    def send(self, part: pb.EncodeStreamRequest) -> None:
        self._parts.put(part)

    def end(self) -> None:
        self._parts.put(None)

    def __iter__(self) -> Iterator[pb.EncodeStreamRequest]:
        while (part := self._parts.get(timeout=GATE_LIMIT)) is not None:
            yield part


def failure(call: Any) -> grpc.RpcError:
    """Return the error of a stream that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    return caught.value


def detail_of(error: grpc.RpcError, kind: type[Detail]) -> Detail:
    """Return the detail of this type, which must exist."""
    found = detail(error, kind)
    assert found is not None
    return found


def stage(message: pb.EncodeStreamResponse) -> str:
    """Return the stage of a progress, without its prefix, or the name of another part."""
    which = message.WhichOneof("part")
    if which != "progress":
        return str(which)
    return pb.EncodeProgress.Stage.Name(message.progress.stage).removeprefix("STAGE_")


def answer_of(messages: Iterable[pb.EncodeStreamResponse]) -> pb.EncodeResponse:
    """Return the same answer as from Encode."""
    answer, chunks = pb.EncodeResponse(), []
    for message in messages:
        if message.HasField("result"):
            answer.CopyFrom(message.result)
        chunks.append(message.chunk)
    assert not answer.image
    answer.image = b"".join(chunks)
    return answer


def noise(width: int, height: int) -> pb.RawImage:
    """Return random pixels, which no encoder compresses well."""
    samples = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    return pb.RawImage(width=width, height=height, bands=3, pixels=samples.tobytes())


def shape_of(raw: pb.RawImage) -> pb.RawImage:
    """Return the shape of `raw`, without its pixels."""
    return pb.RawImage(width=raw.width, height=raw.height, bands=raw.bands)
