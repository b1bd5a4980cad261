"""Compares the costs of our methods with the committed record, and fails on a regression.

A cost is a ratio of processor times within this run: a search over method none at the same
quality, or method none over the bare codec. Both sides take turns, so a busy machine slows
them alike. A cost is the median over the rounds. If it is above the record's by more than
the band, it is measured again, and the lower cost counts. Encodings, bytes and met targets must
equal the record's.

    python -m bench.guard                compare, in forty seconds
    python -m bench.guard --record 12    write a new record from the medians of twelve runs
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoquality_core.formats import JpegEncoder
from autoquality_core.networks import Predictor
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, TargetSpec
from bench.clock import here
from bench.command import parser
from bench.compare import ours
from bench.compare.curve import Curve
from bench.compare.run import Plan, tasks, warm_up
from bench.compare.subject import LIMITS, Subject, load
from bench.compare.task import NAMES, Task
from bench.images import photograph, quick_photographs
from bench.overhead.codec import QUALITY, reencoded
from bench.record import FOLDER, Measure, Record, latest, record_of
from bench.record.machine import machine
from bench.record.markdown import cell, made, table
from bench.record.store import write

BAND = 0.15
"""The relative rise of a cost that is noise: twice the greatest of the runs in the record, which a
busy machine made."""

OTHER_BAND = 0.3
"""The same on another kind of machine than the record's."""

ROUNDS = 5
MEGAPIXELS = 0.4
CALLS = 8
"""Calls a round of the bare codec and of method none, which take milliseconds."""

METHODS = (Method.SIZE, Method.DSSIM, Method.SSIMULACRA2, Method.ML)
PLAN = Plan(targets=(0.02,), scores=(70.0,), budgets=(65,))
COST, COUNTS = "cost", ("encodings", "bytes", "met")

Key = tuple[str, str]
"""A method and a setting."""


@dataclass(frozen=True)
class Case:
    """One method with one setting, and its task for each image."""

    method: ours.Ours
    setting: str
    tasks: Sequence[Task]
    times: int = 1
    """More than one slows the method down on purpose, to show that a regression is found."""

    @property
    def key(self) -> Key:
        return self.method.method.value, self.setting

    def counts(self) -> tuple[int, int, int]:
        """Encodings, bytes and met targets over all images."""
        found = [self.method.encode(task) for task in self.tasks]
        encodings = sum(one.encodings or 0 for one in found)
        return encodings, sum(len(one.data) for one in found), sum(bool(one.met) for one in found)

    def cost(self) -> float:
        """The processor time of one round over that of method none."""
        own = none = 0.0
        for task in self.tasks:
            for _ in range(self.times):
                entry = self.method.encode(task)
                own += entry.spent.cpu
            assert entry.quality is not None
            none += ours.none(task, entry.quality).cpu
        return own / none


def cases(subjects: Sequence[Subject], networks: Mapping[Format, Predictor]) -> list[Case]:
    """All cases, warmed up."""
    methods = [ours.Ours(method, networks) for method in METHODS]
    warm_up(subjects[0], methods, PLAN)
    found: dict[Key, list[Task]] = defaultdict(list)
    for setting in NAMES:
        for subject in subjects:
            for task in tasks(subject, setting, Curve(subject, setting), PLAN):
                for method in methods:
                    if task.span == "10-95" and method.enters(task) and _judged(method, task):
                        found[method.method.value, setting].append(task)
    by_name = {method.method.value: method for method in methods}
    return [Case(by_name[name], setting, some) for (name, setting), some in found.items()]


def _judged(method: ours.Ours, task: Task) -> bool:
    """True except for `ml` with a second metric: its cost is nearly that of the first."""
    return method.method is not Method.ML or task.resolved.method is Method.DSSIM


def core_cost() -> float:
    """The processor time of method none over the bare codec's, of a JPEG."""
    source, _ = photograph(MEGAPIXELS)
    pipeline = Pipeline(Defaults(), LIMITS)
    job = ours.job_of(JpegEncoder(), source, TargetSpec(Method.NONE), QUALITY)
    own = other = 0.0
    for _ in range(CALLS):
        own += here(lambda: pipeline.encode(job, Deadline()))[1].cpu
        other += here(lambda: reencoded(source))[1].cpu
    return own / other


