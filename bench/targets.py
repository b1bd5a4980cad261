"""Shows what targets look like: the scores that answers reach, and the quality for each word.

python -m bench.targets IMAGES...     some seconds for each image

Every image is encoded as JPEG, WebP and AVIF for DSSIM 0.02 and each word of SSIMULACRA2's scale,
at qualities 1 to 100. The kind of an image is `photographs` or `graphics`, by its folder. Above
1.5 megapixels, only the middle is used.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

import autoquality_core as aq
from autoquality_core.formats import AvifEncoder, Encoder, JpegEncoder, WebpEncoder
from autoquality_core.images import Pixels
from autoquality_core.types import WORDS, Outcome, RawSource
from autoquality_train.corpus.samples import Sample
from bench.command import add_images, add_jobs, of_each_image, parser
from bench.record import Measure, Record, record_of, short
from bench.record.changes import finish
from bench.record.markdown import NOTHING, made, number, table

ENCODERS: tuple[Encoder, ...] = (JpegEncoder(), WebpEncoder(), AvifEncoder())
PHOTOGRAPHS, GRAPHICS = "photographs", "graphics"
PHOTO_FOLDERS = ("photo", "cid22", "clic")
"""Folders of photographs have one of these in their name."""

DSSIM = "DSSIM 0.02"
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `goal` is a word or `DSSIM`."""

    image: str
    kind: str
    format: str
    goal: str
    target: float
    quality: int
    size_bytes: int
    dssim: float
    score: float
    encodings: int
    outcome: Outcome


def answers_of(sample: Sample) -> list[Answer]:
    """All answers for one image."""
    pixels = sample.pixels()
    source = raw(pixels)
    kind = kind_of(sample)
    found = []
    for encoder in ENCODERS:
        for goal, method, target in goals():
            encoded = aq.encode(
                source,
                encoder,
                method=method,
                target=target,
                min_quality=1,
                max_quality=100,
                measure=("dssim", "ssimulacra2"),
            )
            scores = encoded.scores
            found.append(
                Answer(
                    *(sample.path.name, kind, encoder.format.name, goal, target, encoded.quality),
                    *(len(encoded.image), scores["dssim"], scores["ssimulacra2"]),
                    *(len(encoded.probes), encoded.outcome),
                )
            )
    return found


def goals() -> Iterator[tuple[str, str, float]]:
    """Name, method and target of every goal."""
    yield DSSIM, "dssim", 0.02
    for word, score in WORDS.items():
        yield word, "ssimulacra2", score


def kind_of(sample: Sample) -> str:
    """`PHOTOGRAPHS` or `GRAPHICS`, by the folder of the image."""
    return PHOTOGRAPHS if any(one in sample.kind for one in PHOTO_FOLDERS) else GRAPHICS


def raw(pixels: Pixels) -> RawSource:
    """A still image as a source."""
    return RawSource(pixels.width, pixels.height, pixels.bands, pixels.samples.tobytes())


def measures_of(answers: list[Answer]) -> Iterator[Measure]:
    """The spread of the scores at each goal, and the quality and DSSIM of each word."""
    groups: dict[tuple[str, str, str], list[Answer]] = defaultdict(list)
    for one in answers:
        groups[one.goal, one.format, one.kind].append(one)
    for (goal, fmt, kind), group in groups.items():
        met = [one for one in group if one.outcome is Outcome.TARGET_MET]
        yield _share("on target", goal, fmt, kind, len(met) / len(group), len(group))
        encodings = statistics.mean(one.encodings for one in group)
        yield _single("encodings", goal, fmt, kind, encodings, "encodings", len(group))
        if not met:
            continue
        scores = [one.score for one in met]
        yield _spread("SSIMULACRA2", goal, fmt, kind, scores, "points")
        yield _single("deviation", goal, fmt, kind, float(np.std(scores)), "points", len(met))
        yield _spread("quality", goal, fmt, kind, [one.quality for one in met], "")
        yield _spread("DSSIM", goal, fmt, kind, [one.dssim for one in met], "")


