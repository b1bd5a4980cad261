"""Colour spaces that files describe by numbers, without an ICC profile.

AVIF and HEIF (`colr` of type nclx), PNG (cICP) and some ICC profiles use the
code points of ITU-T H.273. PNG also has gAMA and cHRM.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

import numpy as np

from autoquality_core.runtime.arrays import Doubles, Floats


class Transfer(enum.Enum):
    """The function from samples to light."""

    SRGB = "srgb"
    GAMMA = "gamma"
    PQ = "pq"
    HLG = "hlg"


@dataclass(frozen=True, slots=True)
class Colours:
    """Primaries, white point and transfer function of a grey or RGB image.

    `primaries` holds x and y of red, green, blue and white (CIE 1931). `gamma` is the
    exponent from samples to light for Transfer.GAMMA. `narrow` says that black is 16
    and white 235 (for 8 bits), which a PNG can declare.
    """

    primaries: tuple[float, ...]
    transfer: Transfer
    gamma: float = 1.0
    narrow: bool = False

    @property
    def hdr(self) -> bool:
        return self.transfer in (Transfer.PQ, Transfer.HLG)

    def light(self, levels: int) -> Floats:
        """The light of each of `levels` samples: 1 is white, or 10000 nits for PQ.

        For HLG it is scene light.
        """
        samples = np.linspace(0, 1, levels)
        match self.transfer:
            case Transfer.SRGB:
                light = srgb_light(samples)
            case Transfer.GAMMA:
                light = samples**self.gamma
            case Transfer.PQ:
                light = pq_light(samples)
            case Transfer.HLG:
                light = _hlg_light(samples)
        return light.astype(np.float32)

    def to_srgb(self) -> Doubles:
        """From linear light in these primaries to linear light in those of sRGB."""
        adapted = _adaptation(self.primaries[6:], BT709[6:]) @ _to_xyz(self.primaries)
        return np.asarray(np.linalg.inv(_to_xyz(BT709)) @ adapted)

    def to_xyz_d50(self) -> Doubles:
        """From linear light to CIE XYZ with the ICC's white, as the columns of a matrix profile."""
        return np.asarray(_adaptation(self.primaries[6:], D50) @ _to_xyz(self.primaries))

    def luminance(self) -> Doubles:
        """The contribution of each primary to the luminance of white, which is 1."""
        return np.asarray(_to_xyz(self.primaries)[1])


_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
D50 = (0.345702915, 0.358538597)  # the ICC's, XYZ (0.9642, 1, 0.8249)

BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65)
_BT601 = (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65)

# ITU-T H.273, table 2.
_PRIMARIES = {
    1: BT709,
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, *_C),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: _BT601,
    7: _BT601,
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    10: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}

# ITU-T H.273, table 3. Camera curves (BT.709, BT.601, BT.2020 and similar ones) are
# replaced by the sRGB curve, as browsers do: displays do not invert a camera.
_TRANSFERS = {
    4: (Transfer.GAMMA, 2.2),
    5: (Transfer.GAMMA, 2.8),
    8: (Transfer.GAMMA, 1.0),
    16: (Transfer.PQ, 1.0),
    17: (Transfer.GAMMA, 2.6),
    18: (Transfer.HLG, 1.0),
}

SRGB_TRANSFER = 13  # the code point of its curve

_CAMERAS = frozenset({1, 6, 11, 14, 15})
_DISPLAY_GAMMA = 2.4  # ITU-R BT.1886

_SRGB_GAMMA = 45455
"""The gAMA that encoders write for sRGB, although it only approximates the curve."""

_GAMMA_TOLERANCE = 0.05  # libpng's

_LOWEST_GAMA, _HIGHEST_GAMA = 10_000, 1_000_000  # exponents of 10 and 0.1


def from_codes(primaries: int, transfer: int, *, narrow: bool = False) -> Colours | None:
    """The colours that code points of H.273 describe; None for sRGB.

    Unspecified and reserved code points count as sRGB.
    """
    kind, gamma = _TRANSFERS.get(transfer, (Transfer.SRGB, 1.0))
    return _unless_srgb(Colours(_PRIMARIES.get(primaries, BT709), kind, gamma, narrow))


def from_points(
    points: tuple[float, ...], gamma: float | None, transfer: int = SRGB_TRANSFER
) -> Colours | None:
    """The colours of three primaries and a white (x and y), and an exponent or a code point.

    None for sRGB, and for points that describe no possible colours.
    """
    primaries = _settled(points)
    if primaries is None:
        return None
    if gamma is not None:
        return Colours(primaries, Transfer.GAMMA, gamma)
    return _unless_srgb(Colours(primaries, *_TRANSFERS.get(transfer, (Transfer.SRGB, 1.0))))


