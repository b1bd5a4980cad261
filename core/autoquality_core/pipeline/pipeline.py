"""From a source and a target to an encoded image and its proof.

`Pipeline.encode` is a list of steps; the deadline is checked between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from autoquality_core.errors import InvalidRequest, Violations
from autoquality_core.formats import Encoder, encoder_for, fitting_metadata, writable
from autoquality_core.images import ImageLimits, Metadata, Pixels, check_raw, source_formats
from autoquality_core.images.colour.spaces import Space
from autoquality_core.images.hidden import with_continued_colours
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.images.pixels import Decoded
from autoquality_core.metrics import METRICS
from autoquality_core.networks import Predictor
from autoquality_core.pipeline.candidates import Candidate, candidates, source_notices
from autoquality_core.pipeline.comparison import Comparison, OpenPair
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.entry import Entry, looks_alike
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.limits import check_limits, check_range
from autoquality_core.pipeline.methods import (
    MethodHandler,
    ScoreSearch,
    fixed_quality,
    has_near_lossless,
    predicted_size,
    search_by_network,
    search_by_size,
    search_near_lossless,
)
from autoquality_core.pipeline.results import notices_of, result_of
from autoquality_core.pipeline.session import LendCore, Session
from autoquality_core.pipeline.shrinking import Final, Shrinker
from autoquality_core.pipeline.source_file import SourceFile
from autoquality_core.pipeline.source_quality import cap_for, cap_notice, capped
from autoquality_core.pipeline.sources import OpenJob, check_fits, open_job
from autoquality_core.pipeline.verdicts import decided, not_tried, reduced
from autoquality_core.priors.features import all_features
from autoquality_core.priors.formats import learned
from autoquality_core.runtime.context import context_for, step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Chroma,
    Format,
    Method,
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
        advise: bool = True,
        lend_core: LendCore | None = None,
        max_search_pixels: float = math.inf,
    ) -> None:
        """With `advise`, all searches for a score may use predictors, where that saves time.

        With `lend_core`, two qualities are tried at the same time where it lends a core. An image
        of more than `max_search_pixels`, frames counted, gets the predicted quality.
        """
        self.defaults = defaults
        self.limits = limits
        self.predictors = dict(predictors or {})
        self._lend_core = lend_core
        self._advisers = self.predictors if advise else {}
        self._max_search_pixels = max_search_pixels
        self._searches = self._handlers(search_by_size, searches=True)
        self._predictions = self._handlers(predicted_size, searches=False)

    def _handlers(self, size: MethodHandler, *, searches: bool) -> dict[Method, MethodHandler]:
        by_metric = partial(ScoreSearch, predictors=self._advisers, searches=searches)
        searches_by = {name: by_metric(one) for name, one in METRICS.items()}
        by_score = {one: searches_by[one.value].run for one in Method if one.value in METRICS}
        ml = partial(search_by_network, self.predictors, searches_by)
        return {**by_score, Method.SIZE: size, Method.ML: ml}

    def encode(self, job: EncodeJob, deadline: Deadline) -> EncodeResult:
        """Choose the quality and encode.

        Raises InvalidRequest (InvalidImage for the source), DeadlinePassed and
        RequestCancelled.
        """
        with context_for(deadline):
            return self.run(self.open(job, deadline), deadline)

    def check(self, job: EncodeJob) -> None:
        """Check everything that does not depend on the bytes of a file.

        Raw pixels may still be absent. Raises InvalidRequest with all fields that are wrong.
        """
        wrong = Violations()
        with wrong:
            self.defaults.check(job.spec)
            job = self._settled(job)
            for fmt in job.candidates if job.format is None else (job.format,):
                self._resolve(job, encoder_for(fmt, job.options))
        if job.options.min_width < 1:
            right = f"must be pixels, 1 or more; is {job.options.min_width}"
            wrong.add(InvalidRequest("min_width", right))
        with wrong:
            if isinstance(job.source, RawSource):
                check_raw(job.source, self.limits, complete=bool(job.source.pixels))
                check_fits(job, job.source)
        wrong.raise_any()

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
        make_session = partial(self._session, deadline)
        entries = self._entries(opened, able, origin.metadata, make_session)
        before = source_notices(pixels, origin)
        source = SourceFile.of(opened, entries, origin)
        others = not_tried(entries, left_out)
        if source and (settled := source.settled(job, others, before, timings)):
            return settled
        chosen, searched, considered = decided(entries, left_out)
        session, answer = chosen.session, chosen.found
        notices = [*before, *notices_of(job, chosen, considered)]

        kept: EncodeResult | None = None
        if source:
            probes = tuple(probe for one in searched for probe in one.session.probes)
            result = result_of(session, answer, probes, considered, notices, timings)
            kept = source.instead_of(result, chosen)
            if kept and len(kept.image) <= kept.applied.budget:
                return kept
        lossy = chosen.instead_of or chosen
        full = lossy.session, lossy.found
        final = Shrinker(opened, pixels, origin, *full, make_session, lossy.handler).run()
        shrunk = final.session is not lossy.session
        if kept and not shrunk:  # both are over the byte budget, and the source is not larger
            more = check_range(job.spec, session, answer, chosen.cap)
            notices = [*kept.notices, *more]
            return replace(kept, probes=_probes(searched, lossy, final), notices=tuple(notices))
        if shrunk:
            chosen, session, answer = lossy, final.session, final.answer
        if chosen.cap is not None and answer.quality == chosen.cap:
            notices.append(cap_notice(chosen.cap))
        notices.extend(check_limits(session, answer))
        notices.extend(check_range(job.spec, session, answer, chosen.cap))
        for metric in job.measure:
            if session.may_continue(answer.quality):
                session.measure(answer.quality, metric)
        if shrunk:
            considered = reduced(considered, chosen, final)
        probes = _probes(searched, lossy, final)
        return result_of(session, answer, probes, considered, notices, timings)

    def _session(
        self,
        deadline: Deadline,
        candidate: Candidate,
        metadata: Metadata,
        like: Session | None = None,
    ) -> Session:
        known = candidate.pixels, candidate.encoder, deadline
        return Session(*known, lend_core=self._lend_core, metadata=metadata, like=like)

    def _entries(
        self,
        opened: OpenJob,
        able: Sequence[Candidate],
        metadata: Metadata,
        make_session: partial[Session],
    ) -> list[Entry]:
        """The candidates with their sessions and methods. Raises InvalidRequest."""
        job = opened.job
        entries: list[Entry] = []
        full = {one.encoder.format for one in able if one.encoder.chroma is Chroma.FULL}
        for one in able:
            fmt = one.encoder.format
            resolved = self._resolve(job, one.encoder)
            if one.encoder.near_lossless is not None and not (
                self._searched(one.pixels) and has_near_lossless(one.pixels, resolved)
            ):
                continue
            by_network = resolved.method is Method.ML and fmt in self.predictors
            encoder = one.encoder.for_network() if by_network else one.encoder
            cap = self._cap(opened, encoder, resolved)
            resolved = capped(resolved, cap)
            like = next((each.session for each in entries if looks_alike(each, one)), None)
            session = make_session(one, fitting_metadata(fmt, metadata), like)
            session.may_change_chroma = fmt not in full
            handler = self._handler(job, one, session, resolved, cap)
            entries.append(Entry(one, encoder, session, handler, resolved, cap))
        return entries

    def compare(self, reference: bytes, distorted: bytes, deadline: Deadline) -> Comparison:
        """The exact scores of two image files by every metric.

        Raises InvalidImage, DeadlinePassed and RequestCancelled.
        """
        return self.open_pair(reference, distorted, deadline).measure(deadline)

    def open_pair(self, reference: bytes, distorted: bytes, deadline: Deadline) -> OpenPair:
        """Refuse bad sources by their headers; raises as `compare` does."""
        deadline.check()
        with step("open"):
            return OpenPair.of(reference, distorted, self.limits)

    def _settled(self, job: EncodeJob) -> EncodeJob:
        """The job with the default candidates, if they apply. Raises InvalidRequest."""
        fmt, several = self.defaults.formats_for(job.spec, job.format, job.candidates)
        return replace(job, format=fmt, candidates=several)

    def _resolve(self, job: EncodeJob, encoder: Encoder) -> ResolvedTarget:
        fmt = encoder.format
        substituted = job.format is not None and fmt is not job.format
        yielding = substituted or bool(job.candidates) or not encoder.takes_quality
        return self.defaults.resolve(job.spec, fmt, yielding=yielding)

    def _cap(self, opened: OpenJob, encoder: Encoder, resolved: ResolvedTarget) -> int | None:
        """The quality of the source, if it limits that of the answer."""
        wanted = resolved.max_quality
        if resolved.method is Method.NONE:
            wanted = self._fixed(opened.job, encoder)
        return cap_for(opened, encoder, wanted)

    def _fixed(self, job: EncodeJob, encoder: Encoder) -> int:
        """The quality of METHOD_NONE."""
        return job.quality or self.defaults.quality_for(encoder.format)

    def _handler(
        self,
        job: EncodeJob,
        candidate: Candidate,
        session: Session,
        resolved: ResolvedTarget,
        cap: int | None,
    ) -> MethodHandler:
        encoder = candidate.encoder
        if encoder.near_lossless is not None:
            return search_near_lossless
        if not encoder.takes_quality:
            outcome = Outcome.LOSSLESS_SMALLER if candidate.optional else Outcome.NO_QUALITY
            return fixed_quality(0, outcome)
        if resolved.method is Method.NONE:
            return fixed_quality(cap or self._fixed(job, encoder))
        searched = self._searched(candidate.pixels)
        return (self._searches if searched else self._predictions)[resolved.method]

    def _searched(self, pixels: Pixels) -> bool:
        return pixels.frames * pixels.height * pixels.width <= self._max_search_pixels


def _probes(searched: Sequence[Entry], lossy: Entry, final: Final) -> tuple[Probe, ...]:
    """All encodings, as measured so far. Those of the entry `lossy` are in `final`."""
    return tuple(
        probe
        for one in searched
        for probe in (final.probes if one is lossy else one.session.probes)
    )


def warm_up() -> None:
    """Compile every loop, or load it from numba's disk cache, and see what libvips can do."""
    source_formats()
    writable()
    learned()
    space = Space(np.zeros((3, 1 << 16), np.float32), np.eye(3, dtype=np.float32))
    space.to_8_bits(np.zeros((1, 1, 3), np.uint8))
    space.to_8_bits(np.zeros((1, 1, 3), np.uint16))
    for bands in (3, 4):
        pixels = with_continued_colours(Pixels(np.zeros((1, 16, 16, bands), np.uint8)))
        all_features(pixels)
        for metric in METRICS.values():
            metric.reference(pixels).score(Decoded(pixels.samples))
