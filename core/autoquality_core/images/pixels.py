"""Decoded images, resident in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from autoquality_core.images.colour.file_colours import FileColours
from autoquality_core.images.colour.icc import PROFILE, in_rgb, nearest
from autoquality_core.images.colour.linear_light import read_only
from autoquality_core.images.colour.render import render
from autoquality_core.images.libvips import ensure_configured
from autoquality_core.runtime.arrays import Bytes, Indices
from autoquality_core.runtime.codecs import pyvips

_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class Pixels:
    """8-bit samples, sRGB or grey, alpha last.

    `samples` has the shape (frames, height, width, bands). bands: 1 grey, 2 grey and alpha, 3 RGB,
    4 RGB and alpha. They are not copied unless an alpha that is fully opaque is dropped; `samples`
    is a read-only view, and the caller must not change them afterwards.
    `delays` holds the duration of each frame in milliseconds, and is empty for a still image.
    `profile` is the ICC profile to write; None for sRGB. `plays` is how often an animation is
    played; 0 for an endless loop and for a still image. `tone_mapped` and `clipped` say that HDR
    brightness or visible colours outside sRGB were lost in decoding. `exact` says that the colours
    of wholly transparent pixels are to be encoded like others.
    """

    samples: Bytes
    delays: tuple[int, ...] = ()
    profile: bytes | None = field(default=None, repr=False)
    plays: int = 0
    tone_mapped: bool = False
    clipped: bool = False
    exact: bool = False
    _image: pyvips.Image | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ensure_configured()
        samples = read_only(np.ascontiguousarray(_without_opaque_alpha(self.samples)))
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "plays", self.plays if len(samples) > 1 else 0)

    @property
    def image(self) -> pyvips.Image:
        """The libvips view of the same memory: frames below one another.

        It has the profile, and for an animation a page-height, the delays and the loop.
        """
        with _making:
            if self._image is None:
                object.__setattr__(self, "_image", self._made_image())
            return self._image

    def _made_image(self) -> pyvips.Image:
        frames, height, width, bands = self.samples.shape
        image = pyvips.Image.new_from_memory(
            self.samples.reshape(-1).data, width, frames * height, bands, "uchar"
        ).copy(interpretation="b-w" if bands < 3 else "srgb")
        if self.profile is not None:
            image.set_type(pyvips.GValue.blob_type, PROFILE, self.profile)
        if frames > 1:
            image.set_type(pyvips.GValue.gint_type, "loop", self.plays)
            image.set_type(pyvips.GValue.gint_type, "page-height", height)
            image.set_type(pyvips.GValue.array_int_type, "delay", list(self.delays))
        image.set_progress(True)  # otherwise libvips does not check whether it was stopped
        return image

    @property
    def frames(self) -> int:
        return int(self.samples.shape[0])

    @property
    def height(self) -> int:
        """Height of one frame in pixels."""
        return int(self.samples.shape[1])

    @property
    def width(self) -> int:
        return int(self.samples.shape[2])

    @property
    def bands(self) -> int:
        return int(self.samples.shape[3])

    @property
    def has_alpha(self) -> bool:
        return self.bands in (2, 4)

    def in_srgb(self) -> Self:
        """Converted to sRGB, if the colours have a profile. `clipped` is set if some did not fit.

        Raises pyvips.Error.
        """
        if self.profile is None:
            return self
        colours = FileColours(1 if self.bands < 3 else 3, self.profile)
        rendered = render(self.samples.reshape(-1, self.width, self.bands), colours)
        samples = rendered.samples.reshape(self.samples.shape)
        return replace(self, samples=samples, profile=None, clipped=rendered.clipped)

    def stop(self) -> None:
        """Make a running encoding of these pixels fail; callable from any thread.

        libvips checks this while it passes pixels to an encoder, and during all of a WebP
        encoding. mozjpeg's trellis and aom start when they have all pixels, and cannot
        be stopped then. Nor can libjxl and the encoders of `formats.plain`.
        """
        if self._image is not None:
            self._image.set_kill(True)

    def flattened(self, background: tuple[int, int, int]) -> Self:
        """Without alpha, over a background in sRGB; stays grey if both are grey."""
        if not self.has_alpha:
            return self
        image, profile = self.image, self.profile
        if self.bands == 2 and len(set(background)) > 1:
            image, profile = image.colourspace("srgb"), in_rgb(profile)
        colours = nearest(background, profile)
        flat = image.cast("float").flatten(background=colours if image.bands == 4 else colours[:1])
        samples = flat.rint().cast("uchar").numpy().reshape(*self.samples.shape[:3], flat.bands)
        return replace(self, samples=samples, profile=profile, tone_mapped=False, clipped=False)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Samples of the shape (stored frames, height, width, bands), 8 bits, bands as in `Pixels`.

    An encoder may merge equal frames: `shown` has the index of the stored frame for each frame
    of the source, and is None where the two are the same.
    """

    samples: Bytes
    shown: Indices | None = None


def _without_opaque_alpha(samples: Bytes) -> Bytes:
    frames, height, width, bands = samples.shape
    if bands in (1, 3) or samples[..., -1].min() < 255:
        return samples
    if bands == 2:
        return samples[..., :1]
    colours = np.empty((frames, height, width, 3), np.uint8)
    for band in range(3):  # ten times as fast as one copy of all three
        colours[..., band] = samples[..., band]
    return colours
