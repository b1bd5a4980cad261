"""Running commands: what they print is in the failure's message."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM_LIMIT = 240.0
"""Seconds for a program: on a busy machine, TensorFlow alone takes more than a minute."""
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


def python(
    code: str,
    *arguments: object,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    status: int = 0,
    strict: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new interpreter, which must exit with `status`.

    Its environment is `env`, by default this process's. If it is `strict`, warnings are errors.
    """
    done = subprocess.run(
        [sys.executable, *("-W", "error") * strict, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_LIMIT,
    )
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
