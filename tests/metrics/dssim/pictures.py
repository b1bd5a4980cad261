"""Pictures that the metric is tried on, and scikit-image's word on them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage
from skimage.metrics import structural_similarity

Luma = npt.NDArray[np.uint8]

PHOTOGRAPHS = ["astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg"]
DRAWINGS = ["text.png", "page.png", "checkerboard", "lines", "lettering", "flat"]

_FOLDER = Path(skimage.__file__).parent / "data"


def luma_of(name: str) -> Luma:
    """A photograph or scan that scikit-image ships, or a drawing made here."""
    if name in _MADE:
        return _MADE[name]()
    luma = cv2.imread(str(_FOLDER / name), cv2.IMREAD_GRAYSCALE)
    assert luma is not None
    return np.asarray(luma, np.uint8)


def encoded(luma: Luma, suffix: str, quality: int) -> Luma:
    """`luma` after a round trip through a lossy format."""
    flag = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}[suffix]
    _, data = cv2.imencode(suffix, luma, [flag, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def scikit_dssim(reference: Luma, distorted: Luma) -> float:
    """DSSIM by the reference implementation."""
    ssim = structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image has no types
        reference,
        distorted,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    return (1 - float(ssim)) / 2


def _checkerboard() -> Luma:
    rows, columns = np.indices((420, 620)) // 20
    return np.asarray((rows + columns) % 2 * 255, np.uint8)


def _lines() -> Luma:
    luma = np.full((500, 700), 255, np.uint8)
    for position in range(0, 700, 23):
        cv2.line(luma, (position, 0), (700 - position, 499), (0,), 1, cv2.LINE_AA)
        cv2.line(luma, (0, position * 5 // 7), (699, position * 5 // 7), (120,), 1)
    return luma


def _lettering() -> Luma:
    luma = np.full((480, 800), 255, np.uint8)
    for index, baseline in enumerate(range(16, 480, 16)):
        line = f"{index:02d} The quick brown fox jumps over the lazy dog {index * 7919}"
        cv2.putText(luma, line, (8, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0,), 1, cv2.LINE_AA)
    return luma


def _flat() -> Luma:
    luma = np.full((300, 400), 200, np.uint8)
    luma[100:200, 150:250] = 203
    return luma


_MADE = {"checkerboard": _checkerboard, "lines": _lines, "lettering": _lettering, "flat": _flat}
