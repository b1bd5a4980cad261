"""The images of a command line: gathered, and told of where they cannot be used."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyvips
from rich.console import Console

from autoquality_core.errors import InvalidImage
from autoquality_core.images import Pixels
from autoquality_train.cli.exits import Failed
from autoquality_train.progress import progress
from autoquality_train.samples import Sample, digest_of, samples_of, wholes_in

_SHOWN = 20


def gather_samples(
    corpus: Sequence[Path], console: Console, *, seed: int, whole: bool
) -> list[Sample]:
    """The samples of all folders, files that give none listed; raises Failed if there are none.

    Samples for training come in random order, so that the first of them are a
    fair part of all.
    """
    left_out: list[tuple[Path, str]] = []

    def leave(path: Path, why: str) -> None:
        left_out.append((path, why))

    if whole:
        samples = wholes_in(corpus, left_out=leave)
    else:
        samples = [
            one for folder in corpus for one in samples_of(folder, seed=seed, left_out=leave)
        ]
        random.Random(seed).shuffle(samples)
    tell_left_out(console, left_out)
    if not samples:
        where = ", ".join(str(folder) for folder in corpus)
        raise Failed(f"{where}: no images there (PNG, JPEG, WebP or TIFF)")
    return samples


def distinct(samples: Sequence[Sample], console: Console) -> Iterator[tuple[Sample, Pixels, str]]:
    """Each sample with its pixels and their digest, once; tells what cannot be read."""
    unreadable: list[tuple[Path, str]] = []
    seen: set[str] = set()
    with progress(console, "reading", len(samples)) as advance:
        for sample in samples:
            try:
                pixels = sample.pixels()
            except (InvalidImage, pyvips.Error, OSError) as error:
                unreadable.append((sample.path, " ".join(str(error).split())))
                continue
            finally:
                advance()
            digest = digest_of(pixels)
            if digest not in seen:
                seen.add(digest)
                yield sample, pixels, digest
    tell_left_out(console, unreadable)


def tell_left_out(console: Console, left_out: Sequence[tuple[Path, str]]) -> None:
    """List files that were left out, not more than a screen of them."""
    if left_out:
        console.print(f"{len(left_out)} left out:", style="yellow")
    for path, why in left_out[:_SHOWN]:
        console.print(f"  {path}: {why}", soft_wrap=True, highlight=False, markup=False)
    if len(left_out) > _SHOWN:
        console.print(f"  and {len(left_out) - _SHOWN} more")
