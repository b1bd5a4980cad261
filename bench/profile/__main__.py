"""Shows where the processor time of one request goes.

python -m bench.profile
python -m bench.profile --megapixels 0.1 --repeats 1 --results /tmp
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from autoquality_core.images import open_image
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Method, TargetSpec
from autoquality_train.labels.sweeps import NETWORKS, SETTINGS
from bench.command import parser
from bench.compare.ours import job_of, predictors
from bench.compare.subject import LIMITS
from bench.compare.task import WIDE
from bench.images import photograph
from bench.profile import tables
from bench.profile.libraries import SIDES, named, noted
from bench.profile.stages import StageClock, staged
from bench.profile.tables import SMALL
from bench.record import FOLDER, Measure, record_of, spread_of
from bench.record.changes import finish
from bench.record.machine import ROOT

METHODS = (Method.NONE, Method.SIZE, Method.DSSIM, Method.SSIMULACRA2, Method.ML)
DSSIM, ERROR = 0.02, 0.001
SCORE, SCORE_ERROR = 70.0, 1.0
BUDGET = 65
"""The quality of method none. The budget of method size is 1 % above the size at it."""


def jobs(source: bytes) -> Iterator[tuple[Method, str, EncodeJob]]:
    """One request for each method by each setting that it has."""
    pixels = open_image(source, LIMITS).decode(all_frames=False)
    for method in METHODS:
        for setting, encoder in SETTINGS.items():
            if method is Method.ML and setting not in NETWORKS.values():
                continue
            spec, quality = TargetSpec(method, DSSIM, *WIDE, ERROR), None
            if method is Method.NONE:
                spec, quality = TargetSpec(method), BUDGET
            elif method is Method.SIZE:
                size = len(encoder.encode(pixels, BUDGET))
                spec = TargetSpec(method, float(int(1.01 * size)), *WIDE)
            elif method is Method.SSIMULACRA2:
                spec = TargetSpec(method, SCORE, *WIDE, SCORE_ERROR)
            yield method, setting, job_of(encoder, source, spec, quality)


def measured(
    work: Callable[[], object], setting: str, method: Method, repeats: int, notes: list[str]
) -> Iterator[Measure]:
    """The stages and functions of `work`; adds its libraries to `notes`."""
    runs = []
    for _ in range(repeats):
        clock = StageClock()
        with staged(clock):
            work()
        runs.append(clock.seconds)
    fmt = SETTINGS[setting].format
    found = {one: named(fmt, one, clock.through[one]) for one in SIDES if clock.through[one]}
    notes.append(noted(method.value, setting, found))

    def duration(what: str, by: str, seconds: list[float]) -> Measure:
        spread = spread_of([1e3 * one for one in seconds])
        return Measure(what, by, setting, method.value, *spread, "ms", "lower", repeats)

    yield duration("request", "core", [sum(one.values()) for one in runs])
    for stage in sorted({name for one in runs for name in one}):
        yield duration("stage", stage, [one.get(stage, 0.0) for one in runs])
    for name, part in functions(lambda: [work() for _ in range(repeats)]):
        share = spread_of([part])
        yield Measure("function", name, setting, method.value, *share, "share", "neither")


def functions(work: Callable[[], object]) -> list[tuple[str, float]]:
    """The functions with the greatest shares of `work` by Python's profiler, without callees.

    Native code counts for the Python function or builtin that calls it. Threads of a network
    count for the function that waits for them: `acquire`.
    """
    profile = cProfile.Profile(time.process_time)
    profile.runcall(work)
    stats = cast("dict[tuple[str, int, str], Any]", cast("Any", pstats.Stats(profile)).stats)
    own = {_function(key): value[2] for key, value in stats.items()}
    total = sum(own.values())
    found = [(name, seconds / total) for name, seconds in own.items() if seconds >= SMALL * total]
    return sorted(found, key=lambda one: -one[1])


def _function(key: tuple[str, int, str]) -> str:
    """A function as file:name, with the file relative to the repository or to its package."""
    file, _, function = key
    if file == "~":
        # Native functions are named by their repr, some with an address.
        return function.partition(" at 0x")[0].strip("<>")
    path = Path(file)
    if "site-packages" in path.parts:
        path = Path(*path.parts[path.parts.index("site-packages") + 1 :])
    elif path.is_relative_to(ROOT):
        path = path.relative_to(ROOT)
    else:
        path = Path(path.name)
    return f"{path}:{function.strip('<>')}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile, write the record and print the changes."""
    given = parser("bench.profile", __doc__)
    given.add_argument("--megapixels", type=float, default=1.0, help="of the source (default: 1)")
    given.add_argument("--repeats", type=int, default=5, help="for medians (default: 5)")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")
    args = given.parse_args(arguments)
    if not 0.01 <= args.megapixels <= 50:
        given.error("--megapixels: from 0.01 to 50")
    if args.repeats < 1:
        given.error("--repeats: 1 or more")
    source, size = photograph(args.megapixels)
    pipeline = Pipeline(Defaults(), LIMITS, predictors())
    measures: list[Measure] = []
    notes: list[str] = []
    for method, setting, job in jobs(source):

        def work(job: EncodeJob = job) -> object:
            return pipeline.encode(job, Deadline())

        work()
        measures += measured(work, setting, method, args.repeats, notes)
    chosen = {"megapixels": size, "repeats": args.repeats}
    record = record_of("profile", measures, chosen, notes=notes)
    return finish(record, tables.whole(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
