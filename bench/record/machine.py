"""Machine, versions and commit of a run."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from autoquality import __version__
from autoquality_core.formats import library_versions
from autoquality_train.provenance import processor

ROOT = Path(__file__).resolve().parents[2]


def machine() -> dict[str, str]:
    """The processor, the number of usable cores, and the memory."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """The versions of this project, of Python and of the libraries that affect results."""
    ours = {"autoquality": __version__, "python": platform.python_version()}
    return ours | library_versions()


def commit() -> str:
    """The commit, with a + if files were changed since; "unknown" outside a repository."""
    # Eight digits, because the check for secrets takes longer ones for a key.
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
