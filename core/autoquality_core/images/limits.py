"""How large a source may be."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_core.errors import InvalidImage

_BANDS = 8
"""Samples a pixel that the largest image may have; smaller ones may have more."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a source must not exceed; checked before a pixel is decoded.

    `max_bytes` is of the file, `max_pixels` counts width x height x frames.
    """

    max_bytes: int
    max_pixels: int
    max_frames: int = 2000

    def check_sides(self, field: str, width: int, height: int, frames: int, bands: int) -> None:
        """Raise InvalidImage, with the reason IMAGE_TOO_LARGE, for an image over a limit.

        A TIFF may hold thousands of samples a pixel (`bands`), of which all are
        decoded and four kept.
        """
        if frames > self.max_frames:
            raise _too_large(field, f"has {frames} frames; at most {self.max_frames} are accepted")
        pixels = width * height * frames
        if pixels > self.max_pixels:
            several = f" with {frames} frames" if frames > 1 else ""
            raise _too_large(
                field,
                f"{width}x{height}{several} is {pixels} pixels;"
                f" at most {self.max_pixels} are accepted",
            )
        samples, most = pixels * bands, self.max_pixels * _BANDS
        if samples > most:
            raise _too_large(
                field,
                f"{width}x{height} with {bands} bands is {samples} samples;"
                f" at most {most} are accepted",
            )


def _too_large(field: str, message: str) -> InvalidImage:
    return InvalidImage(field, message, reason="IMAGE_TOO_LARGE")
