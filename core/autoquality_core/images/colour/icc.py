"""ICC profiles: writing them for described colours, and evaluating those of curves and a matrix.

lcms is less exact for such profiles. Its inverse of the sRGB curve is off by up to 14
levels in dark colours (5 from 8 bits). libvips passes colours to it in 16 bits, in which
a and b end at 128. Profiles with tables are left to lcms.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from autoquality_core.images.colour.cicp import BT709, Colours, Transfer, from_cicp, srgb_light
from autoquality_core.images.colour.spaces import Space
from autoquality_core.runtime.arrays import Doubles, Floats

PROFILE = "icc-profile-data"

_HEADER = 128
_MOST_TAGS = 100
_ILLUMINANT = (0.9642, 1.0, 0.8249)
_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")
_CURVES = (b"rTRC", b"gTRC", b"bTRC")
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile_of(colours: Colours, channels: int) -> bytes:
    """An ICC profile of version 4 for a grey or RGB display; for HDR, with the sRGB curve."""
    if colours.transfer is Transfer.GAMMA:
        curve = _parametric(0, (colours.gamma,))
    else:
        curve = _parametric(3, _SRGB_CURVE)
    return _display(curve, colours, channels)


def in_rgb(profile: bytes | None) -> bytes | None:
    """A profile for grey written as RGB; any other profile as it is."""
    if profile is None or profile[16:20] != b"GRAY":
        return profile
    curve = _tags(profile).get(b"kTRC")
    return None if curve is None else _display(bytes(curve), Colours(BT709, Transfer.SRGB), 3)


def in_grey(profile: bytes) -> bytes:
    """The profile for grey samples: one for grey as it is, and the curve of one for RGB.

    An RGB profile whose three curves differ, or with tables, is returned as it is.
    """
    tags = _tags(profile)
    curves = {bytes(tags.get(name, b"")) for name in _CURVES}
    if profile[16:20] != b"RGB " or tags.keys() & {b"A2B0", b"A2B1"} or len(curves) > 1:
        return profile
    return _display(curves.pop(), Colours(BT709, Transfer.SRGB), 1)


_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}


def fits(profile: bytes, channels: int) -> bool:
    """Whether a profile is for grey (1 channel), RGB (3) or CMYK (4)."""
    return profile[16:20] == _SPACES[channels]


def complete(profile: bytes) -> bytes | None:
    """A profile of whole words, without what is behind it; None if it lacks bytes, or a tag."""
    size = int.from_bytes(profile[:4], "big")
    count = int.from_bytes(profile[_HEADER : _HEADER + 4], "big")
    tags = _tags(profile[:size])
    if not _HEADER < size <= len(profile) or len(tags) < min(count, _MOST_TAGS):
        return None
    words = -(-size // 4)  # libpng writes no others
    return struct.pack(">I", 4 * words) + profile[4:size].ljust(4 * words - 4, b"\0")


def hdr_colours(profile: bytes) -> Colours | None:
    """The colours of an HDR profile that names them in a cicp tag (ICC.1:2022, 9.2.17)."""
    content = bytes(_tags(profile).get(b"cicp", b"")[:12])
    colours = from_cicp(content[8:]) if len(content) == 12 else None
    return colours if colours is not None and colours.hdr else None


CACHED_BYTES = 16 * 1024
"""Larger profiles are not cached: callers could fill the memory with them."""


def space_of(profile: bytes, channels: int, levels: int) -> Space | None:
    """The conversion of samples of `levels` by a profile; None unless it is curves and a matrix."""
    read = _space_of if len(profile) <= CACHED_BYTES else _space_of.__wrapped__
    return read(profile, channels, levels)


@lru_cache(maxsize=16)
def _space_of(profile: bytes, channels: int, levels: int) -> Space | None:
    tags = _tags(profile)
    if b"A2B0" in tags or b"A2B1" in tags or profile[20:24] != b"XYZ ":
        return None
    try:
        if channels == 1:
            return Space(_curve(tags[b"kTRC"], levels)[np.newaxis], np.eye(3, dtype=np.float32))
        curves = [_curve(tags[name], levels) for name in _CURVES]
        columns = [_column(tags[name]) for name in _COLUMNS]
    except (KeyError, ValueError, struct.error):
        return None
    to_srgb = XYZ_D50_TO_SRGB @ np.stack(columns, axis=1)
    return Space(np.stack(curves), to_srgb.astype(np.float32))


XYZ_D50_TO_SRGB = np.linalg.inv(Colours(BT709, Transfer.SRGB).to_xyz_d50())


def srgb_of_lab(lab: Floats) -> Doubles:
    """Linear light in sRGB from CIELAB of lcms, whose white is D50."""
    middle = (lab[..., 0].astype(np.float64) + 16) / 116
    roots = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], axis=-1)
    xyz = np.where(roots > 6 / 29, roots**3, (roots - 16 / 116) * 108 / 841)
    return np.asarray(xyz * _ILLUMINANT @ XYZ_D50_TO_SRGB.T)


def nearest(colour: tuple[int, int, int], profile: bytes | None) -> list[int]:
    """The samples that are nearest to an sRGB colour in the colours of a profile.

    None and profiles of tables count as sRGB. For a grey profile, all three are equal.
    """
    channels = 1 if profile is not None and fits(profile, 1) else 3
    space = None if profile is None else space_of(profile, channels, 256)
    if space is None:
        return list(colour)
    light = np.linalg.lstsq(space.to_srgb, srgb_light(np.array(colour) / 255))[0]
    curves = np.broadcast_to(space.light, (3, 256))
    return [int(np.abs(curve - one).argmin()) for curve, one in zip(curves, light, strict=True)]


def _column(tag: memoryview) -> Doubles:
    if bytes(tag[:4]) != b"XYZ ":
        raise ValueError("not a colour")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _curve(tag: memoryview, levels: int) -> Floats:
    """The light of each of `levels` samples."""
    samples = np.linspace(0, 1, levels)
    kind = bytes(tag[:4])
    if kind == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = np.frombuffer(tag, ">u2", count, 12)
        if count == 0:
            light = samples
        elif count == 1:
            light = samples ** (values[0] / 256)
        else:
            light = np.interp(samples, np.linspace(0, 1, count), values / 65535)
    elif kind == b"para":
        (function,) = struct.unpack_from(">H", tag, 8)
        if function >= len(_PARAMETERS):
            raise ValueError("an unknown function")
        values = np.array(struct.unpack_from(f">{_PARAMETERS[function]}i", tag, 12)) / 65536
        light = _function(function, values, samples)
    else:
        raise ValueError("not a curve")
    return np.clip(np.nan_to_num(light), 0, 1).astype(np.float32)


_PARAMETERS = (1, 3, 4, 5, 7)


def _function(kind: int, values: Doubles, x: Doubles) -> Doubles:
    """ICC.1:2022, table 68."""
    g, a, b, c, d, e, f = np.concatenate([values, np.zeros(7 - len(values))])
    with np.errstate(all="ignore"):
        if kind == 0:
            return np.asarray(x**g)
        if kind < 3:
            light = np.where(x >= -b / a, np.maximum(a * x + b, 0) ** g, 0)
            return np.asarray(light + (c if kind == 2 else 0))
        return np.asarray(np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f))


def _tags(profile: bytes) -> dict[bytes, memoryview]:
    """The tags of a profile, without tags that exceed it.

    They are views: each could be as large as the profile.
    """
    if len(profile) < _HEADER + 4:
        return {}
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    found = {}
    for at in range(min(count, _MOST_TAGS)):
        begin = _HEADER + 4 + 12 * at
        if begin + 12 > len(profile):
            break
        name, offset, size = struct.unpack_from(">4sII", profile, begin)
        if offset + size <= len(profile):
            found[name] = memoryview(profile)[offset : offset + size]
    return found


def _display(curve: bytes, colours: Colours, channels: int) -> bytes:
    white = _xyz_tag(_ILLUMINANT)
    tags = {
        b"desc": _text("RGB display" if channels == 3 else "Grey display"),
        b"cprt": _text("CC0"),
        b"wtpt": white,
    }
    if channels == 3:
        columns = colours.to_xyz_d50().T
        for name, column in zip(_COLUMNS, columns, strict=True):
            tags[name] = _xyz_tag(column)
        tags |= dict.fromkeys(_CURVES, curve)
    else:
        tags[b"kTRC"] = curve
    return _assembled(tags, b"RGB " if channels == 3 else b"GRAY")


def _assembled(tags: dict[bytes, bytes], space: bytes) -> bytes:
    """A profile with these tags; equal values are stored once."""
    table, content = struct.pack(">I", len(tags)), b""
    places: dict[bytes, int] = {}
    start = _HEADER + 4 + 12 * len(tags)
    for name, value in tags.items():
        if value not in places:
            places[value] = start + len(content)
            content += value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", places[value], len(value))
    size = start + len(content)
    header = struct.pack(">I4xI4s4s4s", size, 0x04300000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp"
    header = header.ljust(68, b"\0") + _fixed(_ILLUMINANT)
    return header.ljust(_HEADER, b"\0") + table + content


def _fixed(values: Iterable[float]) -> bytes:
    return b"".join(struct.pack(">i", round(float(one) * 65536)) for one in values)


def _parametric(kind: int, values: tuple[float, ...]) -> bytes:
    return b"para" + bytes(4) + struct.pack(">H2x", kind) + _fixed(values)


def _xyz_tag(values: Iterable[float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    language = struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(encoded), 28)
    return language + encoded
