"""`autoquality encode` with several formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.cli.conftest import Run, encode_requests

HIGH = ("--target", "high")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--candidates", "avif,webp"), [pb.FORMAT_AVIF, pb.FORMAT_WEBP]),
        (("--candidates", " JPEG , avif,avif"), [pb.FORMAT_JPEG, pb.FORMAT_AVIF]),
        (("--accept", "image/webp,image/avif;q=0.5"), [pb.FORMAT_WEBP, pb.FORMAT_AVIF]),
    ],
)
def test_candidates_are_sent(
    run: Run, photos: Path, server: FakeServer, options: tuple[str, str], wanted: list[int]
) -> None:
    result = run("encode", photos / "a.jpg", *options, *HIGH)
    assert result.exit_code == 0, result.stderr
    (request,) = encode_requests(server)
    assert list(request.candidates) == wanted
    assert request.format == pb.FORMAT_UNSPECIFIED


def test_the_suffix_is_that_of_the_answer(run: Run, photos: Path, tmp_path: Path) -> None:
    options = ("--candidates", "avif,webp", *HIGH)
    for output, written in (
        (tmp_path / "small.jpg", tmp_path / "small.avif"),
        (tmp_path / "bare", tmp_path / "bare.avif"),
        (tmp_path / "fits.avif", tmp_path / "fits.avif"),
        (f"{tmp_path}/folder/", tmp_path / "folder" / "a.avif"),
    ):
        result = run("encode", photos / "a.jpg", "-o", output, *options)
        assert result.exit_code == 0, result.stderr
        assert written.read_bytes()[4:12] == b"ftypavif"
    assert run("encode", photos / "a.jpg", *options).exit_code == 0
    assert (photos / "a.avif").exists()


def test_an_existing_file_is_not_overwritten(run: Run, photos: Path) -> None:
    (photos / "a.avif").write_bytes(b"mine")
    result = run("encode", photos / "a.jpg", "--candidates", "avif,webp", *HIGH)
    assert result.exit_code == 1
    assert "use --force to overwrite it" in result.stderr
    assert (photos / "a.avif").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--candidates", "avif,gif"), "must be one of jpeg, webp"),
        (("--accept", "text/html"), "must allow one of image/jpeg"),
        (
            ("--candidates", "avif,webp", "--format", "webp"),
            "only one of --format and --candidates",
        ),
        (("--candidates", "avif", "--accept", "*/*"), "only one of --candidates and --accept"),
    ],
)
def test_wrong_options_are_refused(
    run: Run, photos: Path, options: tuple[str, ...], words: str
) -> None:
    result = run("encode", photos / "a.jpg", *options)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_reports_list_the_candidates(run: Run, photos: Path) -> None:
    options = ("--candidates", "avif,webp", *HIGH, "--force")
    result = run("encode", photos / "a.jpg", *options, "--json")
    (line,) = result.stdout.splitlines()
    fields = json.loads(line)
    assert {one["format"] for one in fields["candidates"]} == {"avif", "webp"}
    assert {one["verdict"] for one in fields["candidates"]} == {
        *("chosen", "larger", "predicted_larger")
    }
    assert {one["format"] for one in fields["probes"]} == {"avif", "webp"}
    assert fields["lossless"] is False
    details = run("--verbose", "encode", photos / "a.jpg", *options).stderr
    assert "avif chroma by_quality: quality" in details
    assert "chosen: " in details and "larger: " in details


def test_reports_name_near_lossless_files(run: Run, server: FakeServer, photos: Path) -> None:
    response = pb.EncodeResponse(
        image=b"file",
        format=pb.FORMAT_WEBP,
        outcome=pb.OUTCOME_LOSSLESS_SMALLER,
        size_bytes=4,
        near_lossless=20,
    )
    response.candidates.add(
        format=pb.FORMAT_WEBP, verdict=pb.Candidate.VERDICT_CHOSEN, near_lossless=20
    )
    server.respond(response)
    options = ("--format", "webp", *HIGH, "--force")
    result = run("--verbose", "encode", photos / "a.jpg", *options)
    assert "webp near-lossless, level 20" in result.stderr
