"""Importing the library does no work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.commands import python

EVERYTHING = """
import importlib, json, os, pkgutil, sys, threading

import numpy, pyvips, scipy.linalg  # start threads and have settings of their own

import autoquality_core

def settings():
    cache = pyvips.cache_get_max(), pyvips.cache_get_max_mem(), pyvips.cache_get_max_files()
    return cache, pyvips.concurrency_get()

found = settings()
before = len(os.listdir("/proc/self/task"))

for module in pkgutil.walk_packages(autoquality_core.__path__, "autoquality_core."):
    importlib.import_module(module.name)
"""


RESULT = """
print(json.dumps({
    "modules": [*sys.modules],
    "threads": [thread.name for thread in threading.enumerate()],
    "tasks": len(os.listdir("/proc/self/task")) - before,
    "settings": settings() == found,
}))
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """What a fresh interpreter that has imported every module holds."""
    found: dict[str, Any] = json.loads(python(EVERYTHING + RESULT).stdout)
    return found


@pytest.mark.parametrize(
    "packages",
    [
        ("tensorflow", "onnxruntime"),
        ("grpc", "google.protobuf"),
        ("prometheus_client", "structlog", "opentelemetry"),
        ("numba", "llvmlite"),
    ],
)
def test_importing_every_module_imports_none_of_these(
    imported: dict[str, Any], packages: tuple[str, ...]
) -> None:
    """The libraries of the server, and those that take long to import. Nothing is compiled."""
    assert set(packages).isdisjoint(imported["modules"])


def test_importing_every_module_starts_no_thread(imported: dict[str, Any]) -> None:
    """Neither in Python nor, by encoding something, in libvips."""
    assert (imported["threads"], imported["tasks"]) == (["MainThread"], 0)


def test_importing_every_module_changes_no_setting_of_libvips(imported: dict[str, Any]) -> None:
    """The program that imports it may have settings of its own."""
    assert imported["settings"]
