"""What a caller can ask for. None always means the server's default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypedDict

from autoquality._enums import (
    Chroma,
    ColorProfile,
    Format,
    Lossless,
    Method,
    Metric,
    WebpPreset,
)
from autoquality_core.types import NumpyArray, samples_of

if TYPE_CHECKING:
    # collections.abc has it from Python 3.12. Type checkers always know this name.
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class AutoQuality:
    """How to choose the quality of an image.

    `target` is bytes for Method.SIZE, and otherwise a score: a DSSIM from 0 to 1, or a
    SSIMULACRA2 from 0 to 100. `metric` is the metric for Method.ML, DSSIM by default. Qualities
    are 1 to 100. `allowed_error` is a difference of scores. The largest possible one with
    Method.ML trusts the network: one encoding, and no measurement. For Method.SIZE it is the share
    of the target that may stay unused, 0 to 1.

    `max_bytes` (1 or more), `max_dssim` (0 to 1) and `min_ssimulacra2` (0 to 100) are limits that
    hold together with the target.

    `Encoded.applied` has the settings that the server used. None of its fields is None, except
    `metric` if the method has none, and limits that are not set. `str()` writes imgproxy's
    notation, which `parse_notation` reads. It has no limits.
    """

    method: Method | None = None
    target: float | None = None
    min_quality: int | None = None
    max_quality: int | None = None
    allowed_error: float | None = None
    metric: Metric | None = None
    max_bytes: int | None = None
    max_dssim: float | None = None
    min_ssimulacra2: float | None = None

    def __str__(self) -> str:
        parts = (
            self.method,
            None if self.target is None else _number(self.target),
            self.min_quality,
            self.max_quality,
            None if self.allowed_error is None else _number(self.allowed_error),
            # The name of a method may say it already.
            None if str(self.metric) == str(self.method) else self.metric,
        )
        return ":".join("" if part is None else str(part) for part in parts).rstrip(":")


SPEC_FIELDS = tuple(field.name for field in fields(AutoQuality))
"""The parts of an `AutoQuality`."""

NOTATION_FIELDS = SPEC_FIELDS[: SPEC_FIELDS.index("metric") + 1]
"""The parts of the notation, in their order. imgproxy's has all but the last."""

LIMIT_FIELDS = SPEC_FIELDS[len(NOTATION_FIELDS) :]
"""The limits, which the notation does not have."""


def _number(value: float) -> str:
    """Write 10240.0 as 10240, and any other number as Python does."""
    return str(int(value)) if value == int(value) else repr(value)


@dataclass(frozen=True, slots=True)
class RawImage:
    """Pixels without a file format.

    `bands` is 1 (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGB and alpha). `pixels` has
    width x height x bands bytes: rows from the top, samples interleaved, 8 bits each, sRGB,
    alpha not premultiplied.
    """

    width: int
    height: int
    bands: int
    pixels: bytes = field(repr=False)

    @classmethod
    def from_array(cls, array: Buffer | NumpyArray) -> RawImage:
        """Copy a NumPy array, or any other object that exports such a buffer.

        The shape is (height, width) or (height, width, bands). The samples are unsigned 8-bit.
        Raises ValueError for any other array.
        """
        return cls(*samples_of(array))


@dataclass(frozen=True, slots=True)
class Option:
    """A field of a format's options. Without bounds and choices it is a bool."""

    help: str
    bounds: tuple[int, int] | None = None
    choices: Iterable[StrEnum] | None = None


def _option(
    help: str, bounds: tuple[int, int] | None = None, choices: Iterable[StrEnum] | None = None
) -> Any:
    """Declare a field. The command line has an option for each."""
    return field(default=None, metadata={"option": Option(help, bounds, choices)})


_NO_SUBSAMPLE = "The older name of chroma full."
_CHROMA = "Resolution of colour: by_quality (halved below quality 90), subsampled, full, or auto."
_CHROMAS = (Chroma.BY_QUALITY, Chroma.SUBSAMPLED, Chroma.FULL, Chroma.AUTO)


