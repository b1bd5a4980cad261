"""A JPEG XL file: what it holds, read without libjxl, and its pixels, decoded by libjxl.

libjxl has no limits of its own, and imagecodecs allocates what the header announces. So a file is
measured first, and the memory for its pixels is allocated here. libjxl cannot be stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.images.colour.icc import PROFILE
from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.jxl.container import read_container
from autoquality_core.images.jxl.frames import Frame, read_frames
from autoquality_core.images.jxl.header import Header, read_header
from autoquality_core.images.jxl.rewriting import with_display_p3
from autoquality_core.images.limits import ImageLimits, check_count
from autoquality_core.images.metadata.kept import Blocks
from autoquality_core.runtime.codecs import jpegxl, pyvips
from autoquality_core.types import Data

_PAGE = 0xFFFFFFFF
"""The duration of a frame that is a page."""


@dataclass(frozen=True, slots=True)
class Jxl:
    """A file within the limits that has not been decoded yet.

    `delays` has the duration of each frame in milliseconds, 0 for a still image. `plays` is 0 for
    an endless loop. `pages` counts frames and pages. `decoded_pixels` are those that libjxl decodes
    for the first image, its layers and hidden frames counted. If all frames together have more than
    the animation shows, it is their number.
    """

    header: Header
    codestream: memoryview = field(repr=False)
    blocks: Blocks = field(repr=False)
    gain_map: bool
    delays: tuple[int, ...]
    plays: int
    pages: int
    decoded_pixels: int

    @property
    def frames(self) -> int:
        return len(self.delays)

    def as_image(self) -> pyvips.Image:
        """A black image with the header that libvips would find."""
        header = self.header
        image = pyvips.Image.black(
            header.width, header.height, bands=header.channels + header.alpha
        ).copy(interpretation="b-w" if header.grey else "srgb")
        image.set_type(pyvips.GValue.gint_type, "orientation", header.orientation)
        if header.profile is not None:
            image.set_type(pyvips.GValue.blob_type, PROFILE, header.profile)
        return image

    def decode(self, frames: int) -> tuple[Samples, tuple[int, ...]]:
        """The first frame or all `frames`, (frames, height, width, bands), and their durations.

        The samples have 8 or 16 bits, in the colours of the file. They are neither turned nor
        premultiplied. Raises ValueError if the file is damaged, and MemoryError.
        """
        header = self.header
        bands = header.channels + header.alpha
        sides = (header.height, header.width)
        planar = header.grey and header.extra > 0 and not header.alpha
        if planar:
            shape: tuple[int, ...] = (1 + header.extra, *sides)
        else:
            shape = sides if bands == 1 else (*sides, bands)
        found = np.empty(shape if frames == 1 else (frames, *shape), _dtype(header))
        try:
            jpegxl.jpegxl_decode(
                self.codestream,
                index=0 if frames == 1 else None,
                keeporientation=True,
                numthreads=1,
                out=found,
            )
        except RuntimeError:
            raise ValueError("damaged") from None
        if planar:
            found = found.reshape(frames, *shape)[:, 0]
        samples = _full_range(found.reshape(frames, *sides, bands), header)
        if header.premultiplied:
            samples = _unpremultiplied(samples)
        return samples, self.delays[:frames]


def read_jxl(data: Data, field: str, limits: ImageLimits) -> Jxl:
    """Read the structure of a file.

    Raises InvalidImage over a limit, and ValueError for a file that is damaged or of an unusual
    kind. `field` is the path of the field in the request, for errors.
    """
    container = read_container(data)
    codestream = container.codestream
    header = read_header(codestream)
    sides = (header.width, header.height)
    limits.check_size(field, *sides, 1, header.channels + header.extra)
    frames = list(read_frames(codestream, header, limits.max_frames))
    check_count(field, "frames or more", len(frames), limits.max_frames)
    durations = [frame.duration for frame in frames if frame.shown]
    delays: tuple[int, ...] = (0,)
    if header.ticks and _PAGE not in durations:
        delays = tuple(round(1000 * ticks / header.ticks) for ticks in durations)
    if header.xyb and header.profile is not None:
        codestream, header = with_display_p3(codestream, header)
    return Jxl(
        *(header, codestream, container.blocks, container.gain_map, delays),
        plays=header.plays,
        pages=len(durations),
        decoded_pixels=_decoded_pixels(frames, sides[0] * sides[1]),
    )


def _decoded_pixels(frames: list[Frame], canvas: int) -> int:
    # libjxl lays each visible frame on the whole image, however small it is.
    areas = [max(one.pixels, canvas) if one.kind.visible else one.pixels for one in frames]
    shown = [at for at, one in enumerate(frames) if one.shown]
    everything = sum(areas)
    return everything if everything > len(shown) * canvas else sum(areas[: shown[0] + 1])


def _dtype(header: Header) -> npt.DTypeLike:
    """The type of the samples that imagecodecs decodes."""
    if header.floating and header.bits == 16:
        return np.float16
    if header.floating and header.bits != 32:
        raise ValueError("floats of an unusual size")
    if header.floating or header.bits > 16:
        return np.float32
    return np.uint8 if header.bits <= 8 else np.uint16


def _full_range(found: npt.NDArray[Any], header: Header) -> Samples:
    """Samples of any depth as 8 or 16 bits. Floats below 0 and above 1 are clipped."""
    if found.dtype.kind == "f":
        scaled = np.nan_to_num(found.astype(np.float32, copy=False), nan=0.0)
        return (scaled.clip(0, 1) * 65535).round().astype(np.uint16)
    most = (1 << header.bits) - 1
    full: int = np.iinfo(found.dtype).max
    if most == full:
        return found
    levels = np.arange(full + 1).clip(max=most)
    stretched: Samples = (levels * full / most).round().astype(found.dtype)[found]
    return stretched


def _unpremultiplied(samples: Samples) -> Samples:
    most = np.iinfo(samples.dtype).max
    done = samples.copy()
    for frame in done:  # one at a time, to limit the memory for floats
        alpha = np.maximum(frame[..., -1:], 1).astype(np.float32)
        frame[..., :-1] = (frame[..., :-1] * (most / alpha)).round().clip(max=most)
    return done
