"""Loads a server with all kinds of calls, and checks every answer.

The calls use all methods, formats and sizes. Some are cancelled, have short deadlines, send invalid
files or close the connection, and bursts overflow the queue. Pillow decodes every image and
compares it with the answer. scikit-image measures some DSSIMs again. Every call must have an
allowed result, and memory, descriptors and threads of the server must return to normal. Prints
tables and writes plots to OUT. Exits with 1 if a call was lost or wrong, or if the server grew.

    python -m bench.soak                     # half an hour
    python -m bench.soak photos/ --minutes 5 --out soak-out
    python -m bench.soak --minutes 60 --results bench/results
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.command import add_networks, parser
from bench.record.store import write
from bench.serving import networks, serving
from bench.soak.load import Load, Soaked
from bench.soak.pictures import pictures
from bench.soak.plots import draw
from bench.soak.verdict import faults, record_from, tables


def soak(options: argparse.Namespace) -> tuple[Soaked, list[str]]:
    """Run the load; returns the results and everything that is wrong."""
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
        defects = server.defects()
        foreign = server.foreign_lines()
    wrong = faults(soaked)
    wrong += [f"a defect: {one}" for one in defects]
    wrong += [f"in the log: {line}" for line in foreign]
    if server.process.returncode != 0:
        wrong.append(f"the server ended with {server.process.returncode}")
    return soaked, wrong


def main() -> int:
    given = parser("bench.soak", __doc__)
    given.add_argument("images", nargs="*", type=Path, help="more images, or folders of them")
    given.add_argument("--minutes", type=float, default=30.0, help="(default: 30)")
    given.add_argument("--callers", type=int, default=6, help="at the same time (default: 6)")
    given.add_argument(
        "--largest", type=float, default=6.0, help="megapixels of images (default: 6)"
    )
    add_networks(given)
    given.add_argument("--seed", type=int, default=1, help="of the random calls (default: 1)")
    given.add_argument("--out", type=Path, default=Path("soak-out"), help="(default: soak-out)")
    given.add_argument("--results", type=Path, help="the folder for a record (default: none)")
    options = given.parse_args()
    soaked, wrong = soak(options)
    print(f"{len(soaked.records)} calls in {soaked.seconds / 60:g} minutes\n")
    print("\n".join(tables(soaked)))
    print("\nplots:", *draw(soaked, options.out))
    if options.results:
        options.results.mkdir(parents=True, exist_ok=True)
        record = record_from(soaked, options.largest, options.callers)
        print("record:", write(record, options.results))
    for line in wrong:
        print(f"WRONG {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
