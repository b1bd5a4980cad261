"""A base install, in a clean environment, holds the client and nothing else."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.commands import BASE_PYTHON, ROOT, run

# The lowest versions that pyproject.toml allows; the stubs are generated for them.
FLOORS = ("grpcio==1.74.0", "protobuf==6.31.1")

TRY = """
import warnings
warnings.simplefilter("error")
import autoquality
from autoquality.v1 import encoding_pb2, encoding_pb2_grpc
with autoquality.Client("127.0.0.1:1") as client:
    print("healthy", client.health(timeout=0.2))
request = encoding_pb2.EncodeRequest(image=b"x", format=encoding_pb2.FORMAT_AVIF)
assert encoding_pb2.EncodeRequest.FromString(request.SerializeToString()) == request
"""


@pytest.fixture(scope="module", params=[(), FLOORS], ids=["newest", "floors"])
def environment(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    """The programs of an environment with the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("base")
    run(BASE_PYTHON, "-m", "venv", "--without-pip", folder)
    pip(folder / "bin", "install", "--quiet", wheel, *request.param)
    return folder / "bin"


def pip(environment: Path, *arguments: str | Path) -> str:
    """Run this environment's pip on another environment, which starts faster without its own."""
    return run(sys.executable, "-m", "pip", "--python", environment / "python", *arguments)


def test_the_floors_tested_are_those_declared() -> None:
    declared = (ROOT / "pyproject.toml").read_text()
    for floor in FLOORS:
        name, version = floor.split("==")
        least = re.search(rf'"{name}>=([0-9.]+)', declared)
        assert least, name
        assert version in (least.group(1), f"{least.group(1)}.0")


def test_it_brings_grpcio_and_protobuf_alone(environment: Path) -> None:
    listed = pip(environment, "list", "--format", "freeze")
    names = {line.partition("==")[0].lower() for line in listed.splitlines() if "==" in line}
    grpcios = {"typing_extensions"}
    assert names - grpcios == {"autoquality", "grpcio", "protobuf"}


def test_the_client_works(environment: Path, tmp_path: Path) -> None:
    assert run(environment / "python", "-c", TRY, cwd=tmp_path) == "healthy False\n"


@pytest.mark.parametrize("name", ["client", "core", "server", "training", "tests", "tools"])
def test_no_folder_of_the_repository_can_be_imported(
    environment: Path, tmp_path: Path, name: str
) -> None:
    said = run(environment / "python", "-c", f"import {name}", cwd=tmp_path, status=1)
    assert f"No module named '{name}'" in said


def test_the_command_line_says_how_to_install_its_extra(environment: Path) -> None:
    assert "pip install 'autoquality[cli]'" in run(environment / "autoquality", "--help", status=1)


def test_the_trainer_says_how_to_install_its_extra(environment: Path) -> None:
    said = run(environment / "autoquality-train", "--help", status=1)
    assert "pip install 'autoquality[train]'" in said
    assert "Traceback" not in said


def test_the_server_says_how_to_install_its_extra(environment: Path) -> None:
    said = run(environment / "autoquality-server", status=1)
    assert "pip install 'autoquality[server]'" in said
    assert "Traceback" not in said
