"""Compare, info, and the metadata of every call."""

from __future__ import annotations

import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autoquality import (
    AutoQuality,
    Client,
    Format,
    FormatInfo,
    Limits,
    Method,
    NetworkInfo,
    __version__,
)
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb


def test_compare_sends_both_files_and_returns_every_field(
    server: FakeServer, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"a")
    answer = pb.CompareResponse(dssim=0.25, ssim=0.5, width=4, height=3, frames=2)
    server.respond(answer, rpc="Compare")
    result = client.compare(path, b"b", request_id="mine")
    assert server.requests[0].message == pb.CompareRequest(reference=b"a", distorted=b"b")
    assert (result.dssim, result.ssim) == (0.25, 0.5)
    assert (result.width, result.height, result.frames) == (4, 3, 2)
    assert (result.request_id, result.message) == ("mine", answer)


def test_info_returns_every_field(server: FakeServer, client: Client) -> None:
    answer = pb.GetServerInfoResponse(
        version="1.2.3",
        formats=[
            pb.FormatInfo(
                format=pb.FORMAT_JPEG,
                has_quality=True,
                default_quality=80,
                min_quality=70,
                max_quality=90,
                network=pb.NetworkInfo(name="n.pb", sha256="ab", device="GPU:0"),
            ),
            pb.FormatInfo(format=pb.FORMAT_PNG),
        ],
        source_formats=["jpeg", "png"],
        defaults=pb.AutoQuality(method=pb.METHOD_ML, target=0.02),
        limits=pb.Limits(max_image_bytes=1, max_resolution_pixels=2, workers=3, queue_size=4),
        library_versions={"libvips": "8.18"},
    )
    server.respond(answer, rpc="GetServerInfo")
    info = client.info()
    network = NetworkInfo("n.pb", "ab", "GPU:0")
    assert info.formats == (
        FormatInfo(Format.JPEG, 80, 70, 90, network),
        FormatInfo(Format.PNG, None, None, None, None),
    )
    assert [format.has_quality for format in info.formats] == [True, False]
    assert (info.version, info.source_formats) == ("1.2.3", ("jpeg", "png"))
    assert info.defaults == AutoQuality(Method.ML, 0.02)
    assert info.limits == Limits(1, 2, 3, 4)
    assert info.library_versions == {"libvips": "8.18"}
    assert info.message == answer


def test_token_and_metadata_of_client_and_call_are_sent(server: FakeServer) -> None:
    with server.client(token="secret", metadata=[("team", "web")]) as client:
        client.encode(b"photo", metadata=[("job", "7")], request_id="mine")
    metadata = server.requests[0].metadata
    assert metadata["authorization"] == "Bearer secret"
    assert (metadata["team"], metadata["job"], metadata["x-request-id"]) == ("web", "7", "mine")
    assert str(metadata["user-agent"]).startswith(f"autoquality-python/{__version__} ")


def test_each_call_without_a_request_id_gets_a_new_one(server: FakeServer, client: Client) -> None:
    ids = {client.encode(b"photo").request_id for _ in range(3)}
    assert ids == {call.metadata["x-request-id"] for call in server.requests}
    assert len(ids) == 3


def test_threads_can_share_a_client(server: FakeServer, client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        photos = [str(number).encode() for number in range(80)]
        results = list(pool.map(lambda photo: client.encode(photo, quality=50), photos))
    expected = [client.encode(photo, quality=50).image for photo in photos]
    assert [result.image for result in results] == expected


def test_pickling_a_client_is_refused_with_advice(client: Client) -> None:
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(client)


@pytest.mark.parametrize("retries", [-1, 9])
def test_retries_outside_0_to_8_are_refused(retries: int) -> None:
    with pytest.raises(ValueError, match="retries must be from 0 to 8"):
        Client(retries=retries)


@pytest.mark.parametrize("timeout", [-1, math.nan])
def test_a_timeout_that_is_negative_or_nan_is_refused(client: Client, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be 0 seconds or more, or None"):
        Client(timeout=timeout)
    with pytest.raises(ValueError, match="timeout must be 0 seconds or more, or None"):
        client.wait_ready(timeout)


def test_the_server_comes_from_the_environment_unless_it_is_given(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("AUTOQUALITY_SERVER", server.target)
    with Client() as client:
        assert client.info().version
    monkeypatch.setenv("AUTOQUALITY_SERVER", "127.0.0.1:1")
    with Client(server.target) as client:
        assert client.info().version
    monkeypatch.setenv("AUTOQUALITY_SERVER", "images.example")
    with pytest.raises(ValueError, match=r"the token would go to images\.example unencrypted"):
        Client(token="secret")
    monkeypatch.setenv("AUTOQUALITY_SERVER", "")
    with Client(token="secret"):
        pass  # the default is this machine
