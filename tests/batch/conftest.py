"""A folder of small images, a fake server, and runs of `autoquality batch` in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autoquality._cli.main import cli
from autoquality.testing import FakeServer, png_image

Run = Callable[..., Result]

MANIFEST = "autoquality-manifest.jsonl"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five images, each with a content of its own, two of them in a subfolder."""
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "c.png", "trip/d.png", "trip/e.png")):
        (folder / name).write_bytes(png_image(10 + number, 10))
    return folder


@pytest.fixture
def run(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that encodes `photos` to `small`, with more arguments."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)

    def run(
        *more: object, source: object = "photos", dest: object = "small", to: str | None = None
    ) -> Result:
        words = ("--server", to or server.target, "--format", "webp", "--target", "high", *more)
        return CliRunner().invoke(
            cli, ["batch", str(source), str(dest), *map(str, words)], prog_name="x"
        )

    return run


def lines(manifest: Path) -> list[dict[str, Any]]:
    """Return all lines of a manifest."""
    return [json.loads(line) for line in manifest.read_text().splitlines()]


def encoded(*servers: FakeServer) -> int:
    """Return how many encodings the servers were asked for."""
    return sum(call.rpc == "Encode" for server in servers for call in server.requests)
