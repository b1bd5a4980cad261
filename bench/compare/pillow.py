"""Common loops around Pillow, and that of thumbor."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from autoquality_core.types import Method
from bench.accuracy import luma_dssim
from bench.clock import here
from bench.compare.subject import opened_by_pillow
from bench.compare.task import Entry, Task

FORMATS = {"jpeg": "JPEG", "webp": "WEBP"}
"""The settings that Pillow shares with us; its AVIF has other defaults."""

Save = Callable[[int], bytes]
Loop = Callable[[Image.Image, Save, Task], "tuple[bytes, int]"]
"""Returns the file, and how often it saved."""


class PillowLoop:
    """Opens with Pillow, then saves in a loop."""

    own_encoder = True

    def __init__(self, name: str, method: Method, loop: Loop) -> None:
        self.name = name
        self._method = method
        self._loop = loop

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

            return self._loop(image, save, task)

        (data, saved), spent = here(work)
        return Entry(data, spent, saved)


def step_down(_image: Image.Image, save: Save, task: Task) -> tuple[bytes, int]:
    """Lowers the quality in steps of 5 until the file fits."""
    quality, saved = task.resolved.max_quality, 1
    data = save(quality)
    while len(data) > task.resolved.target and quality - 5 >= task.resolved.min_quality:
        quality -= 5
        data = save(quality)
        saved += 1
    return data, saved


def bisect_size(_image: Image.Image, save: Save, task: Task) -> tuple[bytes, int]:
    """Finds the highest quality that fits by bisection."""
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


def bisect_dssim(image: Image.Image, save: Save, task: Task) -> tuple[bytes, int]:
    """Finds the DSSIM by bisection; scikit-image measures it."""
    reference = np.asarray(image.convert("L"))
    low, high, saved = task.resolved.min_quality, task.resolved.max_quality, 0
    data, nearest = b"", float("inf")
    while low <= high:
        quality = (low + high) // 2
        tried = save(quality)
        saved += 1
        luma = np.asarray(Image.open(io.BytesIO(tried)).convert("L"))
        off = luma_dssim(reference, luma) - task.resolved.target
        if abs(off) < nearest:
            data, nearest = tried, abs(off)
        if nearest <= task.resolved.allowed_error:
            break
        low, high = (quality + 1, high) if off > 0 else (low, quality - 1)
    return data, saved


def thumbor(_image: Image.Image, save: Save, task: Task) -> tuple[bytes, int]:
    """The filter max_bytes of thumbor: lowers the quality by a quarter until the file fits.

    It starts at its default of 80 and gives up below 10. Then the answer is the first file.
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


def loops() -> list[PillowLoop]:
    """All loops."""
    return [
        PillowLoop("Pillow, quality -= 5", Method.SIZE, step_down),
        PillowLoop("Pillow, bisection", Method.SIZE, bisect_size),
        PillowLoop("thumbor max_bytes", Method.SIZE, thumbor),
        PillowLoop("Pillow + scikit-image, bisection", Method.DSSIM, bisect_dssim),
    ]
