"""The size and the colours of an AV1 picture (AV1 specification, sections 5.3 to 5.5)."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality_core.images.isobmff.boxes import BitReader

_SEQUENCE_HEADER = 1
_TEMPORAL_DELIMITER = 2

# The fields up to the colours take less in a still picture.
_HEADER_BYTES = 32

# A still picture has a handful.
_MOST_UNITS = 64


def coded_size(stream: bytes) -> tuple[int, int]:
    """Width and height of `stream` in pixels, by its sequence header.

    The header must come first, as in AVIF, and be the only one, since a second could
    state another size. Raises ValueError otherwise, and for a header of a video (with
    timing or several operating points).
    """
    return _sizes(BitReader(_sequence_header(stream)))[:2]


def announced_sizes(stream: bytes) -> set[tuple[int, int]]:
    """Width and height in each sequence header of `stream`, which may be a part of a video.

    Raises ValueError as `coded_size` does, except for the number and the place of headers.
    """
    found = (content for kind, content in _units(stream) if kind == _SEQUENCE_HEADER)
    return {_sizes(BitReader(content))[:2] for content in found}


def colour_codes(stream: bytes) -> tuple[int, int] | None:
    """The code points of primaries and transfer in the sequence header, None without any.

    Raises ValueError as `coded_size` does.
    """
    header = BitReader(_sequence_header(stream))
    *_, profile, reduced = _sizes(header)
    if not reduced and header.bits(1):  # frame_id_numbers_present_flag
        header.bits(4 + 3)
    header.bits(3)  # use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if not reduced:
        header.bits(4)  # enable_interintra_compound to enable_dual_filter
        ordered = header.bits(1)
        header.bits(2 * ordered)  # enable_jnt_comp, enable_ref_frame_mvs
        screen = 2 if header.bits(1) else header.bits(1)
        if screen > 0 and not header.bits(1):  # seq_choose_integer_mv
            header.bits(1)
        header.bits(3 * ordered)  # order_hint_bits
    header.bits(3)  # enable_superres, enable_cdef, enable_restoration
    deep = header.bits(1)
    if profile == 2 and deep:
        header.bits(1)  # twelve_bit
    if profile != 1:
        header.bits(1)  # mono_chrome
    return (header.bits(8), header.bits(8)) if header.bits(1) else None


def _sizes(header: BitReader) -> tuple[int, int, int, int]:
    """Width, height, seq_profile and reduced_still_picture_header."""
    profile = header.bits(3)
    header.bits(1)  # still_picture
    reduced = header.bits(1)
    if reduced:
        header.bits(5)  # seq_level_idx
    else:
        # Timing, display delay, the number of operating points less 1, operating_point_idc.
        if header.bits(1 + 1 + 5 + 12):
            raise ValueError("not a still picture")
        if header.bits(5) > 7:  # seq_level_idx
            header.bits(1)  # seq_tier
    width_bits, height_bits = header.bits(4) + 1, header.bits(4) + 1
    return header.bits(width_bits) + 1, header.bits(height_bits) + 1, profile, reduced


def _sequence_header(stream: bytes) -> bytes:
    """The content of the sequence header, which must come first and be the only one."""
    found: bytes | None = None
    for kind, content in _units(stream):
        if kind == _SEQUENCE_HEADER and found is None:
            found = content
        elif kind == _SEQUENCE_HEADER or (found is None and kind != _TEMPORAL_DELIMITER):
            raise ValueError("not one sequence header at the beginning")
    if found is None:
        raise ValueError("no sequence header")
    return found


def _units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The type of each OBU, and the beginning of its content."""
    at = 0
    for _ in range(_MOST_UNITS):
        if at == len(stream):
            return
        kind, start, at = _unit(stream, at)
        yield kind, stream[start : min(at, start + _HEADER_BYTES)]
    if at != len(stream):
        raise ValueError("too many units")


def _unit(stream: bytes, at: int) -> tuple[int, int, int]:
    """The type of the OBU at `at`, where its content starts and where it ends."""
    header = stream[at]
    if header & 4 or not header & 2:  # with an extension, or without a size
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
