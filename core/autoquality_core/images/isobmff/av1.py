"""The size and the colours of an AV1 picture (AV1 specification, sections 5.3 to 5.5)."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality_core.images.isobmff.bits import BitReader

_SEQUENCE_HEADER = 1
_TEMPORAL_DELIMITER = 2

# More than its part up to the sizes can take in a still picture.
_HEADER_BYTES = 32

# A still picture has a handful.
_MOST_UNITS = 64


def coded_size(stream: bytes) -> tuple[int, int]:
    """Width and height of `stream`, in pixels, as its sequence header gives them.

    The header must come first, as it does in AVIF, and be the only one: a
    second could say another size. Raises ValueError where it is not so, or
    where it is of a film rather than a picture: with timing or several
    operating points.
    """
    return _sizes(BitReader(_sequence_header(stream)))[:2]


def announced_sizes(stream: bytes) -> set[tuple[int, int]]:
    """Width and height in every sequence header of `stream`, which may be a part of a film.

    Raises ValueError as `coded_size` does, but for their number and place.
    """
    return {
        _sizes(BitReader(stream[start : min(end, start + _HEADER_BYTES)]))[:2]
        for kind, start, end in _units(stream)
        if kind == _SEQUENCE_HEADER
    }


def colour_codes(stream: bytes) -> tuple[int, int] | None:
    """The code points of primaries and transfer in a sequence header; None where there are none.

    Raises ValueError as `coded_size` does.
    """
    bits = BitReader(_sequence_header(stream))
    *_, profile, reduced = _sizes(bits)
    if not reduced and bits.take(1):  # frame_id_numbers_present_flag
        bits.skip(4 + 3)
    bits.skip(3)  # use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if not reduced:
        bits.skip(4)  # enable_interintra_compound to enable_dual_filter
        ordered = bits.take(1)
        bits.skip(2 * ordered)  # enable_jnt_comp, enable_ref_frame_mvs
        screen = 2 if bits.take(1) else bits.take(1)
        if screen > 0 and not bits.take(1):  # seq_choose_integer_mv
            bits.skip(1)
        bits.skip(3 * ordered)  # order_hint_bits
    bits.skip(3)  # enable_superres, enable_cdef, enable_restoration
    deep = bits.take(1)
    if profile == 2 and deep:
        bits.skip(1)  # twelve_bit
    if profile != 1:
        bits.skip(1)  # mono_chrome
    return (bits.take(8), bits.take(8)) if bits.take(1) else None


def _sizes(bits: BitReader) -> tuple[int, int, int, int]:
    """Width, height, seq_profile and reduced_still_picture_header."""
    profile = bits.take(3)
    bits.skip(1)  # still_picture
    reduced = bits.take(1)
    if reduced:
        bits.skip(5)  # seq_level_idx
    else:
        if bits.take(1 + 1 + 5 + 12):  # timing, display delay, operating points but one, their idc
            raise ValueError("not a still picture")
        if bits.take(5) > 7:  # seq_level_idx
            bits.skip(1)  # seq_tier
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(width_bits) + 1, bits.take(height_bits) + 1, profile, reduced


def _sequence_header(stream: bytes) -> bytes:
    """The content of the sequence header, which must be the only one."""
    found: bytes | None = None
    for kind, start, end in _units(stream):
        if kind == _SEQUENCE_HEADER and found is None:
            found = stream[start : min(end, start + _HEADER_BYTES)]
        elif kind == _SEQUENCE_HEADER or (found is None and kind != _TEMPORAL_DELIMITER):
            raise ValueError("not one sequence header, and that first")
    if found is None:
        raise ValueError("no sequence header")
    return found


def _units(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """The type of each OBU, where its content starts and where it ends."""
    at = 0
    for _ in range(_MOST_UNITS):
        if at == len(stream):
            return
        kind, start, end = _unit(stream, at)
        yield kind, start, end
        at = end
    if at != len(stream):
        raise ValueError("too many units")


def _unit(stream: bytes, at: int) -> tuple[int, int, int]:
    """The type of the OBU at `at`, where its content starts and where it ends."""
    header = stream[at]
    if header & 4 or not header & 2:  # with an extension, without a size
        raise ValueError("an unusual unit")
    size = 0
    for place, byte in enumerate(stream[at + 1 : at + 9]):
        size |= (byte & 127) << 7 * place
        if byte < 128:
            start = at + 2 + place
            if start + size > len(stream):
                break
            return header >> 3 & 15, start, start + size
    raise ValueError("a unit without an end")
