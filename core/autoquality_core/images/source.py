"""Opening and decoding image files.

`open_image` checks a file against the limits and returns a `Source`: the header is read,
nothing is decoded. `Source.decode` returns `Pixels`: 8-bit sRGB or grey, upright.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from functools import partial
from typing import Any

from autoquality_core.errors import InvalidImage
from autoquality_core.images.colour.file_colours import FileColours, file_colours, in_grey
from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.colour.render import device_samples, render
from autoquality_core.images.contents import Animation, contents_of
from autoquality_core.images.gif import Gif
from autoquality_core.images.isobmff.meta import Meta
from autoquality_core.images.isobmff.sequence import Sequence
from autoquality_core.images.jpeg import SingleScan, plain_exif, single_scan
from autoquality_core.images.jxl.file import Jxl, read_jxl
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.images.limits import ImageLimits, check_count, cost_of
from autoquality_core.images.loaders import ANIMATED, TOLERABLE, load, sniff, source_formats
from autoquality_core.images.metadata.kept import Blocks, Metadata, kept_metadata
from autoquality_core.images.orientation import swaps_sides, upright
from autoquality_core.images.pixels import Pixels
from autoquality_core.images.plain_files import (
    decode_plain_avif,
    decode_plain_jpeg,
    decode_plain_webp,
)
from autoquality_core.images.png.apng import Apng
from autoquality_core.images.structure import check_structure
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.types import ColorProfile, Data

Stoppable = Callable[[Callable[[], None]], AbstractContextManager[Any]]
"""Makes a context in which another thread can stop the body by the callable given, as
`Deadline.calling` does."""

# The most that a WebP can hold; the duration is over four hours per frame.
_LONGEST_MS = 2**24 - 1
_MOST_PLAYS = 2**16 - 1

_BASE64 = re.compile(rb"data:image/|/9j/|iVBORw0KGgo|UklGR|R0lGOD")
"""How a data URL begins, and a JPEG, PNG, WebP or GIF in base64."""


@dataclass(frozen=True, slots=True)
class Source:
    """An image file that is within the limits and has not been decoded yet.

    `format` is one of `source_formats`. `width` and `height` are those of one upright
    frame (with the EXIF orientation applied). `frames` counts the frames of an
    animation. `pages` counts all images of the file: the pages of a TIFF, HEIF or
    multi-picture JPEG are separate images, and the first (primary) one is used.
    `has_alpha` is taken from the header; decoding drops an alpha that is fully opaque.
    `parts_pixels` counts the pixels of the parts that a HEIF or AVIF is coded in.
    `animation` reads frames that libvips does not read, or shows wrongly, and any JPEG XL.
    `gain_map` says that there is one for HDR screens, which is never decoded. `scan` is the only
    one of a JPEG.
    """

    data: Data = attribute(repr=False)
    field: str
    format: str
    width: int
    height: int
    colours: FileColours
    blocks: Blocks = attribute(repr=False)
    frames: int = 1
    pages: int = 1
    has_alpha: bool = False
    orientation: int = 1
    parts_pixels: int = 0
    animation: Animation | None = attribute(default=None, repr=False)
    gain_map: bool = False
    scan: SingleScan | None = None

    def pixels(self, *, all_frames: bool) -> int:
        """Pixels that `decode` makes: those of the frames, or of the parts if they have more."""
        return max(self.width * self.height * (self.frames if all_frames else 1), self.parts_pixels)

    def cost(self, *, all_frames: bool) -> int:
        """As `pixels`, but more for a narrow image (`cost_of`)."""
        shown = cost_of(self.width, self.height, self.frames if all_frames else 1)
        return max(shown, self.parts_pixels)

    @property
    def holds_still(self) -> bool:
        """Whether the file holds a still image in addition to an animation."""
        return isinstance(self.animation, Sequence)

    @property
    def tolerable(self) -> bool:
        """Whether `decode` can decode a part if the file is damaged or truncated."""
        return self.format in TOLERABLE

    def metadata(
        self, *, everything: bool, copyright_too: bool, size: tuple[int, int] | None = None
    ) -> Metadata:
        """The file's metadata to write to the output; see `kept_metadata`.

        `size` is width and height of the output, by default those of the source.
        """
        return kept_metadata(
            *(self.data, self.format, self.blocks, size or (self.width, self.height)),
            swapped=swaps_sides(self.orientation),
            everything=everything,
            copyright_too=copyright_too,
        )

    def decode(
        self,
        *,
        all_frames: bool,
        damaged: bool = False,
        profile: ColorProfile = ColorProfile.SRGB,
        stoppable: Stoppable = nullcontext,
    ) -> Pixels:
        """Decode the first frame, or all.

        `stoppable` receives a function that stops libvips between two rows; `decode`
        then raises InvalidImage. `damaged` decodes as many pixels as it can.

        Raises InvalidImage for a file that is damaged or truncated, unless `damaged` is
        set. Raises MemoryError if a library could not allocate memory.
        """
        frames = self.frames if all_frames else 1
        with _readable(self.field, self.format, pyvips.Error), allocation_failures():
            return self._pixels(frames, damaged, profile is ColorProfile.KEEP, stoppable)

    def _pixels(
        self, frames: int, damaged: bool, keep_colours: bool, stoppable: Stoppable
    ) -> Pixels:
        source: pyvips.Image | Samples
        delays: tuple[int, ...] = ()
        plays = 0
        whole = not damaged or isinstance(self.animation, Jxl)  # libvips reads no JPEG XL
        if whole and (animation := self._animation(frames, stoppable)) is not None:
            samples, delays, plays = animation
            frames, source = len(samples), samples.reshape(-1, *samples.shape[2:])
            del animation, samples
        elif (plain := self._plain(frames)) is not None:
            frames, source = 1, plain[0]
            del plain
        else:
            source = load(self.data, self.format, frames=-1 if frames > 1 else 1, damaged=damaged)
            frames = frames if self.format in ANIMATED else 1
            delays = _delays(source, frames)
            plays = int(source.get("loop")) if source.get_typeof("loop") else 0
            if self.format == "avif" and self.colours.channels == 1:
                source = in_grey(source)
        with _stopping(source, stoppable):
            rendered = render(source, self.colours, keep=keep_colours)
        del source  # may be twice as large as the result
        samples = rendered.samples.reshape(frames, -1, *rendered.samples.shape[1:])
        return Pixels(
            upright(samples, self.orientation),
            *(delays if frames > 1 else (), rendered.profile, plays),
            *(rendered.tone_mapped, rendered.clipped),
        )

    def _animation(
        self, frames: int, stoppable: Stoppable
    ) -> tuple[Samples, tuple[int, ...], int] | None:
        """Samples and delays of an animation that libvips does not read, and how often it plays.

        The samples are in the colours of the file, and not premultiplied. None if this
        is not supported.
        """
        animation, channels = self.animation, self.colours.channels
        always = isinstance(animation, Jxl | Gif) or (
            isinstance(animation, Apng) and animation.separate_default
        )
        if animation is None or not (frames > 1 or always):
            return None

        def samples_of(frame: bytes) -> Samples:
            image = load(frame, self.format)
            with _stopping(image, stoppable):
                return device_samples(image, self.colours)

        with _readable(self.field, self.format, ValueError):
            if isinstance(animation, Apng | Gif):
                samples, delays = animation.decode(frames, samples_of)
            elif isinstance(animation, Jxl):
                samples, delays = animation.decode(frames)
            else:
                samples, delays = animation.decode(self.data), animation.durations
        if samples.shape[-1] not in (channels, channels + 1):
            return None
        delays = tuple(min(delay, _LONGEST_MS) for delay in delays)
        return samples, delays, min(animation.plays, _MOST_PLAYS)

    def _plain(self, frames: int) -> Samples | None:
        """The samples of a plain file, decoded without libvips: (1, height, width, bands)."""
        sides, channels = (self.width, self.height), self.colours.channels
        width, height = sides[::-1] if swaps_sides(self.orientation) else sides
        if self.scan is not None:
            return decode_plain_jpeg(self.data, self.scan, width, height, channels)
        if self.format == "webp" and frames == 1:
            return decode_plain_webp(self.data, width, height)
        if self.format == "avif":
            return decode_plain_avif(self.data, width, height, channels + self.has_alpha)
        return None


def open_image(data: Data, limits: ImageLimits, *, field: str = "image") -> Source:
    """Recognise the format of `data`, read its header and check it against the limits.

    `field` is the path of the field in the request, for errors. Raises InvalidImage
    with the reason IMAGE_UNSUPPORTED if the format is not one of `source_formats`,
    IMAGE_TOO_LARGE over a limit, and IMAGE_UNREADABLE if the header is damaged.
    """
    if not data:
        raise InvalidImage(field, "must not be empty")
    check_count(field, "bytes", len(data), limits.max_bytes)
    name = sniff(data)
    if name is None:
        if _BASE64.match(data):
            message = "is text in base64; must be the bytes of the file"
            raise InvalidImage(field, message, reason="IMAGE_UNSUPPORTED")
        raise _unsupported(field)
    source_formats()  # before other threads use libvips
    with _readable(field, name, ValueError):
        read = _read(data, name, field, limits)
        parts = 0 if read is None else read.decoded_pixels
    check_count(field, "pixels with all parts", parts, limits.max_pixels)
    scan = single_scan(data) if name == "jpeg" else None
    if scan is None:  # libjpeg reads the only scan of a JPEG once, in a time that its pixels limit
        check_structure(data, name, limits, field)
    elif (exif := plain_exif(data, scan)) is not None:
        limits.check_size(field, scan.width, scan.height, 1, scan.components)
        colours, blocks = FileColours(scan.components), Blocks(exif)
        return Source(data, field, name, scan.width, scan.height, colours, blocks, scan=scan)
    with _readable(field, name, pyvips.Error), allocation_failures():
        header = read.as_image() if isinstance(read, Jxl) else load(data, name)
    if isinstance(read, Meta):
        name = "avif" if header.get("heif-compression") == "av1" else "heif"
        header = in_grey(header) if read.monochrome else header
    if name not in source_formats():
        raise _unsupported(field)
    source = _described(data, field, name, header, read, limits.max_frames)
    limits.check_size(field, source.width, source.height, source.frames, header.bands)
    return replace(source, parts_pixels=parts, scan=scan)


def _read(data: Data, name: str, field: str, limits: ImageLimits) -> Meta | Jxl | None:
    """The structure of a file that libvips does not limit, or does not read."""
    if name in ("avif", "heif"):
        return Meta.read(data)
    return read_jxl(data, field, limits) if name == "jxl" else None


def _described(
    data: Data,
    field: str,
    name: str,
    header: pyvips.Image,
    read: Meta | Jxl | None,
    most_frames: int,
) -> Source:
    with _readable(field, name, ValueError):
        pages, gain_map, animation = contents_of(data, header, name, read, most_frames)
    frames = 1 if animation is None else animation.frames
    orientation = int(header.get("orientation")) if header.get_typeof("orientation") else 1
    width, height = header.width, header.height
    colours = file_colours(data, name, header, read)
    if swaps_sides(orientation):
        width, height = height, width
    return Source(
        data=data,
        field=field,
        format=name,
        width=width,
        height=height,
        frames=pages if name in ANIMATED else frames,
        pages=pages,
        has_alpha=header.bands > colours.channels or isinstance(animation, Gif),
        orientation=orientation,
        colours=colours,
        blocks=read.blocks if isinstance(read, Jxl) else Blocks.of(header),
        animation=animation,
        gain_map=gain_map,
    )


def _stopping(source: pyvips.Image | Samples, stoppable: Stoppable) -> AbstractContextManager[Any]:
    """A context that allows to stop libvips; has no effect for samples."""
    if not isinstance(source, pyvips.Image):
        return nullcontext()
    source.set_progress(True)  # otherwise libvips does not check whether it was stopped
    return stoppable(partial(source.set_kill, True))


def _delays(header: pyvips.Image, frames: int) -> tuple[int, ...]:
    """The duration of each frame in milliseconds, 0 if the file does not say."""
    known = header.get("delay") if header.get_typeof("delay") else []
    return tuple(max(0, int(known[at])) if at < len(known) else 0 for at in range(frames))


def _unsupported(field: str) -> InvalidImage:
    return InvalidImage(
        field,
        f"not an image of a supported format ({', '.join(source_formats())})",
        reason="IMAGE_UNSUPPORTED",
    )


@contextmanager
def _readable(field: str, name: str, error: type[Exception]) -> Iterator[None]:
    """Raise InvalidImage for an `error` in the body, which reads a file of format `name`."""
    try:
        yield
    except error:
        pyvips.vips_lib.vips_error_clear()
        message = f"cannot be decoded as {name.upper()}: damaged, truncated or of an unusual kind"
        raise InvalidImage(field, message) from None
