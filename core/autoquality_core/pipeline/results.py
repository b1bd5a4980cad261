"""The result of a request, from the answer of a search, and its notices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from autoquality_core.pipeline.entry import Entry
from autoquality_core.pipeline.job import Considered, EncodeJob, EncodeResult
from autoquality_core.pipeline.methods import Answer
from autoquality_core.pipeline.session import Session
from autoquality_core.types import Method, Notice, NoticeCode, Probe, Timings, Verdict


def result_of(
    session: Session,
    answer: Answer,
    probes: tuple[Probe, ...],
    considered: Sequence[Considered],
    notices: Iterable[Notice],
    timings: Timings,
) -> EncodeResult:
    """The result with the answer of a session. `probes` are those of all sessions."""
    return EncodeResult(
        image=session.file(answer.quality),
        format=session.encoder.format,
        quality=answer.quality,
        scores=session.scores(answer.quality),
        outcome=answer.outcome,
        applied=answer.applied,
        predicted_quality=answer.predicted_quality,
        probes=probes,
        notices=(*notices, *answer.notices),
        width=session.pixels.width,
        height=session.pixels.height,
        frames=session.frames(answer.quality),
        alpha_quality=session.alpha_quality,
        lossless=session.encoder.lossless,
        near_lossless=session.encoder.near_lossless,
        candidates=tuple(considered),
        timings=timings,
    )


def notices_of(
    job: EncodeJob, chosen: Entry, considered: Sequence[Considered] = ()
) -> Iterator[Notice]:
    """What the caller should know about an entry before its search, and about the choice of it."""
    late = [one.message for one in considered if one.verdict is Verdict.NO_TIME]
    if late:
        yield Notice(NoticeCode.CANDIDATE_SKIPPED, "; ".join(late))
    yield from chosen.candidate.notices
    if chosen.metadata.dropped:
        yield Notice(NoticeCode.METADATA_DROPPED, "; ".join(chosen.metadata.dropped))
    if job.spec.target is not None and (reason := _why_unused(job, chosen)):
        yield Notice(NoticeCode.TARGET_UNUSED, f"the target was not used, because {reason}")


def _why_unused(job: EncodeJob, chosen: Entry) -> str | None:
    """Why the target has no effect on an entry, and what would help; None if it has one."""
    method, encoder = chosen.resolved.method, chosen.encoder
    if method is Method.NONE:
        return "the method is none: set the method (--method), or give a word such as high"
    # A budget of bytes may reduce the image, and a choice may want a lossless file.
    shrinks = method is Method.SIZE and job.options.may_shrink
    if encoder.takes_quality or chosen.candidate.optional or shrinks or job.candidates:
        return None
    dropped = chosen.session.metadata != chosen.metadata
    if method is Method.SIZE and dropped and chosen.size <= chosen.resolved.budget:
        return None
    if encoder.has_quality:
        return f"{encoder.format.value}.lossless leaves no quality to choose"
    return f"{encoder.format.name} has no quality: set a format (--format) that has one"
