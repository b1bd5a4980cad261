"""Generated images with rough curves: patterns, charts, text and icons, each from a seed.

An encoder's curve over quality is smooth if much detail averages out. These images have little
detail: they are small, flat or repetitive, or have few colours.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from autoquality_core.images import Pixels

Samples = npt.NDArray[np.uint8]
Draw = Callable[[np.random.Generator, int, int], Samples]

LARGEST = 400
_SMALLEST, _SMALLEST_WITH_TEXT = 4, 20
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def drawing(seed: int) -> tuple[str, Samples]:
    """The name and the samples (height, width, bands) of the image with a seed.

    Consecutive seeds have different kinds and numbers of bands. A quarter of the images is grey
    (1 band), a quarter has alpha (4 bands), the others are RGB.
    """
    draw = DRAWINGS[seed % len(DRAWINGS)]
    random = np.random.default_rng(seed)
    least = _SMALLEST_WITH_TEXT if draw in (_bars, _window, _text, _patches) else _SMALLEST
    height, width = np.exp(random.uniform(np.log(least), np.log(LARGEST), 2)).astype(int)
    samples = shaped(draw(random, int(height), int(width)), random, seed // len(DRAWINGS))
    return f"{draw.__name__[1:]}-{seed}", samples


def crop(samples: Samples, seed: int) -> Samples:
    """A small piece of a photograph (height, width, 3), grey or with alpha as in `drawing`."""
    random = np.random.default_rng(seed)
    most = np.minimum(LARGEST, samples.shape[:2])
    height, width = np.exp(random.uniform(np.log(_SMALLEST), np.log(most), 2)).astype(int)
    top = int(random.integers(samples.shape[0] - height + 1))
    left = int(random.integers(samples.shape[1] - width + 1))
    piece = samples[top : top + height, left : left + width]
    return shaped(np.ascontiguousarray(piece), random, seed)


def shaped(rgb: Samples, random: np.random.Generator, turn: int) -> Samples:
    """RGB samples as grey, with alpha, or unchanged, depending on `turn`."""
    if turn % 4 == 2:
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
    if turn % 4 == 3:
        return np.ascontiguousarray(np.dstack([rgb, _mask(random, *rgb.shape[:2])]))
    return rgb


def animation(seed: int) -> Pixels:
    """Three frames of a moving drawing; for a third of the seeds the first two are equal."""
    _, samples = drawing(4 * (seed // 4))
    shift = 0 if seed % 3 == 0 else 1
    frames = [np.roll(samples, at * shift if at < 2 else 2, axis=1) for at in range(3)]
    return Pixels(np.stack(frames), (100, 60, 200))


def _mask(random: np.random.Generator, height: int, width: int) -> Samples:
    """Alpha: a disc, a ramp or noise."""
    kind = random.integers(3)
    if kind == 0:
        mask = np.zeros((height, width), np.uint8)
        axes = (max(width // 3, 1), max(height // 3, 1))
        cv2.ellipse(mask, (width // 2, height // 2), axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
        return mask
    if kind == 1:
        return np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    return random.integers(0, 256, (height, width)).astype(np.uint8)


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = random.integers(0, 256, 3)
    return int(red), int(green), int(blue)


def _of_two(mask: npt.NDArray[np.bool_], random: np.random.Generator) -> Samples:
    """One colour where `mask` (height, width) is True, another elsewhere."""
    first, second = (np.array(_colour(random), np.uint8) for _ in range(2))
    return np.where(mask[..., None], first, second)


def _flat(random: np.random.Generator, height: int, width: int) -> Samples:
    return np.full((height, width, 3), _colour(random), np.uint8)


def _checks(random: np.random.Generator, height: int, width: int) -> Samples:
    cell = int(random.choice([1, 2, 3, 4, 5, 7, 8, 12, 16]))
    y, x = np.mgrid[:height, :width]
    return _of_two((y // cell + x // cell) % 2 == 0, random)


def _patches(random: np.random.Generator, height: int, width: int) -> Samples:
    """Areas of primary colours, as on a test chart."""
    chart = np.full((height, width, 3), 255 * random.integers(0, 2, 3), np.uint8)
    for _ in range(int(random.integers(2, 9))):
        left, top = int(random.integers(width)), int(random.integers(height))
        across, down = int(random.integers(4, 160)), int(random.integers(4, 120))
        chart[top : top + down, left : left + across] = 255 * random.integers(0, 2, 3)
    label = f"{random.integers(99)} nm"
    cv2.putText(chart, label, (2, height - 3), _FONT, 0.4, (128, 128, 128), 1, cv2.LINE_AA)
    return chart


def _stripes(random: np.random.Generator, height: int, width: int) -> Samples:
    period = int(random.integers(1, 12))
    y, x = np.mgrid[:height, :width]
    return _of_two((x + y * random.integers(2)) // period % 2 == 0, random)


def _speckles(random: np.random.Generator, height: int, width: int) -> Samples:
    return _of_two(random.random((height, width)) < random.uniform(0.02, 0.5), random)


def _noise(random: np.random.Generator, height: int, width: int) -> Samples:
    return random.integers(0, 256, (height, width, 3)).astype(np.uint8)


def _gradient(random: np.random.Generator, height: int, width: int) -> Samples:
    y, x = np.mgrid[:height, :width]
    share = ((x / width + y / height * random.random()) / 2)[..., None]
    start, end = (np.array(_colour(random), float) for _ in range(2))
    return np.asarray(start + (end - start) * share, np.uint8)


def _bars(random: np.random.Generator, height: int, width: int) -> Samples:
    chart = np.full((height, width, 3), 255, np.uint8)
    count = int(random.integers(3, 9))
    step = max(width // count, 2)
    for at in range(count):
        top = int(random.integers(0, height))
        chart[top:, at * step + 1 : (at + 1) * step - 1] = _colour(random)
    chart[-1] = 0
    return chart


def _window(random: np.random.Generator, height: int, width: int) -> Samples:
    window = _flat(random, height, width)
    for _ in range(int(random.integers(2, 8))):
        left, top = int(random.integers(width)), int(random.integers(height))
        right, bottom = left + int(random.integers(4, 60)), top + int(random.integers(4, 25))
        thickness = -1 if random.random() < 0.6 else 1
        cv2.rectangle(window, (left, top), (right, bottom), _colour(random), thickness)
        style = cv2.LINE_AA if random.random() < 0.7 else cv2.LINE_8
        label, scale = f"Text {random.integers(99)}", float(random.uniform(0.25, 0.6))
        cv2.putText(window, label, (left + 2, bottom - 3), _FONT, scale, _colour(random), 1, style)
    return window


def _text(random: np.random.Generator, height: int, width: int) -> Samples:
    page = np.full((height, width, 3), 255, np.uint8)
    for line in range(0, height, 11):
        words = f"The quick {random.integers(999)} brown fox"
        cv2.putText(page, words, (1, line + 9), _FONT, 0.35, (0, 0, 0), 1, cv2.LINE_AA)
    return page


def _lines(random: np.random.Generator, height: int, width: int) -> Samples:
    sheet = np.full((height, width, 3), 255, np.uint8)
    for _ in range(int(random.integers(3, 20))):
        ends = [(int(random.integers(width)), int(random.integers(height))) for _ in range(2)]
        colour = _colour(random) if random.random() < 0.5 else (0, 0, 0)
        cv2.line(sheet, ends[0], ends[1], colour, 1, cv2.LINE_AA)
    return sheet


def _icon(random: np.random.Generator, height: int, width: int) -> Samples:
    icon = _flat(random, height, width)
    for _ in range(int(random.integers(1, 5))):
        centre = int(random.integers(width)), int(random.integers(height))
        radius = int(random.integers(2, max(3, min(height, width) // 2)))
        cv2.circle(icon, centre, radius, _colour(random), -1, cv2.LINE_AA)
    return icon


DRAWINGS: tuple[Draw, ...] = (
    *(_flat, _checks, _patches, _stripes, _speckles, _noise, _gradient),
    *(_bars, _window, _text, _lines, _icon),
)
