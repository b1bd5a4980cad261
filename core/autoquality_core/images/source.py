"""From the bytes of a file to pixels, in two steps: header and limits first.

`open_image` gives a `Source`: the header is read, nothing is decoded.
`Source.decode` gives `Pixels`: 8-bit sRGB or grey, upright.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from functools import partial

import pyvips

from autoquality_core.errors import InvalidImage
from autoquality_core.images.colour.file_colours import FileColours, colour_bands, file_colours
from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.colour.render import device_samples, render
from autoquality_core.images.contents import (
    Animation,
    Contents,
    DamagedFramesError,
    contents_of,
    decode_animation,
    replaces_still,
)
from autoquality_core.images.cost import cost_of
from autoquality_core.images.isobmff.avif import decode_plain_avif
from autoquality_core.images.isobmff.sequence import Sequence
from autoquality_core.images.limits import ImageLimits
from autoquality_core.images.memory import allocation_failures
from autoquality_core.images.metadata.kept import Blocks, Metadata, kept_metadata
from autoquality_core.images.orientation import swaps_sides, upright
from autoquality_core.images.pixels import Pixels
from autoquality_core.images.source_formats import ANIMATED, SOURCE_FORMATS, TOLERABLE, load, sniff
from autoquality_core.images.structure import check_structure
from autoquality_core.images.webp import decode_plain_webp
from autoquality_core.types import ColorProfile, Data

Stoppable = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Takes what stops the body, as `Deadline.calling` does."""

# What a WebP can hold: some hours a frame.
_LONGEST_MS = 2**24 - 1
_MOST_PLAYS = 2**16 - 1

# libvips may quote bytes of a damaged file that are no UTF-8: pyvips then fails to make
# its error of them, and leaves them in libvips for the next error to fail on, too.
_FAILURES = (pyvips.Error, UnicodeDecodeError)


def _stopping(source: pyvips.Image | Samples, stoppable: Stoppable) -> AbstractContextManager[None]:
    """Lets what is computed of an image be stopped in the body; of samples it cannot be."""
    if not isinstance(source, pyvips.Image):
        return nullcontext()
    source.set_progress(True)  # else libvips does not look whether it was stopped
    return stoppable(partial(source.set_kill, True))


def _unstoppable(_stop: Callable[[], None]) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Source:
    """An image file that is within the limits and has not been decoded yet.

    `format` is one of SOURCE_FORMATS. `width` and `height` are of one frame as
    it is meant to be seen (EXIF orientation applied). `frames` counts the
    frames of an animation, `pages` whatever the file holds one after another;
    the pages of a TIFF, HEIF or multi-picture JPEG are separate images, of which
    the first (the primary one) is used. `has_alpha` is what the header says: an alpha that
    turns out wholly opaque is dropped in decoding. `parts_pixels` counts the
    pixels that the parts of the image have where these are coded apart. `colours`
    is what the file says of them. `animation` reads frames that libvips does not.
    `gain_map` says that there is one for HDR screens, which is never decoded.
    """

    data: Data = attribute(repr=False)
    field: str
    format: str
    width: int
    height: int
    frames: int
    pages: int
    has_alpha: bool
    orientation: int
    colours: FileColours
    blocks: Blocks = attribute(repr=False)
    parts_pixels: int = 0
    animation: Animation | None = attribute(default=None, repr=False)
    gain_map: bool = False

    def pixels(self, *, all_frames: bool) -> int:
        """Pixels that `decode` makes: those of the frames, or of the parts if they are more."""
        return max(self.width * self.height * (self.frames if all_frames else 1), self.parts_pixels)

    def cost(self, *, all_frames: bool) -> int:
        """As `pixels`, but more for a narrow image (`cost_of`)."""
        seen = cost_of(self.width, self.height, self.frames if all_frames else 1)
        return max(seen, self.parts_pixels)

    @property
    def holds_still(self) -> bool:
        """Whether it holds a still image of its own besides an animation."""
        return isinstance(self.animation, Sequence)

    @property
    def tolerable(self) -> bool:
        """Whether `decode` can make anything of it when it is damaged or truncated."""
        return self.format in TOLERABLE

    def metadata(self, *, everything: bool, copyright_too: bool) -> Metadata:
        """What to keep of the file's metadata; see `kept_metadata`."""
        return kept_metadata(
            *(self.data, self.format, self.blocks, (self.width, self.height)),
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
        stoppable: Stoppable = _unstoppable,
    ) -> Pixels:
        """Decode the first frame, or all.

        `stoppable` is given what stops libvips between two rows; the decoding
        then fails with InvalidImage.

        Raises InvalidImage for a file that is damaged or truncated: half an
        image is never returned, unless `damaged` asks for what there is. Raises
        MemoryError where a library reports that it could not allocate memory.
        """
        try:
            with allocation_failures():
                frames = self.frames if all_frames else 1
                return self._pixels(frames, damaged, profile is ColorProfile.KEEP, stoppable)
        except (*_FAILURES, DamagedFramesError):
            pyvips.vips_lib.vips_error_clear()
            raise _unreadable(self.field, self.format) from None

    def _pixels(
        self, frames: int, damaged: bool, keep_colours: bool, stoppable: Stoppable
    ) -> Pixels:
        header = load(self.data, self.format, frames=-1 if frames > 1 else 1, damaged=damaged)
        film = None if damaged else self._film(header, frames, stoppable)
        source: pyvips.Image | Samples
        if film is not None:
            samples, delays, header = film
            frames, source = len(samples), samples.reshape(-1, *samples.shape[2:])
        else:
            if self.format not in ANIMATED:
                frames = 1
            plain = self._plain(header, frames)
            source = header if plain is None else plain
            delays = _delays(header, frames)
        with _stopping(source, stoppable):
            rendered = render(source, self.colours, keep=keep_colours)
        del film, source  # may be twice as large as what was made of them
        samples = rendered.samples.reshape(frames, -1, *rendered.samples.shape[1:])
        pixels = Pixels.from_samples(
            upright(samples, self.orientation),
            delays if frames > 1 else (),
            origin=header,
            profile=rendered.profile,
        )
        return replace(pixels, tone_mapped=rendered.tone_mapped, clipped=rendered.clipped)

    def _film(
        self, header: pyvips.Image, frames: int, stoppable: Stoppable
    ) -> tuple[Samples, tuple[int, ...], pyvips.Image] | None:
        """Samples, delays and header of an animation that libvips does not read."""
        animation = self.animation
        if animation is None or not (frames > 1 or replaces_still(animation)):
            return None

        def samples_of(png: pyvips.Image) -> Samples:
            with _stopping(png, stoppable):
                return device_samples(png, self.colours)

        channels = self.colours.channels
        found = decode_animation(animation, self.data, frames, channels, samples_of)
        if found is None:
            return None
        samples, delays = found
        header = header.copy()
        header.set_type(pyvips.GValue.gint_type, "loop", min(animation.plays, _MOST_PLAYS))
        return samples, tuple(min(delay, _LONGEST_MS) for delay in delays), header

    def _plain(self, header: pyvips.Image, frames: int) -> Samples | None:
        """The samples of a plain file, decoded without libvips: (height, width, bands)."""
        samples = None
        if self.format == "webp" and frames == 1:
            samples = decode_plain_webp(self.data, header.width, header.height)
        elif self.format == "avif":
            samples = decode_plain_avif(self.data, header.width, header.height, header.bands)
        return None if samples is None else samples[0]


