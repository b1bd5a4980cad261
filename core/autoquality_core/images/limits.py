"""Limits for the size of a source, and its cost."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_core.errors import InvalidImage

LEAST_ROW = 16
"""The least cost of a row, in pixels: decoders and encoders also spend time on each row."""

_BANDS = 8
"""Samples per pixel that the largest image may have. Smaller images may have more."""


def cost_of(width: int, height: int, frames: int = 1) -> int:
    """The cost of decoding and encoding: the pixels of an image, or more if it is narrow."""
    return frames * height * max(width, LEAST_ROW)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The limits of a source, which are checked before any pixel is decoded.

    `max_bytes` is the size of the file. `max_pixels` counts width x height x frames.
    """

    max_bytes: int
    max_pixels: int
    max_frames: int = 2000

    def check_size(self, field: str, width: int, height: int, frames: int, bands: int) -> None:
        """Raise InvalidImage, with the reason IMAGE_TOO_LARGE, for an image over a limit.

        The pixels of a TIFF may have thousands of samples (`bands`). All are decoded, though
        at most four are used.
        """
        check_count(field, "frames", frames, self.max_frames)
        several = f" with {frames} frames" if frames > 1 else ""
        pixels = width * height * frames
        _check(field, f"{width}x{height}{several} is", "pixels", pixels, self.max_pixels)
        samples = f"{width}x{height} with {bands} bands is"
        _check(field, samples, "samples", pixels * bands, self.max_pixels * _BANDS)


def check_count(field: str, what: str, count: int, most: int) -> None:
    """Raise InvalidImage, with the reason IMAGE_TOO_LARGE, if a file has more than `most`.

    `what` is counted; `field` is the path of the field in the request.
    """
    _check(field, "has", what, count, most)


def _check(field: str, has: str, what: str, count: int, most: int) -> None:
    if count > most:
        message = f"{has} {count} {what}; at most {most} are accepted"
        raise InvalidImage(field, message, reason="IMAGE_TOO_LARGE")
