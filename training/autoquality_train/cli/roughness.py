"""`autoquality-train roughness`: how far curves fall on images with little detail."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import cv2
import numpy as np
from rich.console import Console

from autoquality_core.errors import InvalidImage
from autoquality_core.images import Pixels
from autoquality_core.priors.features import detail
from autoquality_train.cli import options
from autoquality_train.cli.samples import print_skipped
from autoquality_train.corpus.samples import Skipped, decode, digest_of, images_in
from autoquality_train.drawings import DRAWINGS, Samples, crop, drawing
from autoquality_train.labels.sweeps import SETTINGS, SWEPT, Sweep, cached_sweep
from autoquality_train.priors.roughness import Rough, write
from autoquality_train.processes import for_each
from autoquality_train.progress import progress

SIDE = 512
"""Pixels a side of the pieces of photographs. Most have more than DETAILED different blocks."""


class _Image(NamedTuple):
    """An image to sweep; `kind` is "drawing", "crop", "saved" or "photograph"."""

    kind: str
    samples: Samples


@click.command()
@options.corpus_folders
@click.option("--sweeps", required=True, type=options.NEW_FOLDER, help="The folder of sweeps.")
@options.priors_folder("SETTING.rough.json")
@options.corpus_name
@options.curves
@click.option(
    "--drawings",
    type=click.IntRange(min=len(DRAWINGS)),
    default=480,
    show_default=True,
    help="The number of drawings.",
)
@click.option(
    "--first",
    type=click.IntRange(min=2),
    metavar="N",
    help="Take only the first N photographs, sorted by path.",
)
@options.settings_among(SETTINGS, SETTINGS)
@options.jobs
def roughness(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    curves: tuple[str, ...],
    drawings: int,
    first: int | None,
    settings: tuple[str, ...],
    jobs: int,
) -> None:
    """Learn how far curves fall, from generated drawings and the photographs in CORPUS.

    Encodes every image at every quality, which takes some time. Sweeps are stored, so the same
    command continues after an interruption.
    """
    console = Console(stderr=True)
    photographs = images_in(corpus)[:first]
    options.ready(sweeps)
    options.ready(out)
    images = [_Image("drawing", drawing(seed)[1]) for seed in range(drawings)]
    skipped: list[Skipped] = []
    for seed, path in enumerate(photographs):
        try:
            images.extend(_pieces(seed, path))
        except (InvalidImage, OSError) as error:
            skipped.append((path, str(error)))
    print_skipped(console, skipped)
    usable = len(photographs) - len(skipped)
    if usable < 2:
        raise options.Failed(f"CORPUS contains {usable} usable photographs, but 2 are needed")
    found: dict[int, dict[str, Sweep]] = {}
    with progress(console, "sweeping", len(images)) as advance:

        def done(one: tuple[int, dict[str, Sweep]]) -> None:
            found.update([one])
            advance()

        work = partial(_swept, sweeps=sweeps, settings=settings)
        for_each(work, list(enumerate(images)), jobs=jobs, done=done)
    for setting in settings:
        swept = [
            (image, found[at][setting]) for at, image in enumerate(images) if setting in found[at]
        ]
        rough = [_rough(image, sweep) for image, sweep in swept]
        whole = [sweep for image, sweep in swept if image.kind == "photograph"]
        path = out / f"{setting}.rough.json"
        write(path, setting, rough, whole, curves, name)
        console.print(f"{path}: {len(rough)} images, {len(whole)} of them photographs")


def _pieces(seed: int, path: Path) -> list[_Image]:
    """A large piece of a photograph, a small one, and a small one of it saved as a JPEG."""
    samples = decode(path).samples[0]
    if samples.shape[2] == 1:
        samples = np.repeat(samples, 3, axis=2)
    top, left = (max(0, (extent - SIDE) // 2) for extent in samples.shape[:2])
    large = np.ascontiguousarray(samples[top : top + SIDE, left : left + SIDE])
    quality = [cv2.IMWRITE_JPEG_QUALITY, 20 + seed * 7 % 76]
    saved = cv2.imdecode(cv2.imencode(".jpg", samples, quality)[1], cv2.IMREAD_COLOR)
    return [
        _Image("photograph", large),
        _Image("crop", crop(samples, seed)),
        _Image("saved", crop(np.asarray(saved, np.uint8), seed + 1)),
    ]


def _swept(
    numbered: tuple[int, _Image], sweeps: Path, settings: Sequence[str]
) -> tuple[int, dict[str, Sweep]]:
    """The number of an image, and its sweeps by each setting that can hold it."""
    at, image = numbered
    pixels = Pixels.from_samples(image.samples[None])
    found = {}
    for setting in settings:
        encoder = SWEPT[setting]
        if min(pixels.width, pixels.height) < encoder.min_side:
            continue
        if pixels.has_alpha and not encoder.keeps_alpha:
            continue
        found[setting] = cached_sweep(pixels, digest_of(pixels), setting, sweeps)
    return at, found


def _rough(image: _Image, sweep: Sweep) -> Rough:
    pixels = Pixels.from_samples(image.samples[None])
    area = pixels.width * pixels.height
    return Rough(sweep, detail(pixels), area, pixels.bands < 3, image.kind == "saved")