def open_image(data: Data, limits: ImageLimits, *, field: str = "image") -> Source:
    """Find out what `data` is, and check its header against the limits.

    `field` is the path of the field in the request that an error names. Raises
    InvalidImage with the reason IMAGE_UNSUPPORTED for what is no image of
    SOURCE_FORMATS, IMAGE_TOO_LARGE for one over a limit, and IMAGE_UNREADABLE
    for one whose header is damaged.
    """
    if not data:
        raise InvalidImage(field, "must not be empty")
    if len(data) > limits.max_bytes:
        raise InvalidImage(
            field,
            f"has {len(data)} bytes; at most {limits.max_bytes} are accepted",
            reason="IMAGE_TOO_LARGE",
        )
    name = sniff(data)
    if name is None:
        raise _unsupported(field)
    parts_pixels = check_structure(data, name, limits, field)
    try:
        with allocation_failures():
            header = load(data, name)
    except _FAILURES:
        pyvips.vips_lib.vips_error_clear()
        raise _unreadable(field, name) from None
    if name in ("avif", "heif"):
        name = "avif" if header.get("heif-compression") == "av1" else "heif"
    if name not in SOURCE_FORMATS:
        raise _unsupported(field)
    try:
        contents = contents_of(data, header, name, limits.max_frames)
    except ValueError:
        raise _unreadable(field, name) from None
    source = replace(_describe(data, field, name, header, contents), parts_pixels=parts_pixels)
    limits.check_sides(field, source.width, source.height, source.frames, header.bands)
    return source


def _describe(
    data: Data, field: str, name: str, header: pyvips.Image, contents: Contents
) -> Source:
    orientation = _integer(header, "orientation")
    width, height = header.width, header.height
    if swaps_sides(orientation):
        width, height = height, width
    return Source(
        data=data,
        field=field,
        format=name,
        width=width,
        height=height,
        frames=contents.pages if name in ANIMATED else contents.frames,
        pages=contents.pages,
        has_alpha=header.bands > colour_bands(header),
        orientation=orientation,
        colours=file_colours(data, name, header),
        blocks=Blocks.of(header),
        animation=contents.animation,
        gain_map=contents.gain_map,
    )


def _integer(header: pyvips.Image, name: str) -> int:
    """A count in the header, 1 where it is not there."""
    return int(header.get(name)) if header.get_typeof(name) else 1


def _delays(header: pyvips.Image, frames: int) -> tuple[int, ...]:
    """One duration in milliseconds a frame, 0 where the file names none."""
    known = header.get("delay") if header.get_typeof("delay") else []
    return tuple(max(0, int(known[at])) if at < len(known) else 0 for at in range(frames))


def _unsupported(field: str) -> InvalidImage:
    return InvalidImage(
        field,
        f"not an image of a supported format ({', '.join(SOURCE_FORMATS)})",
        reason="IMAGE_UNSUPPORTED",
    )


def _unreadable(field: str, name: str) -> InvalidImage:
    return InvalidImage(
        field, f"cannot be decoded as {name.upper()}: damaged, truncated or of an unusual kind"
    )
