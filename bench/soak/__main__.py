"""Loads a server of its own with everything that callers do, and checks every answer.

All methods, formats and sizes, cancellations, deadlines too near, bad files,
broken connections and bursts beyond what may wait. Every image is decoded by
Pillow and held against what the answer claims, the DSSIM of some is measured
anew by scikit-image, every call must end in a way that its kind allows, and the
server's memory, descriptors and threads must come back. Prints tables, writes
plots to OUT, and ends with 1 where anything was lost, wrong or grew.

    python -m bench.soak                     # half an hour
    python -m bench.soak photos/ --minutes 5 --out soak-out
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.serving import networks, serving
from bench.soak.load import Load, Soaked
from bench.soak.pictures import pictures
from bench.soak.plots import draw
from bench.soak.verdict import faults, tables


def soak(options: argparse.Namespace) -> tuple[Soaked, list[str]]:
    """Run it; what was seen, and what must not be."""
    images = pictures(options.largest, options.images)
    with serving(**networks(options.networks)) as server:
        load = Load(
            server,
            images,
            seconds=options.minutes * 60,
            callers=options.callers,
            seed=options.seed,
        )
        soaked = load.run()
        defects = server.events("a defect: unexpected exception")
        foreign = server.foreign_lines()
    wrong = faults(soaked)
    wrong += [f"a defect: {one.get('exception', one)}" for one in defects]
    wrong += [f"in the log: {line}" for line in foreign]
    if server.process.returncode != 0:
        wrong.append(f"the server ended with {server.process.returncode}")
    return soaked, wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", nargs="*", type=Path, help="images besides ours, or folders")
    parser.add_argument("--minutes", type=float, default=30.0, help="(default: 30)")
    parser.add_argument("--callers", type=int, default=6, help="at the same time (default: 6)")
    parser.add_argument("--largest", type=float, default=6.0, help="megapixels (default: 6)")
    parser.add_argument("--networks", choices=("box", "none"), default="box")
    parser.add_argument("--seed", type=int, default=1, help="of what is asked for (default: 1)")
    parser.add_argument("--out", type=Path, default=Path("soak-out"), help="(default: soak-out)")
    options = parser.parse_args()
    soaked, wrong = soak(options)
    print(f"{len(soaked.records)} calls in {soaked.seconds / 60:g} minutes\n")
    print("\n".join(tables(soaked)))
    print("\nplots:", *draw(soaked, options.out))
    for line in wrong:
        print(f"WRONG {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
