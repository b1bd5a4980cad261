"""Where the time of one request goes, from the command line.

python -m bench.profile
python -m bench.profile --megapixels 0.1 --repeats 1 --results /tmp
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from autoquality_server.deadline import Deadline
from autoquality_server.defaults import Defaults
from autoquality_server.domain import EncodeJob, EncoderOptions, Format, Method, Wish
from autoquality_server.pipeline import Pipeline
from bench.compare.ours import predictors
from bench.compare.subject import LIMITS
from bench.pictures import picture
from bench.profile import tables
from bench.profile.calls import profiled
from bench.profile.stages import StageClock, staged
from bench.record import FOLDER, Measure, record_of, spread_of
from bench.record.report import finish

FORMATS = (Format.JPEG, Format.WEBP, Format.AVIF)
METHODS = (Method.DSSIM, Method.ML)


def measured(
    work: Callable[[], object], fmt: Format, method: Method, repeats: int
) -> Iterator[Measure]:
    """The stages of `work`, which was done before, and its functions."""
    runs = []
    for _ in range(repeats):
        clock = StageClock()
        with staged(clock):
            work()
        runs.append(clock.seconds)

    def time(what: str, by: str, seconds: list[float]) -> Measure:
        spread = spread_of([1e3 * one for one in seconds])
        return Measure(what, by, fmt.value, method.value, *spread, "ms", "lower", repeats)

    yield time("request", "core", [sum(one.values()) for one in runs])
    for stage in sorted({name for one in runs for name in one}):
        yield time("stage", stage, [one.get(stage, 0.0) for one in runs])
    for name, part in profiled(lambda: [work() for _ in range(repeats)]):
        share = spread_of([part])
        yield Measure("function", name, fmt.value, method.value, *share, "share", "neither")


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
    for method in METHODS:
        for fmt in FORMATS:
            job = EncodeJob(source, fmt, Wish(method, 0.02, 10, 95, 0.001), None, EncoderOptions())

            def work(job: EncodeJob = job) -> object:
                return pipeline.encode(job, Deadline())

            work()
            measures += measured(work, fmt, method, args.repeats)
    record = record_of("profile", measures, {"megapixels": size, "repeats": args.repeats})
    return finish(record, tables.page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
