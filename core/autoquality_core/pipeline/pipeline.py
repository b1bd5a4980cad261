"""From a source and a target to an encoded image and its proof.

`Pipeline.encode` is a list of steps; the deadline is checked between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from autoquality_core import images
from autoquality_core.formats import Encoder, encoder_for, fitting_metadata, writable
from autoquality_core.images import ImageLimits, Metadata, check_raw_shape, hidden
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.metrics import METRICS
from autoquality_core.networks import Predictor
from autoquality_core.pipeline.candidates import Candidate, candidates, source_notices
from autoquality_core.pipeline.choice import Entry, looks_alike
from autoquality_core.pipeline.comparison import Comparison, check_sides, compared
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import Considered, EncodeJob, EncodeResult
from autoquality_core.pipeline.limits import check_limits
from autoquality_core.pipeline.methods import (
    FixedQuality,
    MethodHandler,
    MlSearch,
    ScoreSearch,
    SizeSearch,
)
from autoquality_core.pipeline.prediction_policy import PredictionPolicy
from autoquality_core.pipeline.session import LendCore, Session
from autoquality_core.pipeline.sources import (
    OpenJob,
    OpenPair,
    check_fits,
    decode_one,
    open_job,
    open_pair,
)
from autoquality_core.pipeline.verdicts import decided
from autoquality_core.priors import features
from autoquality_core.runtime.context import context_for, step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Format,
    Method,
    Notice,
    NoticeCode,
    Outcome,
    RawSource,
    ResolvedTarget,
    Timings,
    Verdict,
)


class Pipeline:
    """Encodes and compares; shared by all threads, holds no state of a request."""

    def __init__(
        self,
        defaults: Defaults,
        limits: ImageLimits,
        predictors: Mapping[Format, Predictor] | None = None,
        *,
        advise: bool = True,
        lend_core: LendCore | None = None,
    ) -> None:
        """With `advise`, all searches for a score may use predictors, where that saves time.

        With `lend_core`, two qualities are tried at the same time where it lends a core.
        """
        self.defaults = defaults
        self.limits = limits
        self.predictors = dict(predictors or {})
        self._lend_core = lend_core
        policy = PredictionPolicy(self.predictors) if advise else None
        by_score = {
            method: ScoreSearch(METRICS[method.value], policy)
            for method in Method
            if method.value in METRICS
        }
        self._searches: dict[Method, MethodHandler] = {
            **by_score,
            Method.SIZE: SizeSearch(),
            Method.ML: MlSearch(self.predictors, by_score.values()),
        }

    def warm_up(self) -> None:
        """Compile everything now, so that the first request does not wait for it."""
        warm_up()

    def encode(self, job: EncodeJob, deadline: Deadline) -> EncodeResult:
        """Choose the quality and encode.

        Raises InvalidRequest (InvalidImage for the source), DeadlinePassed and
        RequestCancelled.
        """
        with context_for(deadline):
            return self.run(self.open(job, deadline), deadline)

    def check(self, job: EncodeJob) -> None:
        """Check everything that does not depend on the bytes of a file. Raises InvalidRequest."""
        self.defaults.check(job.spec)
        job = self._settled(job)
        for fmt in job.candidates if job.format is None else (job.format,):
            self._resolve(job, encoder_for(fmt, job.options))
        if isinstance(job.source, RawSource):
            check_raw_shape(job.source, self.limits)
            check_fits(job, job.source)

    def open(self, job: EncodeJob, deadline: Deadline, max_bytes: int | None = None) -> OpenJob:
        """Refuse a bad target, and a bad source by its header; raises as `encode` does.

        Cheap. `max_bytes` overrides the limit on the size of a file. The result has the cost of
        `run`.
        """
        deadline.check()
        self.check(job)
        job = self._settled(job)
        limits = self.limits if max_bytes is None else replace(self.limits, max_bytes=max_bytes)
        with step("open"):
            opened = open_job(job, limits)
            check_fits(job, opened.source)
        return opened

    @allocation_failures()
    def run(self, opened: OpenJob, deadline: Deadline) -> EncodeResult:
        """Decode, choose the quality and encode; raises as `encode` does, and MemoryError."""
        with context_for(deadline) as context:
            return self._run(opened, deadline, context.timings)

    def _run(self, opened: OpenJob, deadline: Deadline, timings: Timings) -> EncodeResult:
        deadline.check()
        job = opened.job
        with step("decode", pixels=opened.pixels):
            pixels, origin = opened.decode(deadline)
            able, left_out = candidates(job, pixels, origin)
        chosen, searched, considered = decided(
            self._entries(job, able, origin.metadata, deadline), left_out
        )
        over = check_limits(chosen.session, chosen.found)
        for metric in job.measure:
            if chosen.session.may_continue(chosen.quality):
                chosen.session.measure(chosen.quality, metric)
        notices = [*source_notices(pixels, origin), *_notices(job, chosen, considered), *over]
        return _result(chosen, searched, considered, notices, timings)

    def _entries(
        self, job: EncodeJob, able: Sequence[Candidate], metadata: Metadata, deadline: Deadline
    ) -> list[Entry]:
        """The candidates with their sessions and methods. Raises InvalidRequest."""
        entries: list[Entry] = []
        for one in able:
            fmt = one.encoder.format
            resolved = self._resolve(job, one.encoder)
            session = Session(
                one.pixels,
                one.encoder,
                deadline,
                lend_core=self._lend_core,
                metadata=fitting_metadata(fmt, metadata),
                like=next((each.session for each in entries if looks_alike(each, one)), None),
            )
            handler = self._handler(job, one, resolved)
            by_network = resolved.method is Method.ML and fmt in self.predictors
            encoder = one.encoder.for_network() if by_network else one.encoder
            entries.append(Entry(one, encoder, session, handler, resolved))
        return entries

    def compare(self, reference: bytes, distorted: bytes, deadline: Deadline) -> Comparison:
        """The exact scores of two image files by every metric.

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
            return compared(decoded[0], decoded[1], METRICS.values())

    def _settled(self, job: EncodeJob) -> EncodeJob:
        """The job with the default candidates, if they apply. Raises InvalidRequest."""
        fmt, several = self.defaults.formats_for(job.spec, job.format, job.candidates)
        return replace(job, format=fmt, candidates=several)

    def _resolve(self, job: EncodeJob, encoder: Encoder) -> ResolvedTarget:
        fmt = encoder.format
        substituted = job.format is not None and fmt is not job.format
        yielding = substituted or bool(job.candidates) or not encoder.takes_quality
        return self.defaults.resolve(job.spec, fmt, yielding=yielding)

    def _handler(
        self, job: EncodeJob, candidate: Candidate, resolved: ResolvedTarget
    ) -> MethodHandler:
        encoder = candidate.encoder
        if not encoder.takes_quality:
            outcome = Outcome.LOSSLESS_SMALLER if candidate.optional else Outcome.NO_QUALITY
            return FixedQuality(0, outcome)
        if resolved.method is Method.NONE:
            return FixedQuality(job.quality or self.defaults.quality_for(encoder.format))
        return self._searches[resolved.method]


