"""Conversion from samples in the colours of a file to 8-bit samples, in sRGB or other primaries.

A `Space` consists of curves, a tone map for HDR, and a matrix. The loops of
`linear_light` process blocks of pixels, to limit memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from autoquality_core.images.colour import linear_light, tone_mapping
from autoquality_core.images.colour.cicp import Colours, Transfer, srgb_samples
from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.runtime.arrays import Bytes, Floats

_BLOCK = 1 << 15
_ONE = np.ones(1, np.float32)


@dataclass(frozen=True, slots=True)
class Space:
    """The conversion from samples of a grey or RGB image to linear light in sRGB; 1 is white.

    `light` is the light of each sample of each channel: (channels, levels). HLG's scene
    light becomes display light by `luminance`, `ootf` (the weights and the exponent of
    its system gamma, 0 for none) and `scale`. HDR light is multiplied by `gains`
    (`tone_mapping.gains`).
    """

    light: Floats
    to_srgb: Floats
    luminance: Floats = field(default_factory=lambda: np.zeros(3, np.float32))
    ootf: float = 0.0
    scale: float = 1.0
    gains: Floats = field(default_factory=lambda: _ONE)

    @classmethod
    def described(cls, colours: Colours, channels: int, levels: int) -> Space:
        """The conversion of described colours; HDR also needs `tone_mapped`."""
        hlg = colours.transfer is Transfer.HLG
        return cls(
            np.broadcast_to(colours.light(levels), (channels, levels)).copy(),
            colours.to_srgb().astype(np.float32),
            colours.luminance().astype(np.float32),
            tone_mapping.HLG_SYSTEM_GAMMA - 1 if hlg else 0.0,
            tone_mapping.HLG_PEAK if hlg else 1.0,
        )

    def tone_mapped(self, pixels: Samples) -> Space:
        """The conversion of HDR with a tone map for an image with these `pixels` (n, bands)."""
        peak = tone_mapping.peak(self.in_own_primaries().linear(pixels).max(-1))
        return replace(self, gains=tone_mapping.gains(peak))

    def in_own_primaries(self) -> Space:
        return replace(self, to_srgb=np.eye(3, dtype=np.float32))

    @property
    def changes_nothing(self) -> bool:
        """Whether the conversion changes no 8-bit sample by more than 1."""
        channels = self.light.shape[0]
        steps = np.linspace(0, 255, 9 if channels == 3 else 256).round().astype(np.uint8)
        colours = np.stack(np.meshgrid(*[steps] * channels), -1).reshape(1, -1, channels)
        every = self.light.shape[1] // 256
        bytewise = replace(self, light=np.ascontiguousarray(self.light[:, :: every + (every > 1)]))
        return bool(np.abs(bytewise.to_8_bits(colours).astype(int) - colours).max() <= 1)

    def linear(self, pixels: Samples) -> Floats:
        """Linear light in sRGB of (n, bands) without alpha: (n, 3), not clipped to 0 to 1."""
        out = np.empty((pixels.shape[0], 3), np.float32)
        linear_light.to_linear(linear_light.read_only(pixels), *self._arguments(), out)
        return out

    def to_8_bits(self, samples: Samples) -> Bytes:
        """Samples (height, width, bands) with the sRGB curve, clipped; grey stays grey."""
        height, width, bands = samples.shape
        pixels = linear_light.read_only(samples.reshape(-1, bands))
        out = np.empty((pixels.shape[0], bands), np.uint8)
        light = np.empty((min(_BLOCK, pixels.shape[0]), 3), np.float32)
        arguments, codes = self._arguments(), _codes()
        for at in range(0, pixels.shape[0], _BLOCK):
            block = pixels[at : at + _BLOCK]
            linear_light.to_linear(block, *arguments, light)
            linear_light.to_codes(light, block, codes, out[at : at + _BLOCK])
        return out.reshape(height, width, bands)

    def _arguments(self) -> tuple[Floats, Floats, np.float32, np.float32, Floats, Floats]:
        ootf, scale = np.float32(self.ootf), np.float32(self.scale)
        return self.light, self.luminance, ootf, scale, self.gains, self.to_srgb


@cache
def _codes() -> Bytes:
    """The sRGB sample of each of 65536 levels of light."""
    return np.rint(srgb_samples(np.linspace(0, 1, 1 << 16)) * 255).astype(np.uint8)