def primaries_of(code: int) -> tuple[float, ...]:
    """The points of red, green, blue and white for a code point; sRGB's for unknown ones."""
    return _PRIMARIES.get(code, BT709)


def from_gama_chrm(gama: int | None, chrm: tuple[int, ...] | None) -> Colours | None:
    """The colours that PNG's gAMA and cHRM (white, red, green, blue) describe.

    Without gAMA, cHRM is ignored, as in browsers. None for sRGB, and for numbers that describe no
    possible colours.
    """
    if gama is None or not _LOWEST_GAMA <= gama <= _HIGHEST_GAMA:
        return None
    points: tuple[float, ...] = BT709
    if chrm is not None:
        points = tuple(value / 100_000 for value in (*chrm[2:], *chrm[:2]))
    near_srgb = abs(gama / _SRGB_GAMMA - 1) <= _GAMMA_TOLERANCE and _settled(points) == BT709
    return from_points(points, None if near_srgb else 100_000 / gama)


def from_cicp(content: bytes) -> Colours | None:
    """The colours of a cICP chunk, or of the last four bytes of an ICC profile's cicp tag.

    Browsers show camera curves there as on a television, by the gamma of BT.1886.
    """
    primaries, transfer, matrix, full = struct.unpack("4B", content)
    if matrix != 0:  # not RGB, which neither of them allows
        return None
    if transfer in _CAMERAS:
        points = _PRIMARIES.get(primaries, BT709)
        return Colours(points, Transfer.GAMMA, _DISPLAY_GAMMA, narrow=not full)
    return from_codes(primaries, transfer, narrow=not full)


def _unless_srgb(colours: Colours) -> Colours | None:
    return None if colours == Colours(BT709, Transfer.SRGB) else colours


def _settled(primaries: tuple[float, ...]) -> tuple[float, ...] | None:
    """Primaries that span a triangle around a point that is roughly white; None for others.

    Those that are nearly sRGB's become sRGB's.
    """
    corners = np.array(primaries).reshape(4, 2)
    if np.abs(corners).max() > 2 or np.abs(corners[3] - 1 / 3).max() > 0.2:
        return None
    columns = np.column_stack([corners[:3], np.ones(3)]).T
    if abs(np.linalg.det(columns)) < 1e-3:
        return None
    if not np.linalg.solve(columns, [*corners[3], 1]).min() > 1e-3:
        return None
    return BT709 if np.abs(np.subtract(primaries, BT709)).max() < 0.001 else primaries


def _xyz(x: float, y: float) -> Doubles:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _to_xyz(primaries: tuple[float, ...]) -> Doubles:
    corners = np.array(primaries[:6]).reshape(3, 2)
    columns = np.column_stack([corners, 1 - corners.sum(1)]).T
    return np.asarray(columns * np.linalg.solve(columns, _xyz(*primaries[6:])))


def _adaptation(white: tuple[float, ...], to: tuple[float, ...]) -> Doubles:
    """Bradford's chromatic adaptation."""
    if tuple(white) == tuple(to):
        return np.eye(3)
    cones = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    ratio = (cones @ _xyz(*to)) / (cones @ _xyz(*white))
    return np.asarray(np.linalg.inv(cones) @ np.diag(ratio) @ cones)


def srgb_light(samples: Doubles) -> Doubles:
    """IEC 61966-2-1, samples of 0 to 1."""
    return np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)


def srgb_samples(light: Doubles) -> Doubles:
    """IEC 61966-2-1, light of 0 to 1."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_M1, _M2 = 1305 / 8192, 2523 / 32
_C1, _C2, _C3 = 107 / 128, 2413 / 128, 2392 / 128


def pq_light(samples: Doubles) -> Doubles:
    """SMPTE ST 2084: 1 is 10000 nits."""
    root = samples ** (1 / _M2)
    return np.asarray((np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def pq_samples(light: Doubles) -> Doubles:
    """SMPTE ST 2084, inverted."""
    root = light**_M1
    return np.asarray(((_C1 + _C2 * root) / (1 + _C3 * root)) ** _M2)


def _hlg_light(samples: Doubles) -> Doubles:
    """ITU-R BT.2100, scene light: 1 is the brightest."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(samples <= 0.5, samples**2 / 3, (np.exp((samples - c) / a) + b) / 12)
