"""Versions, machine and time, for everything that holds numbers."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from autoquality._version import __version__
from autoquality_core.formats import library_versions

_PACKAGES = ("keras", "tensorflow", "jax", "numpy", "numba")


def versions() -> dict[str, str]:
    """The versions of everything that affects labels, networks or their judgement."""
    found = {"autoquality": __version__, "python": platform.python_version(), **library_versions()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str]:
    """Processor, usable cores and system."""
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": platform.platform(),
    }


def now() -> str:
    """The date and time, UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}"


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
