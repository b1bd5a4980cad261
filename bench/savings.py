"""Measures the bytes that a target saves over a fixed quality, and over imgproxy's autoquality.

python -m bench.savings IMAGES...     about half a minute for each image

For each floor, a SSIMULACRA2 score, every image gets the answer for that target, which may not
be below it. The fixed quality is the lowest one at which as many images reach the floor.
imgproxy's autoquality is its default: DSSIM 0.02, within its range of qualities. The best
format of each image is compared with JPEG. Above 1.5 megapixels, only the middle of an image
is used.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

import autoquality_core as aq
from autoquality_core.formats import ENCODERS, WITH_QUALITY, Encoder, JpegEncoder, writable
from autoquality_core.images import Pixels
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.types import MAX_QUALITY, MIN_QUALITY, RawSource
from autoquality_train.corpus.samples import Sample
from bench.command import add_images, add_jobs, of_each_image, parser
from bench.record import Measure, Record, record_of, short
from bench.record.changes import finish
from bench.record.markdown import NOTHING, made, table
from bench.targets import GRAPHICS, PHOTOGRAPHS, kind_of, raw

FloatArray = npt.NDArray[np.float64]

FLOORS = {"medium": 50.0, "high": 70.0, "excellent": 85.0}
TRIED = (1, *range(5, MAX_QUALITY + 1, 5))
"""The qualities that are encoded; those between are interpolated."""

QUALITIES = np.arange(MIN_QUALITY, MAX_QUALITY + 1)
ALL = "all images"
BEST = "best format"
FIXED, IMGPROXY = "fixed quality", "imgproxy's autoquality"


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes and the score of one file."""

    size_bytes: int
    score: float


@dataclass(frozen=True, slots=True)
class Curves:
    """One image in one format: its curves at quality 1 to 100, and the answers by goal.

    `answers` has those for each floor's word, and imgproxy's.
    """

    image: str
    kind: str
    format: str
    sizes: FloatArray
    scores: FloatArray
    answers: Mapping[str, Answer]


def curves_of(sample: Sample) -> list[Curves]:
    """The curves and the answers of one image in every format, and in the best of them."""
    pixels = sample.pixels()
    kind = kind_of(sample)
    encoders = [ENCODERS[fmt]() for fmt in WITH_QUALITY if fmt in writable()]
    found = [_curves(sample.path.name, kind, pixels, one) for one in encoders]
    answers = {
        word: _answer(raw(pixels), encoders, **_at_least(floor)) for word, floor in FLOORS.items()
    }
    (jpeg,) = (one for one in found if one.format == JpegEncoder.name)
    return [*found, replace(jpeg, format=BEST, answers={**jpeg.answers, **answers})]


def _at_least(floor: float) -> dict[str, Any]:
    return {"method": "ssimulacra2", "target": floor, "worst": {SSIMULACRA2.name: floor}}


def _curves(name: str, kind: str, pixels: Pixels, encoder: Encoder) -> Curves:
    source = raw(pixels)
    reference = SSIMULACRA2.reference(pixels)
    sizes, scores = [], []
    for quality in TRIED:
        data = encoder.encode(pixels, quality)
        sizes.append(math.log(len(data)))
        scores.append(reference.score(encoder.decode(data, pixels)))
    answers = {word: _answer(source, encoder, **_at_least(floor)) for word, floor in FLOORS.items()}
    low, high = encoder.default_range
    bounds = {"min_quality": low, "max_quality": high}
    answers[IMGPROXY] = _answer(source, encoder, method="dssim", target=0.02, **bounds)
    return Curves(
        *(name, kind, encoder.name),
        np.exp(np.interp(QUALITIES, TRIED, sizes)),
        np.interp(QUALITIES, TRIED, scores),
        answers,
    )


