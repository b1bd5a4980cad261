"""Calls a server from the load generator in Go, which shares no interpreter with the benchmark."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.record.machine import ROOT

PROGRAM = ROOT / "build" / "examples" / "load"
TIMEOUT = 600.0


class LoadFailed(Exception):
    """The generator is missing, a call failed or an answer was wrong."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of the generator found.

    `images` were encoded in `seconds`, with the 10th percentile, the median and the 95th percentile
    of the wait in milliseconds. `client_cpu` is the generator's own processor time in seconds.
    """

    images: int
    seconds: float
    fast: float
    median: float
    slow: float
    client_cpu: float


def load(
    address: str, image: Path, callers: int, seconds: float, *settings: str, warm_up: int = 1
) -> Load:
    """Call for so many seconds. `settings` are flags of the generator, such as "-quality=80".

    Raises LoadFailed unless every answer is right.
    """
    if not PROGRAM.is_file():
        raise LoadFailed(f"{PROGRAM} is missing: run `make load`, which needs Go")
    words = [str(PROGRAM), "-plaintext", "-json", f"-server={address}", f"-callers={callers}"]
    words += [f"-duration={seconds}s", f"-warm-up={warm_up}", *settings, str(image)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        raise LoadFailed(f"{' '.join(words)}: {done.stderr or done.stdout}")
    found = json.loads(done.stdout)
    if set(found["statuses"]) != {"OK"}:
        raise LoadFailed(f"{' '.join(words)}: {found['statuses']} {found['messages']}")
    waits = found["waits_ms"]
    return Load(
        *(found["statuses"]["OK"], found["seconds"]),
        *(waits["p10"], waits["p50"], waits["p95"]),
        found["client_cpu_seconds"],
    )
