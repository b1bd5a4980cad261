"""The commands of README.md run in their order, and print what it shows.

Not run: `make test`, which runs these tests, and what README.md names outside of a block. Of
docs/install.md nothing is run here: it needs a network or Docker. `test_base_install` installs
the wheel, and `test_image` runs the steps of the Dockerfile with `tools/install-server.sh`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import ROOT, run
from tests.servers import NO_NETWORKS, RunningServer, running_server

BLOCKS = re.compile(r"^```(console|python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
DEFAULT_ADDRESS = "localhost:50051"
NOT_RUN = ("make test",)


@dataclass(frozen=True)
class Step:
    """A command or a program, and the output that the page shows."""

    language: str
    code: str
    shown: str


def steps(page: str) -> Iterator[Step]:
    """Yield everything that a reader of the page pastes, in order."""
    blocks = BLOCKS.findall(page)
    for index, (language, text) in enumerate(blocks):
        if language == "python":
            following, shown = blocks[index + 1]
            assert following == "text", f"no output is shown for {text}"
            yield Step(language, text, shown)
        elif language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                lines = part.splitlines(keepends=True)
                # A command goes on after a backslash, and after a pipe.
                end = next(n for n, line in enumerate(lines) if not re.search(r"[\\|]$", line))
                yield Step("sh", "".join(lines[: end + 1]), "".join(lines[end + 1 :]))


STEPS = list(steps((ROOT / "README.md").read_text()))


def shape(text: str) -> list[str]:
    """Return the lines without numbers, and without the widths of columns."""
    return re.sub(r"\d[\d.,]*", "#", re.sub(r"[ ━─]+", " ", text)).splitlines()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server that a step of the page starts."""
    with running_server(tmp_path_factory.mktemp("readme"), NO_NETWORKS) as running:
        yield running


def test_the_page_shows_what_the_server_logs_at_its_start(server: RunningServer) -> None:
    (step,) = [one for one in STEPS if one.code.startswith("autoquality-server")]
    starts = [line for line in server.log_lines() if line["event"] in ("starting", "ready")]
    assert shape(step.shown) == shape("\n".join(map(json.dumps, starts)))


def test_every_command_can_be_pasted_in_order_and_prints_what_is_shown(
    server: RunningServer, tmp_path: Path
) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AUTOQUALITY_SERVER": server.address,
    }
    ran = 0
    for step in STEPS:
        # The environment is active, a fixture starts the server, and another test runs the demo.
        if step.code.startswith((". .venv", "autoquality-server", "make demo", *NOT_RUN)):
            continue
        code = step.code.replace(DEFAULT_ADDRESS, server.address)
        program = [sys.executable, "-c"] if step.language == "python" else ["bash", "-ec"]
        done = subprocess.run(
            [*program, code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, ""), step.code
        assert shape(done.stdout) == shape(step.shown), step.code
        ran += 1
    assert ran >= 7
    assert (tmp_path / "example.avif").stat().st_size > 500


def test_the_demo_draws_its_picture(tmp_path: Path) -> None:
    assert any(step.code.startswith("make demo") for step in STEPS)
    printed = run(sys.executable, ROOT / "demo/demo.py", "--out", tmp_path)
    assert "target met" in printed
    assert (tmp_path / "demo.png").stat().st_size > 10_000
