"""Runs every tool on every task, in turn, so that other load slows all of them equally."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from autoquality_core.metrics import DSSIM, SSIMULACRA2
from autoquality_core.types import Method, ResolvedTarget
from bench.clock import Spent
from bench.compare import ours
from bench.compare.curve import Curve
from bench.compare.subject import Subject
from bench.compare.task import DEFAULT_RANGES, NAMES, WIDE, Entrant, Entry, Row, Task


@dataclass(frozen=True)
class Plan:
    """The tasks for every image.

    `targets` are DSSIMs, `scores` are targets of SSIMULACRA2 at the wide range. Budgets are 1 %
    above the sizes at the qualities `budgets`. Our methods do each task `repeats`
    times, and the least time counts.
    """

    settings: Sequence[str] = tuple(NAMES)
    targets: Sequence[float] = (0.01, 0.02)
    scores: Sequence[float] = (70.0,)
    budgets: Sequence[int] = (50, 80)
    error: float = 0.001
    score_error: float = 1.0
    repeats: int = 2


def tasks(subject: Subject, setting: str, curve: Curve, plan: Plan) -> Iterator[Task]:
    """The tasks of one image by one setting."""
    for span, (low, high) in (("10-95", WIDE), ("default", DEFAULT_RANGES[setting])):
        for target in plan.targets:
            resolved = ResolvedTarget(Method.DSSIM, target, low, high, plan.error)
            yield Task(subject, setting, resolved, span)
        for quality in plan.budgets:
            budget = float(int(curve.at(quality)[0] * 1.01))
            resolved = ResolvedTarget(Method.SIZE, budget, low, high, 0.0)
            yield Task(subject, setting, resolved, span)
    for score in plan.scores:
        resolved = ResolvedTarget(
            Method.SSIMULACRA2, score, *WIDE, plan.score_error, SSIMULACRA2.name
        )
        yield Task(subject, setting, resolved, "10-95")


def run(
    subjects: Iterable[Subject],
    methods: Sequence[ours.Ours],
    rivals: Sequence[Entrant],
    plan: Plan,
    log: Callable[[str], None],
) -> list[Row]:
    """All results. Other tools get only the tasks with the wide range."""
    rows: list[Row] = []
    for number, subject in enumerate(subjects, 1):
        for setting in plan.settings:
            log(f"{number}: {subject.name}, {subject.megapixels:.2f} MP, {setting}")
            curve = Curve(subject, setting)
            for task in tasks(subject, setting, curve, plan):
                rows += [_ours(one, task, plan.repeats) for one in methods if one.enters(task)]
                if task.span == "10-95":
                    rows += [_rival(one, task, curve) for one in rivals if one.enters(task)]
    return rows


def warm_up(subject: Subject, methods: Sequence[ours.Ours], plan: Plan) -> None:
    """Load and compile everything that only a first request waits for."""
    for setting in plan.settings:
        for method, target in ((Method.SIZE, 1e4), (Method.DSSIM, 0.02), (Method.SSIMULACRA2, 70)):
            task = Task(subject, setting, ResolvedTarget(method, target, 30, 70, 0.01), "10-95")
            for one in methods:
                if one.enters(task):
                    one.encode(task)


def _ours(one: ours.Ours, task: Task, repeats: int) -> Row:
    entries: list[Entry] = []
    fixed: list[Spent] = []
    least: list[Spent] = []
    for _ in range(repeats):
        entries.append(one.encode(task))
        quality = entries[-1].quality
        assert quality is not None
        fixed.append(ours.none(task, quality))
        least.append(ours.floor(task, quality))
    best = min(entries, key=lambda entry: entry.spent.cpu)
    row = _row(one, task, best)
    return replace(
        row,
        wall=min(entry.spent.wall for entry in entries),
        none=min(it.cpu for it in fixed),
        none_wall=min(it.wall for it in fixed),
        floor=min(it.cpu for it in least),
    )


def _rival(one: Entrant, task: Task, curve: Curve) -> Row:
    row = _row(one, task, one.encode(task))
    needed = curve.bytes_at_dssim(row.dssim) if one.own_encoder else None
    return replace(row, at_equal_dssim=row.size / needed if needed else None)


def _row(one: Entrant, task: Task, entry: Entry) -> Row:
    dssim = task.subject.score(entry.data)
    metric = task.metric
    return Row(
        task.subject.name,
        task.subject.megapixels,
        task.setting,
        task.span,
        task.resolved.method.value,
        task.resolved.target,
        task.resolved.allowed_error,
        one.name,
        len(entry.data),
        dssim,
        dssim if metric is None or metric is DSSIM else task.subject.score(entry.data, metric),
        entry.spent.cpu,
        entry.spent.wall,
        entry.encodings,
        entry.quality,
        entry.met,
    )
