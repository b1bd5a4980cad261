"""Times SSIMULACRA2 against other implementations, on 0.25, 1 and 4 megapixels.

All implementations measure the same pairs (a photograph and its JPEG) on one thread and take turns,
so that other load slows all of them equally.
"""

from __future__ import annotations

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

from autoquality_core.metrics.ssimulacra2.reference import FrameReference
from bench.command import parser
from bench.record import FOLDER, Measure, Record, record_of, spread_of
from bench.record.changes import finish
from bench.record.machine import ROOT
from bench.record.markdown import cell, made, number, table

Samples = npt.NDArray[np.uint8]

MEGAPIXELS = (0.25, 1.0, 4.0)
RUST = ROOT / ".tools" / "fast-ssim2" / "release" / "rival"

SEARCH, EXACT = "ours, in a search", "ours, exact"
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


def page(record: Record) -> str:
    """Times by implementation and size."""
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
    return f"{made(record)}.\n\n{table(header, rows)}"


def main() -> int:
    given = parser("bench.ssimulacra2", __doc__)
    given.add_argument("--repeats", type=int, default=9, help="per implementation (default: 9)")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")
    args = given.parse_args()
    if not RUST.is_file():
        given.error("fast-ssim2 is missing: run `make bench-ssimulacra2`, which builds it")
    cv2.setNumThreads(1)
    measures = speed(args.repeats)
    cargo = tomllib.loads((ROOT / "bench/rivals/fast-ssim2/Cargo.toml").read_text())
    versions = {
        "fast-ssim2": cargo["dependencies"]["fast-ssim2"]["version"].lstrip("="),
        "ssimulacra2": version("ssimulacra2"),
    }
    record = record_of("ssimulacra2", measures, {"repeats": args.repeats}, more_versions=versions)
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
