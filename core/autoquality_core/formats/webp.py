"""WebP, by libwebp: lossy, stills and animations. Plain stills go through imagecodecs, faster."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

from autoquality_core.formats import plain
from autoquality_core.formats.base import (
    ChromaOptions,
    Encoder,
    in_colour,
    named,
    option,
    profile_flag,
    samples_of,
)
from autoquality_core.images import Pixels
from autoquality_core.images.pixels import Decoded
from autoquality_core.images.plain_files import webp_samples
from autoquality_core.images.timing import frames_shown
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.types import Chroma, Format, Lossless

_OFFSETS = {
    **{effort: f"webp-effort-{effort}" for effort in (0, 1, 2)},
    **dict.fromkeys((5, 6), "webp-effort-6"),
}
"""The learned offsets of efforts whose curves differ from those of effort 4, the usual one."""

_BREAKS = (45, 56, 67, 78, 89)
"""Qualities from which on the fastest efforts, 0 and 1, write smaller files, by up to 17 %."""

NEAR_LOSSLESS_LEVELS = (0, 20, 40, 60, 80)
"""libwebp's levels of near-lossless files, the smallest file first. Levels between give the same.
"""

_LOSSLESS_QUALITY = 90
"""libwebp's effort of lossless files, 0 (fast) to 100 (small), within `effort`."""


class WebpPreset(enum.Enum):
    """The content a WebP encoder tunes itself for; values are libvips' nicknames."""

    DEFAULT = "default"
    PICTURE = "picture"
    PHOTO = "photo"
    DRAWING = "drawing"
    ICON = "icon"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class WebpOptions(ChromaOptions):
    """How a WebP is written."""

    OLDER = "smart_subsample", Chroma.SHARP

    effort: int = option(4, "CPU effort, 0 (fast) to 6 (small).", 0, 6)
    preset: WebpPreset = option(
        WebpPreset.DEFAULT,
        "Content to tune for: default, picture, photo, drawing, icon or text.",
    )
    smart_subsample: bool = option(False, "The older name of chroma sharp.")
    alpha_quality: int = option(
        100, "Quality of the alpha channel, 0 (small) to 100 (lossless).", 0, 100
    )
    chroma: Chroma = option(
        Chroma.SUBSAMPLED,
        "Resolution of colour: subsampled, sharp (halved with sharper edges, in more time), or auto"
        " for the smaller file of a search.",
        choices=(Chroma.SUBSAMPLED, Chroma.SHARP, Chroma.AUTO),
    )
    lossless: Lossless = option(
        Lossless.SMALLER,
        "Without loss: never, always, or smaller if a search finds it smaller.",
    )


_PLAIN = WebpOptions()


