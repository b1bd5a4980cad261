"""Runs one target under Atheris: `python -m fuzz.engine TARGET [libFuzzer's options and folders]`.

Coverage of client, core and server guides it. Libraries in C and C++ are not
instrumented: it notices their crashes, but not their branches.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

CORE = Path(__file__).resolve().parent.parent / "core" / "autoquality_core"

LIMITS = ("-timeout=30", "-rss_limit_mb=3000", "-print_final_stats=1")
"""libFuzzer's options: an input that takes 30 seconds or 3 GB is reported as a defect."""


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    name, *rest = sys.argv[1:]
    packages = ["autoquality", "autoquality_core", "autoquality_server"]
    with atheris.instrument_imports(include=packages, exclude=list(_kernels())):
        from fuzz.targets import load

        target = load(name)
    options = {}
    if target.mutate is not None:
        options["custom_mutator"] = _mutator(target.mutate)
    limits = (*LIMITS, f"-max_len={target.max_bytes}")
    atheris.Setup([sys.argv[0], *limits, *rest], target.run, **options)
    atheris.Fuzz()


def _kernels() -> Iterator[str]:
    """The modules with functions for numba, which cannot compile instrumented code."""
    for path in sorted(CORE.rglob("*.py")):
        if "import compiled" in path.read_text(encoding="utf-8"):
            yield ".".join(path.relative_to(CORE.parent).with_suffix("").parts)


def _mutator(
    mutate: Callable[[bytes, random.Random], bytes],
) -> Callable[[bytes, int, int], bytes]:
    """The target's own mutations, and libFuzzer's for every fourth input: those use coverage."""

    def mutated(data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.randrange(4) == 0:
            return bytes(atheris.Mutate(data, max_size))
        made = mutate(data, chance)
        return made if len(made) <= max_size else data

    return mutated


if __name__ == "__main__":
    main()
