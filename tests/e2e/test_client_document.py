"""The code of docs/client.md runs: the service with its tests, and all other examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.photos import photo
from tests.servers import RunningServer

PAGE = (Path(__file__).parents[2] / "docs/client.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```python\n(.*?)```", re.DOTALL)


def run(folder: Path, *arguments: str, server: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**os.environ, "AUTOQUALITY_SERVER": server, "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_service_passes_its_tests(tmp_path: Path) -> None:
    files = {name: code for name, code in BLOCK.findall(PAGE) if name}
    assert files.keys() == {"shrink.py", "test_shrink.py"}
    for name, code in files.items():
        (tmp_path / name).write_text(code)
    report = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cloudcoil")
    assert re.search(r"^\d\d passed", report, re.MULTILINE), report


def test_the_examples_run_in_order(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo("rocket.jpg"))
    examples = [code for name, code in BLOCK.findall(PAGE) if not name]
    assert len(examples) == 4
    shown = run(tmp_path, "-c", "\n".join(examples), server=server.address)
    assert re.search(r"^quality \d+, \d+ bytes, target_met$", shown, re.MULTILINE), shown
    assert re.search(r"^avif \d+$", shown, re.MULTILINE), shown
    assert re.search(r"^done: \d+ bytes$", shown, re.MULTILINE), shown
    assert (tmp_path / "photo.webp").exists()
