"""Each check finds its kind of mistake, in a copy of the repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.commands import ROOT, run

CONTRACT = Path("protos/autoquality/v1/encoding.proto")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that the checks look at, in a git repository of their own."""
    for name in ("protos", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / ".gitignore").write_text("/.venv\n")
    run("git", "init", "--quiet", cwd=tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_recorded_contract_is_the_one_here(copy: Path) -> None:
    run("tools/check-breaking.sh", cwd=copy)


def test_a_changed_type_breaks_callers(copy: Path) -> None:
    edit(copy / CONTRACT, "int32 iterations = 6;", "string iterations = 6;")
    said = run("tools/check-breaking.sh", cwd=copy, status=1)
    assert 'Field "6" with name "iterations"' in said
    assert "breaks its callers" in said


def test_a_break_is_not_recorded_by_the_way(copy: Path) -> None:
    before = (copy / "protos/baseline.binpb").read_bytes()
    edit(copy / CONTRACT, "int32 iterations = 6;", "int32 encodings = 6;")
    run("tools/check-breaking.sh", "--update", cwd=copy, status=1)
    assert (copy / "protos/baseline.binpb").read_bytes() == before


def test_a_new_field_breaks_no_client_but_must_be_recorded(copy: Path) -> None:
    edit(
        copy / CONTRACT, "bool measure_dssim = 12;", "bool measure_dssim = 12;\n  bool more = 999;"
    )
    assert "run 'make protos'" in run("tools/check-breaking.sh", cwd=copy, status=1)
    run("tools/check-breaking.sh", "--update", cwd=copy)
    run("tools/check-breaking.sh", cwd=copy)


def test_a_deliberate_break_can_be_recorded(copy: Path) -> None:
    edit(copy / CONTRACT, "int32 iterations = 6;", "int32 encodings = 6;")
    run("tools/check-breaking.sh", "--accept", cwd=copy)
    run("tools/check-breaking.sh", cwd=copy)


def test_a_file_that_names_a_package_registry_is_found(copy: Path) -> None:
    check = (ROOT / ".venv/bin/python", "tools/check_hosts.py")
    run(*check, cwd=copy)
    (copy / "notes.md").write_text("from https://files." + "pythonhosted" + ".org/packages\n")
    assert "notes.md" in run(*check, cwd=copy, status=1)


@pytest.mark.parametrize("line", ["--index-url https://mirror.example/", "-f /opt/wheels"])
def test_a_lock_that_names_an_index_is_found(copy: Path, line: str) -> None:
    (copy / "some.lock").write_text(f"{line}\nabc==1.0\n")
    said = run(ROOT / ".venv/bin/python", "tools/check_hosts.py", cwd=copy, status=1)
    assert "some.lock" in said


def test_an_unsupported_python_is_refused_with_what_would_be_right(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 3.10\n")
    old.chmod(0o755)
    said = run("tools/make-venv.sh", tmp_path / "venv", old, status=1)
    assert "Python 3.10; this project needs 3.11, 3.12 or 3.13" in said
    assert "make PYTHON=" in said


def test_a_python_without_venv_gets_the_name_of_the_package_to_install(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; *) echo 3.11 ;; esac\n')
    bare.chmod(0o755)
    said = run("tools/make-venv.sh", tmp_path / "venv", bare, status=1)
    assert "apt-get install python3.11-venv" in said
