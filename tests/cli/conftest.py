"""A fake server, images, and a runner for the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoquality import _retry
from autoquality._cli.main import cli
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb

Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(check_images=False) as server:
        yield server


@pytest.fixture
def short_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a call give up on an unreachable server sooner."""
    monkeypatch.setattr(_retry, "_MAX_OUTAGE", 0.5)


@pytest.fixture
def run(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the command line in this process."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def run(*arguments: object, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(
            cli, ["--server", server.target, *map(str, arguments)], input=stdin, prog_name="x"
        )

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three images, one of them in a subfolder, and other files."""
    root = tmp_path / "photos"
    (root / "trip" / ".cache").mkdir(parents=True)
    for name in ("a.jpg", "b.PNG", "trip/c.webp", "trip/.cache/d.jpg", "notes.txt", ".e.jpg"):
        (root / name).write_bytes(name.encode() * 1000)
    return root


def encode_requests(server: FakeServer) -> list[pb.EncodeRequest]:
    """Return the Encode requests that the server received."""
    return [call.message for call in server.requests if call.rpc == "Encode"]