def warm_up() -> None:
    """Compile every loop, or load it from numba's disk cache, and see what libvips can do."""
    images.source_formats()
    writable()
    images.warm_up()
    hidden.warm_up()
    features.warm_up()
    for metric in METRICS.values():
        metric.warm_up()


def _notices(job: EncodeJob, chosen: Entry, considered: Sequence[Considered]) -> Iterator[Notice]:
    """What the caller should know about the choice, and about the answer before its search."""
    late = [one.message for one in considered if one.verdict is Verdict.NO_TIME]
    if late:
        yield Notice(NoticeCode.CANDIDATE_SKIPPED, "; ".join(late))
    yield from chosen.candidate.notices
    if chosen.metadata.dropped:
        yield Notice(NoticeCode.METADATA_DROPPED, "; ".join(chosen.metadata.dropped))
    if job.spec.target is not None and chosen.resolved.method is Method.NONE:
        message = "METHOD_NONE searches for nothing: the target was not used; set the method"
        yield Notice(NoticeCode.TARGET_UNUSED, message)


def _result(
    chosen: Entry,
    searched: Sequence[Entry],
    considered: Sequence[Considered],
    notices: Iterable[Notice],
    timings: Timings,
) -> EncodeResult:
    session, answer = chosen.session, chosen.found
    return EncodeResult(
        image=session.file(answer.quality),
        format=session.encoder.format,
        quality=answer.quality,
        scores=session.scores(answer.quality),
        outcome=answer.outcome,
        applied=answer.applied,
        predicted_quality=answer.predicted_quality,
        probes=tuple(probe for one in searched for probe in one.session.probes),
        notices=(*notices, *answer.notices),
        width=session.pixels.width,
        height=session.pixels.height,
        frames=session.frames(answer.quality),
        alpha_quality=session.alpha_quality,
        lossless=session.encoder.lossless,
        candidates=tuple(considered),
        timings=timings,
    )
