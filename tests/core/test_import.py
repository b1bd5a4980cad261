"""Importing the library does no work."""

from __future__ import annotations

import subprocess
import sys

import pytest

EVERYTHING = """
import importlib, os, pkgutil, sys, threading

import cv2, numpy, pyvips, scipy.linalg  # start threads and have settings of their own

import autoquality_core

def settings():
    cache = pyvips.cache_get_max(), pyvips.cache_get_max_mem(), pyvips.cache_get_max_files()
    return cache, pyvips.concurrency_get(), cv2.getNumThreads()

found = settings()
before = len(os.listdir("/proc/self/task"))

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
    """Neither in Python nor, by encoding something, in libvips."""
    code = """
print(*(thread.name for thread in threading.enumerate()))
print(len(os.listdir("/proc/self/task")) - before)
"""
    assert printed(code) == ["MainThread", "0"]


def test_importing_every_module_changes_no_setting_of_libvips() -> None:
    """The program that imports it may have settings of its own."""
    code = "print(settings() == found)"
    assert printed(code) == ["True"]
