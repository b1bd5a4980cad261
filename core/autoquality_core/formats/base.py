"""The interface of encoders: a format bound to its options; and how options are declared."""

from __future__ import annotations

import dataclasses
import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from autoquality_core.images import Pixels
from autoquality_core.images.colour.icc import PROFILE, in_rgb
from autoquality_core.images.pixels import Decoded
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.types import MAX_QUALITY, Chroma, Format

T = TypeVar("T")

COMMON_LIBRARIES = ("libvips", "pyvips", "pyvips-binary")
"""Keys of `formats.library_versions`: what every source is read with, and most files written."""

EACH_QUALITY = tuple(range(1, MAX_QUALITY + 1))
NO_QUALITY = (1,) * MAX_QUALITY
"""The equivalents of an encoder without a quality."""

WHOLE_CHROMA = 90
"""The quality from which on `Chroma.BY_QUALITY` keeps chroma at full resolution, as in libvips."""

SUBSAMPLE_MODES = {
    Chroma.BY_QUALITY: "auto",
    Chroma.AUTO: "auto",
    Chroma.SUBSAMPLED: "on",
    Chroma.FULL: "off",
}
"""The names of libvips."""

CHROMAS = (Chroma.BY_QUALITY, Chroma.SUBSAMPLED, Chroma.FULL, Chroma.AUTO)
CHROMA_MEANING = (
    "Resolution of colour: by_quality (halved below quality 90), subsampled, full, or auto for the"
    " smaller file of a search."
)


def has_whole_chroma(chroma: Chroma, quality: int) -> bool:
    """Whether a JPEG or AVIF of this quality has chroma at full resolution."""
    return chroma is Chroma.FULL or (chroma is Chroma.BY_QUALITY and quality >= WHOLE_CHROMA)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a format; `low` and `high` bound a number, both included.

    `choices` are the members of an enum that are allowed; empty for all.
    """

    name: str
    default: Any
    meaning: str
    low: int = 0
    high: int = 0
    choices: tuple[enum.Enum, ...] = ()


def option(
    default: T, meaning: str, low: int = 0, high: int = 0, choices: tuple[enum.Enum, ...] = ()
) -> T:
    """Declare a field of an options class. A number needs its range, `low` to `high`."""
    known = {"meaning": meaning, "low": low, "high": high, "choices": choices}
    field: T = dataclasses.field(default=default, metadata=known)
    return field


def options_of(options: type[Any]) -> tuple[Option, ...]:
    """The options that a class declares with `option`, in order."""
    return tuple(
        Option(field.name, field.default, **field.metadata) for field in dataclasses.fields(options)
    )


class ChromaOptions:
    """Options with a choice of `chroma`, and an older flag for one of its values."""

    __slots__ = ()

    OLDER: ClassVar[tuple[str, Chroma]] = "no_subsample", Chroma.FULL
    """The name of the flag, and what it means if it is set."""

    chroma: Chroma

    def __post_init__(self) -> None:
        """Make both agree. Raises ValueError if they contradict each other."""
        name, meaning = self.OLDER
        flag, chroma = getattr(self, name), self.chroma
        if flag and chroma not in (self.default_chroma(), meaning):
            raise ValueError(
                f"{chroma.value} contradicts {name}, which is {meaning.value}; set one of them"
            )
        object.__setattr__(self, "chroma", meaning if flag else chroma)
        object.__setattr__(self, name, flag or chroma is meaning)

    @classmethod
    def default_chroma(cls) -> Chroma:
        return Chroma(next(one.default for one in options_of(cls) if one.name == "chroma"))

    def with_chroma(self, chroma: Chroma) -> Self:
        return updated(self, {"chroma": chroma})


@dataclass(frozen=True, slots=True)
class Encoder(ABC):
    """A format with its options: pixels to a file and back. Hashable and stateless.

    `encode` takes images that the format can hold: one frame unless `keeps_animation`, no alpha
    unless `keeps_alpha`, no profile unless `keeps_profile`, sides of `min_side` to `max_side`
    pixels (see `formats.substitute`). Any failure within that is a defect, and errors of the
    library escape.
    """

    format: ClassVar[Format]
    name: ClassVar[str]
    has_quality: ClassVar[bool] = True
    keeps_alpha: ClassVar[bool] = True
    keeps_animation: ClassVar[bool] = False
    keeps_profile: ClassVar[bool] = True
    min_side: ClassVar[int] = 1
    max_side: ClassVar[int]
    default_quality: ClassVar[int] = 80
    """The quality of METHOD_NONE; imgproxy's, as is the range."""
    default_range: ClassVar[tuple[int, int]] = (70, 80)
    """The lowest and the highest quality that a search may use."""
    chroma_choices: ClassVar[tuple[Chroma, ...]] = (Chroma.BY_QUALITY, Chroma.FULL)
    """What `Chroma.AUTO` stands for, the usual one first."""

    libraries: ClassVar[tuple[str, ...]] = COMMON_LIBRARIES
    """The keys in `formats.library_versions` of all that decides its files and their scores."""

    options: Any = None
    """An instance of the format's options class; frozen."""

    @abstractmethod
    def encode(self, pixels: Pixels, quality: int) -> bytes:
        """The encoded file; `quality` is 1 to 100, and ignored without `takes_quality`."""

    @abstractmethod
    def decode(self, data: bytes, pixels: Pixels) -> Decoded:
        """The pixels of a file that `encode` made of `pixels`."""

    def frames(self, data: bytes, pixels: Pixels) -> int:
        """The number of frames in a file that `encode` made of `pixels`."""
        return 1

    @property
    def takes_quality(self) -> bool:
        """Whether the quality changes the file with these options."""
        return self.has_quality

    def variants(self, *, grey: bool) -> tuple[Encoder, ...]:
        """The encoders that these options allow, the usual one first: more than one for a choice.

        `grey` says that the image has no chroma to choose.
        """
        if self.chroma is not Chroma.AUTO:
            return (self,)
        choices = self.chroma_choices[:1] if grey else self.chroma_choices
        return tuple(map(self.with_chroma, choices))

    @property
    def lossless(self) -> bool:
        """Whether every visible sample of the file is that of the pixels."""
        return False

    @property
    def near_lossless(self) -> int | None:
        """The level of a near-lossless file, 0 (small) to 80; None for any other."""
        return None

    def at_level(self, near_lossless: int) -> Encoder:
        """A near-lossless encoder with another level."""
        raise NotImplementedError(f"{self.name} has no near-lossless files")

    @property
    def chroma(self) -> Chroma | None:
        """The option of that name; None for a format without a choice."""
        return getattr(self.options, "chroma", None)

    def with_chroma(self, chroma: Chroma) -> Encoder:
        """The same encoder with another chroma. The format must have a choice."""
        return dataclasses.replace(self, options=self.options.with_chroma(chroma))

    def equivalents(self, *, has_alpha: bool) -> tuple[int, ...]:
        """For each quality 1 to 100, the lowest one that gives the same file."""
        return EACH_QUALITY if self.takes_quality else NO_QUALITY

    @property
    def learned(self) -> str:
        """The key in `priors` of the data learned for these options, or for the nearest ones."""
        return self.format.value

    @property
    def learned_offsets(self) -> tuple[str, ...]:
        """The keys of the learned offsets from the curves of `learned`, none by default."""
        return ()

    @property
    def setting(self) -> str:
        """The key in `priors/formats.json` of the data learned for these options."""
        lossy = (self.learned, *self.learned_offsets)[-1]
        return lossy if self.takes_quality else f"{self.format.value}-lossless"

    @property
    def whole_chroma_from(self) -> int | None:
        """The lowest quality with chroma at full resolution; None if it never changes."""
        return WHOLE_CHROMA if self.chroma is Chroma.BY_QUALITY else None

    @property
    def breaks(self) -> tuple[int, ...]:
        """The lowest qualities of the further parts of a curve: files there are coded otherwise."""
        whole = self.whole_chroma_from
        return () if whole is None else (whole,)

    @property
    def smooth_from(self) -> int | None:
        """The quality from which on sizes hardly fall within a part; None if none is special."""
        return None

    @property
    def probe_seconds_per_pixel(self) -> float:
        """Cost of encoding and decoding on one core."""
        return 1e-7

    @property
    def seconds_per_byte(self) -> float:
        """Cost of each byte of a lossless file on one core, if the format has lossy ones, too."""
        return 1e-6 if self.has_quality and not self.takes_quality else 0.0

    def for_network(self) -> Encoder:
        """The encoder that the bundled network of this format predicts for."""
        return self

    @property
    def alpha_quality(self) -> int | None:
        """The quality of the alpha channel, 0 to 100; None if it has none of its own."""
        return None

    def with_alpha_quality(self, alpha_quality: int) -> Encoder:
        """The same encoder with another quality of alpha."""
        raise NotImplementedError(f"{self.name} has no alpha quality")

    def alpha_bytes(self, data: bytes) -> int:
        """Bytes of a file that depend on alpha alone, not on the quality."""
        return 0


