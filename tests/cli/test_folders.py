"""`autoquality encode` with many images: a server that goes away, re-runs, the summary."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections import Counter
from pathlib import Path

import grpc
import pytest

from autoquality import _retry
from autoquality._call import Caller
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb
from tests.cli.conftest import Run, encode_requests

# The pushback forbids retries, which would take seconds.
GONE = Fault(grpc.StatusCode.UNAVAILABLE, "gone", metadata=(("grpc-retry-pushback-ms", "-1"),))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder with 25 images."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(25):
        (folder / f"{number:02}.jpg").write_bytes(b"photo" * 1000)
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_after_three_unreachable_images_in_a_row_the_others_are_not_tried(
    run: Run, many: Path, tmp_path: Path, server: FakeServer
) -> None:
    server.respond(pb.EncodeResponse(format=pb.FORMAT_WEBP), GONE, GONE)
    server.respond(pb.EncodeResponse(format=pb.FORMAT_WEBP), GONE, GONE, GONE)
    arguments = ("encode", many, "-o", tmp_path / "out", "--format", "webp", "--jobs", 1)
    result = run(*arguments)
    assert result.exit_code == 3
    assert len(encode_requests(server)) == 7
    *failures, last = result.stderr.splitlines()
    assert [line.partition(": ")[2] for line in failures] == [
        f"{many}/{number:02}.jpg: gone" for number in (1, 2, 4, 5, 6)
    ]
    assert last == (
        "autoquality: server gone, 18 files not tried: gone; "
        "the same command with --skip-existing continues"
    )
    assert "25: 2 encoded, 5 failed, 18 not tried" in result.stdout
    server.respond(*[GONE] * 3)
    result = run(*arguments, "--json", "--skip-existing")
    assert result.exit_code == 3
    last_object = json.loads(result.stdout.splitlines()[-1])
    assert (last_object["ok"], last_object["error"]) == (False, "not tried: the server is gone")
    assert len(result.stdout.splitlines()) == 25


class Fragile:
    """A server that a poison image crashes, with all images that it has then."""

    def __init__(self, poison: bytes = b"") -> None:
        self.attempts = Counter[bytes]()
        self._poison = poison
        self._lock = threading.Lock()
        self._inside = 0

    def __call__(self, request: pb.EncodeRequest) -> pb.EncodeResponse | Fault:
        with self._lock:
            self._inside += 1
            self.attempts[request.image] += 1
            lonely = self._inside == 1 and self.attempts[request.image] > 4
        time.sleep(0.01)
        with self._lock:
            lonely = lonely and self._inside == 1
            self._inside -= 1
        if lonely and request.image != self._poison:
            return pb.EncodeResponse(format=pb.FORMAT_WEBP)
        return Fault(grpc.StatusCode.UNAVAILABLE, "Socket closed")


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A folder with 8 different images."""
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.jpg").write_bytes(b"photo %d" % number)
    return folder


def test_images_that_the_server_was_lost_with_are_encoded_without_company(
    run: Run, few: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_retry, "_FIRST_DELAY", 0.01)
    fragile = Fragile(poison=b"photo 3")
    server.respond_always(fragile)
    result = run("encode", few, "-o", few.parent / "out", "--format", "webp", "--jobs", 8)
    assert result.exit_code == 1
    assert names(few.parent / "out") == {f"{number}.webp" for number in range(8) if number != 3}
    assert [line for line in result.stderr.splitlines() if "3.jpg: " in line]
    assert set(fragile.attempts.values()) == {5, 8}


def test_an_image_that_a_full_server_keeps_refusing_is_encoded_without_company(
    run: Run, few: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_retry, "_MAX_DELAY", 0.01)
    server.respond(*[Fault.overloaded(0.0)] * 8 * 9)
    server.respond_always(pb.EncodeResponse(format=pb.FORMAT_WEBP))
    result = run("encode", few, "-o", few.parent / "out", "--format", "webp", "--jobs", 8)
    assert result.exit_code == 0, result.stderr
    assert len(encode_requests(server)) == 8 * 9 + 8


