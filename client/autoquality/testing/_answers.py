"""The default answers of the fake server."""

from __future__ import annotations

import zlib
from typing import Any, overload

from google.protobuf.duration_pb2 import Duration

from autoquality._version import __version__
from autoquality.testing import _source as source
from autoquality.testing._choice import chosen
from autoquality.testing._curve import Curve, ssimulacra2_of
from autoquality.testing._defaults import DEFAULTS, LIMITS, QUALITIES, applied_to
from autoquality.testing._fault import Fault
from autoquality.testing._image import header_of
from autoquality.testing._notices import notices, result_notices
from autoquality.testing._search import search
from autoquality.testing._validate import check_compare, check_encode
from autoquality.v1 import encoding_pb2 as pb

_ENCODE_NANOS = 20_000_000
_MEASURE_NANOS = 5_000_000
"""The time of each encoding, and of its measurement."""


@overload
def answer(
    request: pb.EncodeRequest, *, check_images: bool = True, limits: pb.Limits = LIMITS
) -> pb.EncodeResponse | Fault: ...
@overload
def answer(
    request: pb.CompareRequest, *, check_images: bool = True, limits: pb.Limits = LIMITS
) -> pb.CompareResponse | Fault: ...
@overload
def answer(
    request: pb.GetServerInfoRequest, *, check_images: bool = True, limits: pb.Limits = LIMITS
) -> pb.GetServerInfoResponse: ...


def answer(
    request: pb.EncodeRequest | pb.CompareRequest | pb.GetServerInfoRequest,
    *,
    check_images: bool = True,
    limits: pb.Limits = LIMITS,
) -> pb.EncodeResponse | pb.CompareResponse | pb.GetServerInfoResponse | Fault:
    """Compute the answer to `request`. Equal requests have equal answers.

    Only JPEG has a network. An invalid request gets the `Fault` of the real server, and so do
    bytes that are not an image, unless `check_images` is False, and a source over one of the
    `limits`. Only the header of a file is read: damage behind it, profiles and metadata go
    unnoticed.
    """
    match request:
        case pb.EncodeRequest():
            fault = check_encode(request, check_images=check_images, limits=limits)
            return fault or source.keep_smaller(request, chosen(request, _encode))
        case pb.CompareRequest():
            fault = check_compare(request, check_images=check_images, limits=limits)
            return fault or _compare(request)
        case pb.GetServerInfoRequest():
            return _info(limits)
    raise TypeError(f"not a request: {type(request).__name__}")


def _encode(request: pb.EncodeRequest) -> pb.EncodeResponse:
    """Encode a valid request in its own format."""
    curve = Curve.of(request)
    applied = applied_to(request.auto_quality, curve.format)
    response = pb.EncodeResponse(
        format=curve.format,
        width=curve.width,
        height=curve.height,
        frames=curve.frames,
        notices=notices(request, curve, applied.method),
    )
    _replace_ml(response, applied)
    cap = source.cap(request, curve)
    fixed = request.quality or QUALITIES.get(curve.format, (0,))[0]
    highest = fixed if applied.method == pb.METHOD_NONE else applied.max_quality
    applied.min_quality = min(applied.min_quality, cap)
    applied.max_quality = min(applied.max_quality, cap)
    response.applied.CopyFrom(applied)
    quality, tried, outcome = search(curve, applied, min(fixed, cap))
    if quality == cap < highest:
        response.notices.add(
            code=pb.Notice.CODE_QUALITY_CAPPED,
            message=f"the source has quality {cap} itself: no higher one was used",
        )
    curve, outcome = source.shrink(request, response, curve, quality, outcome)
    if applied.method == pb.METHOD_ML:
        response.predicted_quality = tried[0]
    metrics = _measured(request, applied, outcome)
    encode, measure = _ENCODE_NANOS, _MEASURE_NANOS if metrics else 0
    alpha: Any = {"alpha_quality": _alpha_quality(request, curve)}
    for one in tried:
        response.probes.add(
            **curve.facts(one, metrics),
            **alpha,
            chroma=curve.chroma,
            encode_time=Duration(nanos=encode),
            measure_time=Duration(nanos=measure) if measure else None,
        )
    result = pb.EncodeResponse(
        **curve.facts(quality, metrics),
        **alpha,
        image=curve.file(quality),
        iterations=len(tried),
        outcome=outcome,
        timings=pb.Timings(
            encode=Duration(nanos=len(tried) * encode),
            measure=Duration(nanos=len(tried) * measure),
            total=Duration(nanos=len(tried) * (encode + measure)),
        ),
    )
    response.MergeFrom(result)
    response.notices.extend(result_notices(request, response, curve, cap))
    return response


