"""A decoded image, resident in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.images.colour.icc import PROFILE, in_rgb, nearest


@dataclass(frozen=True, slots=True)
class Pixels:
    """8-bit samples, sRGB or grey, alpha last where there is one.

    `image` is the libvips view of the same memory as `samples` (frames below
    one another, page-height set when there are several); `samples` has the
    shape (frames, height, width, bands), uint8, and is read-only. bands: 1
    grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. A wholly opaque alpha is
    dropped when the image is decoded. `delays` holds one duration in
    milliseconds a frame, empty for a still image. Where the colours are not
    sRGB, `image` carries the ICC profile to write. `tone_mapped` and `clipped`
    say what was lost in decoding: HDR brightness, visible colours outside sRGB.
    """

    image: pyvips.Image
    samples: npt.NDArray[np.uint8]
    delays: tuple[int, ...] = ()
    tone_mapped: bool = False
    clipped: bool = False

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

    @classmethod
    def from_samples(
        cls,
        samples: npt.NDArray[np.uint8],
        delays: Sequence[int] = (),
        *,
        origin: pyvips.Image | None = None,
        profile: bytes | None = None,
    ) -> Self:
        """Wrap `samples`, of the shape and meaning described above, without copying them.

        A wholly opaque alpha is dropped (this copies). From `origin` the
        number of loops of an animation is taken, and nothing else; its colour profile
        is `profile`. The samples become
        read-only through this object; the caller must not write to them either.
        """
        samples = np.ascontiguousarray(_without_opaque_alpha(samples)).view()
        samples.flags.writeable = False
        frames, height, width, bands = samples.shape
        image = pyvips.Image.new_from_memory(
            samples.reshape(-1).data, width, frames * height, bands, "uchar"
        ).copy(interpretation="b-w" if bands < 3 else "srgb")
        if origin is not None and frames > 1:
            _copy_fields(origin, image, ("loop",))
        if profile is not None:
            image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
        if frames > 1:
            image.set_type(pyvips.GValue.gint_type, "page-height", height)
            image.set_type(pyvips.GValue.array_int_type, "delay", list(delays))
        image.set_progress(True)  # else libvips does not look whether it was stopped
        return cls(image, samples, tuple(delays))

    @property
    def profile(self) -> bytes | None:
        """The ICC profile to write; None for sRGB."""
        image = self.image
        return bytes(image.get(PROFILE)) if image.get_typeof(PROFILE) else None

    def stop(self) -> None:
        """Make an encoding that runs fail; from any thread.

        libvips looks while it hands pixels to an encoder, and libwebp, by
        libvips, all the while. mozjpeg's trellis and aom only begin once they
        have every pixel: those go on to their end, as do the encoders of
        small images (`codecs.swift`).
        """
        self.image.set_kill(True)

    def flattened(self, background: tuple[int, int, int]) -> Self:
        """Without alpha, laid over an sRGB colour; stays grey where both are grey."""
        if not self.has_alpha:
            return self
        image, profile = self.image, self.profile
        if self.bands == 2 and len(set(background)) > 1:
            image, profile = image.colourspace("srgb"), in_rgb(profile)
        colours = nearest(background, profile)
        flat = image.flatten(background=colours if image.bands == 4 else colours[:1])
        samples = np.frombuffer(flat.write_to_memory(), np.uint8)
        return type(self).from_samples(
            samples.reshape(self.frames, self.height, self.width, flat.bands),
            self.delays,
            origin=self.image,
            profile=profile,
        )


def _without_opaque_alpha(samples: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    frames, height, width, bands = samples.shape
    if bands in (1, 3) or samples[..., -1].min() < 255:
        return samples
    if bands == 2:
        return samples[..., :1]
    rows = samples.reshape(frames * height, width, bands)
    colours = np.asarray(cv2.cvtColor(rows, cv2.COLOR_RGBA2RGB), np.uint8)
    return colours.reshape(frames, height, width, 3)


def _copy_fields(origin: pyvips.Image, image: pyvips.Image, names: Sequence[str]) -> None:
    for name in names:
        if origin.get_typeof(name):
            image.set_type(origin.get_typeof(name), name, origin.get(name))
