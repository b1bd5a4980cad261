"""Compares jpegli with mozjpeg: bytes at equal SSIMULACRA2.

python -m venv VENV && VENV/bin/pip install ajpegli==1.0.0
python -m bench.jpegli --python VENV/bin/python IMAGES...     half a minute for each image

ajpegli is not a dependency of this project: a second interpreter runs it. mozjpeg has
`BEST_MOZJPEG`. For each image, encoder and chroma, qualities are bisected around each score, and
the logarithm of the bytes is interpolated linearly over the score. The kind of an image is
`photographs` or `graphics`, by its folder. Above 1.5 megapixels, only the middle is used.
"""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from autoquality_core.formats import BEST_MOZJPEG, JpegEncoder
from autoquality_core.images import Pixels
from autoquality_core.images.pixels import Decoded
from autoquality_core.metrics import SSIMULACRA2
from autoquality_train.corpus.samples import Sample
from bench.command import add_images, add_jobs, of_each_image, parser
from bench.record import Measure, Record, record_of, short
from bench.record.changes import finish
from bench.record.markdown import made, number, table
from bench.targets import GRAPHICS, PHOTO_FOLDERS, PHOTOGRAPHS

SCORES = (50.0, 70.0, 85.0)
CHROMAS = ("420", "444")
SMALLER = "the smaller one"
"""Of both chromas, for each image."""

BRACKET = 2
"""The most qualities between the two probes that are interpolated."""

Encode = Callable[[Pixels, int], bytes]
Decode = Callable[[bytes, Pixels], Decoded]
Curve = Callable[[int], tuple[float, int]]
"""The score and the bytes at a quality."""

_SERVE = """
import pickle, sys
import ajpegli
while True:
    try:
        samples, quality, chroma = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    pickle.dump(ajpegli.encode(samples, quality=quality, subsampling=chroma), sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


class Jpegli:
    """Runs ajpegli in another interpreter."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [python, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __call__(self, pixels: Pixels, quality: int, *, chroma: str) -> bytes:
        """Encode with the default options of the library."""
        sent, received = self._process.stdin, self._process.stdout
        if sent is None or received is None:
            raise RuntimeError("no pipes")
        samples = pixels.samples[0] if pixels.bands == 3 else pixels.samples[0, ..., 0]
        pickle.dump((np.ascontiguousarray(samples), quality, chroma), sent)
        sent.flush()
        data: bytes = pickle.load(received)  # noqa: S301  # our own process wrote it
        return data

    def close(self) -> None:
        """End the interpreter."""
        self._process.communicate()


def bytes_at(score: float, curve: Curve) -> float | None:
    """The interpolated bytes at a score; None if qualities 1 to 100 do not reach it."""
    low, high = 1, 100
    if not curve(low)[0] <= score <= curve(high)[0]:
        return None
    while high - low > BRACKET:
        middle = (low + high) // 2
        if curve(middle)[0] < score:
            low = middle
        else:
            high = middle
    (below, fewer), (above, more) = curve(low), curve(high)
    part = (score - below) / (above - below) if above > below else 1.0
    return math.exp(math.log(fewer) + part * math.log(more / fewer))


def curve_of(pixels: Pixels, encode: Encode, decode: Decode) -> Curve:
    """The curve of an encoder over an image; each quality is encoded once."""
    reference = SSIMULACRA2.reference(pixels)
    known: dict[int, tuple[float, int]] = {}

    def at(quality: int) -> tuple[float, int]:
        if quality not in known:
            data = encode(pixels, quality)
            known[quality] = reference.score(decode(data, pixels)), len(data)
        return known[quality]

    return at


Ratios = dict[tuple[str, float], float]
"""The bytes of jpegli over those of mozjpeg, by chroma and score."""


def ratios_of(sample: Sample, python: Path) -> tuple[str, Ratios]:
    """The kind of an image, photographs or graphics, and its ratios."""
    pixels = sample.pixels()
    jpegli = Jpegli(python)
    sizes: dict[tuple[str, float], list[float | None]] = defaultdict(list)
    for chroma in CHROMAS:
        mozjpeg = JpegEncoder(replace(BEST_MOZJPEG, no_subsample=chroma == "444"))
        for encode in (mozjpeg.encode, partial(jpegli, chroma=chroma)):
            curve = curve_of(pixels, encode, mozjpeg.decode)
            for score in SCORES:
                sizes[chroma, score].append(bytes_at(score, curve))
    jpegli.close()
    for score in SCORES:
        pairs = [sizes[chroma, score] for chroma in CHROMAS]
        best = [[one for one in each if one is not None] for each in zip(*pairs, strict=True)]
        sizes[SMALLER, score] = [min(each, default=None) for each in best]
    photo = any(name in sample.kind for name in PHOTO_FOLDERS)
    return PHOTOGRAPHS if photo else GRAPHICS, {
        key: theirs / ours
        for key, (ours, theirs) in sizes.items()
        if ours is not None and theirs is not None
    }


def measures_of(found: Sequence[tuple[str, Ratios]]) -> Iterator[Measure]:
    """The geometric mean of the ratios and their quartiles, by kind, chroma and score."""
    for kind in (PHOTOGRAPHS, GRAPHICS):
        images = [ratios for each, ratios in found if each == kind]
        for chroma in (*CHROMAS, SMALLER):
            for score in SCORES:
                ratios = [one[chroma, score] for one in images if (chroma, score) in one]
                if not ratios:
                    continue
                mean = math.exp(float(np.mean(np.log(ratios))))
                low, high = np.percentile(ratios, [25, 75])
                values = (short(mean), short(float(low)), short(float(high)))
                named = ("jpegli's bytes over mozjpeg's", chroma, f"{score:g}", kind)
                yield Measure(*named, *values, "x", "neither", len(ratios))


def page(record: Record) -> str:
    """The ratios by kind, chroma and score."""
    header = ("images", "chroma", *(f"at {score:g}" for score in SCORES))
    rows = []
    for kind in (PHOTOGRAPHS, GRAPHICS):
        for chroma in (*CHROMAS, SMALLER):
            cells = []
            for score in SCORES:
                one = record.one(by=chroma, setting=f"{score:g}", goal=kind)
                cells.append(
                    "–"
                    if one is None
                    else f"{one.value:.3f} ({number(one.low)}–{number(one.high)}) of {one.count}"
                )
            named = SMALLER if chroma == SMALLER else ":".join(chroma)
            rows.append((kind, named, *cells))
    images = f"{record.arguments['images']} images"
    return f"{images}. {made(record)}.\n\n{table(header, rows)}"


def main() -> int:
    given = parser("bench.jpegli", __doc__)
    add_images(given)
    given.add_argument("--python", type=Path, required=True, help="an interpreter with ajpegli")
    add_jobs(given)
    args = given.parse_args()
    script = "from importlib.metadata import version; print(version('ajpegli'))"
    asked = subprocess.run([args.python, "-c", script], check=True, capture_output=True, text=True)
    found = of_each_image(given, args, partial(ratios_of, python=args.python.absolute()))
    record = record_of(
        "jpegli",
        measures_of(found),
        {"images": len(found)},
        more_versions={"ajpegli": asked.stdout.strip()},
    )
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
