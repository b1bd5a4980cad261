"""Times the DSSIM kernel against scikit-image and five OpenCV blurs.

Every method measures the same pairs (an image and its JPEG) on one thread. They take turns in each
repeat, so that other load slows all of them equally. Times are medians per megapixel, errors are
relative to scikit-image.

    python -m bench.dssim_kernel [IMAGES...]
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import skimage

from autoquality_core.metrics.dssim import reference as dssim
from autoquality_core.metrics.dssim.reference import default_stride
from bench.accuracy import luma_dssim
from bench.command import parser

Luma = npt.NDArray[np.uint8]

SIZES = ((500, 500), (1000, 1000), (2450, 3266))
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2


class Method(NamedTuple):
    """A way to measure one pair; `measure` is timed."""

    name: str
    measure: Callable[[], float]


def blur(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The weighted mean of every 11x11 window inside `image`."""
    return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5), np.float32)[5:-5, 5:-5]


def five_blurs(reference: Luma, distorted: Luma) -> float:
    """The usual implementation with OpenCV, in 32-bit floats."""
    x, y = reference.astype(np.float32), distorted.astype(np.float32)
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    ssim = (2 * mx * my + C1) * (2 * cov + C2) / ((mx * mx + my * my + C1) * (vx + vy + C2))
    return (1 - float(ssim.mean(dtype=np.float64))) / 2


def methods(reference: Luma, distorted: Luma) -> list[Method]:
    """Every way to measure this pair; scikit-image first, the blurs second."""
    x, y = reference[np.newaxis, np.newaxis], distorted[np.newaxis, np.newaxis]
    default = default_stride(*reference.shape)
    found = [
        Method("scikit-image", functools.partial(luma_dssim, reference, distorted)),
        Method("five OpenCV blurs", functools.partial(five_blurs, reference, distorted)),
    ]
    for stride in sorted({1, 2, default, 4}):
        name = f"stride {stride}" + (" (default)" if stride == default else "")
        # In a probe, the moments of the reference exist already.
        probe = functools.partial(dssim.Reference(x, stride).dssim, y)
        found.append(Method(name, probe))
        found.append(Method(f"{name}, both", functools.partial(dssim.compare, x, y, stride)))
    return found


def timed(candidates: list[Method], repeats: int) -> list[float]:
    """The median seconds of each method, taken in turn."""
    seconds: list[list[float]] = [[] for _ in candidates]
    for _ in range(repeats):
        for method, times in zip(candidates, seconds, strict=True):
            start = time.perf_counter()
            method.measure()
            times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in seconds]


def photographs() -> Iterator[tuple[str, Luma]]:
    """scikit-image's astronaut, mirrored side by side up to each size."""
    tile = load(Path(skimage.__file__).parent / "data" / "astronaut.png")
    for height, width in SIZES:
        padding = [
            (0, max(side - have, 0)) for side, have in zip((height, width), tile.shape, strict=True)
        ]
        yield "astronaut", np.ascontiguousarray(np.pad(tile, padding, "symmetric")[:height, :width])


def load(path: Path) -> Luma:
    """The luma of an image file."""
    luma = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if luma is None:
        raise SystemExit(f"{path}: not an image that OpenCV reads")
    return np.asarray(luma, np.uint8)


def encoded(luma: Luma, quality: int) -> Luma:
    """`luma` after a round trip through JPEG."""
    _, data = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def report(name: str, luma: Luma, quality: int, repeats: int) -> None:
    """Measure one image and print its table."""
    height, width = luma.shape
    megapixels = height * width / 1e6
    candidates = methods(luma, encoded(luma, quality))
    values = [method.measure() for method in candidates]
    seconds = timed(candidates, repeats)
    print(f"\n{name}, {width} x {height} ({megapixels:.2f} MP), DSSIM {values[0]:.6f}")
    print(f"{'':27}{'ms/MP':>9}{'x scikit':>10}{'x blurs':>9}{'error':>10}")
    for method, value, taken in zip(candidates, values, seconds, strict=True):
        rate = taken * 1e3 / megapixels
        ratios = f"{seconds[0] / taken:>10.1f}{seconds[1] / taken:>9.1f}"
        print(f"{method.name:27}{rate:>9.2f}{ratios}{abs(value - values[0]):>10.1e}")


def main() -> None:
    given = parser("bench.dssim_kernel", __doc__)
    given.add_argument("files", nargs="*", type=Path, help="images (default: 0.25, 1 and 8 MP)")
    given.add_argument("--quality", type=int, default=75, help="of the JPEG (default: 75)")
    given.add_argument("--repeats", type=int, default=9, help="per method (default: 9)")
    arguments = given.parse_args()
    cv2.setNumThreads(1)
    dssim.compare(*np.zeros((2, 1, 1, 11, 11), np.uint8))  # compiles the loops
    files = [(path.name, load(path)) for path in arguments.files]
    print("'stride N': every Nth row of windows, with the moments of the reference (one probe);")
    print("'both': also computes these moments. 'x': how many times faster than that method.")
    for name, luma in files or photographs():
        report(name, luma, arguments.quality, arguments.repeats)


if __name__ == "__main__":
    main()
