"""Where the time of one request goes, from the command line.

python -m bench.profile
python -m bench.profile --megapixels 0.1 --repeats 1 --results /tmp
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from autoquality_core.images import open_image
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Method, TargetSpec
from autoquality_train.sweeps import NETWORKS, SETTINGS
from bench.compare.ours import job_of, predictors
from bench.compare.subject import LIMITS
from bench.compare.task import WIDE
from bench.pictures import picture
from bench.profile import tables
from bench.profile.calls import profiled
from bench.profile.libraries import SIDES, named, noted
from bench.profile.stages import StageClock, staged
from bench.record import FOLDER, Measure, record_of, spread_of
from bench.record.report import finish

METHODS = (Method.NONE, Method.SIZE, Method.DSSIM, Method.ML)
DSSIM, ERROR = 0.02, 0.001
BUDGET = 65
"""Method none encodes at this quality, method size is given 1 % more than that comes to."""


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
            yield method, setting, job_of(encoder, source, spec, quality)


def measured(
    work: Callable[[], object], setting: str, method: Method, repeats: int, notes: list[str]
) -> Iterator[Measure]:
    """The stages of `work`, which was done before, and its functions; `notes` its libraries."""
    runs = []
    for _ in range(repeats):
        clock = StageClock()
        with staged(clock):
            work()
        runs.append(clock.seconds)
    fmt = SETTINGS[setting].format
    found = {one: named(fmt, one, clock.through[one]) for one in SIDES if clock.through[one]}
    notes.append(noted(method.value, setting, found))

    def time(what: str, by: str, seconds: list[float]) -> Measure:
        spread = spread_of([1e3 * one for one in seconds])
        return Measure(what, by, setting, method.value, *spread, "ms", "lower", repeats)

    yield time("request", "core", [sum(one.values()) for one in runs])
    for stage in sorted({name for one in runs for name in one}):
        yield time("stage", stage, [one.get(stage, 0.0) for one in runs])
    for name, part in profiled(lambda: [work() for _ in range(repeats)]):
        share = spread_of([part])
        yield Measure("function", name, setting, method.value, *share, "share", "neither")


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile, write the record, tell what changed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--megapixels", type=float, default=1.0, help="of the source")
    parser.add_argument("--repeats", type=int, default=5, help="of which medians are taken")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder for the record")
    args = parser.parse_args(arguments)
    if not 0.01 <= args.megapixels <= 50:
        parser.error("--megapixels: from 0.01 to 50")
    if args.repeats < 1:
        parser.error("--repeats: 1 or more")
    source, size = picture(args.megapixels)
    pipeline = Pipeline(Defaults(), LIMITS, predictors())
    measures: list[Measure] = []
    notes: list[str] = []
    for method, setting, job in jobs(source):

        def work(job: EncodeJob = job) -> object:
            return pipeline.encode(job, Deadline())

        work()
        measures += measured(work, setting, method, args.repeats, notes)
    told = {"megapixels": size, "repeats": args.repeats}
    record = record_of("profile", measures, told, notes=notes)
    return finish(record, tables.whole(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