def test_images_that_cannot_be_sent_are_tried_without_company_once(
    run: Run, few: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each image of a server that is gone would wait for it twice."""
    waits = list[float]()

    def no_connection(_caller: object, seconds: float) -> bool:
        waits.append(seconds)
        return False

    monkeypatch.setattr(Caller, "_wait_connected", no_connection)
    server.respond_always(
        Fault(grpc.StatusCode.UNAVAILABLE, "last error: none; Connection refused")
    )
    result = run("encode", few, "-o", few.parent / "out", "--format", "webp", "--jobs", 8)
    assert result.exit_code == 3
    assert len(waits) <= 8 + 1


def test_an_image_that_no_attempt_could_send_gives_exit_code_3(
    run: Run, photos: Path, server: FakeServer
) -> None:
    server.respond(GONE)
    assert run("encode", photos / "a.jpg", "--format", "webp").exit_code == 3


def test_a_pipe_in_a_folder_is_no_image(run: Run, photos: Path) -> None:
    os.mkfifo(photos / "pipe.png")
    result = run("encode", photos, "-o", photos.parent / "small", "--format", "webp", "--json")
    assert result.exit_code == 0
    assert "pipe.png" not in result.output


def test_links_to_folders_are_reported_and_not_followed(run: Run, photos: Path) -> None:
    (photos / "again").symlink_to("trip")
    (photos / "trip" / "up").symlink_to("..")
    (photos / "link.jpg").symlink_to("a.jpg")
    arguments = ("encode", photos, "-o", photos.parent / "small", "--format", "webp", "--json")
    result = run(*arguments)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 4
    listed = f"{photos}/again, {photos}/trip/up"
    message = f"skipped 2 linked folders: {listed}; to encode their images, name them"
    assert result.stderr.splitlines()[0] == f"autoquality: {message}"
    assert run(*arguments, "--force", "--quiet").stderr == ""
    named = run("encode", photos / "again", "-o", photos.parent / "more", "--format", "webp")
    assert (named.exit_code, names(photos.parent / "more")) == (0, {"c.webp"})


def test_a_file_that_cannot_be_inspected_fails_alone(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = photos / "hidden.png"
    hidden.write_bytes(b"photo")
    inspected = Path.stat

    def refuse(path: Path, **options: bool) -> os.stat_result:
        if path.name == hidden.name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return inspected(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    result = run("encode", photos, "-o", photos.parent / "small", "--format", "webp")
    assert result.exit_code == 1
    assert "hidden.png: cannot be read: Permission denied" in " ".join(result.stderr.split())
    assert names(photos.parent / "small")


@pytest.mark.parametrize("arguments", ["{long}.png --format webp", "a.png -o {long}.webp"])
def test_a_name_that_the_system_refuses_is_named(run: Run, arguments: str) -> None:
    long = "n" * 300
    result = run("encode", *arguments.format(long=long).split())
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert long in line
    assert line.endswith("File name too long")


@pytest.mark.parametrize(
    "options", ["--format webp", "--candidates webp --target high --skip-existing"]
)
def test_an_output_name_that_the_system_refuses_fails_alone(
    run: Run, photos: Path, options: str
) -> None:
    long = photos / f"{'n' * 251}.jpg"
    long.write_bytes(b"photo")
    small = photos.parent / "small"
    result = run("encode", photos, "-o", small, *options.split(), "--quiet")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    cause = "File name too long"
    assert line == f"autoquality: {long}: cannot write {small / long.stem}.webp: {cause}"
    assert len(names(small)) == 3
    summary = run("encode", photos, "-o", small, *options.split(), "--summary").stdout
    assert f"failure   1 x cannot write: {cause}" in summary


def test_skip_existing_encodes_only_what_has_no_output(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.webp").write_bytes(b"done before")
    arguments = ("encode", photos, "-o", out, "--format", "webp", "--skip-existing")
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert (out / "a.webp").read_bytes() == b"done before"
    assert len(encode_requests(server)) == 2
    assert "1 skipped: their outputs exist" in result.stdout
    result = run(*arguments, "--json")
    assert result.exit_code == 0
    first, *others = (json.loads(line) for line in result.stdout.splitlines())
    assert first == {
        "source": str(photos / "a.jpg"),
        "ok": True,
        "skipped": True,
        "output": str(out / "a.webp"),
        "request_id": None,
    }
    assert all(one["skipped"] for one in others)
    assert len(encode_requests(server)) == 2


def test_skip_existing_looks_for_every_candidate(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    out = tmp_path / "out"
    arguments = ("encode", photos, "-o", out, "--candidates", "avif,webp", "--target", "high")
    assert run(*arguments).exit_code == 0
    sent = len(encode_requests(server))
    again = run(*arguments, "--skip-existing")
    assert (again.exit_code, again.stdout) == (0, "3 skipped: their outputs exist\n")
    assert len(encode_requests(server)) == sent


def test_skip_existing_works_next_to_the_sources(run: Run, photos: Path) -> None:
    """The second run finds the results of the first among its sources."""
    assert run("encode", photos, "--format", "jxl").exit_code == 0
    before = {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()}
    again = run("encode", photos, "--format", "jxl", "--skip-existing")
    assert again.exit_code == 0, again.stderr
    assert "6 skipped" in again.stdout
    assert before == {path: path.read_bytes() for path in before}


def test_outputs_that_exist_are_one_reason_in_the_summary(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    arguments = ("encode", photos, "-o", tmp_path / "out", "--format", "webp", "--summary")
    count = len(run(*arguments, "--json").stdout.splitlines())
    lines = run(*arguments).stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("failure")]
    assert line.startswith(f"failure   {count} x the output exists: use --force")


def test_a_folder_for_several_images_is_not_named_like_a_file(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.webp"
    refused = run("encode", photos, "-o", out, "--format", "webp")
    assert refused.exit_code == 2
    assert f"several images need a folder: use {out}/" in refused.stderr
    assert run("encode", photos, "-o", f"{out}/", "--format", "webp").exit_code == 0


def test_skip_existing_and_force_contradict_each_other(run: Run, photos: Path) -> None:
    result = run("encode", photos, "--skip-existing", "--force")
    assert result.exit_code == 2
    assert "contradict" in result.stderr


def test_many_images_get_a_summary(
    run: Run, many: Path, tmp_path: Path, server: FakeServer
) -> None:
    notice = pb.Notice(code=pb.Notice.CODE_ALPHA_FLATTENED, message="transparency was flattened")
    small, large = (
        pb.EncodeResponse(
            image=bytes(size), size_bytes=size, format=pb.FORMAT_WEBP, outcome=outcome, notices=some
        )
        for size, outcome, some in (
            (1000, pb.OUTCOME_TARGET_MET, [notice]),
            (6000, pb.OUTCOME_MAX_QUALITY_REACHED, []),
        )
    )
    fault = Fault.invalid("image", "is not an image", "IMAGE_UNREADABLE")
    server.respond(fault, large, large, fault)
    server.respond_always(small)
    arguments = ("encode", many, "-o", tmp_path / "out", "--format", "webp", "--jobs", 1)
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "images    25: 23 encoded, 2 failed",
        "bytes     115.0 kB to 33.0 kB, 71.3 % saved",
        "larger    2 than their sources",
        "outcomes  21 target met, 2 max quality reached",
        "notice    21 x transparency was flattened",
        "failure   2 x image: is not an image",
    ]
    assert len(result.stderr.splitlines()) == 2
    rows = run(*arguments, "--force", "--rows")
    assert sum("target met" in line for line in rows.stdout.splitlines()) == 25
    assert sum("transparency was flattened" in line for line in rows.stderr.splitlines()) == 25


def test_a_summary_and_silence_are_options(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    arguments = ("encode", photos, "-o", tmp_path / "out", "--format", "webp", "--force")
    assert run(*arguments, "--summary").stdout.startswith("images    3: 3 encoded")
    server.respond(
        *(pb.EncodeResponse(format=one) for one in (pb.FORMAT_JPEG, pb.FORMAT_PNG, pb.FORMAT_JPEG))
    )
    kept = run("encode", photos, "-o", tmp_path / "kept", "--summary")
    assert "formats   2 jpeg, 1 png" in kept.stdout
    quiet = run(*arguments, "--quiet")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    server.respond(Fault.invalid("image", "is not an image", "IMAGE_UNREADABLE"))
    failed = run(*arguments, "--quiet", "--jobs", 1)
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr == f"autoquality: {photos}/a.jpg: image: is not an image\n"
