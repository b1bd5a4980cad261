"""Measures the cost of a choice among formats, and its bytes above those of the best format.

python -m bench.formats IMAGES...     half a minute for each image

Every image is encoded as JPEG, WebP, AVIF and JPEG XL alone, which is what "encode everything and
pick" does, and then once with all of them as candidates. The best file is that of a choice which
leaves nothing out, not even lossless and near-lossless WebP. Goals are words of SSIMULACRA2's scale
and byte budgets. The rules of others take the first format of a fixed order: thumbor's default
(WebP first), thumbor's documented example (AVIF first) and that of imgproxy (JPEG XL first). The
processor time is that of whole requests, with the source as raw pixels. Above 1.5 megapixels, only
the middle is used.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from unittest import mock

import autoquality_core as aq
from autoquality_core.formats import (
    BEST_MOZJPEG,
    AvifEncoder,
    Encoder,
    JpegEncoder,
    JxlEncoder,
    WebpEncoder,
)
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline import objectives
from autoquality_core.types import WORDS, Format, RawSource
from autoquality_train.corpus.samples import Sample
from bench.command import add_images, add_jobs, of_each_image, parser
from bench.record import Measure, Record, record_of, short
from bench.record.changes import finish
from bench.record.markdown import made, table
from bench.targets import GRAPHICS, PHOTOGRAPHS, kind_of, raw

OTHERS: tuple[Encoder, ...] = (WebpEncoder(), AvifEncoder(), JxlEncoder())
CANDIDATES: dict[str, tuple[Encoder, ...]] = {
    "plain JPEG": (JpegEncoder(), *OTHERS),
    "mozjpeg": (JpegEncoder(BEST_MOZJPEG), *OTHERS),
}
WORDS_TRIED = ("medium", "high", "very_high", "excellent", "visually_lossless")
BITS = (0.3, 1.0)
"""Budgets in bits a pixel."""

_NO_RISK = 1e-6

RULES = {
    "WebP (thumbor's default)": Format.WEBP,
    "AVIF (thumbor's example)": Format.AVIF,
    "JPEG XL (imgproxy)": Format.JXL,
    "JPEG": Format.JPEG,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `score` is None if it was not measured."""

    format: Format
    size_bytes: int
    score: float
    met: bool
    seconds: float
    encodings: int


@dataclass(frozen=True, slots=True)
class Case:
    """One image and goal: the answers of each format alone, and the choice among all.

    `thorough` is the choice without leaving out what is unlikely to win.
    """

    image: str
    kind: str
    goal: str
    candidates: str
    budget: int | None
    alone: dict[Format, Answer]
    chosen: Answer
    thorough: Answer

    @property
    def best(self) -> Answer:
        """The best of all answers."""
        every = [*self.alone.values(), self.thorough]
        met = [one for one in every if one.met] or every
        if self.budget is None:
            return min(met, key=lambda one: one.size_bytes)
        return max(met, key=lambda one: one.score)

    def loss(self, answer: Answer) -> float:
        """The share of bytes over the best, or the points of the score below it."""
        if self.budget is None:
            return answer.size_bytes / self.best.size_bytes - 1
        return self.best.score - answer.score


def cases_of(sample: Sample) -> list[Case]:
    """All cases of one image."""
    pixels = sample.pixels()
    source = raw(pixels)
    kind = kind_of(sample)
    found = []
    for goal, budget, options in goals(source):
        answers = {one: _answer(source, one, **options) for one in (*OTHERS, *_jpegs())}
        for name, encoders in CANDIDATES.items():
            alone = {one.format: answers[one] for one in encoders}
            chosen = _answer(source, encoders, **options)
            with mock.patch.multiple(objectives, RISK_BYTES=_NO_RISK, RISK_POINTS=_NO_RISK):
                thorough = _answer(source, encoders, **options)
            case = Case(sample.path.name, kind, goal, name, budget, alone, chosen, thorough)
            found.append(case)
    return found


def goals(source: RawSource) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    """Name, byte budget and options of every goal."""
    for word in WORDS_TRIED:
        target = WORDS[word]
        yield word, None, {"method": "ssimulacra2", "target": target}
    for bits in BITS:
        budget = round(bits * source.width * source.height / 8)
        size = {"method": "size", "target": budget, "measure": ("ssimulacra2",)}
        yield f"{bits:g} bits a pixel", budget, size


