"""`autoquality encode`: its input files and its output files."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.cli.conftest import Run, encode_requests


def tree(folder: Path) -> set[str]:
    """Return every file in `folder`."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in files}


def test_a_result_is_written_next_to_its_source(run: Run, photos: Path, server: FakeServer) -> None:
    result = run("encode", photos / "a.jpg", "--format", "webp")
    assert result.exit_code == 0, result.stderr
    assert (photos / "a.webp").read_bytes().startswith(b"RIFF")
    assert encode_requests(server) == [
        pb.EncodeRequest(image=(photos / "a.jpg").read_bytes(), format=pb.FORMAT_WEBP)
    ]


def test_a_result_is_written_to_the_output_file(run: Run, photos: Path, tmp_path: Path) -> None:
    to = tmp_path / "new" / "small"
    assert run("encode", photos / "a.jpg", "-o", to, "--format", "avif").exit_code == 0
    assert to.read_bytes()[4:12] == b"ftypavif"


def test_the_suffix_of_the_output_file_is_the_default_format(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    for to, options, begin in (
        ("a.webp", (), b"RIFF"),
        ("a.JPEG", (), b"\xff\xd8"),
        ("b.jpg", ("--format", "keep"), b"\xff\xd8"),
        ("a", (), b"\xff\xd8"),
    ):
        result = run("encode", photos / "a.jpg", "-o", tmp_path / to, *options)
        assert result.exit_code == 0, result.stderr
        assert (tmp_path / to).read_bytes().startswith(begin)


def test_the_suffix_of_the_output_file_must_be_that_of_the_format(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    for to, options, message in (
        ("x.gif", (), "no format has the suffix .gif: use .jpg, .webp, .avif, .png, .jxl"),
        ("x.bin", ("--format", "webp"), "no format has the suffix .bin"),
        ("x.jpg", ("--format", "webp"), f"contradicts --format webp: use {tmp_path}/x.webp"),
    ):
        result = run("encode", photos / "a.jpg", "-o", tmp_path / to, *options)
        assert result.exit_code == 2
        assert message in result.stderr
    assert server.requests == ()


def test_a_result_of_another_format_is_not_written_to_the_output_file(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    to = tmp_path / "x.webp"
    result = run("encode", photos / "a.jpg", "-o", to, "--format", "keep")
    assert result.exit_code == 1
    assert f"the result is jpeg, so it cannot be named {to}" in result.stderr
    server.respond(pb.EncodeResponse(image=b"png", format=pb.FORMAT_PNG))  # a substitute
    result = run("encode", photos / "a.jpg", "-o", to)
    assert result.exit_code == 1
    assert f"the result is png, so it cannot be named {to}" in result.stderr
    assert not to.exists()


def test_a_result_in_an_output_folder_has_the_name_of_its_source(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    for output in (tmp_path / "there", f"{tmp_path}/new/"):
        assert run("encode", photos / "b.PNG", "-o", output, "--format", "jpeg").exit_code == 0
    assert (tmp_path / "there" / "b.jpg").exists()
    assert (tmp_path / "new" / "b.jpg").exists()


def test_the_output_folder_has_the_structure_of_the_source_folder(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run("encode", photos, "-o", out, "--format", "avif")
    assert result.exit_code == 0, result.stderr
    assert tree(out) == {"a.avif", "b.avif", "trip/c.avif"}


def test_an_output_folder_inside_the_source_folder_is_skipped(run: Run, photos: Path) -> None:
    for _ in range(2):
        result = run("encode", photos, "-o", photos / "small", "--format", "webp", "--force")
        assert result.exit_code == 0, result.stderr
    assert tree(photos / "small") == {"a.webp", "b.webp", "trip/c.webp"}


def test_without_a_format_each_result_keeps_its_format_and_its_name(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    server.respond(
        pb.EncodeResponse(format=pb.FORMAT_JPEG),
        pb.EncodeResponse(format=pb.FORMAT_PNG),
        pb.EncodeResponse(format=pb.FORMAT_JPEG),
    )
    assert run("encode", photos, "-o", tmp_path / "out", "--jobs", 1).exit_code == 0
    # The content of the last source is JPEG, despite its name.
    assert tree(tmp_path / "out") == {"a.jpg", "b.PNG", "trip/c.jpg"}


def test_a_source_is_overwritten_only_if_named_as_the_output_and_forced(
    run: Run, photos: Path, server: FakeServer
) -> None:
    source = photos / "a.jpg"
    before = source.read_bytes()
    for arguments in (
        ["--format", "jpeg"],
        ["--format", "jpeg", "--force"],
        ["--force"],
        ["-o", source, "--format", "jpeg"],
    ):
        result = run("encode", source, *arguments)
        assert result.exit_code == 1
        assert "overwrite" in result.stderr
        assert source.read_bytes() == before
    assert encode_requests(server) == []
    assert run("encode", source, "-o", source, "--format", "jpeg", "--force").exit_code == 0
    assert source.read_bytes() != before


def test_an_existing_file_is_overwritten_only_with_force(run: Run, photos: Path) -> None:
    there = photos / "a.webp"
    there.write_bytes(b"precious")
    result = run("encode", photos / "a.jpg", "--format", "webp")
    assert result.exit_code == 1
    assert "a.webp exists: use --force to overwrite it, or --skip-existing" in result.stderr
    assert there.read_bytes() == b"precious"
    assert run("encode", photos / "a.jpg", "--format", "webp", "--force").exit_code == 0
    assert there.read_bytes() != b"precious"


def test_the_first_of_two_sources_gets_an_output_path_that_both_have(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    (photos / "a.png").write_bytes(b"another")
    out = tmp_path / "out"
    result = run("encode", photos, "-o", out, "--format", "webp", "--json")
    objects = [json.loads(line) for line in result.stdout.splitlines()]
    lines = {Path(line["source"]).name: line for line in objects}
    assert result.exit_code == 1
    assert lines["a.jpg"]["ok"]
    assert "already the output of" in lines["a.png"]["error"]
    assert tree(out) == {"a.webp", "b.webp", "trip/c.webp"}


def test_by_default_each_worker_of_the_server_has_an_image(
    run: Run, tmp_path: Path, server: FakeServer
) -> None:
    together = threading.Barrier(3)

    def meet(request: pb.EncodeRequest) -> pb.EncodeResponse:
        together.wait(60)
        return pb.EncodeResponse(format=pb.FORMAT_WEBP)

    server.respond_always(meet)
    limits = pb.Limits(workers=3)
    server.respond(pb.GetServerInfoResponse(limits=limits), rpc="GetServerInfo")
    for number in range(6):
        (tmp_path / f"{number}.jpg").write_bytes(b"photo")
    assert run("encode", tmp_path, "--format", "webp").exit_code == 0


def test_standard_input_goes_to_standard_output_by_default(run: Run, server: FakeServer) -> None:
    result = run("encode", "-", "--format", "webp", stdin=b"photo")
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes.startswith(b"RIFF")
    assert encode_requests(server)[0].image == b"photo"
    assert "fixed quality" in result.stderr


def test_standard_input_can_go_to_a_file_or_a_folder(run: Run, tmp_path: Path) -> None:
    for output in (tmp_path / "named.webp", f"{tmp_path}/folder/"):
        result = run("encode", "-", "--format", "webp", "-o", output, stdin=b"photo")
        assert result.exit_code == 0, result.stderr
    assert tree(tmp_path) == {"named.webp", "folder/stdin.webp"}


def test_a_file_can_go_to_standard_output(run: Run, photos: Path) -> None:
    result = run("encode", photos / "a.jpg", "--format", "avif", "-o", "-")
    assert result.stdout_bytes[4:12] == b"ftypavif"
    assert tree(photos) >= {"a.jpg"}
