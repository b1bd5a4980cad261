"""Measures short cuts in DSSIM, and what borders change: the numbers in ARCHITECTURE.md.

For every image, format and quality, the DSSIM of every window is compared with: the windows that
the service samples; a lattice of every fourth row and column; for JPEG, the Y channel of the file;
for AVIF, the chroma that libheif repeats.

    python -m bench.metric_choices IMAGES...

With --border, the middle of every image is compared with itself mirrored at its edges, which has
the same content everywhere, but half as much border a pixel. The difference of the values gives the
border effect of each metric (`Metric.border_effect`).

    python -m bench.metric_choices --border IMAGES...
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.formats import AvifEncoder, JpegEncoder, WebpEncoder
from autoquality_core.formats.base import samples_of
from autoquality_core.images import Pixels, luma, luma_planes
from autoquality_core.metrics import METRICS
from autoquality_core.metrics.dssim.reference import Reference, compare
from autoquality_core.priors import USUAL_SIDE
from autoquality_train.corpus.samples import Sample, decode, whole_images
from bench.command import add_images, images_of, parser

Luma = npt.NDArray[np.uint8]

ENCODERS = (JpegEncoder(), WebpEncoder(), AvifEncoder())
QUALITIES = (10, 30, 50, 70, 90)
BORDER_QUALITIES = (50, 70, 85)
LATTICE = 4
LARGE = 500_000
"""Pixels; of smaller images, the service samples every second row."""


def lattice_dssim(one: Luma, other: Luma) -> float:
    """DSSIM of every fourth window of every fourth row, by OpenCV in double precision."""
    kernel = cv2.getGaussianKernel(11, 1.5)

    def mean(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        blurred = cv2.sepFilter2D(samples, cv2.CV_64F, kernel, kernel)[5:-5, 5:-5]
        return np.asarray(blurred[::LATTICE, ::LATTICE], np.float64)

    x, y = one.astype(np.float64), other.astype(np.float64)
    mx, my = mean(x), mean(y)
    vx, vy, covariance = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ssim = (2 * mx * my + c1) * (2 * covariance + c2)
    ssim /= (mx**2 + my**2 + c1) * (vx + vy + c2)
    return float(1 - ssim.mean()) / 2


def differences(pixels: Pixels) -> dict[str, list[float]]:
    """The errors of each short cut, and the time that the Y channel of a JPEG saves."""
    found: dict[str, list[float]] = defaultdict(list)
    source = luma(pixels)
    reference = Reference(source)
    large = pixels.width * pixels.height >= LARGE
    for encoder in ENCODERS:
        for quality in QUALITIES:
            data = encoder.encode(pixels, quality)
            start = time.perf_counter()
            planes = _luma(encoder.decode(data, pixels).samples, pixels)
            seconds = time.perf_counter() - start
            exact = compare(source, planes)
            found["sampled windows"].append(abs(reference.dssim(planes) - exact))
            if large:
                off = lattice_dssim(source[0, 0], planes[0, 0]) - exact
                found["plain 4x4 lattice, large images"].append(abs(off))
            if isinstance(encoder, JpegEncoder):
                start = time.perf_counter()
                y = np.asarray(
                    cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8
                )
                saved = seconds - (time.perf_counter() - start)
                found["JPEG: Y channel"].append(abs(compare(source, y[None, None]) - exact))
                found["ms"].append(1000 * saved / (pixels.width * pixels.height / 1e6))
            if isinstance(encoder, AvifEncoder):
                repeated = _luma(samples_of(pyvips.Image.heifload_buffer(data)), pixels)
                found["AVIF: repeated chroma"].append(abs(compare(source, repeated) - exact))
    return found


def border_effects(sample: Sample) -> dict[tuple[str, str], list[float]]:
    """The border effect by format and metric, at each of `BORDER_QUALITIES`."""
    side = min(sample.width, sample.height, USUAL_SIDE) // 16 * 16
    small = sample.middle(side).pixels()
    wide = np.concatenate([small.samples, small.samples[:, :, ::-1]], axis=2)
    large = replace(small, samples=np.concatenate([wide, wide[:, ::-1]], axis=1))
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for encoder, quality in product(ENCODERS, BORDER_QUALITIES):
        decoded = [encoder.decode(encoder.encode(one, quality), one) for one in (small, large)]
        for name, metric in METRICS.items():
            less, more = (
                metric.value(metric.reference(one).score(file))
                for one, file in zip((small, large), decoded, strict=True)
            )
            # The effect falls with the side, and half of it is left in the large image.
            found[encoder.format.name, name].append((less - more) * 2 * side / USUAL_SIDE)
    return found


def print_border_effects(samples: Sequence[Sample]) -> None:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for sample in samples:
        for key, values in border_effects(sample).items():
            found[key] += values
    print("| format | metric | pairs | median effect | 5th percentile | 95th percentile |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (encoder, name), values in found.items():
        low, median, high = np.percentile(values, [5, 50, 95])
        print(f"| {encoder} | {name} | {len(values)} | {median:.3f} | {low:.3f} | {high:.3f} |")
    for name in METRICS:
        each = [value for (_, of), values in found.items() if of == name for value in values]
        print(f"\n{name}, all formats: {np.median(each):.3f}")


def _luma(samples: Luma, pixels: Pixels) -> Luma:
    return luma_planes(samples, over_backgrounds=pixels.has_alpha)


def main() -> None:
    given = parser("bench.metric_choices", __doc__)
    add_images(given)
    given.add_argument("--border", action="store_true", help="measure what borders change")
    args = given.parse_args()
    images = images_of(given, args)
    if args.border:
        print_border_effects(whole_images(images))
        return
    found: dict[str, list[float]] = defaultdict(list)
    for path in images:
        for name, values in differences(decode(path)).items():
            found[name] += values
    saved = np.median(found.pop("ms"))
    print("| short cut | pairs | median error | 95th percentile | worst |")
    print("| --- | --- | --- | --- | --- |")
    for name, values in found.items():
        median, high = np.percentile(values, [50, 95])
        print(f"| {name} | {len(values)} | {median:.1e} | {high:.1e} | {max(values):.1e} |")
    print(f"\nThe Y channel saves {saved:.1f} ms a megapixel (median).")


if __name__ == "__main__":
    main()
