"""One target under Atheris: `python -m fuzz.engine TARGET [libFuzzer's options and folders]`.

Coverage guides it through the Python code of this project. Libraries are not instrumented: their
crashes are found, but their branches are not tracked.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

import atheris

LIMITS = ("-timeout=30", "-rss_limit_mb=3000", "-print_final_stats=1")
"""The time limit for one input, and the memory limit."""


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    name, *rest = sys.argv[1:]
    # Numba cannot compile instrumented code.
    kernels = (
        "images.colour.linear_light",
        "images.push_pull",
        "metrics.dssim.kernel",
        "priors.features_kernel",
    )
    compiled = [f"autoquality_core.{kernel}" for kernel in kernels]
    ours = ["autoquality", "autoquality_core", "autoquality_server"]
    with atheris.instrument_imports(include=ours, exclude=compiled):
        from fuzz.targets import load

        target = load(name)
    options = {}
    if target.mutate is not None:
        options["custom_mutator"] = _mutator(target.mutate)
    limits = (*LIMITS, f"-max_len={target.max_bytes}")
    atheris.Setup([sys.argv[0], *limits, *rest], target.run, **options)
    atheris.Fuzz()


def _mutator(
    mutate: Callable[[bytes, random.Random], bytes],
) -> Callable[[bytes, int, int], bytes]:
    """The mutations of a target, mixed with a quarter of libFuzzer's, which use coverage."""

    def mutated(data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.randrange(4) == 0:
            return bytes(atheris.Mutate(data, max_size))
        made = mutate(data, chance)
        return made if len(made) <= max_size else data

    return mutated


if __name__ == "__main__":
    main()
