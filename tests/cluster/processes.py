"""The programs of a cluster, each in a process of its own with its log in a file."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.commands import ROOT
from tests.waiting import until

PROGRAMS = ROOT / ".tools/cluster"
START_LIMIT = 120.0
"""Seconds for the start of a program on a busy machine."""


def free_port() -> int:
    """A port of this machine that nothing uses now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Programs:
    """The programs that run."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, program: Path | None = None) -> None:
        """Start a program of .tools/cluster; its log goes to NAME.log in the folder.

        It ends with the process that started it, however that ends.
        """
        program = program or PROGRAMS / name
        assert program.exists(), f"{name} is missing: run `make cluster-test`"
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", str(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )

    def wait(self, holds: Callable[[], object], reason: str, within: float = START_LIMIT) -> None:
        """Wait until `holds`. Raises AssertionError if it never does, or if a program ends."""

        def check() -> object:
            self.check()
            return holds()

        until(check, within=within, reason=reason)

    def check(self) -> None:
        """Raise AssertionError with the log of a program that has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace")
                raise AssertionError(f"{name} ended with {process.returncode}:\n{log[-4000:]}")

    def stop(self) -> None:
        """End all, the youngest first."""
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@contextmanager
def programs(folder: Path) -> Iterator[Programs]:
    """Programs that end with the block."""
    running = Programs(folder)
    try:
        yield running
    finally:
        running.stop()
