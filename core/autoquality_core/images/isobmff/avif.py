"""AVIF decoded by OpenCV's libavif, for the plain kind of file that most are.

libheif, behind libvips, repeats every chroma sample of 4:2:0 over two by two
pixels; libavif interpolates between them, as browsers do. Which files are
plain is told by their boxes (ISO/IEC 14496-12 for the container, 23008-12 for
the images in it, AV1 Image File Format for AV1 in those).
"""

from __future__ import annotations

import struct

import cv2
import numpy as np
import numpy.typing as npt

from autoquality_core.images.isobmff.av1 import coded_size
from autoquality_core.images.isobmff.bits import BitReader
from autoquality_core.types import Data

_FILE = frozenset({b"ftyp", b"meta", b"mdat", b"free"})
_META = frozenset({b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref"})
_REFERENCES = frozenset({b"auxl", b"cdsc", b"prem"})
_PROPERTIES = frozenset({b"ispe", b"pixi", b"pasp", b"colr", b"av1C", b"auxC"})
_COLOURS = frozenset({b"nclx", b"prof", b"rICC"})
_ITEMS = frozenset({b"av01", b"Exif", b"mime"})

# A plain file has a dozen in one place; a hostile one could have millions.
_MOST_BOXES = 32
_MOST_LOCATIONS = 1024  # bytes of iloc

# In the third byte of av1C.
_HIGH_BIT_DEPTH = 0x40
_MONOCHROME = 0x10

_Boxes = dict[bytes, list[memoryview]]


def decode_plain_avif(
    data: Data, width: int, height: int, bands: int
) -> npt.NDArray[np.uint8] | None:
    """The samples of a plain AVIF: (1, height, width, bands), 8-bit RGB, or RGB and alpha.

    None if the file is damaged, is not of the sides and bands (3 or 4) given,
    or is not plain: then it is for libvips to decode or refuse. Plain is one
    image in colours of 8 bits, coded in one piece, with or without alpha (which
    may be premultiplied: libavif undoes that); not to be turned or cropped,
    without thumbnails, gain maps or further images. Exif, XMP and an ICC profile,
    which is not applied, may be there.

    Takes one thread, whatever `image.configure` was told.
    """
    shown = bytearray(data)
    try:
        _require_plain(memoryview(shown), width, height, bands)
        found = cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_UNCHANGED)
    except (ValueError, struct.error, cv2.error):
        return None
    if found is None or found.shape != (height, width, bands) or found.dtype != np.uint8:
        return None
    order = cv2.COLOR_BGR2RGB if bands == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(found, order), np.uint8)[np.newaxis]


def _require_plain(data: memoryview, width: int, height: int, bands: int) -> None:
    """Raise ValueError, or struct.error where a box is too short for what it should hold.

    Hides the metadata in `data`: OpenCV does not recognise a file in which it
    lies behind the pixels, and would parse Exif that nobody asked it for.
    Only what is known to be harmless passes: a list of what is not plain would
    never be complete.
    """
    meta = _boxes(_only(_boxes(data, _FILE), b"meta")[4:], _META)
    images = _images(_only(meta, b"iinf"))
    _require(len(images) == bands - 2)
    # libavif would scale a picture of another size than the file says that it has.
    places = _places(_only(meta, b"iloc"))
    for image in images:
        start, length = places.get(image, (0, 0))
        _require(coded_size(bytes(data[start : start + length])) == (width, height))
    for references in meta.get(b"iref", ()):
        _boxes(references[4:], _REFERENCES)

    iprp = _boxes(_only(meta, b"iprp"), frozenset({b"ipco", b"ipma"}))
    properties = _boxes(_only(iprp, b"ipco"), _PROPERTIES)
    # Of sizes that are all the same no two readers can take different ones: the
    # image that was held against the limits is the one that will be decoded.
    sizes = {struct.unpack_from(">4x2I", size) for size in properties.get(b"ispe", ())}
    _require(sizes == {(width, height)})
    _require(all(bytes(colour[:4]) in _COLOURS for colour in properties.get(b"colr", ())))
    _require(len(properties.get(b"auxC", ())) == len(images) - 1)
    codings = [coding[2] for coding in properties.get(b"av1C", ()) if len(coding) > 2]
    _require(not any(coding & _HIGH_BIT_DEPTH for coding in codings))
    _require(not all(coding & _MONOCHROME for coding in codings))


def _boxes(content: memoryview, known: frozenset[bytes]) -> _Boxes:
    """What is in the boxes that `content` consists of, by their type, all of which are `known`."""
    found: _Boxes = {}
    for _ in range(_MOST_BOXES):
        if not content:
            return found
        size, kind = struct.unpack_from(">I4s", content)
        _require(kind in known and 8 <= size <= len(content))
        found.setdefault(kind, []).append(content[8:size])
        content = content[size:]
    raise ValueError("too many boxes")


def _only(boxes: _Boxes, kind: bytes) -> memoryview:
    _require(len(boxes.get(kind, ())) == 1)
    return boxes[kind][0]


def _images(iinf: memoryview) -> list[int]:
    """The items of the file that are coded images; the others must be metadata, and are hidden."""
    _require(bytes(iinf[:1]) == b"\0")
    images = []
    for entry in _boxes(iinf[6:], frozenset({b"infe"})).get(b"infe", ()):
        version, item, kind = struct.unpack_from(">B3xH2x4s", entry)
        _require(version == 2 and kind in _ITEMS)
        if kind == b"av01":
            images.append(item)
        else:
            entry[8:12] = b"none"  # no type of item: it will be ignored
    return images


def _places(iloc: memoryview) -> dict[int, tuple[int, int]]:
    """Where in the file each item begins and its length; all must be in one piece."""
    bits = BitReader(bytes(iloc[:_MOST_LOCATIONS]))
    version = bits.take(8)
    bits.skip(24)
    offset_bits, length_bits, base_bits, index_bits = (8 * bits.take(4) for _ in range(4))
    _require(version < 2)
    places = {}
    for _ in range(bits.take(16)):
        item = bits.take(16)
        # In the file itself (how, where: 0), in one extent.
        _require(bits.take(16 * version) == bits.take(16) == 0)
        base = bits.take(base_bits)
        _require(bits.take(16) == 1)
        bits.skip(index_bits * version)
        places[item] = base + bits.take(offset_bits), bits.take(length_bits)
    return places


def _require(plain: bool) -> None:
    if not plain:
        raise ValueError("not a plain AVIF")