def _replace_ml(response: pb.EncodeResponse, applied: pb.AutoQuality) -> None:
    """Replace the method ML, with a notice, if there is no network: only JPEG by DSSIM has one."""
    by_dssim = applied.metric != pb.METRIC_SSIMULACRA2
    if applied.method != pb.METHOD_ML or (response.format == pb.FORMAT_JPEG and by_dssim):
        return
    applied.method = pb.METHOD_DSSIM if by_dssim else pb.METHOD_SSIMULACRA2
    response.notices.add(
        code=pb.Notice.CODE_NETWORK_UNAVAILABLE,
        message="there is no network for this format and metric: "
        f"{pb.Method.Name(applied.method)} was used",
    )


def _measured(
    request: pb.EncodeRequest, applied: pb.AutoQuality, outcome: pb.Outcome.ValueType
) -> set[pb.Metric.ValueType]:
    """Return the metrics that are measured: for the search, for limits and on request."""
    searched = outcome not in (
        pb.OUTCOME_FIXED_QUALITY,
        pb.OUTCOME_NO_QUALITY,
        pb.OUTCOME_PREDICTION_TRUSTED,
    )
    metrics = {*request.measure, *([applied.metric] if searched and applied.metric else [])}
    if request.measure_dssim:
        metrics.add(pb.METRIC_DSSIM)
    limits = {"max_dssim": pb.METRIC_DSSIM, "min_ssimulacra2": pb.METRIC_SSIMULACRA2}
    return metrics | {
        limits[field.name] for field, _ in applied.ListFields() if field.name in limits
    }


def _alpha_quality(request: pb.EncodeRequest, curve: Curve) -> int | None:
    """Return the requested alpha quality for a lossy WebP with transparency, otherwise None."""
    if curve.format != pb.FORMAT_WEBP or curve.lossless or not curve.source.has_alpha:
        return None
    return request.webp.alpha_quality if request.webp.HasField("alpha_quality") else 100


def _compare(request: pb.CompareRequest) -> pb.CompareResponse:
    files = request.reference, request.distorted
    headers = [header_of(pb.EncodeRequest(image=one)) for one in files]
    # A size that was not read must be that of the other file.
    sized = next((one for one in headers if one.has_size), headers[0])
    same = request.reference == request.distorted
    dssim = 0.0 if same else 0.05 * zlib.crc32(request.reference + request.distorted) / 2**32
    return pb.CompareResponse(
        dssim=dssim,
        ssim=1 - 2 * dssim,
        ssimulacra2=ssimulacra2_of(dssim),
        width=sized.width,
        height=sized.height,
        frames=max(one.frames for one in headers),
    )


def _info(limits: pb.Limits) -> pb.GetServerInfoResponse:
    info = pb.GetServerInfoResponse(
        version=__version__,
        source_formats=["avif", "gif", "jpeg", "jxl", "png", "tiff", "webp"],
        defaults=DEFAULTS,
        limits=limits,
        library_versions={"autoquality-fake": __version__},
    )
    for format, (default, low, high) in QUALITIES.items():
        if format == pb.FORMAT_JXL:  # in the order of the contract
            info.formats.add(format=pb.FORMAT_PNG)
        info.formats.add(
            format=format,
            has_quality=True,
            default_quality=default,
            min_quality=low,
            max_quality=high,
        )
    info.formats[0].network.CopyFrom(
        pb.NetworkInfo(
            name="fake-jpeg.pb", sha256="0" * 64, device="CPU:0", metrics=[pb.METRIC_DSSIM]
        )
    )
    return info
