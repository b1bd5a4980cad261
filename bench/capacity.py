"""Estimates the images a day and the cost of a cluster from a record of `bench.scaling`.

    python -m bench.capacity --machines 10 --cores 8 --price 0.40 --megapixels 2

With --rate, the servers for so many images a second, from a record of `bench.cache`:

    python -m bench.capacity --rate 500 --cores 16 --hits 0.3
"""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench import cache
from bench.command import parser
from bench.compare.task import ALL_NAMES
from bench.record import FOLDER, Measure, Record, latest, read
from bench.record.markdown import NOTHING, made, number, table
from bench.scaling.megapixels import METHODS, WHAT

DAY = 86400.0


@dataclass(frozen=True)
class Cluster:
    """A cluster and its load. `price` is for one machine and one hour.

    `utilisation` is the planned share of the cores' time: load varies over the day.
    """

    machines: int = 4
    cores: int = 8
    price: float = 0.40
    megapixels: float = 1.0
    utilisation: float = 0.6

    @property
    def core_seconds(self) -> float:
        """Processor seconds a day."""
        return self.machines * self.cores * self.utilisation * DAY

    @property
    def cost(self) -> float:
        """Cost a day."""
        return self.machines * self.price * 24


def seconds_at(found: list[Measure], megapixels: float) -> float | None:
    """Processor seconds of an image, interpolated; None above the largest size measured.

    Below the smallest size, the time is proportional to the megapixels.
    """
    points = sorted((float(one.goal), one.value) for one in found)
    if not points or megapixels > points[-1][0] * 1.01:
        return None
    if megapixels <= points[0][0]:
        return points[0][1] * megapixels / points[0][0]
    for (less, short), (more, long) in pairwise(points):
        if megapixels <= more:
            return short + (long - short) * (megapixels - less) / (more - less)
    return points[-1][1]


def contention(record: Record) -> float:
    """Processor time of an image with all cores busy, relative to one busy core; 1 or more."""
    found = [
        one for one in record.find(what="processor time an image") if one.goal.endswith(" cores")
    ]
    found.sort(key=lambda one: one.count)
    return max(found[-1].value / found[0].value, 1.0) if found else 1.0


def page(record: Record, cluster: Cluster | None = None) -> str:
    """The formula, and a table with a row for each setting and method."""
    cluster = cluster or Cluster()
    more = contention(record)
    rows = []
    for setting, name in ALL_NAMES.items():
        for method in METHODS:
            alone = seconds_at(
                record.find(what=WHAT, by=method, setting=setting), cluster.megapixels
            )
            if alone is None:
                if record.find(what=WHAT, by=method, setting=setting):
                    rows.append((name, method, *[NOTHING] * 4))
                continue
            images = cluster.core_seconds / (alone * more)
            rows.append(
                (
                    *(name, method, number(alone * more), f"{images / cluster.machines:,.0f}"),
                    *(f"{images:,.0f}", number(1e6 * cluster.cost / images)),
                )
            )
    header = (
        *("setting", "method", "core-seconds an image", "images a day a machine"),
        *("images a day", "price of a million"),
    )
    return (
        f"{cluster.machines} machines of {cluster.cores} cores at {cluster.price:g} an hour each, "
        f"images of {cluster.megapixels:g} megapixels, {cluster.utilisation:.0%} utilisation. "
        f"{made(record)}.\n\n"
        "```\n"
        "core-seconds an image = processor time of one image alone x contention\n"
        f"contention            = {number(more)}, an image's processor time with all cores busy / "
        "with one core busy\n"
        "images a day          = machines x cores x utilisation x 86400 / core-seconds an image\n"
        f"                      = {cluster.machines} x {cluster.cores} x {cluster.utilisation:g} x "
        f"86400 / ... = {cluster.core_seconds:,.0f} / core-seconds an image\n"
        "price of a million    = 1000000 x machines x price x 24 / images a day\n"
        "```\n\n"
        f"{table(header, rows)}"
    )


@dataclass(frozen=True)
class Load:
    """A steady load, and the servers for it. `hits` is the share that a cache answers."""

    rates: tuple[float, ...] = (1, 100, 10_000)
    cores: int = 8
    utilisation: float = 0.6
    hits: float = 0.5


