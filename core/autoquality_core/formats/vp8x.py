"""The header chunk of a WebP file in the extended format (WebP container specification)."""

from __future__ import annotations

_EXTENDED = b"VP8X"
_NAME = slice(12, 16)
_FLAGS = 20
_ANIMATION = 0x02
_ALPHA = 0x10


def with_alpha_flag(data: bytes) -> bytes:
    """An animated WebP that is marked as transparent; other files as they are.

    libwebp sets the flag only if a frame has an alpha channel. Frames that are
    opaque but leave a part of the canvas uncovered are written without one:
    readers that trust the flag then show black where the canvas is transparent.
    """
    if data[_NAME] != _EXTENDED or not data[_FLAGS] & _ANIMATION:
        return data
    flags = data[_FLAGS] | _ALPHA
    return data[:_FLAGS] + bytes([flags]) + data[_FLAGS + 1 :]
