"""From a source and a wish to an encoded image and its proof.

The core as a library: no gRPC in sight. `Pipeline.encode` reads as the list of
steps that it is; the deadline is checked between them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autoquality_server import dssim
from autoquality_server.codecs import CODECS, fitting_metadata, substitute
from autoquality_server.deadline import Deadline
from autoquality_server.defaults import Defaults
from autoquality_server.domain import (
    AutoQuality,
    EncodeJob,
    EncodeResult,
    Format,
    Method,
    Notice,
    NoticeCode,
    Outcome,
    Probe,
    RawSource,
    Timings,
)
from autoquality_server.errors import InvalidRequest
from autoquality_server.image import ImageLimits, Pixels, check_raw_shape, luma
from autoquality_server.methods import (
    Adviser,
    Answer,
    DssimSearch,
    FixedQuality,
    MethodHandler,
    MlSearch,
    Pace,
    SizeSearch,
    Spare,
    Trial,
    warm_up,
)
from autoquality_server.predictor import Predictor
from autoquality_server.sources import (
    SAME_FORMAT,
    OpenJob,
    OpenPair,
    Origin,
    open_job,
    open_pair,
)
from autoquality_server.stages import stage


@dataclass(frozen=True, slots=True)
class Comparison:
    """The DSSIM of two images and what was compared; height is of one frame."""

    dssim: float
    width: int
    height: int
    frames: int


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
        self._pace = Pace()
        self._spare = spare
        adviser = Adviser(self.predictors, self._pace) if advise_dssim else None
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
            self._settle(job, job.format)
        if isinstance(job.source, RawSource):
            check_raw_shape(job.source, self.limits)

    def open(
        self,
        job: EncodeJob,
        deadline: Deadline,
        timings: Timings,
        max_bytes: int | None = None,
    ) -> OpenJob:
        """Refuse a bad wish and a bad source by its header; raises as `encode` does.

        Cheap. What it gives tells what `run` will cost. `max_bytes` goes before
        what the limits say of the size of a file.
        """
        deadline.check()
        self.check(job)
        limits = self.limits if max_bytes is None else replace(self.limits, max_bytes=max_bytes)
        start = time.perf_counter()
        with stage("open"):
            opened = open_job(job, limits)
        timings.decode += time.perf_counter() - start
        return opened

    def run(
        self,
        opened: OpenJob,
        deadline: Deadline,
        timings: Timings,
        on_probe: Callable[[Probe], None] | None = None,
    ) -> EncodeResult:
        """Decode, choose the quality and encode; raises as `encode` does.

        `on_probe` is called with each encoding as soon as it was made.
        """
        deadline.check()
        job = opened.job
        start = time.perf_counter()
        with stage("decode", pixels=opened.pixels):
            pixels, origin = opened.decode()
            fmt, pixels, notices = _fit(job, pixels, origin)
            metadata = fitting_metadata(fmt, origin.metadata)
        timings.decode += time.perf_counter() - start

        if metadata.dropped:
            notices.append(Notice(NoticeCode.METADATA_DROPPED, "; ".join(metadata.dropped)))
        wish = self._settle(job, fmt)
        if job.wish.target is not None and wish.method is Method.NONE:
            message = "METHOD_NONE searches for nothing: the target was not used; set the method"
            notices.append(Notice(NoticeCode.TARGET_UNUSED, message))
        trial = Trial(
            *(pixels, CODECS[fmt], job.options, deadline, timings),
            on_probe=on_probe,
            pace=self._pace,
            spare=self._spare,
            metadata=metadata,
        )
        answer = self._handler(job, fmt, wish).run(trial, wish)
        if job.measure_dssim and trial.may_continue(answer.quality):
            trial.measure(answer.quality)
        return _result(trial, answer, notices)

    def compare(self, reference: bytes, distorted: bytes, deadline: Deadline) -> Comparison:
        """The DSSIM between two image files, over every window position.

        Raises InvalidImage, DeadlinePassed and RequestCancelled.
        """
        return self.measure(self.open_pair(reference, distorted, deadline), deadline)

    def open_pair(self, reference: bytes, distorted: bytes, deadline: Deadline) -> OpenPair:
        """Refuse bad sources by their headers; raises as `compare` does."""
        deadline.check()
        with stage("open"):
            return open_pair(reference, distorted, self.limits)

    def measure(self, pair: OpenPair, deadline: Deadline) -> Comparison:
        """Decode both and compare; raises as `compare` does."""
        planes = []
        for source in (pair.reference, pair.distorted):
            deadline.check()
            with stage("decode", pixels=source.width * source.height * source.frames):
                planes.append(source.decode(all_frames=True))
        first, second = planes
        if first.samples.shape[:3] != second.samples.shape[:3]:
            raise InvalidRequest(
                "distorted",
                f"must be as large as the reference, {_extent(first)}; is {_extent(second)}",
                reason="SIZE_MISMATCH",
            )
        deadline.check()
        with stage("measure"):
            found = dssim.compare(*_surfaces(first, second))
        return Comparison(found, first.width, first.height, first.frames)

    def _settle(self, job: EncodeJob, fmt: Format) -> AutoQuality:
        substituted = job.format is not None and fmt is not job.format
        lossless = fmt in CODECS and not CODECS[fmt].has_quality
        return self.defaults.settle(job.wish, fmt, yielding=substituted or lossless)

    def _handler(self, job: EncodeJob, fmt: Format, wish: AutoQuality) -> MethodHandler:
        if not CODECS[fmt].has_quality:
            return FixedQuality(0, Outcome.NO_QUALITY)
        if wish.method is Method.NONE:
            return FixedQuality(job.quality or self.defaults.quality_for(fmt))
        return self._searches[wish.method]


def _fit(job: EncodeJob, pixels: Pixels, origin: Origin) -> tuple[Format, Pixels, list[Notice]]:
    """Choose the format to write, and bring the pixels to what it can hold.

    Raises InvalidRequest where no format that was allowed can hold the image.
    """
    notices = []
    if origin.damaged:
        message = "the source is truncated or damaged: what could be decoded was encoded"
        notices.append(Notice(NoticeCode.SOURCE_TRUNCATED, message))
    natural = Format.PNG if pixels.has_alpha else Format.JPEG
    asked = job.format or SAME_FORMAT.get(origin.format, natural)
    fmt = substitute(asked, pixels.width, pixels.height, has_alpha=pixels.has_alpha)
    if fmt is not asked:
        size = f"{pixels.width}x{pixels.height}"
        message = f"{asked.name} cannot hold an image of {size}: written as {fmt.name}"
        notices.append(Notice(NoticeCode.FORMAT_SUBSTITUTED, message))
    several = max(origin.frames, origin.pages)
    if several > pixels.frames:
        message = f"the source has {several} frames or pages: only the first was encoded"
        notices.append(Notice(NoticeCode.FIRST_FRAME_ONLY, message))
    if pixels.has_alpha and not CODECS[fmt].keeps_alpha:
        message = f"{fmt.name} has no transparency: flattened on the background"
        notices.append(Notice(NoticeCode.ALPHA_FLATTENED, message))
        pixels = pixels.flattened(job.options.background)
    return fmt, pixels, notices


def _result(trial: Trial, answer: Answer, notices: list[Notice]) -> EncodeResult:
    return EncodeResult(
        image=trial.encoded(answer.quality),
        format=trial.format,
        quality=answer.quality,
        dssim=trial.dssim_at(answer.quality),
        outcome=answer.outcome,
        applied=answer.applied,
        predicted_quality=answer.predicted_quality,
        probes=tuple(trial.probes),
        notices=(*notices, *answer.notices),
        width=trial.pixels.width,
        height=trial.pixels.height,
        frames=trial.frames(answer.quality),
        alpha_quality=trial.alpha_quality,
        timings=trial.timings,
    )


def _surfaces(first: Pixels, second: Pixels) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The luma of both; where only one has alpha, the other looks the same over any background."""
    one, other = luma(first), luma(second)
    surfaces = max(one.shape[0], other.shape[0])
    shape = (surfaces, *one.shape[1:])
    return np.broadcast_to(one, shape), np.broadcast_to(other, shape)


def _extent(pixels: Pixels) -> str:
    size = f"{pixels.width}x{pixels.height}"
    return size if pixels.frames == 1 else f"{size} with {pixels.frames} frames"