def updated(options: T, asked: Mapping[str, Any]) -> T:
    """Options with others that were asked for; `chroma` and its older flag replace each other.

    Raises ValueError if those two contradict each other.
    """
    changes = dict(asked)
    if isinstance(options, ChromaOptions):
        flag, meaning = options.OLDER
        if "chroma" in asked:
            agree = asked["chroma"] is meaning
            if asked.get(flag, agree) is not agree:
                raise ValueError(
                    f"{asked['chroma'].value} contradicts {flag}; {meaning.value} is the newer name"
                    " of that; set one of them"
                )
            changes[flag] = agree
        elif flag in asked:
            changes["chroma"] = meaning if asked[flag] else options.default_chroma()
    made: Any = options
    found: T = dataclasses.replace(made, **changes)
    return found


def profile_flag(pixels: Pixels) -> int:
    """Libvips' `keep` flags: the colour profile if the pixels have one, and nothing else.

    EXIF, XMP and IPTC are inserted into the finished file (`formats.containers`).
    """
    return 0 if pixels.profile is None else int(pyvips.ForeignKeep.ICC)


def named(*keys: str | None) -> tuple[str, ...]:
    """The keys that are not None."""
    return tuple(key for key in keys if key is not None)


def in_colour(pixels: Pixels) -> pyvips.Image:
    """The image for a format that writes grey as RGB, with a profile for RGB."""
    image, profile = pixels.image, pixels.profile
    if profile is None or pixels.bands > 2:
        return image
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, PROFILE, in_rgb(profile))
    return image


def samples_of(image: pyvips.Image, frames: int = 1) -> Bytes:
    """The samples of a file opened by libvips: (frames, height, width, bands)."""
    found: Bytes = image.numpy()
    return found.reshape(frames, image.height // frames, image.width, image.bands)
