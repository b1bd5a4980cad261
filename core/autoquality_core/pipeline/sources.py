"""The sources of a request with their headers read: their formats, sizes and costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from autoquality_core.errors import InvalidImage, InvalidRequest
from autoquality_core.formats import ENCODERS, substitute, writable
from autoquality_core.images import (
    NO_METADATA,
    ImageLimits,
    Metadata,
    Pixels,
    Source,
    check_raw,
    cost_of,
    from_raw,
    open_image,
)
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import ColorProfile, Data, Format, RawSource


@dataclass(frozen=True, slots=True)
class Origin:
    """The format of a source ("raw" for bare pixels), and its frames or pages.

    `damaged` is True if only a part could be decoded. `metadata` is the part to keep. `jpeg` is the
    file if it is a whole JPEG whose colours are not to be converted. `converted` says that the
    colours became sRGB because no format that may be written can hold their profile.
    """

    format: str
    frames: int
    pages: int
    damaged: bool = False
    gain_map: bool = False
    metadata: Metadata = NO_METADATA
    jpeg: Data | None = None
    converted: bool = False


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job whose source is within the limits and has not been decoded yet."""

    job: EncodeJob
    source: Source | RawSource

    @property
    def pixels(self) -> int:
        """Pixels that `decode` will make, all its frames counted."""
        if isinstance(self.source, Source):
            return self.source.pixels(all_frames=self._all_frames)
        return self.source.width * self.source.height

    @property
    def cost(self) -> int:
        """As `pixels`, but more for a narrow image."""
        if isinstance(self.source, Source):
            return self.source.cost(all_frames=self._all_frames)
        return cost_of(self.source.width, self.source.height)

    def decode(self, deadline: Deadline) -> tuple[Pixels, Origin]:
        """Decode as many frames as the format to be written can hold.

        Raises InvalidImage, DeadlinePassed and RequestCancelled.
        """
        source = self.source
        if isinstance(source, RawSource):
            return from_raw(source), Origin("raw", 1, 1)
        options = self.job.options
        profile = self._profile
        decode = partial(
            source.decode,
            all_frames=self._all_frames,
            profile=profile,
            stoppable=deadline.calling,
        )
        metadata = source.metadata(
            everything=options.keep_metadata, copyright_too=options.keep_copyright
        )
        origin = Origin(
            *(source.format, source.frames, source.pages),
            gain_map=source.gain_map,
            metadata=metadata,
            jpeg=source.data if self._transcodable else None,
            converted=options.color_profile is not profile and source.colours.kept is not None,
        )
        try:
            with deadline.in_place_of(InvalidImage):
                return decode(), origin
        except InvalidImage as error:
            tolerated = self.job.options.allow_truncated and source.tolerable
            if not tolerated or error.reason != InvalidImage.reason:
                raise
        with deadline.in_place_of(InvalidImage):
            return decode(damaged=True), replace(origin, damaged=True, jpeg=None)

    @property
    def _all_frames(self) -> bool:
        return any(ENCODERS[fmt].keeps_animation for fmt in self._formats)

    @property
    def _transcodable(self) -> bool:
        """Whether a JPEG XL may keep the coefficients of the source."""
        if isinstance(self.source, RawSource) or self.source.format != Format.JPEG.value:
            return False
        options = self.job.options
        kept = options.color_profile is ColorProfile.KEEP or self.source.colours.in_srgb
        return kept and options.jxl.lossless and Format.JXL in self._formats

    @property
    def _profile(self) -> ColorProfile:
        """The colours to decode to: the source's own only if a format can hold them."""
        able = self._transcodable or any(ENCODERS[fmt].keeps_profile for fmt in self._formats)
        return self.job.options.color_profile if able else ColorProfile.SRGB

    @property
    def _formats(self) -> tuple[Format, ...]:
        if isinstance(self.source, RawSource):
            return ()
        return requested_formats(self.job, self.source.format, has_alpha=False)


def open_job(job: EncodeJob, limits: ImageLimits) -> OpenJob:
    """Read the header of the job's source. Raises InvalidRequest (InvalidImage for a file)."""
    if isinstance(job.source, RawSource):
        check_raw(job.source, limits)
        return OpenJob(job, job.source)
    return OpenJob(job, open_image(job.source, limits))


def requested_formats(job: EncodeJob, source_format: str, *, has_alpha: bool) -> tuple[Format, ...]:
    """The formats that may be written: those requested, that of the source, or a suitable one."""
    if job.candidates:
        return job.candidates
    kept = next((fmt for fmt in writable() if fmt.value == source_format), None)
    return (job.format or kept or (Format.PNG if has_alpha else Format.JPEG),)


def check_fits(job: EncodeJob, source: Source | RawSource) -> None:
    """Refuse an image whose sides fit no format that may be written. Raises InvalidRequest.

    An alpha may turn out opaque, which changes the formats.
    """
    if isinstance(source, RawSource):
        name, with_alpha = "raw", source.bands in (2, 4)
    else:
        name, with_alpha = source.format, source.has_alpha
    tried = [
        (fmt, has_alpha)
        for has_alpha in ((True, False) if with_alpha else (False,))
        for fmt in requested_formats(job, name, has_alpha=has_alpha)
    ]
    refusals = []
    for fmt, has_alpha in tried:
        try:
            substitute(fmt, source.width, source.height, has_alpha=has_alpha)
        except InvalidRequest as error:
            refusals.append(error)
    if len(refusals) == len(tried):
        raise refusals[0]
