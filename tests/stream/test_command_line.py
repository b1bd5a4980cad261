"""The command line streams a source that is too large for one message."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from autoquality._cli.main import cli
from autoquality.testing import FakeServer, answer
from autoquality.v1 import encoding_pb2 as pb
from tests.photos import photo
from tests.stream.serving import Serving, serving


def encode(address: str, path: Path) -> str:
    arguments = ["--server", address, "encode", str(path), "-o", str(path) + ".webp"]
    done = CliRunner().invoke(cli, arguments, prog_name="autoquality")
    return f"{done.exit_code} {done.stderr}"


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    path = tmp_path / "image.jpg"
    path.write_bytes(photo("rocket.jpg"))
    return path


def test_a_file_over_the_servers_limit_for_messages_is_streamed(image: Path) -> None:
    with serving(max_image_bytes=10_000) as server:
        assert encode(f"127.0.0.1:{server.app.port}", image).startswith("0")
        assert server.ended("OK") == 1
    assert Path(f"{image}.webp").read_bytes().startswith(b"RIFF")


def test_any_other_file_is_sent_in_one_message(image: Path, usual: Serving) -> None:
    before = usual.ended("OK")
    assert encode(f"127.0.0.1:{usual.app.port}", image).startswith("0")
    assert usual.ended("OK") == before


def test_nothing_is_streamed_to_a_server_without_streams(image: Path) -> None:
    with FakeServer() as server:
        older = answer(pb.GetServerInfoRequest())
        older.limits.max_image_bytes = 10
        older.limits.ClearField("max_stream_bytes")
        server.respond_always(older, rpc="GetServerInfo")
        assert encode(server.target, image).startswith("0")
        assert [call.rpc for call in server.requests] == ["GetServerInfo", "Encode"]
