"""Measures what near-lossless WebP saves over lossy and lossless files at the same SSIMULACRA2.

python -m bench.near_lossless IMAGES...     some ten seconds for each image

For each target, every image gets the answer of a search among lossy files, the lossless file, and
all near-lossless levels. The answers of a search that considers all of them are compared with
those of one that considers no near-lossless files. A file meets a target if its score is at most
the default allowed error below it. Above 1.5 megapixels, only the middle of an image is used.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any
from unittest.mock import patch

import autoquality_core as aq
from autoquality_core.formats import WebpEncoder, WebpOptions
from autoquality_core.formats.webp import NEAR_LOSSLESS_LEVELS
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline import pipeline
from autoquality_core.priors.features import all_features
from autoquality_core.priors.formats import SizeBeliefs
from autoquality_core.types import Lossless
from autoquality_train.corpus.samples import Sample
from bench.command import add_images, add_jobs, of_each_image, parser
from bench.record import Measure, Record, record_of, short
from bench.record.changes import finish
from bench.record.markdown import made, table
from bench.targets import GRAPHICS, PHOTOGRAPHS, kind_of, raw

TARGETS = (70.0, 80.0, 85.0, 90.0, 95.0)
LOSSY = WebpEncoder(WebpOptions(lossless=Lossless.NEVER))
EXACT = WebpEncoder(WebpOptions(lossless=Lossless.ALWAYS))

SMALLEST, SAVED, MOST = "is the smallest", "mean saving", "largest saving"
OVER_LOSSLESS = "bytes over lossless"
SURPRISE = "error of the expected lossless bytes"
CHOSEN, SAVED_BY_CHOICE, TIME = "is the answer", "mean saving of answers", "time of answers"


@dataclass(frozen=True, slots=True)
class Case:
    """One image and target. `near` is the smallest near-lossless file that meets the target."""

    kind: str
    target: float
    exact: int
    expected: float
    """The bytes of the lossless file, as expected by the features of the image."""
    lossy: int
    lossy_meets: bool
    near: int | None
    answer: int
    answer_is_near: bool
    earlier: int
    """Bytes of the answer without near-lossless files."""
    time: float
    """Processor time of the answer, relative to that without near-lossless files."""

    @property
    def saved(self) -> float:
        """The share of bytes that `near` saves over the better other file that meets the target."""
        others = min(self.exact, self.lossy) if self.lossy_meets else self.exact
        return 0.0 if self.near is None else max(0.0, 1 - self.near / others)

    @property
    def saved_by_choice(self) -> float:
        """The share of bytes that near-lossless files save in the answer."""
        return 1 - self.answer / self.earlier


def cases_of(sample: Sample) -> list[Case]:
    """All cases of one image."""
    pixels = sample.pixels()
    reference = SSIMULACRA2.reference(pixels)
    levels = []
    for level in NEAR_LOSSLESS_LEVELS:
        encoder = replace(EXACT, near_lossless=level)
        data = encoder.encode(pixels, 0)
        levels.append((len(data), reference.score(encoder.decode(data, pixels))))
    exact = len(EXACT.encode(pixels, 0))
    beliefs = SizeBeliefs([EXACT], pixels.width * pixels.height, all_features(pixels))
    expected = beliefs.bytes_at(EXACT, SSIMULACRA2.high)
    found = []
    for target in TARGETS:
        least = target - SSIMULACRA2.default_allowed_error
        near = min((size for size, score in levels if least <= score < 100), default=None)
        lossy, _ = _answer(raw(pixels), LOSSY, target)
        answer, seconds = _answer(raw(pixels), WebpEncoder(), target)
        with patch.object(pipeline, "has_near_lossless", lambda *_: False):
            earlier, earlier_seconds = _answer(raw(pixels), WebpEncoder(), target)
        meets = lossy.scores["ssimulacra2"] >= least
        found.append(
            Case(
                *(kind_of(sample), target, exact, expected, len(lossy.image), meets, near),
                *(len(answer.image), answer.near_lossless is not None),
                *(len(earlier.image), seconds / earlier_seconds),
            )
        )
    return found


def _answer(source: Any, encoder: WebpEncoder, target: float) -> tuple[Any, float]:
    begin = time.process_time()
    found = aq.encode(source, encoder, method="ssimulacra2", target=target)
    return found, time.process_time() - begin


def measures_of(cases: Sequence[Case]) -> Iterator[Measure]:
    """What near-lossless files save, by kind of image and target."""
    for kind in (GRAPHICS, PHOTOGRAPHS):
        for target in TARGETS:
            some = [one for one in cases if (one.kind, one.target) == (kind, target)]
            if some:
                yield from _group(some, kind, f"{target:g}")


def _group(cases: Sequence[Case], kind: str, target: str) -> Iterator[Measure]:
    saved = [one.saved for one in cases]
    over = [math.log(one.near / one.exact) for one in cases if one.near is not None]
    values = {
        SMALLEST: sum(one > 0 for one in saved) / len(cases),
        SAVED: statistics.mean(saved),
        MOST: max(saved),
        CHOSEN: sum(one.answer_is_near for one in cases) / len(cases),
        SAVED_BY_CHOICE: statistics.mean(one.saved_by_choice for one in cases),
        TIME: statistics.mean(one.time for one in cases),
        SURPRISE: math.sqrt(
            statistics.mean(math.log(one.exact / one.expected) ** 2 for one in cases)
        ),
    }
    if over:
        values[OVER_LOSSLESS] = math.exp(statistics.mean(over))
    for what, value in values.items():
        one = short(value)
        yield Measure(what, "WebP", target, kind, one, one, one, "share", "neither", len(cases))


def page(record: Record) -> str:
    """The savings by kind of image and target."""
    shares = (SMALLEST, SAVED, MOST, CHOSEN, SAVED_BY_CHOICE)
    factors = (OVER_LOSSLESS, TIME, SURPRISE)
    header = ("images", "target", *shares, *factors)
    rows = []
    for one in record.find(what=SMALLEST):
        known = {"setting": one.setting, "goal": one.goal}
        cells = [_cell(record.one(what=what, **known), ".1%") for what in shares]
        cells += [_cell(record.one(what=what, **known), ".2f") for what in factors]
        rows.append((f"{one.count} {one.goal}", one.setting, *cells))
    return f"{made(record)}.\n\n{table(header, rows)}"


def _cell(measure: Measure | None, form: str) -> str:
    return "–" if measure is None else format(measure.value, form)


def main() -> int:
    given = parser("bench.near_lossless", __doc__)
    add_images(given)
    add_jobs(given)
    args = given.parse_args()
    found = of_each_image(given, args, cases_of)
    cases = list(chain.from_iterable(found))
    record = record_of("near-lossless", measures_of(cases), {"images": len(found)})
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
