"""The samples of a command line; skipped files are listed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from autoquality_core.images import Pixels
from autoquality_train.cli.options import Failed
from autoquality_train.corpus.samples import (
    Sample,
    Skipped,
    UnreadableImage,
    digest_of,
    samples_of,
    whole_images,
)
from autoquality_train.progress import progress

_SHOWN = 20


def gather_samples(
    corpus: Sequence[Path], console: Console, *, seed: int, whole: bool
) -> list[Sample]:
    """The samples of all folders. Raises Failed if there are none.

    They are in random order, so the first ones represent all of them.
    """
    skipped: list[Skipped] = []
    if whole:
        samples = whole_images(corpus, on_skip=skipped.append)
    else:
        samples = [
            one
            for folder in corpus
            for one in samples_of(folder, seed=seed, on_skip=skipped.append)
        ]
    random.Random(seed).shuffle(samples)
    print_skipped(console, skipped)
    if not samples:
        where = ", ".join(str(folder) for folder in corpus)
        raise Failed(f"{where}: no images found (PNG, JPEG, WebP or TIFF)")
    return samples


def distinct(samples: Sequence[Sample], console: Console) -> Iterator[tuple[Sample, Pixels, str]]:
    """Each different sample with its pixels and their digest."""
    skipped: list[Skipped] = []
    seen: set[str] = set()
    with progress(console, "reading", len(samples)) as advance:
        for sample in samples:
            try:
                pixels = sample.pixels()
            except UnreadableImage as error:
                skipped.append((sample.path, str(error)))
                continue
            finally:
                advance()
            digest = digest_of(pixels)
            if digest not in seen:
                seen.add(digest)
                yield sample, pixels, digest
    print_skipped(console, skipped)


def print_skipped(console: Console, skipped: Sequence[Skipped]) -> None:
    """List the first skipped files."""
    if skipped:
        console.print(f"{len(skipped)} skipped:", style="yellow")
    for path, why in skipped[:_SHOWN]:
        console.print(f"  {path}: {why}", soft_wrap=True, highlight=False, markup=False)
    if len(skipped) > _SHOWN:
        console.print(f"  and {len(skipped) - _SHOWN} more")
