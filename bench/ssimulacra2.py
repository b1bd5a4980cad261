"""Times SSIMULACRA2 against other implementations, and shows how far its scores are from theirs.

python -m bench.ssimulacra2                          speed, on 0.25, 1 and 4 megapixels
python -m bench.ssimulacra2 --pairs FOLDER           also agreement with FOLDER/scores.csv
python -m bench.ssimulacra2 --encodings IMAGES...    also searches against exact scores

All implementations measure the same pairs (a photograph and its JPEG) on one thread and take turns,
so that other load slows all of them equally. `scores.csv` has the columns original, distorted and
score; its images are in FOLDER/pairs.
"""

from __future__ import annotations

import csv
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage
from ssimulacra2 import compute_ssimulacra2  # type: ignore[import-untyped]  # it has no types

from autoquality_core.formats import AvifEncoder, Encoder, JpegEncoder, WebpEncoder
from autoquality_core.images import Pixels
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.metrics.ssimulacra2.reference import FrameReference
from autoquality_train.corpus.samples import images_in, whole_images
from bench.command import parser
from bench.record import FOLDER, Measure, Record, record_of, spread_of
from bench.record.changes import finish
from bench.record.machine import ROOT
from bench.record.markdown import cell, made, number, table

Samples = npt.NDArray[np.uint8]

MEGAPIXELS = (0.25, 1.0, 4.0)
QUALITIES = (10, 25, 40, 55, 70, 85, 95)
ENCODERS: tuple[Encoder, ...] = (JpegEncoder(), WebpEncoder(), AvifEncoder())
RUST = ROOT / ".tools" / "fast-ssim2" / "release" / "rival"

SEARCH, EXACT = "ours, in a search", "ours, exact"
STATISTICS = ("median", "95th percentile", "worst")
WANTED = {SEARCH: 25.0, EXACT: 70.0}
"""Milliseconds a megapixel."""


def photographs() -> Iterator[tuple[float, Samples, Samples]]:
    """scikit-image's astronaut, mirrored side by side up to each size, and its JPEG."""
    path = Path(skimage.__file__).parent / "data" / "astronaut.png"
    tile = np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1]
    for size in MEGAPIXELS:
        side = round((size * 1e6) ** 0.5)
        pads = [(0, max(side - have, 0)) for have in tile.shape[:2]]
        image = np.pad(tile, [*pads, (0, 0)], "symmetric")[:side, :side]
        _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])
        decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
        yield size, np.ascontiguousarray(image), np.ascontiguousarray(decoded)


