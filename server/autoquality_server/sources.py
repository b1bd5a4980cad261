"""The sources of a request with their headers read: what they are and what they will cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from autoquality_server.codecs import CODECS
from autoquality_server.domain import EncodeJob, RawSource
from autoquality_server.errors import InvalidImage
from autoquality_server.image import (
    NO_METADATA,
    ImageLimits,
    Metadata,
    Pixels,
    Source,
    check_raw,
    from_raw,
    open_image,
)

SAME_FORMAT = {fmt.value: fmt for fmt in CODECS}
"""The formats that are both read and written, by the name that a source has."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the source was: its format ("raw" for bare pixels) and its frames or pages.

    `damaged` says that only a part of it could be decoded, `metadata` is what of
    its metadata to keep.
    """

    format: str
    frames: int
    pages: int
    damaged: bool = False
    metadata: Metadata = NO_METADATA


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job whose source is within the limits and has not been decoded yet."""

    job: EncodeJob
    source: Source | RawSource
    limits: ImageLimits

    @property
    def pixels(self) -> int:
        """Pixels that `decode` will make, all its frames counted."""
        if isinstance(self.source, Source):
            return self.source.pixels(all_frames=self._all_frames)
        return self.source.width * self.source.height

    def decode(self) -> tuple[Pixels, Origin]:
        """Decode as many frames as the format to be written can hold. Raises InvalidImage."""
        source = self.source
        if isinstance(source, RawSource):
            return from_raw(source, self.limits), Origin("raw", 1, 1)
        decode = partial(source.decode, all_frames=self._all_frames)
        options = self.job.options
        metadata = source.metadata(
            everything=options.keep_metadata, copyright_too=options.keep_copyright
        )
        origin = Origin(source.format, source.frames, source.pages, metadata=metadata)
        try:
            return decode(), origin
        except InvalidImage as error:
            tolerated = self.job.options.allow_truncated and source.tolerable
            if not tolerated or error.reason != InvalidImage.reason:
                raise
        return decode(damaged=True), replace(origin, damaged=True)

    @property
    def _all_frames(self) -> bool:
        if isinstance(self.source, RawSource):
            return False
        target = self.job.format or SAME_FORMAT.get(self.source.format)
        return target is not None and CODECS[target].keeps_animation


@dataclass(frozen=True, slots=True)
class OpenPair:
    """Two image files to compare, within the limits and not decoded yet."""

    reference: Source
    distorted: Source

    @property
    def pixels(self) -> int:
        """Pixels of both, all frames counted."""
        return sum(one.pixels(all_frames=True) for one in (self.reference, self.distorted))


def open_job(job: EncodeJob, limits: ImageLimits) -> OpenJob:
    """Read the header of the job's source. Raises InvalidRequest (InvalidImage for a file)."""
    if isinstance(job.source, RawSource):
        check_raw(job.source, limits)
        return OpenJob(job, job.source, limits)
    return OpenJob(job, open_image(job.source, limits), limits)


def open_pair(reference: bytes, distorted: bytes, limits: ImageLimits) -> OpenPair:
    """Read the headers of both. Raises InvalidImage, naming the field."""
    return OpenPair(
        open_image(reference, limits, field="reference"),
        open_image(distorted, limits, field="distorted"),
    )
