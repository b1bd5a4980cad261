"""Fuzzes one target after another, each in its own process, because libFuzzer ends its process.

    python -m fuzz                          # every target, one minute each
    python -m fuzz image notation --seconds 600
    python -m fuzz encode --runs 1000

OUT/corpus keeps the inputs that a run found interesting, for the next run. An
input that fails is written to OUT as `TARGET-crash-...`. Copy it to
fuzz/seeds/TARGET, and the tests replay it from then on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from fuzz.targets import NAMES, SEEDS

ROOT = Path(__file__).resolve().parent.parent


def command(name: str, options: argparse.Namespace) -> list[str]:
    """The command that fuzzes one target."""
    corpus = options.out / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={options.seconds}"] if options.runs is None else []
    limits += [f"-runs={options.runs}"] if options.runs is not None else []
    limits += [f"-seed={options.seed}"] if options.seed is not None else []
    prefix = f"-artifact_prefix={options.out}/{name}-"
    # New inputs go to the first folder; the second is only read.
    folders = (str(corpus), str(SEEDS / name))
    return [sys.executable, "-m", "fuzz.engine", name, *limits, prefix, *folders]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--runs", type=int, help="inputs for each target, instead of --seconds")
    parser.add_argument("--seed", type=int, help="seed of the random numbers, to repeat a run")
    parser.add_argument("--out", type=Path, default=Path("fuzz-out"), help="(default: fuzz-out)")
    options = parser.parse_args()
    if unknown := sorted(set(options.targets) - set(NAMES)):
        parser.error(f"unknown targets: {', '.join(unknown)}; known are {', '.join(NAMES)}")
    options.out = options.out.resolve()
    failed = []
    for name in options.targets or NAMES:
        print(f"== {name}", flush=True)
        if subprocess.run(command(name, options), cwd=ROOT, check=False).returncode:
            failed.append(name)
    for name in failed:
        print(f"FAILED {name}: see {options.out}/{name}-*", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
