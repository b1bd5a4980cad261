"""The source itself as the answer, if it is not larger than the encoding and shows the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from autoquality_core.formats import Encoder, stripped, with_metadata
from autoquality_core.images import Metadata, Pixels, Source
from autoquality_core.images.jxl.file import Jxl
from autoquality_core.metrics import METRICS
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.pipeline.methods import FixedQuality, MethodHandler
from autoquality_core.pipeline.source_quality import source_quality
from autoquality_core.pipeline.sources import OpenJob, Origin
from autoquality_core.types import (
    MAX_QUALITY,
    ColorProfile,
    Format,
    Method,
    Notice,
    NoticeCode,
    Outcome,
    ResolvedTarget,
    Timings,
)

_BOUND_BY_LIMITS = frozenset({Outcome.MAX_BYTES_REACHED, Outcome.LIMITS_CONFLICT})

_OF_ENCODING = frozenset({NoticeCode.ALPHA_QUALITY_LOWERED, NoticeCode.FULL_CHROMA})
"""Notices of an answer that do not hold for the source."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source that shows the same image as `encoder` would write of `pixels`.

    `metadata` is what the request wants to be written. `intact` says that this is all metadata of
    the source, unchanged.
    """

    source: Source
    encoder: Encoder
    pixels: Pixels
    metadata: Metadata
    intact: bool

    @classmethod
    def of(
        cls, opened: OpenJob, pixels: Pixels, origin: Origin, encoder: Encoder, metadata: Metadata
    ) -> SourceFile | None:
        """The source of a job, decoded to `pixels`. None unless it may be the answer."""
        source, options = opened.source, opened.job.options
        if not (options.keep_smaller_source and isinstance(source, Source)):
            return None
        if source.format != encoder.format.value or not _same(source, pixels, origin):
            return None
        keeps_profile = options.color_profile is ColorProfile.KEEP and encoder.keeps_profile
        if not (source.colours.in_srgb or (keeps_profile and source.colours.kept)):
            return None
        intact = not metadata.dropped and metadata.xmp == source.blocks.xmp
        return cls(source, encoder, pixels, metadata, options.keep_metadata and intact)

    def file(self, metadata: Metadata) -> bytes | None:
        """The file with this metadata, as an encoding would have it. None if that is impossible."""
        fmt, data = self.encoder.format, bytes(self.source.data)
        no_profile = self.pixels.profile is None
        if self.intact and metadata == self.metadata:
            return stripped(fmt, data, metadata=False, profile=no_profile)
        if fmt is Format.AVIF and self.source.blocks.are(metadata):
            return stripped(fmt, data, metadata=False, profile=no_profile)
        picture = stripped(fmt, data, metadata=True, profile=no_profile)
        return None if picture is None else with_metadata(fmt, picture, metadata)

    def settled(
        self, resolved: ResolvedTarget, notices: Iterable[Notice], timings: Timings
    ) -> EncodeResult | None:
        """The source as the result without an encoding. None if an encoding may be the better one.

        Within a byte budget, the source looks better than every encoding. But a limit on the
        quality asks for fewer bytes, if it is below the quality of the source.
        """
        file = self._in_budget(resolved)
        limited = resolved.max_quality < (self._quality or MAX_QUALITY)
        limited = limited and not resolved.limits.scores  # which the source keeps
        return None if file is None or limited else self._result(file, resolved, notices, timings)

    def handler(self, resolved: ResolvedTarget) -> MethodHandler | None:
        """What replaces the search for a byte budget that the source meets. None if it does not.

        Only the encoding at the limit on the quality may be smaller than the source and as good
        as the request allows.
        """
        if self._in_budget(resolved) is None:
            return None
        return FixedQuality(resolved.max_quality, Outcome.TARGET_MET)

    def instead_of(self, result: EncodeResult, metadata: Metadata) -> EncodeResult | None:
        """The source as the result, with this metadata. None if it is larger than `result`.

        It may be larger if a limit on bytes, which it keeps, is all that makes `result` as small,
        and if `result` exceeds a limit.
        """
        file = self._within(result.applied, metadata)
        if file is None:
            return None
        if len(file) > len(result.image) and result.outcome not in _BOUND_BY_LIMITS:
            return None
        kept = self._result(file, result.applied, result.notices, result.timings)
        return replace(kept, predicted_quality=result.predicted_quality, probes=result.probes)

    @property
    def _quality(self) -> int | None:
        """The estimated quality of a JPEG, None for other formats."""
        if self.encoder.format is not Format.JPEG:
            return None
        return source_quality(self.source.data, self.encoder, self.pixels.samples[..., 0].size)

    def _in_budget(self, resolved: ResolvedTarget) -> bytes | None:
        """The file with all metadata, if there is a byte budget and it is within."""
        searched = resolved.method is Method.SIZE and self.encoder.takes_quality
        return self._within(resolved, self.metadata) if searched else None

    def _within(self, resolved: ResolvedTarget, metadata: Metadata) -> bytes | None:
        """As `file`. None, too, for a file over a byte budget."""
        file = self.file(metadata)
        return None if file is None or len(file) > resolved.budget else file

    def _result(
        self, file: bytes, applied: ResolvedTarget, notices: Iterable[Notice], timings: Timings
    ) -> EncodeResult:
        """The source as the result."""
        return EncodeResult(
            image=file,
            format=self.encoder.format,
            quality=0,
            scores={
                name: metric.low if metric.lower_is_better else metric.high
                for name, metric in METRICS.items()
            },
            outcome=Outcome.SOURCE_KEPT,
            applied=applied,
            predicted_quality=None,
            probes=(),
            notices=tuple(one for one in notices if one.code not in _OF_ENCODING),
            width=self.pixels.width,
            height=self.pixels.height,
            frames=self.pixels.frames,
            timings=timings,
        )


def _same(source: Source, pixels: Pixels, origin: Origin) -> bool:
    """Whether viewers show the file as these pixels, colours aside."""
    return (
        not origin.damaged
        and not source.gain_map
        and source.orientation == 1
        and (source.animation is None or isinstance(source.animation, Jxl))
        and max(source.frames, source.pages) == pixels.frames
        and not pixels.tone_mapped
    )
