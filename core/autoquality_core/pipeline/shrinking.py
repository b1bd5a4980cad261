"""A smaller image for a byte budget that no quality meets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from autoquality_core.formats import Encoder, JxlEncoder, JxlTranscoder, fitting_metadata
from autoquality_core.images import NO_METADATA, Metadata, Pixels, Source
from autoquality_core.images.shrinking import shrunk
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.candidates import Candidate, candidate_of
from autoquality_core.pipeline.methods import Answer, MethodHandler, search_by_size
from autoquality_core.pipeline.session import Session
from autoquality_core.pipeline.sources import OpenJob, Origin
from autoquality_core.priors import score_prior, size_prior
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.runtime.context import step
from autoquality_core.search import CurveModel, first_fitting
from autoquality_core.types import (
    MAX_QUALITY,
    Method,
    Notice,
    NoticeCode,
    Outcome,
    Probe,
    ResolvedTarget,
)

ACCEPTABLE = 50.0
"""The SSIMULACRA2 below which fewer pixels are better than a lower quality: "medium"."""

_AIM, _ENOUGH = 0.96, 0.88
"""Shares of the budget: the one to choose a width for, and the least one to accept."""

_MOST_WIDTHS = 8
_METADATA_SHARE = 0.25
"""The largest share of the budget for metadata, if some of it can be dropped."""

_GROWTH = 1.7
"""The exponent of the bytes over the width: below 2, because the pixels of a smaller image have
more detail. Two widths that were tried replace it, within limits."""

_LEAST_GROWTH, _MOST_GROWTH = 1.0, 2.5

MakeSession = Callable[[Candidate, Metadata], Session]


class Final(NamedTuple):
    """An answer and its session. `sessions` has all sessions, in the order of their probes."""

    session: Session
    answer: Answer
    sessions: tuple[Session, ...]

    @property
    def probes(self) -> tuple[Probe, ...]:
        return tuple(probe for one in self.sessions for probe in one.probes)


@dataclass(frozen=True)
class Shrinker:
    """Finds nearly the largest width at which an image fits a byte budget.

    `pixels` are those of the source. `full` is the session of the `answer` at full width, which
    `method` found.
    """

    opened: OpenJob
    pixels: Pixels
    origin: Origin
    full: Session
    answer: Answer
    make_session: MakeSession
    method: MethodHandler

    def run(self) -> Final:
        """The answer at the largest width found that fits.

        It is the answer at full width if that fits, if there is no byte budget, or if no width
        fits that the request allows.

        The quality of the widths tried is one that looks acceptable, or `min_quality` if that is
        higher. What is left of the budget then goes to the quality. Only at the least width, the
        quality may fall to `min_quality`.
        """
        allowed = self.opened.job.options.may_shrink and self._resolved.method is not Method.NONE
        if not allowed or self.full.size(self.answer.quality) <= self._budget:
            return Final(self.full, self.answer, (self.full,))
        return self._smaller()

    def _smaller(self) -> Final:
        tried: dict[int, Session] = {}
        sizes = {self.pixels.width: self._predicted_size()}
        fitting, over, narrowest = 0, self.pixels.width, self._narrowest
        while len(tried) < _MOST_WIDTHS and max(fitting + 1, narrowest) < over:
            width = min(max(self._next(sizes), fitting + 1, narrowest), over - 1)
            if not self.full.may_continue(self._quality):
                break
            tried[width] = self._session(width)
            sizes[width] = tried[width].probe(self._quality).size_bytes
            if sizes[width] > self._budget:
                over = width
            else:
                fitting = width
                if sizes[width] >= _ENOUGH * self._budget:
                    break
        if session := tried.get(fitting or narrowest):
            answer = self._answer(session, self._quality if fitting else self._resolved.min_quality)
            if session.size(answer.quality) <= self._budget:
                others = [one for one in tried.values() if one is not session]
                return Final(session, answer, (self.full, *others, session))
        return Final(self.full, self.answer, (self.full, *tried.values()))

    @property
    def _resolved(self) -> ResolvedTarget:
        return self.answer.applied

    @property
    def _budget(self) -> float:
        return self._resolved.budget

    @property
    def _encoder(self) -> Encoder:
        return self.full.encoder

    @cached_property
    def _quality(self) -> int:
        """The quality of the widths tried; 0 for a format without one."""
        if not self._encoder.takes_quality:
            return 0
        features = self.full.features_for(SSIMULACRA2)
        known = self._encoder, SSIMULACRA2, self.full.pixel_count, features
        prior = score_prior(*known, frames=self.full.pixels.frames)
        good = np.flatnonzero(prior.mean >= SSIMULACRA2.value(ACCEPTABLE))
        acceptable = int(good[0]) + 1 if good.size else MAX_QUALITY
        return min(max(acceptable, self._resolved.min_quality), self._resolved.max_quality)

    @property
    def _narrowest(self) -> int:
        """The least width that the request and the format allow."""
        width, height = self.pixels.width, self.pixels.height
        side = self._encoder.min_side
        return max(self.opened.job.options.min_width, side, math.ceil(side * width / height))

    def _height(self, width: int) -> int:
        return max(round(self.pixels.height * width / self.pixels.width), 1)

    def _predicted_size(self) -> float:
        """The bytes at full width and at `_quality`, given those of the answer."""
        known = self.full.size(self.answer.quality)
        if self._quality == self.answer.quality:
            return known
        count, constant = self.full.pixel_count, self.full.metadata.size
        model = CurveModel(size_prior(self._encoder, count, self.full.all_features))
        model.observe(self.answer.quality, math.log((known - constant) / count))
        likeliest = max(model.posterior(), key=lambda belief: belief.weight)
        return constant + count * math.exp(likeliest.mean[self._quality - 1])

    def _next(self, sizes: dict[int, float]) -> int:
        """The width whose file should be a little smaller than the budget."""
        constant = self._metadata(self.pixels.width).size
        aim = _AIM * self._budget - constant
        if aim <= 0:
            return 0
        known = {width: max(size - constant, 1.0) for width, size in sizes.items()}
        nearest, *others = sorted(known, key=lambda width: abs(math.log(known[width] / aim)))
        growth = _GROWTH
        if others and len(known) > 2:
            other = others[0]
            growth = math.log(known[nearest] / known[other]) / math.log(nearest / other)
            growth = min(max(growth, _LEAST_GROWTH), _MOST_GROWTH)
        return int(nearest * (aim / known[nearest]) ** (1 / growth))

    def _session(self, width: int) -> Session:
        """The session of the image at a width, with the metadata that the budget has room for."""
        deadline, height = self.full.deadline, self._height(width)
        with deadline.in_place_of(pyvips.Error), step("shrink", width=width):
            small = shrunk(self.pixels, width, height, deadline.calling)
        encoder = self._encoder
        if isinstance(encoder, JxlTranscoder):  # which knows the full size only
            encoder = JxlEncoder(encoder.options)
        candidate = candidate_of(self.opened.job, encoder, small, self.origin)
        return self.make_session(candidate, self._metadata(width))

    def _metadata(self, width: int) -> Metadata:
        """The metadata for the image at a width: as much as the request wants and fits well."""
        most = _METADATA_SHARE * self._budget
        choices = self._requested(width).choices()
        return next(one for one in choices if one.size <= most or not one)

    def _requested(self, width: int) -> Metadata:
        source, options = self.opened.source, self.opened.job.options
        if not isinstance(source, Source):
            return NO_METADATA
        metadata = source.metadata(
            everything=options.keep_metadata,
            copyright_too=options.keep_copyright,
            size=(width, self._height(width)),
        )
        return fitting_metadata(self._encoder.format, metadata)

    def _answer(self, session: Session, lowest: int) -> Answer:
        """The best answer at the width of a session, with no quality below `lowest`."""
        resolved = replace(self._resolved, min_quality=lowest)
        if not self._encoder.takes_quality:
            answer = Answer(0, Outcome.NO_QUALITY, resolved)
        elif resolved.method is Method.SIZE:
            answer = search_by_size(session, resolved, first_fitting)
            if answer.outcome is Outcome.PREDICTION_TRUSTED:
                reached = self._budget >= resolved.target
                met = Outcome.TARGET_MET if reached else Outcome.MAX_BYTES_REACHED
                answer = replace(answer, outcome=met)
        else:
            answer = self.method(session, resolved)
        applied = replace(answer.applied, min_quality=self._resolved.min_quality)
        notices = (*answer.notices, *self._notices(session, answer.notices))
        return replace(answer, applied=applied, notices=notices)

    def _notices(self, session: Session, known: tuple[Notice, ...]) -> list[Notice]:
        full = f"{self.pixels.width}x{self.pixels.height}"
        size = f"{session.pixels.width}x{session.pixels.height}"
        message = f"no quality meets the budget at {full}: the image was reduced to {size}"
        found = [Notice(NoticeCode.IMAGE_SHRUNK, message)]
        dropped = session.metadata != self._requested(session.pixels.width)
        if dropped and not any(one.code is NoticeCode.METADATA_DROPPED for one in known):
            message = "the budget has no room for all metadata: the rest was left out"
            found.append(Notice(NoticeCode.METADATA_DROPPED, message))
        return found
