"""Measures how many cores one process can use.

python -m bench.many_cores            three minutes
python -m bench.many_cores --quick    a minute
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.command import parser
from bench.images import photograph
from bench.load import load
from bench.many_cores import tables
from bench.many_cores.model import most_cores, share_of, used
from bench.record import FOLDER, QUICK_FOLDER, Better, Measure, record_of, short
from bench.record.changes import finish
from bench.serving import alone, serving

SETTINGS = {
    ("none", "JPEG", 0.4): ("-quality=80", "-format=jpeg"),
    ("dssim", "JPEG", 0.4): ("-method=dssim", "-target=0.02", "-format=jpeg"),
    ("ssimulacra2", "JPEG", 0.4): ("-method=ssimulacra2", "-target=70", "-format=jpeg"),
    ("ssimulacra2", "WebP", 0.4): ("-method=ssimulacra2", "-target=70", "-format=webp"),
    ("none", "JPEG", 3.0): ("-quality=80", "-format=jpeg"),
}
"""Flags of the load generator, by method, format and megapixels."""

Setting = tuple[str, str, float]

CORES = (1, 2, 4, 8, 16, 32)
_WARM_UP = 6
"""Calls of each caller before the measurement: the first ones are real."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Images a second, and the server's processor time for one in milliseconds."""

    rate: float
    cpu: float


def measured(cores: Sequence[int], seconds: float) -> Iterator[Measure]:
    """The throughput of a process by its cores, what that is of perfect, and the model."""
    with tempfile.TemporaryDirectory() as folder:
        images = {}
        for *_, size in SETTINGS:
            images[size] = Path(folder) / f"{size}.jpg"
            images[size].write_bytes(photograph(size)[0])
        whole = _loads("autoquality_server", 1, images, seconds)
        loads = {one: _loads("bench.many_cores.stand_in", one, images, seconds) for one in cores}
    for name in SETTINGS:
        by_cores = {number: found[name] for number, found in loads.items()}
        yield from _measures(name, whole[name], by_cores)


def _loads(
    module: str, cores: int, images: Mapping[float, Path], seconds: float
) -> dict[Setting, Spent]:
    """What each setting takes, with a server of so many workers."""
    found = {}
    settings = {**alone(cores), "queue_size": str(4 * cores), "processes": "1"}
    with serving(None, module, **settings) as server:
        for name, flags in SETTINGS.items():
            image = images[name[2]]
            load(server.address, image, 1, 0.1, *flags, warm_up=_WARM_UP)
            # Twice as many callers as cores, so that no core waits for a caller.
            connections = f"-connections={min(cores, 8)}"
            start = server.cpu()
            done = load(server.address, image, 2 * cores, seconds, *flags, connections, warm_up=0)
            cpu = (server.cpu() - start) / done.images
            found[name] = Spent(done.images / done.seconds, 1e3 * cpu)
    return found


def _measures(name: Setting, whole: Spent, by_cores: Mapping[int, Spent]) -> Iterator[Measure]:
    method, fmt, size = name
    setting = f"{fmt}, {size:g} megapixels"
    parts = {cores: one.rate / (cores * by_cores[1].rate) for cores, one in by_cores.items()}
    # Other load slows Python down, but not the waits. Its share is never above that of all work.
    share = min(share_of(parts), by_cores[1].cpu / whole.cpu)

    def one(
        what: str, goal: str, value: float, unit: str, better: Better = "higher", count: int = 1
    ) -> Measure:
        value = short(value)
        return Measure(what, method, setting, goal, value, value, value, unit, better, count)

    yield one("processor time", "", whole.cpu, "ms", "lower")
    yield one("processor time without codecs", "", by_cores[1].cpu, "ms", "lower")
    for cores, found in by_cores.items():
        yield one("throughput", f"{cores} cores", found.rate, "images/s", count=cores)
        yield one("part of the cores used", f"{cores} cores", parts[cores], "share", count=cores)
        modelled = used(share, cores)
        yield one("the same by the model", f"{cores} cores", modelled, "share", count=cores)
    yield one("time in Python", "", share, "share", "lower")
    yield one("cores a process", "", most_cores(share), "cores")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record and print the changes."""
    given = parser("bench.many_cores", __doc__)
    given.add_argument("--quick", action="store_true", help="few cores, short loads")
    given.add_argument("--cores", nargs="+", type=int, help="(default: 1 2 4 8 16 32)")
    given.add_argument("--seconds", type=float, help="of each load (default: 2)")
    given.add_argument("--results", type=Path, help="the folder for the record")
    args = given.parse_args(arguments)
    cores = args.cores or ([1, 4, 16] if args.quick else list(CORES))
    seconds = args.seconds or (1.0 if args.quick else 2.0)
    if cores[0] != 1 or not all(1 <= one <= 64 for one in cores):
        given.error("--cores: 1 first, then up to 64 each")
    if seconds <= 0:
        given.error("--seconds: must be above 0")
    busy = os.getloadavg()[0]
    measures = list(measured(cores, seconds))
    note = f"load average of the machine before the run: {busy:.1f}"
    record = record_of("many-cores", measures, {"cores": cores, "seconds": seconds}, notes=[note])
    folder = args.results or (QUICK_FOLDER if args.quick else FOLDER)
    return finish(record, tables.page(record), folder)


if __name__ == "__main__":
    sys.exit(main())
