"""Pairs of images, made by code from photographs that scikit-image ships, and reference scores.

The scores of `scores.csv` are those of the original implementation:

    python -m tests.metrics.ssimulacra2.pairs path/to/ssimulacra2 > scores.csv

runs the program of github.com/cloudinary/ssimulacra2 for each pair. No codec takes part, so the
pairs are the same with any version of the libraries.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tests.photos import photo_path

Samples = npt.NDArray[np.uint8]


def _photograph(name: str, left: int, top: int, width: int, height: int) -> Samples:
    image = cv2.imread(str(photo_path(name)))
    assert image is not None
    cut = image[top : top + height, left : left + width, ::-1]
    return np.ascontiguousarray(cut, np.uint8)


def _drawing() -> Samples:
    """Flat areas in few colours, where the rounding of the blur decides the score."""
    image = np.full((200, 256, 3), (240, 240, 230), np.uint8)
    image[20:90, 30:200] = (40, 80, 160)
    image[60:180, 120:140] = (200, 40, 40)
    image[150:154, 8:248] = 0
    return image


def _gradient() -> Samples:
    rows, columns = np.indices((96, 320))
    return np.stack([columns * 255 // 319, rows * 255 // 95, (rows + columns) % 256], -1).astype(
        np.uint8
    )


ORIGINALS: dict[str, Callable[[], Samples]] = {
    "face": lambda: _photograph("astronaut.png", 130, 0, 256, 256),
    "cup": lambda: _photograph("coffee.png", 200, 100, 301, 203),
    "cat": lambda: _photograph("chelsea.png", 100, 60, 128, 96),
    "narrow": lambda: _photograph("coffee.png", 300, 50, 17, 90),
    "small": lambda: _photograph("chelsea.png", 150, 80, 33, 47),
    "least": lambda: _photograph("astronaut.png", 200, 100, 8, 8),
    "drawing": _drawing,
    "gradient": _gradient,
}


def _noisy(image: Samples) -> Samples:
    noise = np.random.default_rng(1).integers(-9, 10, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _blocky(image: Samples) -> Samples:
    found = image.astype(np.int64)
    for row in range(0, image.shape[0], 8):
        for column in range(0, image.shape[1], 8):
            block = found[row : row + 8, column : column + 8]
            block[:] = block.sum(axis=(0, 1)) // (block.shape[0] * block.shape[1])
    return ((found * 3 + image) // 4).astype(np.uint8)


def _blurred(image: Samples) -> Samples:
    around = np.pad(image.astype(np.int64), ((1, 1), (1, 1), (0, 0)), "edge")
    height, width = image.shape[:2]
    rows = around[:height] + around[1 : height + 1] + around[2:]
    return ((rows[:, :width] + rows[:, 1 : width + 1] + rows[:, 2:]) // 9).astype(np.uint8)


CHANGES: dict[str, Callable[[Samples], Samples]] = {
    "same": lambda image: image,
    "posterised": lambda image: (image & np.uint8(0xF0)) | np.uint8(8),
    "noise": _noisy,
    "blocks": _blocky,
    "blur": _blurred,
    "shift": lambda image: np.roll(image, 1, axis=1),
    "tint": lambda image: np.clip(image + np.array([3, 0, -2]), 0, 255).astype(np.uint8),
    "flat": lambda image: np.full_like(image, 128),
}


def reference_scores() -> list[tuple[str, str, float]]:
    """Original, change and score of each pair."""
    with (Path(__file__).parent / "scores.csv").open(newline="") as file:
        return [
            (row["original"], row["change"], float(row["score"])) for row in csv.DictReader(file)
        ]


def main() -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["original", "change", "score"])
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first.png", Path(folder) / "second.png"
        for original, make in ORIGINALS.items():
            image = make()
            cv2.imwrite(str(first), image[..., ::-1])
            for change, apply in CHANGES.items():
                cv2.imwrite(str(second), apply(image)[..., ::-1])
                command = [sys.argv[1], str(first), str(second)]
                done = subprocess.run(command, check=True, text=True, capture_output=True)
                out.writerow([original, change, done.stdout.strip()])


if __name__ == "__main__":
    main()
