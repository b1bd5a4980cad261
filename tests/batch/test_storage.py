"""Which files a run finds, and where their results go."""

from __future__ import annotations

import json
import os
import re
import resource
from pathlib import Path

import fsspec
import pytest

from autoquality._batch.run import MAX_COMMON_FAILURES
from autoquality._batch.storage import Folder, StorageError
from autoquality.testing import FakeServer, png_image
from tests.batch.conftest import MANIFEST, Run, encoded, lines

PNG = png_image(9, 9)


def found(url: object, skip: object = "/nowhere") -> list[str]:
    """Return the relative paths of the images in a folder."""
    return [file.relative for file in Folder(str(url), 1).files(Folder(str(skip), 1), [])]


def outputs(folder: Path) -> list[str]:
    """Return the relative paths of the results."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def test_images_are_found_in_order_without_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/z.jpg", "a/.x.jpg", ".h/c.png", "notes.txt", "c.heic", "small/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "link.png").symlink_to(tmp_path / "b.PNG")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    assert found(tmp_path, skip=tmp_path / "small") == ["b.PNG", "c.heic", "link.png", "a/z.jpg"]


@pytest.mark.parametrize("to", ["nothing", "broken.png"])
def test_a_link_that_leads_nowhere_fails_alone(run: Run, photos: Path, to: str) -> None:
    (photos / "broken.png").symlink_to(to)
    done = run()
    assert done.exit_code == 1
    assert "5 done, 1 failed" in done.stdout
    assert "broken.png: cannot read" in done.stderr


def test_links_to_folders_are_reported_and_not_followed(run: Run, photos: Path) -> None:
    (photos / "again").symlink_to("trip")
    (photos / "trip" / "up").symlink_to("..")
    (photos / "small").symlink_to("../small")
    done = run()
    assert done.exit_code == 0
    assert "5 done, 0 failed" in done.stdout
    listed = f"file://{photos}/again, file://{photos}/trip/up"
    assert f"skipped   2 linked folders: {listed}; to encode" in done.stdout
    assert json.loads(run("--json").stdout)["this_run"]["linked_folders"] == 2


def test_a_source_may_be_one_file(photos: Path) -> None:
    assert found(photos / "a.png") == ["a.png"]


def test_a_change_of_a_linked_file_is_a_new_version(photos: Path) -> None:
    (photos / "link.png").symlink_to(photos / "a.png")

    def version() -> str:
        files = Folder(str(photos), 1).files(Folder("/nowhere", 1), [])
        return next(file.version for file in files if file.relative == "link.png")

    before = version()
    os.utime(photos / "a.png", ns=(1, 1))
    assert version() != before


def test_results_have_the_suffix_of_their_format_and_namesakes_keep_both(
    run: Run, photos: Path
) -> None:
    for name in ("a.gif.png", "b.webp", "same.jpg", "same.png", "trip/same.png"):
        (photos / name).write_bytes(PNG)
    assert run().exit_code == 0
    assert outputs(Path("small")) == [
        *("a.gif.webp", "a.webp", "b.png.webp", "b.webp", "c.webp"),
        *("same.jpg.webp", "same.png.webp", "trip/d.webp", "trip/e.webp", "trip/same.webp"),
    ]


def test_a_namesake_that_is_added_later_replaces_no_result(run: Run, photos: Path) -> None:
    run()
    (photos / "a.webp").write_bytes(PNG)
    assert "2 done, 0 failed" in run().stdout
    assert {"a.png.webp", "a.webp"} <= set(outputs(Path("small")))
    assert "0 done, 0 failed" in run().stdout


@pytest.mark.parametrize("dest", ["photos/small", "link"])
def test_a_destination_within_the_source_is_no_source(
    run: Run, photos: Path, server: FakeServer, dest: str
) -> None:
    Path("link").symlink_to("photos/small")
    (photos / "small").mkdir()
    assert run(dest=dest).exit_code == 0
    assert run("--min", "5", dest=dest).exit_code == 0
    assert encoded(server) == 10


@pytest.mark.parametrize("dest", ["photos/", "link"])
def test_the_source_itself_is_no_destination(run: Run, photos: Path, dest: str) -> None:
    Path("link").symlink_to("photos")
    done = run(dest=dest)
    assert done.exit_code == 2
    assert "DEST must not be SOURCE" in done.stderr


def test_a_file_is_no_destination(run: Run, photos: Path) -> None:
    done = run(dest=photos / "a.png")
    assert done.exit_code == 2
    assert f"DEST must be a folder: {photos / 'a.png'} is a file" in done.stderr


def test_a_file_is_not_replaced_by_its_result(run: Run, photos: Path) -> None:
    source = photos / "a.png"
    source.rename(photos / "a.webp")
    done = run("--manifest", "m.jsonl", source="photos/a.webp", dest="photos")
    assert done.exit_code == 1
    assert "will not replace the source" in done.stderr
    assert (photos / "a.webp").read_bytes() == png_image(10, 10)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("missing", "cannot read file:///.*missing: No such file or directory"),
        ("nothing://bucket", "cannot open nothing://bucket: Protocol not known: nothing"),
        ("gs://bucket/photos", "cannot open gs://bucket/photos: Please install gcsfs"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(run: Run, source: str, reason: str) -> None:
    done = run(source=source)
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert re.search(reason, done.stderr), done.stderr


def test_a_destination_that_is_not_local_needs_a_manifest(run: Run, photos: Path) -> None:
    done = run(dest="memory://small")
    assert done.exit_code == 2
    assert "--manifest: name a local file" in done.stderr


def test_any_file_system_of_fsspec_will_do(run: Run, photos: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(photos), "/photos", recursive=True)
    done = run("--manifest", "m.jsonl", source="memory://photos", dest="memory://small")
    assert done.exit_code == 0, done.output
    for line in lines(Path("m.jsonl")):
        assert line["source"].startswith("memory://")
        assert memory.size(line["output"]) == line["size_bytes"]
    before = Path("m.jsonl").read_bytes()
    again = run("--manifest", "m.jsonl", source="memory://photos", dest="memory://small")
    assert "0 done, 0 failed" in again.stdout
    assert Path("m.jsonl").read_bytes() == before
    memory.rm("/photos", recursive=True)
    memory.rm("/small", recursive=True)


def test_a_file_that_cannot_be_read_or_written_fails_alone(run: Run, photos: Path) -> None:
    (photos / "odd.png").mkdir()
    (photos / "odd.png" / "x.png").write_bytes(PNG)
    Path("small").mkdir()
    (Path("small") / "odd.png").write_bytes(b"in the way of the folder")
    long = "n" * 251 + ".png"  # the result's name is too long
    (photos / long).write_bytes(PNG)
    done = run()
    assert done.exit_code == 1
    assert "5 done, 2 failed" in done.stdout
    assert "failures  2 STORAGE" in done.stdout
    assert "x.webp: Not a directory" in done.stderr
    assert "cannot write" in done.stderr


def test_a_full_disk_keeps_no_parts_of_results(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path), 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*a\.webp: File too large"):
            folder.write("a.webp", bytes(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_storage_that_fails_for_every_file_ends_the_run(
    run: Run, tmp_path: Path, server: FakeServer
) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(2 * MAX_COMMON_FAILURES):
        (tmp_path / "photos" / f"{number}.png").write_bytes(PNG)
        (tmp_path / "small" / f"{number}.webp").mkdir(parents=True)
    done = run("--manifest", "m.jsonl", "--in-flight", "10")
    assert done.exit_code == 1
    assert f"{MAX_COMMON_FAILURES} files in a row failed: cannot write" in done.stderr
    assert len(lines(Path("m.jsonl"))) == MAX_COMMON_FAILURES - 1


def test_a_name_that_leads_out_of_the_folder_is_not_written(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "small"), 1)
    with pytest.raises(StorageError, match="leads out of its folder"):
        folder.write("trip/../../x.png", PNG)
    folder.write("..x/..y.png", PNG)
    assert outputs(tmp_path) == ["small/..x/..y.png"]


def test_a_folder_that_cannot_be_listed_is_an_error() -> None:
    with pytest.raises(StorageError, match="cannot read"):
        found("/nowhere/at/all")
