"""`autoquality-train roughness`: how far curves turn back on images with little detail."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click
import cv2
import numpy as np
from rich.console import Console

from autoquality_core.images import Pixels
from autoquality_core.priors.features import detail
from autoquality_train.cli import options
from autoquality_train.cli.exits import Failed
from autoquality_train.drawings import DRAWINGS, Samples, crop, drawing
from autoquality_train.progress import progress
from autoquality_train.roughness import Rough, write
from autoquality_train.samples import decode, digest_of, images_in
from autoquality_train.sweeps import SETTINGS, SWEPT, Sweep, kept_sweep

SIDE = 512
"""Pixels a side of the pieces of photographs: most have more different blocks than DETAILED."""

_Work = tuple[str, int, Samples]
"""What kind of image it is ("drawing", "crop", "saved" or "photograph"), its seed, its samples."""


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=options.FOLDER)
@click.option("--sweeps", required=True, type=options.PLACE, help="Where sweeps are kept.")
@click.option(
    "--out",
    required=True,
    type=options.PLACE,
    help="Where SETTING.rough.json go; the server reads those in core/autoquality_core/priors.",
)
@click.option("--name", required=True, help="What to call the corpus in the files.")
@click.option(
    "--drawings",
    type=click.IntRange(min=len(DRAWINGS)),
    default=480,
    show_default=True,
    help="How many images are drawn.",
)
@click.option(
    "--first",
    type=click.IntRange(min=2),
    metavar="N",
    help="Only the first N photographs, in the order of their paths.",
)
@click.option(
    "--settings",
    callback=options.some_of(SETTINGS),
    metavar="NAMES",
    default=",".join(SETTINGS),
    show_default=True,
    help="Which encoder settings, with commas between them.",
)
@options.jobs
def roughness(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    drawings: int,
    first: int | None,
    settings: tuple[str, ...],
    jobs: int,
) -> None:
    """Learn how far curves turn back, from drawings and from the photographs in CORPUS.

    Encodes every image at every quality, so this takes a while; sweeps are kept,
    and the same command goes on after an interruption.
    """
    console = Console(stderr=True)
    photographs = images_in(corpus)[:first]
    if len(photographs) < 2:
        raise Failed(f"{len(photographs)} photographs in CORPUS; 2 are the least")
    options.ready(sweeps)
    place = options.ready(out)
    work = [("drawing", seed, drawing(seed)[1]) for seed in range(drawings)]
    for seed, path in enumerate(photographs):
        work.extend(_pieces(seed, path))
    sweep_one = partial(_swept, sweeps=sweeps, settings=settings)
    with (
        progress(console, "sweeping", len(work)) as advance,
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool,
    ):
        found = []
        for one in pool.map(sweep_one, work):
            found.append(one)
            advance()
    for setting in settings:
        rough = _rough(work, [one.get(setting) for one in found])
        whole = [
            one[setting]
            for (kind, _, _), one in zip(work, found, strict=True)
            if kind == "photograph"
        ]
        path = place / f"{setting}.rough.json"
        write(path, setting, rough, whole, name)
        console.print(f"{path}: {len(rough)} images, {len(whole)} of them photographs")


def _pieces(seed: int, path: Path) -> list[_Work]:
    """Of one photograph: a large piece, a small one, and a small one that was a JPEG before."""
    samples = decode(path).samples[0]
    if samples.shape[2] == 1:
        samples = np.repeat(samples, 3, axis=2)
    top, left = (max(0, (extent - SIDE) // 2) for extent in samples.shape[:2])
    large = np.ascontiguousarray(samples[top : top + SIDE, left : left + SIDE])
    quality = [cv2.IMWRITE_JPEG_QUALITY, 20 + seed * 7 % 76]
    saved = cv2.imdecode(cv2.imencode(".jpg", samples, quality)[1], cv2.IMREAD_COLOR)
    again = crop(np.asarray(saved, np.uint8), seed + 1)
    return [
        ("photograph", seed, large),
        ("crop", seed, crop(samples, seed)),
        ("saved", seed, again),
    ]


def _swept(work: _Work, sweeps: Path, settings: Sequence[str]) -> dict[str, Sweep]:
    """The sweeps of one image by each setting that can hold it."""
    pixels = Pixels.from_samples(work[2][None])
    found = {}
    for setting in settings:
        encoder = SWEPT[setting]
        if min(pixels.width, pixels.height) < encoder.min_side:
            continue
        if pixels.has_alpha and not encoder.keeps_alpha:
            continue
        found[setting] = kept_sweep(pixels, digest_of(pixels), setting, sweeps)
    return found


def _rough(work: Sequence[_Work], sweeps: Sequence[Sweep | None]) -> list[Rough]:
    rough = []
    for (kind, _, samples), sweep in zip(work, sweeps, strict=True):
        if sweep is not None:
            pixels = Pixels.from_samples(samples[None])
            area = pixels.width * pixels.height
            spiked = kind == "saved"
            rough.append(Rough(sweep, detail(pixels), area, pixels.bands < 3, spiked))
    return rough