def _spread(
    what: str, goal: str, fmt: str, kind: str, values: list[float] | list[int], unit: str
) -> Measure:
    """The median, the lowest and the highest value."""
    middle, low, high = (short(f(values)) for f in (statistics.median, min, max))
    return Measure(what, goal, fmt, kind, middle, low, high, unit, "neither", len(values))


def _single(
    what: str, goal: str, fmt: str, kind: str, value: float, unit: str, count: int
) -> Measure:
    one = short(value)
    return Measure(what, goal, fmt, kind, one, one, one, unit, "lower", count)


def _share(what: str, goal: str, fmt: str, kind: str, value: float, count: int) -> Measure:
    one = short(value)
    return Measure(what, goal, fmt, kind, one, one, one, "share", "higher", count)


def worst_of(answers: list[Answer]) -> Iterator[str]:
    """The answers farthest from a word's score, and those that took the most encodings."""
    words = [one for one in answers if one.goal != DSSIM]
    for title, rank in (
        ("farthest", lambda one: abs(one.score - one.target)),
        ("most encodings", lambda one: one.encodings),
    ):
        for one in sorted(words, key=rank, reverse=True)[:SHOWN]:
            yield (
                f"{title}: {one.image}, {one.format}, {one.goal} {one.target:g}: "
                f"score {one.score:.2f} at quality {one.quality} after {one.encodings} encodings, "
                f"{one.outcome.value}"
            )


def spread_page(record: Record) -> str:
    """The scores at DSSIM 0.02 next to those at "high"."""
    header = ("images", "format", "goal", "on target", "lowest", "median", "highest", "deviation")
    rows = []
    for kind in (PHOTOGRAPHS, GRAPHICS):
        for encoder in ENCODERS:
            for goal in (DSSIM, "high"):
                named = {"by": goal, "setting": encoder.format.name, "goal": kind}
                scores = record.one(what="SSIMULACRA2", **named)
                share, deviation = (
                    record.one(what=what, **named) for what in ("on target", "deviation")
                )
                if scores is None or share is None or deviation is None:
                    continue
                numbers = (scores.low, scores.value, scores.high, deviation.value)
                met = f"{share.value:.0%} of {share.count}"
                rows.append(
                    (kind, encoder.format.name, goal, met, *(f"{one:.1f}" for one in numbers))
                )
    images = f"{record.arguments['images']} images, qualities 1 to 100"
    return f"{images}. {made(record)}.\n\n{table(header, rows)}"


def words_page(record: Record) -> str:
    """For each word, the median quality and DSSIM by format and kind, with lowest and highest."""
    columns = [
        (encoder.format.name, kind) for encoder in ENCODERS for kind in (PHOTOGRAPHS, GRAPHICS)
    ]
    header = ("word", "score", "", *(f"{fmt}, {kind}" for fmt, kind in columns))
    rows = []
    for word, score in WORDS.items():
        for what in ("quality", "DSSIM"):
            cells = [
                _range(record.one(what=what, by=word, setting=fmt, goal=kind))
                for fmt, kind in columns
            ]
            first = (word, f"{score:g}") if what == "quality" else ("", "")
            rows.append((*first, what, *cells))
    return table(header, rows)


def _range(measure: Measure | None) -> str:
    if measure is None:
        return NOTHING
    if measure.what == "quality":
        return f"{measure.value:.0f} ({measure.low:.0f}–{measure.high:.0f})"
    return f"{number(measure.value)} ({number(measure.low)}–{number(measure.high)})"


def page(record: Record) -> str:
    """Everything, for the terminal."""
    notes = "\n".join(f"- {note}" for note in record.notes)
    return f"{spread_page(record)}\n\n{words_page(record)}\n\n{notes}"


def main() -> int:
    given = parser("bench.targets", __doc__)
    add_images(given)
    add_jobs(given)
    args = given.parse_args()
    found = of_each_image(given, args, answers_of)
    answers = list(chain.from_iterable(found))
    record = record_of(
        "targets", measures_of(answers), {"images": len(found)}, notes=tuple(worst_of(answers))
    )
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