def rates(record: Record, load: Load | None = None) -> str:
    """What a rate of images needs, by request; `record` is one of `bench.cache`."""
    load = load or Load()
    scaling = latest("scaling", FOLDER)
    more = contention(scaling) if scaling else 1.0
    miss = cache.overhead(record)
    (rest,) = record.find(what="memory", setting="at rest")
    rows = []
    for name, (title, _) in cache.REQUESTS.items():
        found = {(one.what, one.setting): one.value for one in record.find(by=name)}
        off, hit = found["processor time", "off"], found["processor time", "hit"]
        cached = (1 - load.hits) * (off + miss) + load.hits * hit
        server = rest.value + load.cores * max(found["memory", "peak"] - rest.value, 0.0)
        kilobytes = found["bytes", "source"] + found["bytes", "answer"]
        for rate in load.rates:
            cores = rate * off * more / load.utilisation
            servers = math.ceil(cores / load.cores)
            redis = rate * load.hits * found["processor time", "hit, Redis"] / load.utilisation
            rows.append(
                (
                    *(title, f"{rate:,g}", _amount(cores), f"{servers:,}"),
                    *(_amount(servers * server / 1024), _amount(rate * kilobytes * 8 / 1000)),
                    *(_amount(rate * cached * more / load.utilisation), _amount(redis)),
                )
            )
    header = (
        *("request", "images a second", "cores", "servers", "memory, GiB", "network, Mbit/s"),
        *("cores with cache", "cores of Redis"),
    )
    return (
        f"Servers of {load.cores} cores, {load.utilisation:.0%} utilisation, contention "
        f"{number(more)}, {load.hits:.0%} of the requests answered from the cache. {made(record)}. "
        f"{cache.images(record)}\n\n{table(header, rows)}"
    )


def _amount(value: float) -> str:
    if value < 0.01:
        return "< 0.01"
    return f"{value:,.0f}" if value >= 100 else number(value)


def main(arguments: list[str] | None = None) -> int:
    """Print the page for another cluster."""
    usual = Cluster()
    given = parser("bench.capacity", __doc__)
    given.add_argument("--machines", type=int, default=usual.machines)
    given.add_argument("--cores", type=int, default=usual.cores, help="of each machine")
    given.add_argument(
        "--price", type=float, default=usual.price, help="of one machine for one hour"
    )
    given.add_argument("--megapixels", type=float, default=usual.megapixels, help="of each image")
    given.add_argument(
        "--utilisation",
        type=float,
        default=usual.utilisation,
        help="planned share of the cores' time, up to 1",
    )
    given.add_argument(
        "--record",
        type=Path,
        help="a record of bench.scaling, or with --rate of bench.cache (default: the newest)",
    )
    given.add_argument(
        "--rate", type=float, help="images a second: print the servers for them instead"
    )
    given.add_argument(
        "--hits", type=float, default=Load().hits, help="share answered from a cache, with --rate"
    )
    args = given.parse_args(arguments)
    for name in ("machines", "cores", "price", "megapixels"):
        if getattr(args, name) <= 0:
            given.error(f"--{name}: must be above 0")
    if not 0 < args.utilisation <= 1:
        given.error("--utilisation: above 0, at most 1")
    if not 0 <= args.hits <= 1:
        given.error("--hits: from 0 to 1")
    if args.rate is not None:
        return _print_rate(given, args)
    try:
        record = read(args.record) if args.record else latest("scaling", FOLDER)
    except (OSError, ValueError) as error:
        given.error(str(error))
    if record is None or record.bench != "scaling":
        given.error("no record of bench.scaling: run make bench-scaling, or give --record")
    chosen = {name: getattr(args, name) for name in Cluster.__dataclass_fields__}
    print(page(record, Cluster(**chosen)))
    return 0


def _print_rate(given: ArgumentParser, args: Namespace) -> int:
    if args.rate <= 0:
        given.error("--rate: must be above 0")
    record = read(args.record) if args.record else latest("cache", FOLDER)
    if record is None or record.bench != "cache":
        given.error("no record of bench.cache: run make bench-cache, or give --record")
    print(rates(record, Load((args.rate,), args.cores, args.utilisation, args.hits)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
