"""Sends every file of a folder to a server of its own, in every way that makes sense.

Each file must come back as an image or as a clear refusal, within its deadline,
and the server must live and give the memory back. Prints how the calls ended,
the slowest of them and the memory; ends with 1 where a call ended as it must not.

    python -m bench.odd_files FOLDER
    python -m bench.odd_files FOLDER --deadline 5 --callers 4
"""

from __future__ import annotations

import argparse
import collections
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autoquality import AutoQualityError, Client, ErrorInfo
from bench.answers import fault
from bench.serving import MIB, Server, networks, serving

GOOD = frozenset({"OK", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})
"""How a call may end: the last only for want of memory, since no more call than may wait."""

SLOWEST = 5
GRACE = 2.0
"""Seconds past its deadline at which a call counts as hung."""

SETTLE = 10.0
"""Seconds in which what was cut off by its deadline may end, and its memory come back."""


@dataclass(frozen=True)
class Way:
    """One way to ask for a file."""

    method: str
    format: str | None
    wish: str = "none"
    truncated: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} | {self.format or 'as it is'}"


WAYS = (
    *(Way("none", fmt) for fmt in (None, "jpeg", "webp", "avif", "png")),
    *(Way("none, what there is", fmt, truncated=True) for fmt in ("jpeg", "webp")),
    *(Way("dssim", fmt, "dssim:0.02:10:95:0.001") for fmt in ("jpeg", "webp", "avif")),
    *(Way("size", fmt, "size:2000:10:95") for fmt in ("jpeg", "webp")),
    *(Way("ml", fmt, "ml:0.02:10:95:0.001") for fmt in ("jpeg", "webp", "avif")),
)
COMPARE = Way("compare with itself", None)


@dataclass(frozen=True)
class Ending:
    """How one call ended; `wrong` says what must not be, if anything."""

    file: str
    way: Way
    status: str
    reason: str
    seconds: float
    wrong: str | None


def ask(client: Client, path: Path, way: Way, deadline: float) -> Ending:
    """Make one call."""
    data = path.read_bytes()
    start = time.perf_counter()
    status, reason, wrong = "OK", "", None
    try:
        if way is COMPARE:
            found = client.compare(data, data, timeout=deadline)
            wrong = None if found.dssim == 0 else f"differs from itself by {found.dssim}"
        else:
            truncated = way.truncated or None
            answer = client.encode(
                data,
                format=way.format,
                auto_quality=way.wish,
                allow_truncated=truncated,
                measure_dssim=way.truncated,
                timeout=deadline,
            )
            wrong = fault(answer, way.format)
    except AutoQualityError as error:
        status = error.code.name
        infos = [one for one in error.details if isinstance(one, ErrorInfo)]
        reason = infos[0].reason if infos else ""
        wrong = None if status in GOOD else str(error)
    seconds = time.perf_counter() - start
    if seconds > deadline + GRACE:
        wrong = wrong or f"took {seconds:.1f} s, allowed were {deadline:.1f}"
    return Ending(path.name, way, status, reason, seconds, wrong)


def ask_all(
    server: Server, paths: Sequence[Path], deadline: float, callers: int
) -> Iterator[Ending]:
    """Every file in every way; stops where the server has died."""
    ways = (*WAYS, COMPARE)
    with Client(server.address, retries=0) as client, ThreadPoolExecutor(callers) as pool:
        for path in paths:
            if not server.alive:
                return
            yield from pool.map(partial(ask, client, path, deadline=deadline), ways)


def counted(endings: Iterable[Ending]) -> list[str]:
    """How the calls ended, a line for each way."""
    endings = list(endings)
    columns = sorted({_column(one) for one in endings}, key=lambda name: (name != "OK", name))
    lines = [f"| method | format | {' | '.join(columns)} | slowest, s |"]
    lines.append(f"| --- | --- {'| ---: ' * len(columns)}| ---: |")
    for way in dict.fromkeys(one.way for one in endings):
        mine = [one for one in endings if one.way == way]
        counts = collections.Counter(map(_column, mine))
        cells = " | ".join(str(counts[name]) for name in columns)
        lines.append(f"| {way.name} | {cells} | {max(one.seconds for one in mine):.2f} |")
    return lines


def slowest(endings: Iterable[Ending]) -> list[str]:
    """The files that took longest, each by its slowest way."""
    by_file: dict[str, Ending] = {}
    for one in sorted(endings, key=lambda one: one.seconds):
        by_file[one.file] = one
    found = sorted(by_file.values(), key=lambda one: -one.seconds)[:SLOWEST]
    lines = ["| file | method | format | ended as | s |", "| --- | --- | --- | --- | ---: |"]
    lines += [
        f"| {one.file} | {one.way.name} | {_column(one)} | {one.seconds:.2f} |" for one in found
    ]
    return lines


def settled(server: Server) -> int:
    """The resident memory once nothing runs any more."""
    end = time.monotonic() + SETTLE
    while server.metric("autoquality_requests_in_flight") and time.monotonic() < end:
        time.sleep(0.2)
    return server.resident()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="searched with all that lies below it")
    parser.add_argument("--deadline", type=float, default=30.0, help="seconds a call")
    parser.add_argument("--callers", type=int, default=2, help="calls at the same time")
    parser.add_argument("--networks", choices=("box", "none"), default="box")
    options = parser.parse_args()
    paths = sorted(path for path in options.folder.rglob("*") if path.is_file())
    if not paths:
        parser.error(f"no files in {options.folder}")
    with serving(**networks(options.networks)) as server:
        rest = server.resident()
        endings = list(ask_all(server, paths, options.deadline, options.callers))
        alive = server.alive
        memory = (rest, server.peak(), settled(server)) if alive else None
        stuck = server.metric("autoquality_requests_in_flight") if alive else 0
        defects = server.events("a defect: unexpected exception")
        foreign = server.foreign_lines()
    print(f"{len(paths)} files, {len(endings)} calls\n")
    print("\n".join([*counted(endings), "", *slowest(endings), ""]))
    if memory is not None:
        at_rest, peak, after = (value / MIB for value in memory)
        print(f"Memory: {at_rest:.0f} MiB at rest, {peak:.0f} at most, {after:.0f} afterwards")
    wrong = [one for one in endings if one.wrong is not None]
    for one in wrong:
        print(f"WRONG {one.file} | {one.way.name}: {one.status}: {one.wrong}")
    for line in foreign[:10]:
        print(f"WRONG in the log: {line}")
    for defect in defects:
        print(f"DEFECT {defect.get('exception', defect)}")
    if not alive:
        print(f"WRONG the server died with {endings[-1].file}")
    if stuck:
        print(f"WRONG {stuck:g} requests still run {SETTLE:g} s after the last call")
    return 1 if wrong or defects or foreign or stuck or not alive else 0


def _column(one: Ending) -> str:
    return f"{one.status} {one.reason}".strip() if one.status != "OK" else "OK"


if __name__ == "__main__":
    raise SystemExit(main())
