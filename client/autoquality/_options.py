"""What a caller may ask for. None always means: the server's default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from autoquality._enums import Method, WebpPreset

if TYPE_CHECKING:
    # In collections.abc from Python 3.12 on; type checkers know it always.
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class AutoQuality:
    """A wish: which quality is right for an image.

    `target` is bytes for Method.SIZE and a DSSIM from 0 to 1 for Method.DSSIM
    and Method.ML; qualities are 1 to 100; `allowed_error` is 0 to 1, and 1 with
    Method.ML trusts the network: one encoding, nothing measured.

    In a result (`Encoded.applied`) it tells what was really used, and no field
    is None. `str()` gives imgproxy's notation, which `parse_notation` reads.
    """

    method: Method | None = None
    target: float | None = None
    min_quality: int | None = None
    max_quality: int | None = None
    allowed_error: float | None = None

    def __str__(self) -> str:
        parts = (
            self.method,
            None if self.target is None else _number(self.target),
            self.min_quality,
            self.max_quality,
            None if self.allowed_error is None else _number(self.allowed_error),
        )
        return ":".join("" if part is None else str(part) for part in parts).rstrip(":")


def _number(value: float) -> str:
    """10240.0 as 10240, everything else as Python writes it."""
    return str(int(value)) if value == int(value) else repr(value)


class _NumpyArray(Protocol):
    """A NumPy array: before Python 3.12 its types do not say that it is a buffer."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class RawImage:
    """Pixels without a file around them.

    `bands` is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); `pixels`
    holds width x height x bands bytes: rows from the top, samples interleaved,
    8 bits each, sRGB, alpha not premultiplied.
    """

    width: int
    height: int
    bands: int
    pixels: bytes = field(repr=False)

    @classmethod
    def from_array(cls, array: Buffer | _NumpyArray) -> RawImage:
        """From a NumPy array, or whatever else exports such a buffer.

        The shape is (height, width) or (height, width, bands), the samples are
        unsigned 8-bit. Raises ValueError otherwise.
        """
        view = memoryview(cast("Buffer", array))
        if view.format != "B" or view.ndim not in (2, 3):
            raise ValueError(
                "the array must be (height, width) or (height, width, bands) of unsigned 8-bit "
                f"samples, not {view.ndim}-dimensional of format {view.format!r}"
            )
        height, width, *bands = view.shape or ()
        return cls(width, height, bands[0] if bands else 1, view.tobytes())


@dataclass(frozen=True, slots=True)
class JpegOptions:
    """How a JPEG is written. Method.ML ignores these: it uses the best mozjpeg settings."""

    progressive: bool | None = None
    no_subsample: bool | None = None
    """Keep chroma at full resolution; False halves it below quality 90."""
    trellis_quant: bool | None = None
    overshoot_deringing: bool | None = None
    optimize_scans: bool | None = None
    """Choose the progressive scans by trial; needs `progressive`."""
    quant_table: int | None = None
    """0 (JPEG Annex K) to 8; 3 is mozjpeg's default."""


@dataclass(frozen=True, slots=True)
class WebpOptions:
    """How a WebP is written."""

    effort: int | None = None
    """0 (fast) to 6 (small)."""
    preset: WebpPreset | str | None = None
    smart_subsample: bool | None = None
    """Slower, sharper colour edges."""
    alpha_quality: int | None = None
    """Quality of the alpha channel, 0 (small) to 100 (lossless)."""


@dataclass(frozen=True, slots=True)
class AvifOptions:
    """How an AVIF is written."""

    speed: int | None = None
    """0 (small) to 9 (fast)."""
    no_subsample: bool | None = None
    """Keep chroma at full resolution; False halves it below quality 90."""


@dataclass(frozen=True, slots=True)
class PngOptions:
    """How a PNG is written."""

    compression: int | None = None
    """zlib's level, 0 (fast) to 9 (small)."""
    interlaced: bool | None = None
    quantize: bool | None = None
    """Reduce to a palette (lossy)."""
    quantization_colors: int | None = None
    """Palette size with `quantize`, 2 to 256."""
