"""An earlier commit of the packages that a server needs, as a folder for PYTHONPATH."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.record.machine import ROOT

_FOLDER = ROOT / "build" / "before"
_PACKAGES = ("client", "core", "server")


def commit_of(name: str) -> str:
    """The abbreviated commit that `name` means. Raises ValueError if git knows none."""
    words = ["git", "rev-parse", "--short=8", "--verify", "--quiet", f"{name}^{{commit}}"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"git knows no commit {name!r}")
    return done.stdout.strip()


def unpacked(commit: str) -> tuple[Path, ...]:
    """The folders of its packages. They stay, because their loops are compiled only once."""
    folder = _FOLDER / commit
    if not folder.is_dir():
        folder.mkdir(parents=True)
        archive = subprocess.run(
            ["git", "archive", commit, *_PACKAGES], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "--extract"], cwd=folder, input=archive.stdout, check=True)
    return tuple(folder / name for name in _PACKAGES)
