"""A fake server and its client, new for each test, and a real server for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autoquality import Client
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.stream.serving import Serving, serving

EVERY_OPTION = pb.EncodeRequest(
    format=pb.FORMAT_WEBP,
    jpeg=pb.JpegOptions(
        progressive=True,
        no_subsample=False,
        trellis_quant=True,
        overshoot_deringing=True,
        optimize_scans=False,
        quant_table=3,
    ),
    webp=pb.WebpOptions(
        effort=0, preset=pb.WEBP_PRESET_TEXT, smart_subsample=True, alpha_quality=0
    ),
    avif=pb.AvifOptions(speed=9, no_subsample=True),
    png=pb.PngOptions(compression=0, interlaced=True, quantize=True, quantization_colors=16),
    background="#102030",
    keep_metadata=True,
    measure_dssim=True,
    measure=[pb.METRIC_DSSIM, pb.METRIC_SSIMULACRA2],
    allow_truncated=True,
    keep_copyright=False,
    color_profile=pb.COLOR_PROFILE_KEEP,
    keep_hidden_colors=True,
    keep_smaller_source=True,
    cap_at_source=True,
    may_shrink=True,
    min_width=320,
)
"""A request with every option, and none with its default."""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(check_images=False) as server:
        yield server


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def real() -> Iterator[Serving]:
    """A server with one worker, no queue and no networks."""
    with serving(queue_size=0) as server:
        yield server


def sent(server: FakeServer) -> pb.EncodeRequest:
    """Return the last request that the server received."""
    message = server.requests[-1].message
    assert isinstance(message, pb.EncodeRequest)
    return message
