"""Sends every file of a folder to a server, by every method and format.

Each call must return an image or a clear error within its deadline, and the server must survive
and free its memory. Prints the results, the slowest calls and the memory. Exits with 1 if a call
ended in any other way.

    python -m bench.odd_files FOLDER
    python -m bench.odd_files FOLDER --deadline 5 --callers 4
"""

from __future__ import annotations

import collections
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autoquality import AutoQualityError, Client, ErrorInfo
from bench.answers import fault
from bench.command import add_networks, parser
from bench.serving import MIB, Server, networks, serving

GOOD = frozenset({"OK", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})
"""The allowed results of a call. The last one only for lack of memory: the queue never fills."""

SLOWEST = 5
GRACE = 2.0
"""Seconds after its deadline when a call counts as hung."""

SETTLE = 10.0
"""Seconds for work beyond its deadline to end and to free its memory."""


@dataclass(frozen=True)
class Way:
    """A method and a format for a call."""

    method: str
    format: str | None
    target: str = "none"
    truncated: bool = False
    max_bytes: int | None = None
    min_ssimulacra2: float | None = None

    @property
    def name(self) -> str:
        return f"{self.method} | {self.format or 'keep'}"


WAYS = (
    *(Way("none", fmt) for fmt in (None, "jpeg", "webp", "avif", "png")),
    *(Way("none, truncated allowed", fmt, truncated=True) for fmt in ("jpeg", "webp")),
    *(Way("dssim", fmt, "dssim:0.02:10:95:0.001") for fmt in ("jpeg", "webp", "avif")),
    *(Way("size", fmt, "size:2000:10:95") for fmt in ("jpeg", "webp")),
    *(Way("ml", fmt, "ml:0.02:10:95:0.001") for fmt in ("jpeg", "webp", "avif")),
    *(
        Way("dssim under limits", fmt, "dssim:0.02:10:95", max_bytes=4000, min_ssimulacra2=50)
        for fmt in ("jpeg", "webp", "avif", "png")
    ),
)
COMPARE = Way("compare with itself", None)


@dataclass(frozen=True)
class Result:
    """The result of one call; `wrong` says what is wrong with it."""

    file: str
    way: Way
    status: str
    reason: str
    seconds: float
    wrong: str | None


def call(client: Client, path: Path, way: Way, deadline: float) -> Result:
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
                auto_quality=way.target,
                allow_truncated=truncated,
                max_bytes=way.max_bytes,
                min_ssimulacra2=way.min_ssimulacra2,
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
        wrong = wrong or f"took {seconds:.1f} s, but {deadline:.1f} were allowed"
    return Result(path.name, way, status, reason, seconds, wrong)


def call_all(
    server: Server, paths: Sequence[Path], deadline: float, callers: int
) -> Iterator[Result]:
    """Every file in every way; stops if the server has died."""
    ways = (*WAYS, COMPARE)
    with Client(server.address, retries=0) as client, ThreadPoolExecutor(callers) as pool:
        for path in paths:
            if not server.alive:
                return
            yield from pool.map(partial(call, client, path, deadline=deadline), ways)


def statuses(results: Iterable[Result]) -> list[str]:
    """The statuses of the calls, one line for each way."""
    results = list(results)
    columns = sorted({_column(one) for one in results}, key=lambda name: (name != "OK", name))
    lines = [f"| method | format | {' | '.join(columns)} | slowest, s |"]
    lines.append(f"| --- | --- {'| ---: ' * len(columns)}| ---: |")
    for way in dict.fromkeys(one.way for one in results):
        some = [one for one in results if one.way == way]
        counts = collections.Counter(map(_column, some))
        cells = " | ".join(str(counts[name]) for name in columns)
        lines.append(f"| {way.name} | {cells} | {max(one.seconds for one in some):.2f} |")
    return lines


def slowest(results: Iterable[Result]) -> list[str]:
    """The slowest files, each with its slowest call."""
    by_file: dict[str, Result] = {}
    for one in sorted(results, key=lambda one: one.seconds):
        by_file[one.file] = one
    found = sorted(by_file.values(), key=lambda one: -one.seconds)[:SLOWEST]
    lines = ["| file | method | format | status | s |", "| --- | --- | --- | --- | ---: |"]
    lines += [
        f"| {one.file} | {one.way.name} | {_column(one)} | {one.seconds:.2f} |" for one in found
    ]
    return lines


def settled(server: Server) -> int:
    """The resident memory when no request is running."""
    end = time.monotonic() + SETTLE
    while server.metric("autoquality_requests_in_flight") and time.monotonic() < end:
        time.sleep(0.2)
    return server.resident()


def main() -> int:
    given = parser("bench.odd_files", __doc__)
    given.add_argument("folder", type=Path, help="a folder; its subfolders count")
    given.add_argument(
        "--deadline", type=float, default=30.0, help="seconds for a call (default: 30)"
    )
    given.add_argument("--callers", type=int, default=2, help="calls at the same time (default: 2)")
    add_networks(given)
    options = given.parse_args()
    paths = sorted(path for path in options.folder.rglob("*") if path.is_file())
    if not paths:
        given.error(f"no files in {options.folder}")
    with serving(**networks(options.networks)) as server:
        rest = server.resident()
        results = list(call_all(server, paths, options.deadline, options.callers))
        alive = server.alive
        memory = (rest, server.peak(), settled(server)) if alive else None
        stuck = server.metric("autoquality_requests_in_flight") if alive else 0
        defects = server.defects()
        foreign = server.foreign_lines()
    print(f"{len(paths)} files, {len(results)} calls\n")
    print("\n".join([*statuses(results), "", *slowest(results), ""]))
    if memory is not None:
        at_rest, peak, after = (value / MIB for value in memory)
        print(f"Memory: {at_rest:.0f} MiB at rest, peak {peak:.0f}, {after:.0f} afterwards")
    wrong = [one for one in results if one.wrong is not None]
    for one in wrong:
        print(f"WRONG {one.file} | {one.way.name}: {one.status}: {one.wrong}")
    for line in foreign[:10]:
        print(f"WRONG in the log: {line}")
    for defect in defects:
        print(f"DEFECT {defect}")
    if not alive:
        print(f"WRONG the server died with {results[-1].file}")
    if stuck:
        print(f"WRONG {stuck:g} requests are running {SETTLE:g} s after the last call")
    return 1 if wrong or defects or foreign or stuck or not alive else 0


def _column(one: Result) -> str:
    return f"{one.status} {one.reason}".strip() if one.status != "OK" else "OK"


if __name__ == "__main__":
    raise SystemExit(main())
