"""The memory that large messages and sources take in a server process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import grpc

from autoquality.v1 import encoding_pb2 as pb
from tests.rpc.conftest import encoding_stub
from tests.servers import NO_NETWORKS, RunningServer, running_server
from tests.stream.serving import answer_of, chunk, noise, parts, shape_of, start
from tests.waiting import LIMIT, until

WIDTH, HEIGHT = 8000, 8334
SIZE = 3 * WIDTH * HEIGHT
"""200 MB."""

OTHER = 64 * 2**20
"""Memory that a request may take apart from its source: a few chunks in gRPC and protobuf, rows in
the encoder, a result of some MB, and memory that the allocators keep. The format is PNG because
its encoder works row by row. JPEG's would take 6 bytes per pixel more."""


def resident(server: RunningServer, which: str) -> int:
    """Return the process's memory in bytes: "VmRSS" is now, "VmHWM" is the peak."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (kibibytes,) = re.findall(rf"^{which}:\s+(\d+) kB", status, re.MULTILINE)
    return 1024 * int(kibibytes)


def large(request: pb.EncodeRequest) -> Iterator[pb.EncodeStreamRequest]:
    """Yield a request with 200 MB of pixels, without holding them all in memory."""
    yield start(request)
    rows = bytes(range(250)) * 96
    for _ in range(HEIGHT):
        yield chunk(rows)


def test_200_mb_of_pixels_are_in_memory_once_and_then_not_at_all(tmp_path: Path) -> None:
    settings = {**NO_NETWORKS, "AUTOQUALITY_MAX_RESOLUTION": "70", "AUTOQUALITY_WORKERS": "1"}
    with (
        running_server(tmp_path, settings) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        stub = encoding_stub(channel)
        small = noise(64, 64)
        request = pb.EncodeRequest(format=pb.FORMAT_PNG, raw=shape_of(small))
        request.png.compression = 1
        answer_of(stub.EncodeStream(iter(parts(request, small.pixels))))
        before = resident(server, "VmRSS")

        request.raw.width, request.raw.height = WIDTH, HEIGHT
        answer = answer_of(stub.EncodeStream(large(request)))

        assert (answer.width, answer.height) == (WIDTH, HEIGHT)
        assert SIZE < resident(server, "VmHWM") - before < SIZE + OTHER
        assert resident(server, "VmRSS") - before < OTHER


def test_a_large_compressed_message_leaves_no_memory_behind(tmp_path: Path) -> None:
    """GRPC decompresses it into small pieces."""
    pixels = bytes(SIZE // 3)
    with (
        running_server(tmp_path, NO_NETWORKS) as server,
        grpc.insecure_channel(server.address, compression=grpc.Compression.Gzip) as channel,
    ):
        stub = encoding_stub(channel)
        stub.GetServerInfo(pb.GetServerInfoRequest())
        before = resident(server, "VmRSS")
        calls = [stub.Encode.future(pb.EncodeRequest(image=pixels)) for _ in range(3)]
        codes = {call.exception(LIMIT).code() for call in calls}
        assert codes == {grpc.StatusCode.INVALID_ARGUMENT}
        # The caller gets its answer before the server lets go of the message.
        until(lambda: resident(server, "VmRSS") - before < OTHER, reason="the memory")