def costs(some: Iterable[Case], rounds: int = ROUNDS) -> dict[Key, float]:
    """The median cost of every case, and of method none."""
    found: dict[Key, list[float]] = defaultdict(list)
    chosen = list(some)
    for _ in range(rounds):
        for case in chosen:
            found[case.key].append(case.cost())
        found["none", "bare codec"].append(core_cost())
    return {key: statistics.median(values) for key, values in found.items()}


def record_from(runs: Sequence[Mapping[Key, float]], some: Iterable[Case]) -> Record:
    """The record of several runs: medians, with the least and the greatest as their spread."""
    measures = []
    for method, setting in runs[0]:
        values = [run[method, setting] for run in runs]
        spread = statistics.median(values), min(values), max(values)
        measures.append(Measure(COST, method, setting, "", *spread, "x", count=len(runs)))
    for case in some:
        for what, value in zip(COUNTS, case.counts(), strict=True):
            measures.append(Measure(what, *case.key, "", value, value, value, what, "neither"))
    return record_of("guard", measures, {"rounds": ROUNDS, "images": "quick"})


def wrong_counts(record: Record, some: Iterable[Case]) -> Iterator[str]:
    """The counts that differ from the record's."""
    for case in some:
        for what, value in zip(COUNTS, case.counts(), strict=True):
            method, setting = case.key
            known = record.one(what=what, by=method, setting=setting)
            if known is None or known.value != value:
                before = "none" if known is None else f"{known.value:g}"
                yield f"{what} of {method}, {setting}: {before} in the record, now {value:g}"


def risen(record: Record, found: Mapping[Key, float], band: float = BAND) -> dict[Key, str]:
    """The costs that are above the record's by more than the band, in words."""
    words = {}
    for (method, setting), value in found.items():
        known = record.one(what=COST, by=method, setting=setting)
        if known is None or value > known.value * (1 + band):
            before = "not" if known is None else f"{known.value:.3g}"
            words[method, setting] = (
                f"cost of {method}, {setting}: {before} in the record, now {value:.3g}"
            )
    return words


def page(record: Record) -> str:
    """The costs with the spread of the runs."""
    rows = [
        (one.by, NAMES.get(one.setting, one.setting), cell(one), f"{one.high / one.value - 1:+.0%}")
        for one in record.find(what=COST)
    ]
    header = ("method", "setting", "cost (least–greatest)", "greatest over the median")
    return f"{made(record)}, {record.measures[0].count} runs.\n\n{table(header, rows)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, or write a record; 1 for a regression."""
    given = parser("bench.guard", __doc__)
    given.add_argument("--record", type=int, default=0, metavar="RUNS", help="write a record")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder of the record")
    args = given.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subjects = [load(path, folder) for path in quick_photographs(folder)]
        some = cases(subjects, ours.predictors())
        if args.record:
            record = record_from([costs(some) for _ in range(args.record)], some)
            print(page(record))
            print(f"Written: {write(record, args.results)}", file=sys.stderr)
            return 0
        known = latest("guard", args.results)
        if known is None:
            given.error(f"{args.results} has no record of this benchmark: write one with --record")
        wrong = [*wrong_counts(known, some), *regressions(known, some)]
    for line in wrong:
        print(f"REGRESSION {line}")
    if wrong:
        print("After a deliberate change, write a new record: make bench-guard ARGS='--record 12'")
    return 1 if wrong else 0


def regressions(record: Record, some: Sequence[Case], rounds: int = ROUNDS) -> Sequence[str]:
    """The costs that are above the band in two measurements; prints all."""
    found = costs(some, rounds)
    for (method, setting), value in found.items():
        known = record.one(what=COST, by=method, setting=setting)
        change = f"{value / known.value - 1:+.0%}" if known else "new"
        print(f"{method:12} {setting:14} {value:6.3f} {change}")
    band = BAND if record.machine == machine() else OTHER_BAND
    first = risen(record, found, band)
    if not first:
        return []
    print(f"above the band of {band:.0%}, measured again: {', '.join(map(' '.join, first))}")
    again = costs([case for case in some if case.key in first], rounds)
    both = {key: min(found[key], again[key]) for key in first}
    return list(risen(record, both, band).values())


if __name__ == "__main__":
    sys.exit(main())
