"""AVIF files whose image consists of others: a grid of tiles, an overlay, a crop."""

from __future__ import annotations

import struct

import numpy as np

from autoquality_core.images.isobmff.meta import Meta
from tests.images.files import image_of


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def _full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)


def _picture(side: int) -> tuple[bytes, bytes]:
    """The av1C box and the coded picture of a square in one colour."""
    plain = image_of(np.full((side, side, 3), (200, 120, 40), np.uint8))
    data = bytes(plain.heifsave_buffer(compression="av1", effort=0, keep="none"))
    meta = Meta.read(data)
    (picture,) = meta.items[meta.primary].extents
    at = data.index(b"av1C") - 4
    return data[at : at + int.from_bytes(data[at : at + 4], "big")], meta.content(picture)


def derived(
    kind: bytes, payload: bytes, claimed: tuple[int, int], tiles: int, tile_side: int
) -> bytes:
    """An image of `kind` that claims a size and consists of `tiles` times the same tile."""
    configuration, picture = _picture(tile_side)
    properties = _box(
        b"ipco",
        _full(b"ispe", 0, struct.pack(">2I", *claimed)),
        _full(b"ispe", 0, struct.pack(">2I", tile_side, tile_side)),
        configuration,
        _full(b"pixi", 0, bytes((3, 8, 8, 8))),
    )
    whole, part = struct.pack(">HBBB", 1, 2, 1, 4), struct.pack(">HBBBB", 2, 3, 2, 0x83, 4)
    association = _full(b"ipma", 0, struct.pack(">I", 2), whole, part)
    items = [_full(b"infe", 2, struct.pack(">HH", 1, 0), kind, b"\0")]
    items.append(_full(b"infe", 2, struct.pack(">HH", 2, 0), b"av01", b"\0"))
    uses = struct.pack(">HH", 1, tiles) + struct.pack(">H", 2) * tiles
    brand = _box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")

    def meta(offset: int) -> bytes:
        laid_out = struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(payload))
        coded = struct.pack(">HHHHII", 2, 0, 0, 1, offset, len(picture))
        return _full(
            b"meta",
            0,
            _full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
            _full(b"pitm", 0, struct.pack(">H", 1)),
            _full(b"iloc", 1, struct.pack(">BBH", 0x44, 0, 2), laid_out, coded),
            _full(b"iinf", 0, struct.pack(">H", 2), *items),
            _box(b"iprp", properties, association),
            _full(b"iref", 0, _box(b"dimg", uses)),
            _box(b"idat", payload),
        )

    offset = len(brand) + len(meta(0)) + 8
    return brand + meta(offset) + _box(b"mdat", picture)


def grid(
    rows: int, columns: int, made: tuple[int, int], claimed: tuple[int, int], tile_side: int = 64
) -> bytes:
    """Tiles in rows and columns that make the size `made` and claim the size `claimed`."""
    payload = struct.pack(">BBBB2I", 0, 1, rows - 1, columns - 1, *made)
    return derived(b"grid", payload, claimed, rows * columns, tile_side)


def overlay(made: tuple[int, int], claimed: tuple[int, int]) -> bytes:
    """One small picture on a canvas."""
    payload = struct.pack(">BB4H2I2i", 0, 1, 0, 0, 0, 65535, *made, 0, 0)
    return derived(b"iovl", payload, claimed, 1, 64)


def empty_extents(items: int, extents: int) -> bytes:
    """An image with many items of many extents, which take no bytes in the file."""
    place = struct.pack(">HHH", 1, 0, extents)
    places = struct.pack(">HH", 0, items) + place * items
    return _file(_full(b"iloc", 0, places))


def long_grid(extents: int, size: int) -> bytes:
    """A grid whose description has many extents of `size` bytes each, all at the same place."""
    place = struct.pack(">HHHH", 0x4400, 1, 1, 0) + struct.pack(">H", extents)
    return _file(_full(b"iloc", 0, place, struct.pack(">II", 0, size) * extents), bytes(size))


def _file(iloc: bytes, rest: bytes = b"") -> bytes:
    """A grid that claims a size, with this box `iloc`."""
    item = _full(b"infe", 2, struct.pack(">HH", 1, 0), b"grid", b"\0")
    area = _full(b"ispe", 0, struct.pack(">2I", 16, 16))
    association = _full(b"ipma", 0, struct.pack(">IHBB", 1, 1, 1, 1))
    meta = _full(
        b"meta",
        0,
        _full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
        _full(b"pitm", 0, struct.pack(">H", 1)),
        iloc,
        _full(b"iinf", 0, struct.pack(">H", 1), item),
        _box(b"iprp", _box(b"ipco", area), association),
    )
    return _box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf") + meta + _box(b"mdat", rest)
