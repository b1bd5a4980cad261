"""Running commands: what they print is in the failure's message."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASE_PYTHON = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def run(
    *command: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT, status: int = 0
) -> str:
    """Run `command`, which must exit with `status`; returns what it printed, errors included.

    It sees this process's environment and `env`, but no settings of the server's.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AUTOQUALITY_")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**inherited, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == status, f"{command}: exit {done.returncode}\n{done.stdout}"
    return done.stdout
