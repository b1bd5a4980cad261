"""Recognising plain AVIF files: `plain_files.decode_plain_avif` says which they are.

Based on ISO/IEC 14496-12 for the container, 23008-12 for its images, and the AV1 Image
File Format. The check lists the boxes that are known to be harmless; a list of
harmful ones would never be complete.
"""

from __future__ import annotations

from collections import defaultdict

from autoquality_core.images.isobmff.av1 import coded_size
from autoquality_core.images.isobmff.boxes import boxes
from autoquality_core.images.isobmff.meta import TURNS, Meta, depth_of, orientation, sides_of
from autoquality_core.images.isobmff.sequence import Pictures
from autoquality_core.types import Data

_FILE = frozenset({b"ftyp", b"meta", b"mdat", b"free"})
_META = frozenset({b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref"})
_REFERENCES = frozenset({b"auxl", b"cdsc", b"prem"})
_PROPERTIES = TURNS | {b"ispe", b"pixi", b"pasp", b"colr", b"av1C", b"auxC"}
_COLOURS = frozenset({b"nclx", b"prof", b"rICC"})
_ITEMS = frozenset({b"av01", b"Exif", b"mime"})

# Plain files have a dozen in one place.
_MOST_BOXES = 32


def read_plain(data: Data) -> Pictures:
    """The picture of a plain file. Raises ValueError for others."""
    view = memoryview(data)
    meta = Meta.read(view)
    images = [item for item in meta.items.values() if item.kind == b"av01"]
    _require(len(images) in (1, 2) and meta.items[meta.primary] in images)
    _require(all(item.kind in _ITEMS for item in meta.items.values()))

    # libavif would scale a picture whose coded size differs from the size of the image.
    extents = [image.extents for image in images]
    _require(all(len(one) == 1 and one[0].method == 0 for one in extents))
    sizes = {coded_size(meta.content(one[0])) for one in extents}
    _require(len(sizes) == 1)

    (whole,) = _boxes(view, _FILE)[b"meta"]
    inside = _boxes(whole[4:], _META)
    for references in inside[b"iref"]:
        _boxes(references[4:], _REFERENCES)
    (iprp,) = inside[b"iprp"]
    (ipco,) = _boxes(iprp, frozenset({b"ipco", b"ipma"}))[b"ipco"]
    properties = _boxes(ipco, _PROPERTIES)
    # If all sizes in a file are the same, every reader takes the size that was checked.
    _require(set(map(sides_of, properties[b"ispe"])) == sizes)
    _require(all(bytes(colour[:4]) in _COLOURS for colour in properties[b"colr"]))
    _require(len(properties[b"auxC"]) == len(images) - 1)
    depths = {depth_of(coding) for coding in properties[b"av1C"]}
    _require(len(depths) == 1)
    bands = (1 if meta.monochrome else 3) + len(images) - 1
    turns = meta.items[meta.primary].turns
    return Pictures(*sizes.pop(), depths.pop(), bands, orientation(turns))


def _boxes(content: memoryview, known: frozenset[bytes]) -> defaultdict[bytes, list[memoryview]]:
    """The contents of the boxes in `content`, by their types. All types must be `known`."""
    found = defaultdict(list)
    for number, (kind, inside) in enumerate(boxes(content)):
        _require(kind in known and number < _MOST_BOXES)
        found[kind].append(inside)
    return found


def _require(plain: bool) -> None:
    if not plain:
        raise ValueError("not a plain AVIF")