def _jpegs() -> tuple[Encoder, ...]:
    return tuple(encoders[0] for encoders in CANDIDATES.values())


def _answer(source: RawSource, output: Encoder | Sequence[Encoder], **options: Any) -> Answer:
    begin = time.process_time()
    found = aq.encode(source, output, **options)
    seconds = time.process_time() - begin
    score, size = found.scores["ssimulacra2"], len(found.image)
    met = size <= options["target"]
    if options["method"] == "ssimulacra2":
        met = score >= options["target"] - SSIMULACRA2.default_allowed_error
    return Answer(found.format, size, score, met, seconds, len(found.probes))


def measures_of(cases: Sequence[Case]) -> Iterator[Measure]:
    """The losses and the cost at each goal, over all images and by their kind."""
    for name in CANDIDATES:
        for goal in dict.fromkeys(one.goal for one in cases):
            for kind in ("all", PHOTOGRAPHS, GRAPHICS):
                some = [
                    one
                    for one in cases
                    if (one.candidates, one.goal) == (name, goal) and kind in ("all", one.kind)
                ]
                if some:
                    yield from _group(some, name, f"{goal}, {kind}")


def _group(cases: Sequence[Case], name: str, goal: str) -> Iterator[Measure]:
    losses = [one.loss(one.chosen) for one in cases]
    by_size = cases[0].budget is not None
    unit = "points" if by_size else "share"

    def measure(what: str, by: str, value: float, unit: str) -> Measure:
        one = short(value)
        return Measure(what, by, name, goal, one, one, one, unit, "lower", len(cases))

    yield measure("loss", "the choice", statistics.mean(losses), unit)
    yield measure("worst loss", "the choice", max(losses), unit)
    for rule, fmt in RULES.items():
        value = statistics.mean(one.loss(one.alone[fmt]) for one in cases)
        yield measure("loss", rule, value, unit)
    best = sum(one.alone[one.best.format].seconds for one in cases)
    yield measure("time", "the choice", sum(one.chosen.seconds for one in cases) / best, "times")
    everything = sum(answer.seconds for one in cases for answer in one.alone.values())
    yield measure("time", "everything", everything / best, "times")
    over = sum(one.budget is not None and one.chosen.size_bytes > one.budget for one in cases)
    fits = sum(one.budget is not None and one.best.size_bytes > one.budget for one in cases)
    yield measure("over the budget", "the choice", max(0, over - fits), "images")
    encodings = statistics.mean(one.chosen.encodings for one in cases)
    yield measure("encodings", "the choice", encodings, "encodings")


def page(record: Record) -> str:
    """The losses and the cost, by goal."""
    tables = []
    for name in CANDIDATES:
        some = [one for one in record.measures if one.setting == name]
        goals_shown = list(dict.fromkeys(one.goal for one in some))
        header = (
            *("goal", "the choice", *RULES),
            *("time of the choice", "time of everything", "encodings"),
        )
        rows = []
        for goal in goals_shown:
            cells = [
                _cell(record.one(what="loss", by=by, setting=name, goal=goal))
                for by in ("the choice", *RULES)
            ]
            cells += [
                _cell(record.one(what=what, by=by, setting=name, goal=goal))
                for what, by in (
                    ("time", "the choice"),
                    ("time", "everything"),
                    ("encodings", "the choice"),
                )
            ]
            rows.append((goal, *cells))
        tables.append(f"With {name}:\n\n{table(header, rows)}")
    images = f"{record.arguments['images']} images. {made(record)}."
    return "\n\n".join((images, *tables))


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return "–"
    if measure.unit == "share":
        return f"{measure.value:+.1%}"
    if measure.unit == "points":
        return f"{-measure.value:+.2f}"
    return f"{measure.value:.2f}"


def main() -> int:
    given = parser("bench.formats", __doc__)
    add_images(given)
    add_jobs(given)
    args = given.parse_args()
    found = of_each_image(given, args, cases_of)
    cases = list(chain.from_iterable(found))
    record = record_of("formats", measures_of(cases), {"images": len(found)})
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
