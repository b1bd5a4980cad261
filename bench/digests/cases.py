"""The requests: every image by every method and format, some images by every option."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autoquality import AvifOptions, JpegOptions, PngOptions, RawImage, WebpOptions
from autoquality.v1 import encoding_pb2 as pb
from bench.digests.answers import (
    BUDGET,
    Fields,
    Options,
    Service,
    Source,
    compared,
    encoded,
    facts,
    sent,
    streamed,
)
from bench.digests.lines import STREAM
from bench.digests.pictures import FOLDER, photo, pictures

FORMATS = ("jpeg", "webp", "avif", "png")
LARGE = 2_000_000
"""Pixels; larger files are encoded in fewer ways, because AVIF is slow."""

PHOTOGRAPHS = ("astronaut.png", "camera.png", "coffee.png", "no_time_for_that_tiny.gif")
SEARCHES = (BUDGET, "dssim", "ml", f"{BUDGET}:10:95", "dssim:0.02:10:95", "ml:0.02:10:95")
TARGETS = (
    *SEARCHES,
    "size:1",
    "size:500:10:95",
    "size:900:10:95",
    "size:1000000",
    f"{BUDGET}:60:60",
    "dssim:0:10:95",
    "dssim:0.01:1:100:0.0001",
    "dssim:0.02:85:95:0",
    "dssim:0.3:10:95",
    "dssim:0.02:10:95:1",
    "ml:0.005:1:100:0.0005",
    "ml:0.02:10:95:1",
    "none:0.02:10:95",
)
GENERAL: tuple[Options, ...] = (
    {"background": "#ff0000"},
    {"keep_metadata": True},
    {"keep_copyright": False},
    {"color_profile": "keep"},
    {"color_profile": "keep", "keep_metadata": True},
    {"keep_hidden_colors": True},
    {"allow_truncated": True},
    {"measure_dssim": True},
    {"keep_smaller_source": True},
    {"keep_smaller_source": True, "keep_metadata": True, "color_profile": "keep"},
    {"cap_at_source": True},
    {"may_shrink": True, "min_width": 20},
)
LIMITED: tuple[Options, ...] = (
    {"auto_quality": "ssimulacra2:70", "max_bytes": 3000, "min_ssimulacra2": 50},
    {"auto_quality": "ssimulacra2:70", "max_dssim": 0.01},
    {"auto_quality": "dssim:0.02:10:95", "min_ssimulacra2": 70},
    {"auto_quality": "size:3000:10:95:0.05", "min_ssimulacra2": 50},
    {"quality": 50, "max_bytes": 3000},
)
_JPEG: Any = JpegOptions
BEST = JpegOptions(True, True, True, True, True, 3)
SWITCHES = ("progressive", "no_subsample", "trellis_quant", "overshoot_deringing", "optimize_scans")
PRESETS = ("default", "picture", "photo", "drawing", "icon", "text")
ENCODERS: Mapping[str, tuple[Any, ...]] = {
    "jpeg": (
        *(_JPEG(**{name: value}) for name in SWITCHES for value in (True, False)),
        *(JpegOptions(quant_table=table) for table in range(9)),
        *(JpegOptions(progressive=True, optimize_scans=True), BEST),
        dataclasses.replace(BEST, no_subsample=False),
    ),
    "webp": (
        *(WebpOptions(effort=effort) for effort in range(7)),
        *(WebpOptions(preset=preset) for preset in PRESETS),
        *(WebpOptions(smart_subsample=value) for value in (True, False)),
        *(WebpOptions(alpha_quality=quality) for quality in (0, 50, 100)),
    ),
    "avif": (
        *(AvifOptions(speed=speed) for speed in range(10)),
        *(AvifOptions(no_subsample=value) for value in (True, False)),
    ),
    "png": (
        *(PngOptions(compression=level) for level in (0, 1, 9)),
        PngOptions(interlaced=True),
        *(PngOptions(quantize=True, quantization_colors=count) for count in (2, 5, 17, 256)),
        PngOptions(quantization_colors=16),
    ),
}
OPTIONED = ("chelsea.png", "alpha.png", "drawing.png", "grey.png", "film.webp")
STREAMED = ("coffee.png", "camera.jpg", "alpha.png", "film.gif", "cut.jpg", "noise.png", "text.txt")
WRONG: tuple[Options, ...] = (
    *({"quality": value} for value in (-1, 0, 101)),
    *({"method": method, "quality": 50} for method in ("size", "dssim", "ml")),
    *({"method": "size", "target": value} for value in (None, -1, 0, 0.5, math.nan, math.inf)),
    *({"method": "dssim", "target": value} for value in (-0.1, 1.1, math.nan)),
    *({"method": "ml", "allowed_error": value} for value in (-0.1, 1.1, math.nan)),
    *({"method": "size", "target": 900, "allowed_error": value} for value in (-0.1, 1.1)),
    *({"max_bytes": value} for value in (-1, 0)),
    *({"max_dssim": value} for value in (-0.1, 1.1, math.nan)),
    *({"min_ssimulacra2": value} for value in (-1, 101, math.nan)),
    *({"min_quality": value} for value in (-1, 0, 101)),
    *({"max_quality": value} for value in (0, 101)),
    *({"method": "dssim", "min_quality": low, "max_quality": 60} for low in (61, 90)),
    *({"background": value} for value in ("red", "#fff", "#12345g", "0a0B0c")),
    *({"jpeg": JpegOptions(quant_table=value)} for value in (-1, 9)),
    *({"webp": WebpOptions(effort=value)} for value in (-1, 7)),
    *({"webp": WebpOptions(alpha_quality=value)} for value in (-1, 101)),
    *({"avif": AvifOptions(speed=value)} for value in (-1, 10)),
    *({"png": PngOptions(compression=value)} for value in (-1, 10)),
    *({"png": PngOptions(quantization_colors=value)} for value in (1, 257)),
    *({name: "unheard-of"} for name in ("format", "method", "auto_quality", "color_profile")),
)
UNKNOWN: tuple[Options, ...] = (
    {"format": 99},
    {"auto_quality": {"method": 99}},
    {"webp": {"preset": 99}},
    {"color_profile": 99},
    {"image": b""},
    {"raw": {"width": 2, "height": 2, "bands": 3}},
    {},
)
"""Requests that the client does not send."""


@dataclass(frozen=True)
class Case:
    """One call and its key."""

    key: str
    call: Callable[[Service], Fields]


def cases(files: Mapping[str, Path]) -> Iterator[Case]:
    """Every call, those for the files first, because they are slow."""
    shipped = {f"skimage/{name}": FOLDER / name for name in PHOTOGRAPHS}
    for name, path in {**files, **shipped}.items():
        for options in _whole(path):
            yield _encode(name, path, options)
    made = pictures()
    for name, data in made.items():
        for options in _small():
            yield _encode(name, data, options)
    for name in OPTIONED:
        for options in _by_encoder():
            yield _encode(name, made[name], options)
    for name, fmt, target in product(STREAMED, FORMATS, SEARCHES[3:]):
        options = {"format": fmt, "auto_quality": target}
        yield _encode(f"{name}{STREAM}", made[name], options, streamed)
    for options in WRONG:
        yield _encode("grey.png", made["grey.png"], options)
        yield _encode(f"grey.png{STREAM}", made["grey.png"], options, streamed)
    yield from _raw()
    yield from _pairs(made)
    for number, message in enumerate(UNKNOWN):
        request = pb.EncodeRequest(**{"image": made["grey.png"], **message})
        yield Case(f"message {number}: {message}", partial(sent, request))
    yield Case("server", facts)


def _encode(
    name: str,
    source: Source,
    options: Options,
    call: Callable[[Source, Options, Service], Fields] = encoded,
) -> Case:
    return Case(f"{name}: {_text(options)}", partial(call, source, options))


def _text(options: Options) -> str:
    """Options as text, such as "format=jpeg auto_quality=dssim jpeg.quant_table=3"."""
    parts = []
    for name, value in options.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {key: one for key, one in dataclasses.asdict(value).items() if one is not None}
            parts += [f"{name}.{key}={one}" for key, one in fields.items()]
        else:
            parts.append(f"{name}={value}")
    return " ".join(parts)


def _combined(formats: Sequence[str | None], some: Sequence[Options]) -> Iterator[Options]:
    for fmt, options in product(formats, some):
        yield options if fmt is None else {"format": fmt, **options}


def _targets(targets: Sequence[str]) -> list[Options]:
    return [{"auto_quality": target} for target in targets]


def _whole(path: Path) -> Iterator[Options]:
    """The options for a file: every method and format."""
    if _pixels(path) > LARGE:
        yield from _combined(("jpeg",), [{}, *_targets(SEARCHES)])
        yield from _combined(("webp", "avif"), _targets(SEARCHES[3:5]))
    else:
        yield from _combined(("jpeg", "webp", "avif"), [{}, *_targets(SEARCHES)])
        yield from _combined(("png",), [{}, *_targets(SEARCHES[:3])])


def _small() -> Iterator[Options]:
    """The options for a small image: every target, and every option that is not of one format."""
    fixed: list[Options] = [{}, {"quality": 30}, {"quality": 95, "measure_dssim": True}]
    yield from _combined(("jpeg", "webp", "avif"), [*fixed, *_targets(TARGETS)])
    yield from _combined(("png", None), [*fixed[1:], *_targets(SEARCHES)])
    yield from _combined(FORMATS, LIMITED)
    some = [{}, *_targets(SEARCHES[3:5])]
    for fmt, target, general in product(FORMATS, some, GENERAL):
        yield {"format": fmt, **target, **general}


def _by_encoder() -> Iterator[Options]:
    """Every option of every format, with every method."""
    slow = (f"{BUDGET}:40:70", "dssim:0.02:40:70", "ml:0.02:40:70")
    for fmt, values in ENCODERS.items():
        targets = _targets(slow if fmt == "avif" else SEARCHES[3:])
        for value, target in product(values, [{"quality": 60}, *targets]):
            yield {"format": fmt, **target, fmt: value}


def _raw() -> Iterator[Case]:
    """Bare pixels, valid and invalid."""
    small = photo("astronaut.png", 96, 64)
    alpha = small.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(small.size))
    for image, mode in ((small, "L"), (alpha, "LA"), (small, "RGB"), (alpha, "RGBA")):
        raw = RawImage.from_array(np.asarray(image.convert(mode)))
        for options in _combined(FORMATS, [{}, *_targets(SEARCHES[3:])]):
            yield _encode(f"raw {mode}", raw, options)
            yield _encode(f"raw {mode}{STREAM}", raw, options, streamed)
    for sides in ((0, 4, 3), (4, 4, 5), (4, 4, 2), (-1, 4, 3), (60_000, 60_000, 3)):
        yield _encode(f"raw {sides}", RawImage(*sides, bytes(48)), {"format": "webp"})


def _pairs(made: Mapping[str, bytes]) -> Iterator[Case]:
    """Comparisons: every image with itself and with the next one, and some with all."""
    names = list(made)
    pairs = {(name, name) for name in names} | set(pairwise(names))
    pairs |= {(one, other) for one in ("small.tif", "film.gif", "alpha.png") for other in names}
    for one, other in sorted(pairs):
        yield Case(f"compare {one}, {other}", partial(compared, made[one], made[other]))


def _pixels(path: Path) -> int:
    try:
        with Image.open(path) as image:
            return image.width * image.height
    except (OSError, ValueError, Image.DecompressionBombError):
        return 0
