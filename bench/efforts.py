"""Compares the efforts of encoders: bytes at equal SSIMULACRA2, and processor time.

python -m bench.efforts IMAGES...     a minute for each image of 0.4 megapixels

For each image and effort, qualities are bisected around each score, and the logarithm of the bytes
is interpolated linearly over the score. The time is that of the encoding with the score nearest to
the middle one. Above 1.5 megapixels, only the middle of an image is used.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from autoquality_core.formats import (
    ENCODERS,
    AvifEncoder,
    AvifOptions,
    EncoderOptions,
    JxlOptions,
    WebpOptions,
    encoder_for,
)
from autoquality_core.images import Pixels
from autoquality_core.types import Format, Lossless
from autoquality_train.corpus.samples import Sample
from bench.clock import here
from bench.command import add_images, add_jobs, of_each_image, parser
from bench.jpegli import bytes_at, curve_of
from bench.record import Measure, Record, record_of, short, spread_of
from bench.record.changes import finish
from bench.record.markdown import made, number, table

SCORES = (50.0, 70.0, 85.0)
BYTES, TIME = "bytes over those of the default", "processor time of an encoding"


class Effort(NamedTuple):
    """A value of the option that trades time for bytes.

    `by_libheif` is for the library that writes AVIFs with alpha or a profile.
    """

    format: Format
    option: str
    value: int
    options: EncoderOptions
    by_libheif: bool = False

    @property
    def setting(self) -> str:
        """The name in the table."""
        return f"{self.option} {self.value}" + ", libheif" * self.by_libheif


def efforts() -> list[Effort]:
    """The efforts that are compared; the default of each format comes first."""
    return [
        *(
            Effort(
                Format.WEBP,
                "effort",
                effort,
                EncoderOptions(webp=WebpOptions(effort=effort, lossless=Lossless.NEVER)),
            )
            for effort in (4, 0, 2, 6)
        ),
        *(
            Effort(Format.AVIF, "speed", speed, EncoderOptions(avif=AvifOptions(speed=speed)))
            for speed in (8, 9, 7, 6, 4)
        ),
        *(
            Effort(Format.AVIF, "speed", speed, EncoderOptions(avif=AvifOptions(speed=speed)), True)
            for speed in (8, 6)
        ),
        *(
            Effort(Format.JXL, "effort", effort, EncoderOptions(jxl=JxlOptions(effort=effort)))
            for effort in (5, 3, 4, 6, 7)
        ),
    ]


class Found(NamedTuple):
    """The bytes at each score, None where it is out of reach, and seconds a megapixel."""

    sizes: tuple[float | None, ...]
    seconds: float


def found_in(pixels: Pixels, effort: Effort) -> Found:
    """Bisect the qualities of one effort."""
    encoder = encoder_for(effort.format, effort.options)
    write = encoder.encode
    if effort.by_libheif and isinstance(encoder, AvifEncoder):
        write = encoder.by_libheif
    spent: dict[int, float] = {}

    def encode(pixels: Pixels, quality: int) -> bytes:
        data, time = here(lambda: write(pixels, quality))
        spent[quality] = time.cpu
        return data

    curve = curve_of(pixels, encode, encoder.decode)
    sizes = tuple(bytes_at(score, curve) for score in SCORES)
    nearest = min(spent, key=lambda quality: abs(curve(quality)[0] - SCORES[1]))
    return Found(sizes, spent[nearest] * 1e6 / (pixels.width * pixels.height))


def compared(sample: Sample) -> list[Found]:
    """Every effort on one image."""
    pixels = sample.pixels()
    return [found_in(pixels, effort) for effort in efforts()]


def measures_of(found: Sequence[Sequence[Found]]) -> Iterator[Measure]:
    """The geometric means of the ratios with their quartiles, and the times."""
    default: Mapping[Format, int] = {
        one.format: at for at, one in reversed(list(enumerate(efforts())))
    }
    for at, effort in enumerate(efforts()):
        usual = default[effort.format]
        for number_of, score in enumerate(SCORES):
            pairs = [(one[at].sizes[number_of], one[usual].sizes[number_of]) for one in found]
            ratios = [ours / theirs for ours, theirs in pairs if ours and theirs]
            if not ratios:
                continue
            mean = math.exp(float(np.mean(np.log(ratios))))
            low, high = np.percentile(ratios, [25, 75])
            values = (short(mean), short(float(low)), short(float(high)))
            named = (BYTES, effort.format.value, effort.setting, f"{score:g}")
            yield Measure(*named, *values, "x", "lower", len(ratios))
        seconds = [one[at].seconds for one in found]
        named = (TIME, effort.format.value, effort.setting, f"{SCORES[1]:g}")
        yield Measure(*named, *spread_of(seconds), "s/MP", "lower", len(seconds))


def page(record: Record) -> str:
    """Bytes and times by effort, the default in bold."""
    header = ("format", "option", "seconds a megapixel", *(f"bytes at {one:g}" for one in SCORES))
    rows = []
    order = sorted(efforts(), key=lambda one: (one.format.value, _slower(one)))
    first = {one.format: one for one in reversed(efforts())}
    for one in order:
        time = record.one(what=TIME, by=one.format.value, setting=one.setting)
        if time is None:
            continue
        cells = []
        for score in SCORES:
            named = {"by": one.format.value, "setting": one.setting, "goal": f"{score:g}"}
            ratio = record.one(what=BYTES, **named)
            cells.append("–" if ratio is None else f"{ratio.value - 1:+.1%}")
        shown = f"**{one.setting}**" if first[one.format] == one else one.setting
        rows.append((ENCODERS[one.format].name, shown, number(time.value), *cells))
    images = f"{record.arguments['images']} images"
    return f"{images}. {made(record)}.\n\n{table(header, rows)}"


def _slower(effort: Effort) -> int:
    """Orders the efforts of a format from fast to slow."""
    return -effort.value if effort.option == "speed" else effort.value


def main() -> int:
    given = parser("bench.efforts", __doc__)
    add_images(given)
    add_jobs(given)
    args = given.parse_args()
    found = of_each_image(given, args, compared)
    record = record_of("efforts", measures_of(found), {"images": len(found)})
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