def _answer(source: RawSource, output: Encoder | list[Encoder], **goal: Any) -> Answer:
    bounds = {"min_quality": MIN_QUALITY, "max_quality": MAX_QUALITY}
    found = aq.encode(source, output, **bounds | goal, measure=(SSIMULACRA2.name,))
    return Answer(len(found.image), found.scores[SSIMULACRA2.name])


def measures_of(curves: Sequence[Curves]) -> Iterator[Measure]:
    """For each format, kind of images and floor: what is reached, and for how many bytes."""
    for fmt in dict.fromkeys(one.format for one in curves):
        for kind in (PHOTOGRAPHS, GRAPHICS, ALL):
            group = [one for one in curves if one.format == fmt and kind in (one.kind, ALL)]
            if group:
                for word, floor in FLOORS.items():
                    yield from _compared(group, f"{fmt}, {word}", kind, word, floor)


def _compared(
    group: Sequence[Curves], setting: str, kind: str, word: str, floor: float
) -> Iterator[Measure]:
    """The bytes of our answers over those of others, and the share of images at the floor."""

    def measure(what: str, by: str, value: float, unit: str) -> Measure:
        one = short(value)
        return Measure(what, by, setting, kind, one, one, one, unit, "neither", len(group))

    ours = [one.answers[word] for one in group]
    ours_bytes = sum(one.size_bytes for one in ours)
    reached = sum(one.score >= floor for one in ours)
    yield measure("share at the floor", "AutoQuality", reached / len(group), "share")
    reach = np.sum([one.scores >= floor for one in group], axis=0)
    able = QUALITIES[reach >= reached]
    fixed = int(able[0]) if able.size else MAX_QUALITY
    fixed_bytes = sum(one.sizes[fixed - MIN_QUALITY] for one in group)
    yield measure("quality", FIXED, fixed, "")
    yield measure("share at the floor", FIXED, reach[fixed - MIN_QUALITY] / len(group), "share")
    yield measure("bytes over", FIXED, ours_bytes / fixed_bytes, "x")
    theirs = [one.answers[IMGPROXY] for one in group]
    yield measure(
        *("share at the floor", IMGPROXY),
        *(sum(one.score >= floor for one in theirs) / len(group), "share"),
    )
    yield measure("bytes over", IMGPROXY, ours_bytes / sum(one.size_bytes for one in theirs), "x")


def page(record: Record) -> str:
    """What answers have in bytes, next to the fixed quality and imgproxy's autoquality."""
    header = (
        *("format", "floor", "images", "reach it", "bytes over a fixed quality"),
        "bytes over imgproxy's autoquality",
    )
    rows = []
    for share in record.find(what="share at the floor", by="AutoQuality"):
        named = {"setting": share.setting, "goal": share.goal}
        over_fixed, quality, over_imgproxy, theirs = (
            record.one(what=what, by=by, **named)
            for what, by in (
                ("bytes over", FIXED),
                ("quality", FIXED),
                ("bytes over", IMGPROXY),
                ("share at the floor", IMGPROXY),
            )
        )
        fmt, word = share.setting.split(", ")
        rows.append(
            (
                *(fmt, f"{word} {FLOORS[word]:g}", f"{share.count} {share.goal}"),
                f"{share.value:.0%}",
                _cell(over_fixed, f"at {quality.value:.0f}" if quality else NOTHING),
                _cell(over_imgproxy, f"{theirs.value:.0%} reach it" if theirs else NOTHING),
            )
        )
    return f"{made(record)}.\n\n{table(header, rows)}"


def _cell(ratio: Measure | None, about: str) -> str:
    return NOTHING if ratio is None else f"{ratio.value:.2f} ({about})"


def main() -> int:
    given = parser("bench.savings", __doc__)
    add_images(given)
    add_jobs(given)
    args = given.parse_args()
    found = of_each_image(given, args, curves_of)
    curves = list(chain.from_iterable(found))
    record = record_of("savings", measures_of(curves), {"images": len(found)})
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
