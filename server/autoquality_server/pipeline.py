"""From a source and a wish to an encoded image and its proof.

The core as a library: no gRPC in sight. `Pipeline.encode` reads as the list of
steps that it is; the deadline is checked between them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoquality_server import dssim
from autoquality_server.codecs import CODECS, substitute
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
    RawSource,
    Timings,
)
from autoquality_server.errors import InvalidRequest
from autoquality_server.image import ImageLimits, Pixels, from_raw, luma, open_image
from autoquality_server.methods import (
    Answer,
    DssimSearch,
    FixedQuality,
    MethodHandler,
    MlSearch,
    SizeSearch,
    Trial,
)
from autoquality_server.predictor import Predictor


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
    ) -> None:
        self.defaults = defaults
        self.limits = limits
        self.predictors = dict(predictors or {})
        by_dssim = DssimSearch()
        self._searches: dict[Method, MethodHandler] = {
            Method.SIZE: SizeSearch(),
            Method.DSSIM: by_dssim,
            Method.ML: MlSearch(self.predictors, by_dssim),
        }

    def warm_up(self) -> None:
        """Compile what the first request would otherwise wait for; predictors come ready."""
        dssim.warm_up()

    def encode(
        self, job: EncodeJob, deadline: Deadline, timings: Timings | None = None
    ) -> EncodeResult:
        """Choose the quality and encode.

        Raises InvalidRequest (InvalidImage for the source), DeadlinePassed and
        RequestCancelled. `timings` is filled as the request goes along.
        """
        timings = timings or Timings()
        deadline.check()
        if job.format is not None:
            self._settle(job, job.format)  # refuse a bad wish before any work
        start = time.perf_counter()
        pixels, origin = _decode(job, self.limits)
        fmt, pixels, notices = _fit(job, pixels, origin)
        timings.decode += time.perf_counter() - start

        wish = self._settle(job, fmt)
        if job.wish.target is not None and wish.method is Method.NONE:
            message = "METHOD_NONE searches for nothing: the target was not used; set the method"
            notices.append(Notice(NoticeCode.TARGET_UNUSED, message))
        trial = Trial(pixels, CODECS[fmt], job.options, deadline, timings)
        answer = self._handler(job, fmt, wish).run(trial, wish)
        if job.measure_dssim and trial.may_continue(answer.quality):
            trial.measure(answer.quality)
        return _result(trial, answer, notices)

    def compare(self, reference: bytes, distorted: bytes, deadline: Deadline) -> Comparison:
        """The DSSIM between two image files, over every window position.

        Raises InvalidImage, DeadlinePassed and RequestCancelled.
        """
        planes = []
        for field, data in (("reference", reference), ("distorted", distorted)):
            deadline.check()
            planes.append(open_image(data, self.limits, field=field).decode(all_frames=True))
        first, second = planes
        if first.samples.shape[:3] != second.samples.shape[:3]:
            raise InvalidRequest(
                "distorted",
                f"must be as large as the reference, {_extent(first)}; is {_extent(second)}",
                reason="SIZE_MISMATCH",
            )
        deadline.check()
        return Comparison(
            dssim.compare(*_surfaces(first, second)), first.width, first.height, first.frames
        )

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


@dataclass(frozen=True, slots=True)
class _Origin:
    """What the source was: its format ("raw" for bare pixels) and its frames or pages."""

    format: str
    frames: int
    pages: int


_SAME_FORMAT = {fmt.value: fmt for fmt in CODECS}


def _decode(job: EncodeJob, limits: ImageLimits) -> tuple[Pixels, _Origin]:
    """Decode as many frames as the format to be written can hold."""
    if isinstance(job.source, RawSource):
        return from_raw(job.source, limits), _Origin("raw", 1, 1)
    source = open_image(job.source, limits)
    target = job.format or _SAME_FORMAT.get(source.format)
    all_frames = target is not None and CODECS[target].keeps_animation
    pixels = source.decode(all_frames=all_frames, keep_metadata=job.options.keep_metadata)
    return pixels, _Origin(source.format, source.frames, source.pages)


def _fit(job: EncodeJob, pixels: Pixels, origin: _Origin) -> tuple[Format, Pixels, list[Notice]]:
    """Choose the format to write, and bring the pixels to what it can hold.

    Raises InvalidRequest where no format that was allowed can hold the image.
    """
    notices = []
    natural = Format.PNG if pixels.has_alpha else Format.JPEG
    asked = job.format or _SAME_FORMAT.get(origin.format, natural)
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
        frames=trial.pixels.frames,
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
