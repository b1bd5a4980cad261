"""The commands of the README work when pasted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import RunningServer

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def block(name: str) -> str:
    """The code between the markers of `name`."""
    marked = rf"<!-- {name}:begin -->\n```\w+\n(.*?)```\n<!-- {name}:end -->"
    found = re.search(marked, README, re.DOTALL)
    assert found, f"README.md has no block {name}"
    return found[1]


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment's programs first on the PATH, as after activating it."""
    programs = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


def test_the_grpcurl_example(server: RunningServer, environment: dict[str, str]) -> None:
    script = block("grpcurl").replace("localhost:50051", server.address)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["outcome"] == "OUTCOME_TARGET_MET"
    assert abs(answer["ssimulacra2"] - 70) <= 1


def test_the_python_example(
    server: RunningServer, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    script = block("python").replace("localhost:50051", server.address)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"quality \d+: \d+ bytes, score (69|70|71)\.\d", done.stdout), done.stdout
    assert (tmp_path / "example.avif").stat().st_size > 500


def test_the_command_line_examples(
    server: RunningServer, environment: dict[str, str], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "example.png").write_bytes((ROOT / "docs" / "example.png").read_bytes())
    found = re.search(r"^autoquality encode photos/.*$", README, re.MULTILINE)
    assert found
    environment = {**environment, "AUTOQUALITY_SERVER": server.address}
    compare = "autoquality compare photos/example.png small/example.webp"
    for script in (found[0], compare, "autoquality info"):
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, (script, done.stderr)
    assert (tmp_path / "small" / "example.webp").exists()
