"""The source itself as the answer, if it is not larger than the encoding and shows the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autoquality_core.formats import stripped, with_metadata
from autoquality_core.images import Metadata, Pixels, Source
from autoquality_core.images.jxl.file import Jxl
from autoquality_core.metrics import METRICS, SSIMULACRA2
from autoquality_core.pipeline.entry import Entry
from autoquality_core.pipeline.job import Considered, EncodeJob, EncodeResult
from autoquality_core.pipeline.limits import check_source
from autoquality_core.pipeline.methods import fixed_quality
from autoquality_core.pipeline.results import notices_of
from autoquality_core.pipeline.source_quality import source_quality
from autoquality_core.pipeline.sources import OpenJob, Origin
from autoquality_core.pipeline.verdicts import with_source_kept
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
    Verdict,
)

_BOUND_BY_LIMITS = frozenset({Outcome.MAX_BYTES_REACHED, Outcome.LIMITS_CONFLICT})

_OF_ENCODING = frozenset({NoticeCode.ALPHA_QUALITY_LOWERED, NoticeCode.FULL_CHROMA})
"""Notices of an answer that do not hold for the source."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source that may be the result. `entry` has its format, and shows the same image.

    `intact` says that the entry's metadata is all metadata of the source, unchanged. `in_budget` is
    the file with all metadata, if there is a byte budget and it is within.
    """

    source: Source
    entry: Entry
    intact: bool
    in_budget: bytes | None = None

    @classmethod
    def of(cls, opened: OpenJob, entries: Sequence[Entry], origin: Origin) -> SourceFile | None:
        """The source of a job; None unless it may be the result.

        Where it meets a byte budget, one encoding replaces the search of the entry: only that at
        the limit on the quality may be smaller and as good as the request allows.
        """
        source, options = opened.source, opened.job.options
        if not (options.keep_smaller_source and isinstance(source, Source)):
            return None
        for entry in entries:
            encoder, metadata = entry.candidate.encoder, entry.metadata
            alike = source.format == encoder.format.value and not entry.candidate.optional
            if not alike or not _same(source, entry.candidate.pixels, origin):
                continue
            keeps_profile = options.color_profile is ColorProfile.KEEP and encoder.keeps_profile
            if not (source.colours.in_srgb or (keeps_profile and source.colours.kept)):
                continue
            intact = not metadata.dropped and metadata.xmp == source.blocks.xmp
            found = cls(source, entry, options.keep_metadata and intact)
            if (file := found._in_budget()) is not None:
                entry.handler = fixed_quality(entry.resolved.max_quality, Outcome.TARGET_MET)
            return replace(found, in_budget=file)
        return None

    def settled(
        self,
        job: EncodeJob,
        others: Iterable[Considered],
        notices: Iterable[Notice],
        timings: Timings,
    ) -> EncodeResult | None:
        """The source as the result without an encoding. None if an encoding may be the better one.

        Within a byte budget, the source looks better than every encoding. But a limit on the
        quality asks for fewer bytes, if it is below the quality of the source. `others` are the
        other candidates.
        """
        file, resolved = self.in_budget, self.entry.resolved
        limited = resolved.max_quality < (self._quality or MAX_QUALITY)
        limited = limited and not resolved.limits.scores  # which the source keeps
        if file is None or limited:
            return None
        kept = self._result(file, resolved, [*notices, *notices_of(job, self.entry)], timings)
        why = "within the budget, and no encoding looks better"
        return replace(kept, candidates=self._listed(others, file, why))

    def instead_of(self, result: EncodeResult, chosen: Entry) -> EncodeResult | None:
        """The source as the result; None if it is larger than the result of the chosen entry.

        It may be larger if a limit on bytes, which it keeps, is all that makes `result` as small,
        and if `result` exceeds a limit. Over a byte budget, it has a notice, unless the deadline
        ended the search: a caller with more time may get a file within the budget.
        """
        applied, file = result.applied, self._file(self.entry.metadata_as_in(chosen))
        if file is None:
            return None
        if result.outcome is Outcome.DEADLINE_REACHED and len(file) > applied.budget:
            return None
        may_be_larger = result.outcome in _BOUND_BY_LIMITS and len(file) <= applied.budget
        if len(file) > len(result.image) and not may_be_larger:
            return None
        notices = (*result.notices, *check_source(len(file), applied))
        kept = self._result(file, applied, notices, result.timings)
        others = with_source_kept(result.candidates, len(file), result)
        why = "not larger than the encoding"
        if len(file) > len(result.image):
            why = "within the limits, which keep the encoding from the target"
        return replace(
            kept,
            predicted_quality=result.predicted_quality,
            probes=result.probes,
            candidates=self._listed(others, file, why),
        )

    def _listed(
        self, others: Iterable[Considered], file: bytes, why: str
    ) -> tuple[Considered, ...]:
        """All candidates, the source first. Empty if there was no choice."""
        found = tuple(others)
        source = Considered(
            self.entry.candidate.encoder.format,
            Verdict.CHOSEN,
            f"the source: {why}",
            lossless=True,
            size_bytes=len(file),
            score=SSIMULACRA2.high,
        )
        return (source, *found) if found else ()

    def _file(self, metadata: Metadata) -> bytes | None:
        """The file with this metadata, as an encoding would have it. None if that is impossible."""
        candidate, data = self.entry.candidate, bytes(self.source.data)
        fmt, no_profile = candidate.encoder.format, candidate.pixels.profile is None
        same = self.intact and metadata == self.entry.metadata
        if same or (fmt is Format.AVIF and self.source.blocks.are(metadata)):
            return stripped(fmt, data, metadata=False, profile=no_profile)
        picture = stripped(fmt, data, metadata=True, profile=no_profile)
        return None if picture is None else with_metadata(fmt, picture, metadata)

    @property
    def _quality(self) -> int | None:
        """The estimated quality of a JPEG, None for other formats."""
        encoder, pixels = self.entry.candidate.encoder, self.entry.candidate.pixels
        if encoder.format is not Format.JPEG:
            return None
        return source_quality(self.source.data, encoder, pixels.samples[..., 0].size)

    def _in_budget(self) -> bytes | None:
        resolved, encoder = self.entry.resolved, self.entry.candidate.encoder
        if resolved.method is not Method.SIZE or not encoder.takes_quality:
            return None
        file = self._file(self.entry.metadata)
        return None if file is None or len(file) > resolved.budget else file

    def _result(
        self, file: bytes, applied: ResolvedTarget, notices: Iterable[Notice], timings: Timings
    ) -> EncodeResult:
        pixels = self.entry.candidate.pixels
        return EncodeResult(
            image=file,
            format=self.entry.candidate.encoder.format,
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
            width=pixels.width,
            height=pixels.height,
            frames=pixels.frames,
            lossless=True,
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
