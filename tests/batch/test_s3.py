"""From S3 to S3: an S3 server over HTTP, and the real server with real codecs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from autoquality import Client
from tests.batch.conftest import Run, lines
from tests.photos import crop
from tests.stream.serving import Serving, serving

NAMES = ("coffee.png", "chelsea.png", "astronaut.png")


@pytest.fixture(scope="module")
def real() -> Iterator[Serving]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def files(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The file system of the S3 server, for the test and for the command."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    return fsspec.filesystem("s3", use_listings_cache=False)


def test_objects_are_encoded_resumed_and_compared_by_their_tags(
    run: Run, real: Serving, files: Any
) -> None:
    files.mkdir("photos-in")
    files.mkdir("photos-out")
    for name in NAMES:
        files.pipe_file(f"photos-in/photos/{name[0]}/{name}", crop(name, 96, 64))
    target = f"127.0.0.1:{real.app.port}"
    folders = {"source": "s3://photos-in/photos", "dest": "s3://photos-out/small", "to": target}

    first = run("--manifest", "m.jsonl", **folders)
    assert first.exit_code == 0, first.output
    assert "3 done, 0 failed" in first.stdout
    with Client(target) as client:
        for line in lines(Path("m.jsonl")):
            source, result = files.cat_file(line["source"]), files.cat_file(line["output"])
            name = line["source"].removeprefix("s3://photos-in/photos/").removesuffix(".png")
            assert line["output"] == f"s3://photos-out/small/{name}.webp"
            assert len(result) == line["size_bytes"] < line["source_bytes"] == len(source)
            measured = client.compare(source, result)
            assert measured.ssimulacra2 == pytest.approx(line["ssimulacra2"], abs=0.01)

    files.pipe_file("photos-in/photos/c/coffee.png", crop("coffee.png", 64, 64))
    files.pipe_file("photos-in/photos/c/chelsea.png", crop("chelsea.png", 96, 64))
    second = run("--manifest", "m.jsonl", **folders)
    assert second.exit_code == 0, second.output
    assert "1 done, 0 failed" in second.stdout
    assert "skipped   2 files" in second.stdout


def test_a_missing_bucket_is_named_and_not_made(run: Run, photos: Path, files: Any) -> None:
    done = run("--manifest", "m.jsonl", dest="s3://nowhere/small")
    assert done.exit_code == 1
    assert "cannot write s3://nowhere/small/a.webp: The specified bucket does" in done.stderr
    assert not files.exists("nowhere")
