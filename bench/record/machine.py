"""What a bench ran on: the machine, the versions, the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from autoquality import __version__
from autoquality_core.formats import library_versions

ROOT = Path(__file__).resolve().parents[2]


def machine() -> dict[str, str]:
    """The processor, how many cores this process may use, and the memory."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{pages / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Ours, Python's and those of the libraries that decide bytes and pixels."""
    ours = {"autoquality": __version__, "python": platform.python_version()}
    return ours | library_versions()


def commit() -> str:
    """The commit, with a + where files differ from it; "unknown" outside a repository."""
    # Eight digits: the check for secrets takes longer ones for a key.
    head = _git("rev-parse", "--short=8", "HEAD")
    if not head:
        return "unknown"
    return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