@dataclass(frozen=True, slots=True)
class WebpEncoder(Encoder):
    """WebP: alpha (lossless at alpha_quality 100), animation."""

    format = Format.WEBP
    name: ClassVar[str] = "WebP"
    keeps_animation = True
    max_side = 16383
    default_quality = 79
    chroma_choices = (Chroma.SUBSAMPLED, Chroma.SHARP)

    options: WebpOptions = _PLAIN
    near_lossless: int | None = None
    """No option of a request: a search finds the level."""

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        others = replace(self.options, alpha_quality=_PLAIN.alpha_quality, lossless=_PLAIN.lossless)
        usual = self.takes_quality and others == _PLAIN
        if usual and not profile_flag(pixels) and _imagecodecs_agrees():
            data = plain.webp(pixels, quality)
            if data is not None:
                return data
        data = self.by_libvips(pixels, quality)
        return _with_alpha_flag(data) if pixels.has_alpha else data

    def by_libvips(self, pixels: Pixels, quality: int) -> bytes:
        near = self.near_lossless
        exact = _LOSSLESS_QUALITY if near is None else near
        data: bytes = in_colour(pixels).webpsave_buffer(
            Q=quality if self.takes_quality else exact,
            alpha_q=self.options.alpha_quality,
            effort=self.options.effort,
            preset=self.options.preset.value,
            smart_subsample=self.options.smart_subsample,
            lossless=self.lossless,
            near_lossless=near is not None,
            exact=pixels.exact,
            keep=profile_flag(pixels),
        )
        return data

    @property
    def takes_quality(self) -> bool:
        return self.options.lossless is not Lossless.ALWAYS

    def variants(self, *, grey: bool) -> tuple[Encoder, ...]:
        lossy = replace(self.options, lossless=Lossless.NEVER)
        exact = replace(lossy.with_chroma(Chroma.SUBSAMPLED), lossless=Lossless.ALWAYS)
        found = Encoder.variants(WebpEncoder(lossy), grey=grey)
        if self.options.lossless is Lossless.SMALLER:
            # A search tries the other levels, too. Grey images have a palette: they stay exact.
            near = () if grey else (WebpEncoder(exact, near_lossless=NEAR_LOSSLESS_LEVELS[2]),)
            return (*found, WebpEncoder(exact), *near)
        return found if self.takes_quality else (WebpEncoder(exact),)

    def decode(self, data: bytes, pixels: Pixels) -> Decoded:
        # Grey is written as RGB, and read as RGB.
        if pixels.frames == 1:
            bands = 4 if pixels.has_alpha else 3
            samples = webp_samples(data, pixels.width, pixels.height, bands)
            if samples is not None:
                return Decoded(samples)
            return Decoded(samples_of(pyvips.Image.webpload_buffer(data, access="sequential")))
        image = pyvips.Image.webpload_buffer(data, n=-1, access="sequential")
        samples = samples_of(image, image.height // pixels.height)
        if samples.shape[0] == pixels.frames:
            return Decoded(samples)
        delays = image.get("delay") if image.get_typeof("delay") else [0]
        return Decoded(samples, frames_shown(pixels.delays, delays))

    def frames(self, data: bytes, pixels: Pixels) -> int:
        if pixels.frames == 1:
            return 1
        image = pyvips.Image.webpload_buffer(data, access="sequential")
        return int(image.get("n-pages")) if image.get_typeof("n-pages") else 1

    @property
    def learned_offsets(self) -> tuple[str, ...]:
        sharp = "webp-sharp" if self.options.smart_subsample else None
        return named(_OFFSETS.get(self.options.effort), sharp)

    @property
    def breaks(self) -> tuple[int, ...]:
        return _BREAKS if self.options.effort < 2 else ()

    @property
    def lossless(self) -> bool:
        return not self.takes_quality and self.near_lossless is None

    def at_level(self, near_lossless: int) -> WebpEncoder:
        return replace(self, near_lossless=near_lossless)

    @property
    def alpha_quality(self) -> int | None:
        return self.options.alpha_quality if self.takes_quality else None

    def with_alpha_quality(self, alpha_quality: int) -> WebpEncoder:
        return WebpEncoder(replace(self.options, alpha_quality=alpha_quality))

    def alpha_bytes(self, data: bytes) -> int:
        """Bytes of a still before its colours: header, profile and alpha; 0 for an animation.

        libwebp codes alpha apart from the colours.
        """
        at = 12
        while data[at : at + 4] in (b"VP8X", b"ICCP", b"ALPH"):
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            at += 8 + size + size % 2
        return at - 12 if data[at : at + 4] == b"VP8 " else 0


_FLAGS = 20
_ANIMATION, _ALPHA = 0x02, 0x10


def _with_alpha_flag(data: bytes) -> bytes:
    """An animation that is marked as transparent; other files unchanged.

    libwebp sets the flag only if a frame has an alpha channel. It writes frames without one if
    they are opaque but leave a part of the canvas uncovered: readers that trust the flag then
    show black where the canvas is transparent. The header chunk is described in the WebP
    container specification.
    """
    if data[12:16] != b"VP8X" or not data[_FLAGS] & _ANIMATION:
        return data
    return data[:_FLAGS] + bytes([data[_FLAGS] | _ALPHA]) + data[_FLAGS + 1 :]


@cache
def _imagecodecs_agrees() -> bool:
    """Checks that the files of imagecodecs are libvips' here."""
    return plain.agrees(plain.webp, WebpEncoder().by_libvips)