@dataclass(frozen=True, slots=True)
class JpegOptions:
    """How to write a JPEG. Method.ML ignores these and uses the best mozjpeg settings."""

    progressive: bool | None = _option("Write a progressive JPEG instead of a baseline one.")
    no_subsample: bool | None = _option(_NO_SUBSAMPLE)
    trellis_quant: bool | None = _option("Trellis quantisation: smaller, slower.")
    overshoot_deringing: bool | None = _option("Reduce ringing at hard edges.")
    optimize_scans: bool | None = _option(
        "Choose the scans by trial: smaller, slower. Needs a progressive JPEG."
    )
    quant_table: int | None = _option(
        "Quantisation table. 0 is JPEG Annex K, 3 is mozjpeg's default.", (0, 8)
    )
    chroma: Chroma | str | None = _option(_CHROMA, choices=_CHROMAS)  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class WebpOptions:
    """How to write a WebP."""

    effort: int | None = _option("Effort, from 0 (fast) to 6 (small).", (0, 6))
    preset: WebpPreset | str | None = _option(  # noqa: RUF009 (a dataclass field)
        "Kind of content.", choices=WebpPreset
    )
    smart_subsample: bool | None = _option("The older name of chroma sharp.")
    alpha_quality: int | None = _option(
        "Quality of the alpha channel, from 0 (small) to 100 (lossless).", (0, 100)
    )
    chroma: Chroma | str | None = _option(  # noqa: RUF009 (a dataclass field)
        "Resolution of colour: subsampled, sharp (slower), or auto.",
        choices=(Chroma.SUBSAMPLED, Chroma.SHARP, Chroma.AUTO),
    )
    lossless: Lossless | str | None = _option(  # noqa: RUF009 (a dataclass field)
        "Without loss: never, always, or smaller if a search finds it smaller.", choices=Lossless
    )


@dataclass(frozen=True, slots=True)
class AvifOptions:
    """How to write an AVIF."""

    speed: int | None = _option("Speed, from 0 (small) to 9 (fast).", (0, 9))
    no_subsample: bool | None = _option(_NO_SUBSAMPLE)
    chroma: Chroma | str | None = _option(_CHROMA, choices=_CHROMAS)  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class PngOptions:
    """How to write a PNG."""

    compression: int | None = _option("zlib level, from 0 (fast) to 9 (small).", (0, 9))
    interlaced: bool | None = _option("Write an interlaced PNG (Adam7).")
    quantize: bool | None = _option("Reduce the colours to a palette (lossy).")
    quantization_colors: int | None = _option("Colours in the palette.", (2, 256))


@dataclass(frozen=True, slots=True)
class JxlOptions:
    """How to write a JPEG XL."""

    effort: int | None = _option("Effort, from 1 (fast) to 7 (small).", (1, 7))
    lossless: bool | None = _option("Keep every sample exactly. There is no quality then.")


FORMAT_OPTIONS: Mapping[str, type[Any]] = {
    "jpeg": JpegOptions,
    "webp": WebpOptions,
    "avif": AvifOptions,
    "png": PngOptions,
    "jxl": JxlOptions,
}
"""The options of each format, by the name of their argument. The command line has them all."""


class EncodeOptions(TypedDict, total=False):
    """The options of an encoding. `Client.encode` documents them."""

    format: Format | str | None
    candidates: Sequence[Format | str]
    accept: str | None
    auto_quality: AutoQuality | str | None
    method: Method | str | None
    target: float | str | None
    min_quality: int | None
    max_quality: int | None
    allowed_error: float | None
    metric: Metric | str | None
    max_bytes: int | str | None
    max_dssim: float | None
    min_ssimulacra2: float | str | None
    quality: int | None
    jpeg: JpegOptions | None
    webp: WebpOptions | None
    avif: AvifOptions | None
    png: PngOptions | None
    jxl: JxlOptions | None
    background: str
    keep_metadata: bool
    keep_copyright: bool | None
    color_profile: ColorProfile | str | None
    keep_hidden_colors: bool | None
    measure: Sequence[Metric | str]
    measure_dssim: bool
    allow_truncated: bool | None
    keep_smaller_source: bool | None
    cap_at_source: bool | None
    may_shrink: bool
    min_width: int | None
