"""Importing the library does no work."""

from __future__ import annotations

import subprocess
import sys

import pytest

EVERYTHING = """
import importlib, pkgutil, sys, threading

import autoquality_core

for module in pkgutil.walk_packages(autoquality_core.__path__, "autoquality_core."):
    importlib.import_module(module.name)
"""


def printed(code: str) -> list[str]:
    """The words that `code` prints in a fresh interpreter that has imported every module."""
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "packages",
    [
        ("tensorflow", "onnxruntime"),
        ("grpc", "google.protobuf"),
        ("prometheus_client", "structlog", "opentelemetry"),
        ("numba", "llvmlite"),
    ],
)
def test_importing_every_module_imports_none_of_these(packages: tuple[str, ...]) -> None:
    """The libraries of the server, and those that take long to import. Nothing is compiled."""
    assert printed(f"print(*sorted(set({packages!r}) & set(sys.modules)))") == []


def test_importing_every_module_starts_no_thread() -> None:
    """Threads of BLAS and libvips are none of Python's."""
    code = """
dummies = threading._DummyThread
print(*(thread.name for thread in threading.enumerate() if not isinstance(thread, dummies)))
"""
    assert printed(code) == ["MainThread"]