def speed(repeats: int) -> Iterator[Measure]:
    """Milliseconds a megapixel of every implementation, and the ratio to ours in a search."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size, first, second in photographs():
            ways = _ways(folder, first, second)
            seconds: dict[str, list[float]] = {}
            for _ in range(repeats):
                for way in ways:
                    for implementation, took in way().items():
                        seconds.setdefault(implementation, []).append(took)
            ours = statistics.median(seconds[SEARCH])
            for implementation, times in seconds.items():
                setting = f"{size:g} megapixels"
                rates = [1e3 * one / size for one in times]
                yield Measure(
                    *("time", implementation, setting, "", *spread_of(rates), "ms/MP"),
                    "lower" if implementation in WANTED else "neither",
                    repeats,
                    WANTED.get(implementation),
                )
                if implementation != SEARCH:
                    ratios = [one / ours for one in times]
                    yield Measure(
                        *("time over ours", implementation, setting, "", *spread_of(ratios), "x"),
                        *("neither", repeats),
                    )


def _ways(folder: Path, first: Samples, second: Samples) -> list[Callable[[], dict[str, float]]]:
    """Functions that measure the pair once, and return the seconds by implementation."""
    height, width = first.shape[:2]
    for at, image in enumerate((first, second)):
        image.tofile(folder / f"{at}.raw")
        cv2.imwrite(str(folder / f"{at}.ppm"), image[..., ::-1])

    def ours(reference: FrameReference, name: str) -> dict[str, float]:
        return {name: _seconds(lambda: reference.score(second))}

    def rust() -> dict[str, float]:
        sides = [str(width), str(height), "1"]
        command = [str(RUST), str(folder / "0.raw"), str(folder / "1.raw"), *sides]
        done = subprocess.run(command, check=True, text=True, capture_output=True)
        _, kept, fresh = done.stdout.splitlines()
        return {
            "fast-ssim2, reference prepared": float(kept),
            "fast-ssim2, fresh pair": float(fresh),
        }

    def pypi() -> dict[str, float]:
        pair = str(folder / "0.ppm"), str(folder / "1.ppm")
        return {"PyPI's ssimulacra2, fresh pair": _seconds(lambda: compute_ssimulacra2(*pair))}

    found: list[Callable[[], dict[str, float]]] = []
    for every_plane, name in ((False, SEARCH), (True, EXACT)):
        for kept in (True, False):
            reference = FrameReference(first, every_plane=every_plane, kept=kept)
            reference.score(second)  # compiled now
            found.append(partial(ours, reference, name if kept else f"{name}, fresh pair"))
    return [*found, rust, pypi]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def agreement(folder: Path) -> Iterator[Measure]:
    """The distance from the scores of another implementation."""
    away: dict[str, list[float]] = {SEARCH: [], EXACT: []}
    with (folder / "scores.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            first, second = (
                Pixels.from_samples(_read(folder / "pairs" / row[name])[np.newaxis])
                for name in ("original", "distorted")
            )
            score = float(row["score"])
            reference = FrameReference(first.samples[0])
            away[SEARCH].append(abs(reference.score(second.samples[0]) - score))
            away[EXACT].append(abs(SSIMULACRA2.compare(first, second) - score))
    for name, errors in away.items():
        yield from _errors(
            "distance from the original's score", name, f"{len(errors)} pairs", errors
        )


def encodings(images: list[Path]) -> Iterator[Measure]:
    """The distance between the score in a search and the exact one, over what encoders write."""
    errors: dict[str, list[float]] = {one.format.name: [] for one in ENCODERS}
    for at, sample in enumerate(whole_images(images)):
        print(f"{at} of {len(images)} images", file=sys.stderr)
        pixels = sample.middle().pixels()
        reference = SSIMULACRA2.reference(pixels)
        for encoder in ENCODERS:
            for quality in QUALITIES:
                decoded = encoder.decode(encoder.encode(pixels, quality), pixels)
                exact = SSIMULACRA2.compare(pixels, Pixels.from_samples(decoded.samples))
                errors[encoder.format.name].append(abs(reference.score(decoded) - exact))
    for name, found in errors.items():
        what = "distance of a search's score from the exact one"
        yield from _errors(what, name, f"{len(images)} images", found)


def _errors(what: str, by: str, setting: str, errors: list[float]) -> Iterator[Measure]:
    values = (float(np.median(errors)), float(np.percentile(errors, 95)), max(errors))
    for name, value in zip(STATISTICS, values, strict=True):
        one = float(f"{value:.3g}")
        yield Measure(what, by, setting, name, one, one, one, "points", "lower", len(errors))


def _read(path: Path) -> Samples:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path}: not an image that OpenCV reads")
    return np.ascontiguousarray(np.asarray(image, np.uint8)[..., ::-1])


def page(record: Record) -> str:
    """Times by implementation and size, and distances between scores."""
    times = record.find(what="time")
    sizes = list(dict.fromkeys(one.setting for one in times))
    header = ("milliseconds a megapixel (× ours in a search)", *sizes)
    rows = []
    for by in dict.fromkeys(one.by for one in times):
        cells = []
        for size in sizes:
            text = cell(record.one(what="time", by=by, setting=size), spread=False)
            ratio = record.one(what="time over ours", by=by, setting=size)
            cells.append(text if ratio is None else f"{text} (× {number(ratio.value)})")
        rows.append((by, *cells))
    parts = [f"{made(record)}.", table(header, rows)]
    errors = [one for one in record.measures if one.unit == "points"]
    if errors:
        groups = dict.fromkeys((one.what, one.by, one.setting) for one in errors)
        found = [
            (
                *group,
                *(
                    cell(
                        record.one(what=group[0], by=group[1], setting=group[2], goal=statistic),
                        spread=False,
                    )
                    for statistic in STATISTICS
                ),
            )
            for group in groups
        ]
        parts.append(table(("in points", "of", "on", *STATISTICS), found))
    return "\n\n".join(parts)


def main() -> int:
    given = parser("bench.ssimulacra2", __doc__)
    given.add_argument("--repeats", type=int, default=9, help="per implementation (default: 9)")
    given.add_argument("--pairs", type=Path, help="a folder with scores.csv and pairs/")
    given.add_argument("--encodings", nargs="*", type=Path, default=[], help="images, or folders")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")
    args = given.parse_args()
    if not RUST.is_file():
        given.error("fast-ssim2 is missing: run `make bench-ssimulacra2`, which builds it")
    cv2.setNumThreads(1)
    images = images_in(args.encodings)
    measures = list(speed(args.repeats))
    if args.pairs is not None:
        measures += agreement(args.pairs)
    if images:
        measures += encodings(images)
    arguments = {
        "repeats": args.repeats,
        "pairs": args.pairs is not None,
        "encodings": len(images),
    }
    cargo = tomllib.loads((ROOT / "bench/rivals/fast-ssim2/Cargo.toml").read_text())
    versions = {
        "fast-ssim2": cargo["dependencies"]["fast-ssim2"]["version"].lstrip("="),
        "ssimulacra2": version("ssimulacra2"),
    }
    record = record_of("ssimulacra2", measures, arguments, more_versions=versions)
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
