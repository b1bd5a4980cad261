"""Linear algebra does not spread over the cores that requests need."""

from __future__ import annotations

import os

from tests.commands import python
from tests.servers import clean_environment

CODE = """
import os
from autoquality_server.__main__ import main
assert main(["--check-config"]) == 0
import numpy as np
np.ones((400, 400)) @ np.ones((400, 400))
print("threads:", len(os.listdir("/proc/self/task")))
"""


def threads(**variables: str) -> int:
    """How many threads a process has once the command has run and NumPy multiplied."""
    environment = {
        name: value for name, value in clean_environment().items() if "OPENBLAS_NUM" not in name
    }
    said = python(CODE, env={**environment, **variables}).stdout
    return int(said.rpartition("threads:")[2])


def test_the_server_multiplies_in_the_thread_that_asks() -> None:
    assert threads() == 1


def test_the_environment_wins() -> None:
    cores = len(os.sched_getaffinity(0))
    assert threads(OPENBLAS_NUM_THREADS="2") == min(2, cores)
