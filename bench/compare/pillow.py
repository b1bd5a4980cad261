"""Loops as people write them around Pillow, and thumbor's."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from autoquality_core.types import Method
from bench.clock import here
from bench.compare.entrant import Entry
from bench.compare.subject import opened_by_pillow
from bench.compare.task import Task

FORMATS = {"jpeg": "JPEG", "webp": "WEBP"}
"""The settings that Pillow has like ours; its AVIF has other defaults."""

Save = Callable[[int], bytes]
Way = Callable[[Image.Image, Save, Task], "tuple[bytes, int]"]


class PillowLoop:
    """Opens with Pillow, then saves as `way` says: it answers the file and how often it saved."""

    own_encoder = True

    def __init__(self, name: str, method: Method, way: Way) -> None:
        self.name = name
        self._method = method
        self._way = way

    def enters(self, task: Task) -> bool:
        return task.setting in FORMATS and task.resolved.method is self._method

    def encode(self, task: Task) -> Entry:
        def work() -> tuple[bytes, int]:
            image = opened_by_pillow(task.subject.source)
            image.load()

            def save(quality: int) -> bytes:
                buffer = io.BytesIO()
                image.save(buffer, FORMATS[task.setting], quality=quality)
                return buffer.getvalue()

            return self._way(image, save, task)

        (data, saved), spent = here(work)
        return Entry(data, spent, saved)


def step_down(_image: Image.Image, save: Save, task: Task) -> tuple[bytes, int]:
    """From the highest quality down in steps of 5 until it fits."""
    quality, saved = task.resolved.max_quality, 1
    data = save(quality)
    while len(data) > task.resolved.target and quality - 5 >= task.resolved.min_quality:
        quality -= 5
        data = save(quality)
        saved += 1
    return data, saved


def halve_size(_image: Image.Image, save: Save, task: Task) -> tuple[bytes, int]:
    """Bisect for the highest quality that fits."""
    low, high, saved = task.resolved.min_quality, task.resolved.max_quality, 0
    best = smallest = None
    while low <= high:
        quality = (low + high) // 2
        data = save(quality)
        saved += 1
        if len(data) <= task.resolved.target:
            best, low = data, quality + 1
        else:
            smallest, high = data, quality - 1
    found = best or smallest
    assert found is not None
    return found, saved


def halve_dssim(image: Image.Image, save: Save, task: Task) -> tuple[bytes, int]:
    """Bisect for the DSSIM, measured by scikit-image."""
    reference = np.asarray(image.convert("L"))
    low, high, saved = task.resolved.min_quality, task.resolved.max_quality, 0
    data, nearest = b"", float("inf")
    while low <= high:
        quality = (low + high) // 2
        tried = save(quality)
        saved += 1
        off = _dssim(reference, tried) - task.resolved.target
        if abs(off) < nearest:
            data, nearest = tried, abs(off)
        if nearest <= task.resolved.allowed_error:
            break
        low, high = (quality + 1, high) if off > 0 else (low, quality - 1)
    return data, saved


def thumbor(_image: Image.Image, save: Save, task: Task) -> tuple[bytes, int]:
    """The filter max_bytes of thumbor: a quarter off the quality until it fits.

    It begins at its default of 80 and gives up below 10: the first file is the
    answer then, over the budget or not.
    """
    quality, saved = 80, 1
    first = data = save(quality)
    while len(data) > task.resolved.target:
        quality = int(quality * 0.75)
        if quality < 10:
            return first, saved
        data = save(quality)
        saved += 1
    return data, saved


def _dssim(reference: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], data: bytes) -> float:
    ssim = structural_similarity(
        reference,
        np.asarray(Image.open(io.BytesIO(data)).convert("L")),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    return (1 - float(ssim)) / 2


def loops() -> list[PillowLoop]:
    """All of them."""
    return [
        PillowLoop("Pillow, quality -= 5", Method.SIZE, step_down),
        PillowLoop("Pillow, bisection", Method.SIZE, halve_size),
        PillowLoop("thumbor max_bytes", Method.SIZE, thumbor),
        PillowLoop("Pillow + scikit-image, bisection", Method.DSSIM, halve_dssim),
    ]
