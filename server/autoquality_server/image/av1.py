"""How large the picture is that an AV1 bitstream holds (AV1 specification, sections 5.3 to 5.5)."""

from __future__ import annotations

from autoquality_server.image.bits import BitReader

_SEQUENCE_HEADER = 1
_TEMPORAL_DELIMITER = 2

# More than its part up to the sizes can take in a still picture.
_HEADER_BYTES = 32


def coded_size(stream: bytes) -> tuple[int, int]:
    """Width and height of `stream`, in pixels, as its sequence header gives them.

    The header must come first, as it does in AVIF. Raises ValueError where it
    does not, or is of a film rather than a picture: with timing or several
    operating points.
    """
    bits = BitReader(_sequence_header(stream))
    bits.skip(3 + 1)  # seq_profile, still_picture
    reduced = bits.take(1)
    if reduced:
        bits.skip(5)  # seq_level_idx
    else:
        if bits.take(1 + 1 + 5 + 12):  # timing, display delay, operating points but one, their idc
            raise ValueError("not a still picture")
        if bits.take(5) > 7:  # seq_level_idx
            bits.skip(1)  # seq_tier
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(width_bits) + 1, bits.take(height_bits) + 1


def _sequence_header(stream: bytes) -> bytes:
    """The content of the first OBU that is no temporal delimiter."""
    at = 0
    while len(stream) > at + 1:
        header, size = stream[at], stream[at + 1]
        kind, extension, has_size = header >> 3 & 15, header & 4, header & 2
        if extension or not has_size or size > 127:  # sizes beyond take several bytes
            break
        at += 2
        if kind == _SEQUENCE_HEADER:
            return stream[at : at + min(size, _HEADER_BYTES)]
        if kind != _TEMPORAL_DELIMITER:
            break
        at += size
    raise ValueError("no sequence header")
