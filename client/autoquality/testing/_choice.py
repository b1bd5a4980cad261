"""The choice of the fake server among formats, and between the chroma and the losses of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autoquality.testing._curve import Curve
from autoquality.v1 import encoding_pb2 as pb

_Encode = Callable[[pb.EncodeRequest], pb.EncodeResponse]


def chosen(request: pb.EncodeRequest, encode: _Encode) -> pb.EncodeResponse:
    """Encode in each of the candidates, and return the best answer. All of them are tried.

    A format that loses more of the image than another is left out.
    """
    requests = [_with_format(request, format) for format in dict.fromkeys(request.candidates)]
    if len(requests) < 2:
        response = encode(requests[0] if requests else request)
        if others := _others(request, response):
            _add(response, response, pb.Candidate.VERDICT_CHOSEN, others)
        return response
    least = min(map(_loss, requests))
    able = [one for one in requests if _loss(one) == least]
    for one in able if len(able) > 1 else ():
        one.measure.append(pb.METRIC_SSIMULACRA2)
    return _best(request, [*map(encode, able)], [one.format for one in requests if one not in able])


def _with_format(request: pb.EncodeRequest, format: pb.Format.ValueType) -> pb.EncodeRequest:
    alone = pb.EncodeRequest()
    alone.CopyFrom(request)
    alone.ClearField("candidates")
    alone.format = format
    return alone


def _loss(request: pb.EncodeRequest) -> tuple[bool, bool, bool]:
    """Return whether the format loses frames, transparency, and the image itself."""
    curve = Curve.of(request)
    return (
        curve.source.frames > curve.frames,
        curve.source.has_alpha and curve.format == pb.FORMAT_JPEG,
        curve.format != request.format,
    )


def _best(
    request: pb.EncodeRequest,
    answers: list[pb.EncodeResponse],
    left_out: list[pb.Format.ValueType],
) -> pb.EncodeResponse:
    by_size = request.auto_quality.method == pb.METHOD_SIZE

    def rank(one: pb.EncodeResponse) -> tuple[bool, float]:
        missed = one.outcome == pb.OUTCOME_MAX_QUALITY_REACHED
        if by_size:
            missed = one.size_bytes > request.auto_quality.target
        return missed, -one.ssimulacra2 if by_size and not missed else one.size_bytes

    best = min(answers, key=rank)
    response = pb.EncodeResponse()
    response.CopyFrom(best)
    del response.probes[:], response.notices[:]
    # A choice uses the target, even if the best file has no quality.
    used = (one for one in best.notices if one.code != pb.Notice.CODE_TARGET_UNUSED)
    response.notices.extend(used)
    loses = pb.Candidate.VERDICT_LOOKS_WORSE if by_size else pb.Candidate.VERDICT_LARGER
    for one in answers:
        response.probes.extend(one.probes)
        verdict = pb.Candidate.VERDICT_CHOSEN if one is best else loses
        _add(response, one, verdict, _others(request, one))
    for format in left_out:
        response.candidates.add(
            format=format,
            verdict=pb.Candidate.VERDICT_CANNOT_HOLD_IMAGE,
            message="another format loses less of the image",
        )
    response.iterations = len(response.probes)
    return response


def _others(
    request: pb.EncodeRequest, response: pb.EncodeResponse
) -> list[tuple[pb.Chroma.ValueType, bool]]:
    """For each further candidate, return its chroma and whether it is lossless.

    These are the other chroma of CHROMA_AUTO, and a WebP without loss. The real server may choose
    them.
    """
    format, applied, found = response.format, response.applied, []
    if applied.method == pb.METHOD_NONE:
        return []
    if applied.method == pb.METHOD_SIZE or applied.metric == pb.METRIC_SSIMULACRA2:
        asked = {
            pb.FORMAT_WEBP: request.webp.chroma,
            pb.FORMAT_JPEG: request.jpeg.chroma,
            pb.FORMAT_AVIF: request.avif.chroma,
        }
        if asked.get(format) == pb.CHROMA_AUTO and not response.lossless:
            other = pb.CHROMA_SHARP if format == pb.FORMAT_WEBP else pb.CHROMA_FULL
            found.append((other, False))
    never = pb.LOSSLESS_NEVER, pb.LOSSLESS_ALWAYS
    if format == pb.FORMAT_WEBP and request.webp.lossless not in never:
        found.append((pb.CHROMA_SUBSAMPLED, True))
    return found


def _add(
    response: pb.EncodeResponse,
    answer: pb.EncodeResponse,
    verdict: pb.Candidate.Verdict.ValueType,
    others: Iterable[tuple[pb.Chroma.ValueType, bool]],
) -> None:
    """Add the candidates of the format of `answer`."""
    is_best = verdict == pb.Candidate.VERDICT_CHOSEN
    response.candidates.add(
        format=answer.format,
        verdict=verdict,
        message="the best of all" if is_best else "worse than the best",
        chroma=answer.probes[0].chroma,
        lossless=answer.lossless,
        quality=answer.quality,
        size_bytes=answer.size_bytes,
        ssimulacra2=answer.ssimulacra2 if answer.HasField("ssimulacra2") else None,
    )
    for chroma, lossless in others:
        response.candidates.add(
            format=answer.format,
            verdict=pb.Candidate.VERDICT_PREDICTED_LARGER,
            message="unlikely to win: not tried",
            chroma=chroma,
            lossless=lossless,
            predicted=True,
        )
