"""From a source and a spec to an encoded image and its proof.

The core as a library: no gRPC in sight. `Pipeline.encode` reads as the list of
steps that it is; the deadline is checked between them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from autoquality_core.encode.comparison import Comparison, check_sides, compared
from autoquality_core.encode.defaults import Defaults
from autoquality_core.encode.methods import (
    Answer,
    DssimSearch,
    FixedQuality,
    MethodHandler,
    MlSearch,
    PredictionPolicy,
    Session,
    SizeSearch,
    Spare,
    warm_up,
)
from autoquality_core.encode.sources import (
    OpenJob,
    OpenPair,
    Origin,
    asked_format,
    check_fits,
    decode_one,
    open_job,
    open_pair,
)
from autoquality_core.formats import CODECS, fitting_metadata, substitute
from autoquality_core.images import ImageLimits, Pixels, check_raw_shape
from autoquality_core.images.hidden import with_black, with_continued_colours
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.networks import Predictor
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.runtime.steps import step
from autoquality_core.types import (
    EncodeJob,
    EncodeResult,
    Format,
    Method,
    Notice,
    NoticeCode,
    Outcome,
    Probe,
    RawSource,
    ResolvedTarget,
    Timings,
)


class Pipeline:
    """Encodes and compares; shared by all threads, holds no state of a request."""

    def __init__(
        self,
        defaults: Defaults,
        limits: ImageLimits,
        predictors: Mapping[Format, Predictor] | None = None,
        *,
        advise_dssim: bool = True,
        spare: Spare | None = None,
    ) -> None:
        """With `advise_dssim`, METHOD_DSSIM may ask the predictors too, where it saves time.

        With `spare`, two qualities are tried at the same time where it lends a core.
        """
        self.defaults = defaults
        self.limits = limits
        self.predictors = dict(predictors or {})
        self._spare = spare
        adviser = PredictionPolicy(self.predictors) if advise_dssim else None
        by_dssim = DssimSearch(adviser)
        self._searches: dict[Method, MethodHandler] = {
            Method.SIZE: SizeSearch(),
            Method.DSSIM: by_dssim,
            Method.ML: MlSearch(self.predictors, by_dssim),
        }

    def warm_up(self) -> None:
        """Compile what the first request would otherwise wait for; predictors come ready."""
        warm_up()

    def encode(
        self, job: EncodeJob, deadline: Deadline, timings: Timings | None = None
    ) -> EncodeResult:
        """Choose the quality and encode.

        Raises InvalidRequest (InvalidImage for the source), DeadlinePassed and
        RequestCancelled. `timings` is filled as the request goes along.
        """
        timings = timings or Timings()
        return self.run(self.open(job, deadline, timings), deadline, timings)

    def check(self, job: EncodeJob) -> None:
        """Refuse what is wrong whatever the bytes of the source are. Raises InvalidRequest."""
        if job.format is not None:
            self._resolve(job, job.format)
        if isinstance(job.source, RawSource):
            check_raw_shape(job.source, self.limits)
            check_fits(job, job.source)

    def open(
        self,
        job: EncodeJob,
        deadline: Deadline,
        timings: Timings,
        max_bytes: int | None = None,
    ) -> OpenJob:
        """Refuse a bad spec and a bad source by its header; raises as `encode` does.

        Cheap. What it gives tells what `run` will cost. `max_bytes` goes before
        what the limits say of the size of a file.
        """
        deadline.check()
        self.check(job)
        limits = self.limits if max_bytes is None else replace(self.limits, max_bytes=max_bytes)
        start = time.perf_counter()
        with step("open"):
            opened = open_job(job, limits)
            check_fits(job, opened.source)
        timings.decode += time.perf_counter() - start
        return opened

    @allocation_failures()
    def run(
        self,
        opened: OpenJob,
        deadline: Deadline,
        timings: Timings,
        on_probe: Callable[[Probe], None] | None = None,
    ) -> EncodeResult:
        """Decode, choose the quality and encode; raises as `encode` does, and MemoryError.

        `on_probe` is called with each encoding as soon as it was made.
        """
        deadline.check()
        job = opened.job
        start = time.perf_counter()
        with step("decode", pixels=opened.pixels):
            pixels, origin = opened.decode(deadline)
            fmt, pixels, notices = _fit(job, pixels, origin)
            metadata = fitting_metadata(fmt, origin.metadata)
        timings.decode += time.perf_counter() - start

        if metadata.dropped:
            notices.append(Notice(NoticeCode.METADATA_DROPPED, "; ".join(metadata.dropped)))
        resolved = self._resolve(job, fmt)
        if job.spec.target is not None and resolved.method is Method.NONE:
            message = "METHOD_NONE searches for nothing: the target was not used; set the method"
            notices.append(Notice(NoticeCode.TARGET_UNUSED, message))
        session = Session(
            *(pixels, CODECS[fmt], job.options, deadline, timings),
            on_probe=on_probe,
            spare=self._spare,
            metadata=metadata,
        )
        answer = self._handler(job, fmt, resolved).run(session, resolved)
        if job.measure_dssim and session.may_continue(answer.quality):
            session.measure(answer.quality)
        return _result(session, answer, notices)

    def compare(self, reference: bytes, distorted: bytes, deadline: Deadline) -> Comparison:
        """The DSSIM between two image files, over every window position.

        Raises InvalidImage, DeadlinePassed and RequestCancelled.
        """
        return self.measure(self.open_pair(reference, distorted, deadline), deadline)

    def open_pair(self, reference: bytes, distorted: bytes, deadline: Deadline) -> OpenPair:
        """Refuse bad sources by their headers; raises as `compare` does."""
        deadline.check()
        with step("open"):
            pair = open_pair(reference, distorted, self.limits)
        check_sides(pair.reference, pair.distorted)
        return pair

    @allocation_failures()
    def measure(self, pair: OpenPair, deadline: Deadline) -> Comparison:
        """Decode both and compare; raises as `compare` does, and MemoryError."""
        decoded = []
        for source, other in (
            (pair.reference, pair.distorted),
            (pair.distorted, pair.reference),
        ):
            deadline.check()
            whole = other.frames > 1 or not source.holds_still
            with step("decode", pixels=source.pixels(all_frames=whole)):
                decoded.append(decode_one(source, deadline, all_frames=whole, profile=pair.profile))
        deadline.check()
        with step("measure"):
            return compared(*decoded)

    def _resolve(self, job: EncodeJob, fmt: Format) -> ResolvedTarget:
        substituted = job.format is not None and fmt is not job.format
        lossless = fmt in CODECS and not CODECS[fmt].has_quality
        return self.defaults.resolve(job.spec, fmt, yielding=substituted or lossless)

    def _handler(self, job: EncodeJob, fmt: Format, resolved: ResolvedTarget) -> MethodHandler:
        if not CODECS[fmt].has_quality:
            return FixedQuality(0, Outcome.NO_QUALITY)
        if resolved.method is Method.NONE:
            return FixedQuality(job.quality or self.defaults.quality_for(fmt))
        return self._searches[resolved.method]


def _fit(job: EncodeJob, pixels: Pixels, origin: Origin) -> tuple[Format, Pixels, list[Notice]]:
    """Choose the format to write, and bring the pixels to what it can hold.

    Raises InvalidRequest where no format that was allowed can hold the image.
    """
    notices = []
    if origin.damaged:
        message = "the source is truncated or damaged: what could be decoded was encoded"
        notices.append(Notice(NoticeCode.SOURCE_TRUNCATED, message))
    asked = asked_format(job, origin.format, has_alpha=pixels.has_alpha)
    fmt = substitute(asked, pixels.width, pixels.height, has_alpha=pixels.has_alpha)
    if fmt is not asked:
        size = f"{pixels.width}x{pixels.height}"
        message = f"{asked.name} cannot hold an image of {size}: written as {fmt.name}"
        notices.append(Notice(NoticeCode.FORMAT_SUBSTITUTED, message))
    several = max(origin.frames, origin.pages)
    if several > pixels.frames:
        message = f"the source has {several} frames or pages: only the first was encoded"
        notices.append(Notice(NoticeCode.FIRST_FRAME_ONLY, message))
    if pixels.tone_mapped:
        message = "the source is HDR: its brightness was mapped to the range of SDR"
        notices.append(Notice(NoticeCode.HDR_TONE_MAPPED, message))
    if pixels.clipped:
        message = (
            "colours of the source lie outside sRGB and were clipped; color_profile keeps them"
        )
        notices.append(Notice(NoticeCode.COLORS_CLIPPED, message))
    if origin.gain_map:
        message = "the source has a gain map for HDR screens: it was left out"
        notices.append(Notice(NoticeCode.GAIN_MAP_DROPPED, message))
    if pixels.has_alpha and not CODECS[fmt].keeps_alpha:
        message = f"{fmt.name} has no transparency: flattened on the background"
        notices.append(Notice(NoticeCode.ALPHA_FLATTENED, message))
        pixels = pixels.flattened(job.options.background)
    if not job.options.keep_hidden_colors:
        replace_hidden = with_continued_colours if CODECS[fmt].has_quality else with_black
        pixels = replace_hidden(pixels)
    return fmt, pixels, notices


def _result(session: Session, answer: Answer, notices: list[Notice]) -> EncodeResult:
    return EncodeResult(
        image=session.encoded(answer.quality),
        format=session.format,
        quality=answer.quality,
        dssim=session.dssim_at(answer.quality),
        outcome=answer.outcome,
        applied=answer.applied,
        predicted_quality=answer.predicted_quality,
        probes=tuple(session.probes),
        notices=(*notices, *answer.notices),
        width=session.pixels.width,
        height=session.pixels.height,
        frames=session.frames(answer.quality),
        alpha_quality=session.alpha_quality,
        timings=session.timings,
    )
