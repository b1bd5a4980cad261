"""Compiles to bytecode what the server imports, and checks that all of it can be imported.

Run it with the interpreter of the server's environment. Much of what the dependencies have is never
imported: its bytecode would only take space.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

import grpc
import numba
import numpy as np

PACKAGES = ("autoquality_core", "autoquality_server")


def main() -> None:
    """Import every module of the server, and all that their functions import later."""
    for package in map(import_module, PACKAGES):
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            for name, parts in imported(import_module(found.name)):
                if find_spec(name.partition(".")[0]):  # an extra may not be installed
                    __import__(name, fromlist=parts)
    # What gRPC imports for a channel and a server, and numba to compile a function of an array.
    grpc.insecure_channel("localhost")
    grpc.server(ThreadPoolExecutor())
    numba.njit(lambda array: array)(np.zeros(1))


def imported(module: ModuleType) -> Iterator[tuple[str, list[str]]]:
    """The modules that a module imports at any place in its source, each with the names used."""
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [alias.name for alias in node.names]


if __name__ == "__main__":
    main()
