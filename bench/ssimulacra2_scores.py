"""Shows how far SSIMULACRA2's scores in searches are from exact ones, and from the original's.

python -m bench.ssimulacra2_scores IMAGES...         what encoders write, at eight qualities
python -m bench.ssimulacra2_scores --pairs FOLDER    pairs that the original scored

Of each image, the middle of at most 512 x 512 pixels is encoded in every format. FOLDER/scores.csv
has the columns original, distorted and score; its images are in FOLDER/pairs.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from autoquality_core.formats import AvifEncoder, Encoder, JpegEncoder, WebpEncoder
from autoquality_core.images import Pixels
from autoquality_core.metrics import SSIMULACRA2
from autoquality_train.corpus.samples import Sample, images_in, whole_images
from bench.command import add_images, parser
from bench.record import FOLDER, Measure, Record, record_of
from bench.record.changes import finish
from bench.record.markdown import cell, made, table

SIDE = 512
QUALITIES = (10, 25, 40, 55, 70, 80, 90, 95)
ENCODERS: tuple[Encoder, ...] = (JpegEncoder(), WebpEncoder(), AvifEncoder())

SEARCH, EXACT = "a search's score from the exact one", "from the original's score"
STATISTICS = ("median", "95th percentile", "worst")
WANTED = {(SEARCH, "95th percentile"): 0.5, (EXACT, "median"): 0.02, (EXACT, "worst"): 0.25}
"""Points."""


def errors_of(sample: Sample) -> list[tuple[str, float]]:
    """For each encoding of one image: its format, and how far a search's score is off."""
    pixels = sample.middle(SIDE).pixels()
    reference = SSIMULACRA2.reference(pixels)
    found = []
    for encoder in ENCODERS:
        for quality in QUALITIES:
            decoded = encoder.decode(encoder.encode(pixels, quality), pixels)
            exact = SSIMULACRA2.compare(pixels, Pixels(decoded.samples))
            found.append((encoder.format.name, abs(reference.score(decoded) - exact)))
    return found


def of_encodings(images: Sequence[Path], jobs: int) -> Iterator[Measure]:
    """The distance between the score in a search and the exact one, over what encoders write."""
    errors: dict[str, list[float]] = {one.format.name: [] for one in ENCODERS}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for at, found in enumerate(pool.map(errors_of, whole_images(images)), 1):
            print(f"{at} of {len(images)} images", file=sys.stderr)
            for name, error in found:
                errors[name].append(error)
    for name, some in errors.items():
        yield from _statistics(SEARCH, name, f"{len(images)} images", some)


def of_pairs(folder: Path) -> Iterator[Measure]:
    """The distance of exact scores from those of the original implementation."""
    errors = []
    with (folder / "scores.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            pair = (_read(folder / "pairs" / row[name]) for name in ("original", "distorted"))
            errors.append(abs(SSIMULACRA2.compare(*pair) - float(row["score"])))
    yield from _statistics(EXACT, "", f"{len(errors)} pairs", errors)


def _statistics(what: str, fmt: str, setting: str, errors: list[float]) -> Iterator[Measure]:
    values = (float(np.median(errors)), float(np.percentile(errors, 95)), max(errors))
    for name, value in zip(STATISTICS, values, strict=True):
        one = float(f"{value:.3g}")
        wanted = WANTED.get((what, name))
        yield Measure(
            *(what, fmt, setting, name, one, one, one, "points", "lower", len(errors), wanted)
        )


def _read(path: Path) -> Pixels:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path}: not an image that OpenCV reads")
    return Pixels(np.ascontiguousarray(image[None, ..., ::-1]).astype(np.uint8))


def page(record: Record) -> str:
    """The distances by what was compared, on what."""
    groups = dict.fromkeys((one.what, one.by, one.setting) for one in record.measures)
    rows = []
    for what, by, setting in groups:
        named = {"what": what, "by": by, "setting": setting}
        cells = (cell(record.one(**named, goal=one), spread=False) for one in STATISTICS)
        rows.append((what, by, setting, *cells))
    header = ("distance, in points", "format", "on", *STATISTICS)
    return f"{made(record)}.\n\n{table(header, rows)}"


def main() -> int:
    given = parser("bench.ssimulacra2_scores", __doc__)
    add_images(given, "*")
    given.add_argument("--pairs", type=Path, help="a folder with scores.csv and pairs/")
    given.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")
    args = given.parse_args()
    images = images_in(args.images)
    if not images and args.pairs is None:
        given.error("give images or --pairs")
    measures = [] if args.pairs is None else list(of_pairs(args.pairs))
    if images:
        measures += of_encodings(images, args.jobs)
    arguments = {"images": len(images), "pairs": args.pairs is not None}
    record = record_of("ssimulacra2-scores", measures, arguments)
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
