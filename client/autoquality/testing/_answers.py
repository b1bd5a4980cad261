"""The default answers of the fake server."""

from __future__ import annotations

import zlib
from typing import overload

from google.protobuf.duration_pb2 import Duration

from autoquality._version import __version__
from autoquality.testing import _source as source
from autoquality.testing._curve import Curve, ssimulacra2_of
from autoquality.testing._fault import Fault
from autoquality.testing._limits import limit_notice, limited_metrics
from autoquality.testing._search import search
from autoquality.testing._validate import check_compare, check_encode, metric_of
from autoquality.v1 import encoding_pb2 as pb

_DEFAULTS = pb.AutoQuality(
    method=pb.METHOD_NONE, target=0.02, min_quality=70, max_quality=80, allowed_error=0.001
)
_SSIMULACRA2 = pb.AutoQuality(target=70, min_quality=10, max_quality=95, allowed_error=1)
"""The defaults of a search by this metric, in every format."""
# The real server's defaults, which are imgproxy's: without a search, lowest, highest.
# A test compares them with the real server's.
_QUALITIES = {
    pb.FORMAT_JPEG: (80, 70, 80),
    pb.FORMAT_WEBP: (79, 70, 80),
    pb.FORMAT_AVIF: (63, 60, 65),
    pb.FORMAT_JXL: (77, 70, 80),
}
_ENCODE_TIME = Duration(nanos=20_000_000)
_MEASURE_TIME = Duration(nanos=5_000_000)


@overload
def answer(request: pb.EncodeRequest) -> pb.EncodeResponse | Fault: ...
@overload
def answer(request: pb.CompareRequest) -> pb.CompareResponse | Fault: ...
@overload
def answer(request: pb.GetServerInfoRequest) -> pb.GetServerInfoResponse: ...


def answer(
    request: pb.EncodeRequest | pb.CompareRequest | pb.GetServerInfoRequest,
) -> pb.EncodeResponse | pb.CompareResponse | pb.GetServerInfoResponse | Fault:
    """Compute the answer to `request`. Equal requests have equal answers.

    Only JPEG has a network. An invalid request gets a `Fault`; only the simplest rules of the
    contract are checked.
    """
    match request:
        case pb.EncodeRequest():
            return check_encode(request) or _encode(request)
        case pb.CompareRequest():
            return check_compare(request) or _compare(request)
        case pb.GetServerInfoRequest():
            return _info()
    raise TypeError(f"not a request: {type(request).__name__}")


def _encode(request: pb.EncodeRequest) -> pb.EncodeResponse | Fault:
    curve = Curve.of(request)
    applied = _resolve(request.auto_quality, curve.format)
    low, high = applied.min_quality, applied.max_quality
    if low > high:
        return Fault.invalid("auto_quality.min_quality", f"{low} is above max_quality {high}")
    response = pb.EncodeResponse(
        format=curve.format, width=curve.width, height=curve.height, frames=1
    )
    by_dssim = applied.metric != pb.METRIC_SSIMULACRA2
    if applied.method == pb.METHOD_ML and not (curve.format == pb.FORMAT_JPEG and by_dssim):
        applied.method = pb.METHOD_DSSIM if by_dssim else pb.METHOD_SSIMULACRA2
        response.notices.add(
            code=pb.Notice.CODE_NETWORK_UNAVAILABLE,
            message="there is no network for this format and metric: "
            f"{pb.Method.Name(applied.method)} was used",
        )
    cap = source.cap(request, curve)
    applied.min_quality, applied.max_quality = min(low, cap), min(high, cap)
    response.applied.CopyFrom(applied)
    fixed = request.quality or _QUALITIES.get(curve.format, (0,))[0]
    quality, tried, outcome = search(curve, applied, min(fixed, cap))
    if quality == cap < (fixed if applied.method == pb.METHOD_NONE else high):
        response.notices.add(
            code=pb.Notice.CODE_QUALITY_CAPPED,
            message=f"the source has quality {cap} itself: no higher one was used",
        )
    curve, outcome = source.shrink(request, response, curve, quality, outcome)
    if applied.method == pb.METHOD_ML:
        response.predicted_quality = tried[0]
    searched = outcome not in (
        pb.OUTCOME_FIXED_QUALITY,
        pb.OUTCOME_NO_QUALITY,
        pb.OUTCOME_PREDICTION_TRUSTED,
    )
    alpha_quality = _alpha_quality(request, curve.format)
    metrics = {*request.measure, *([applied.metric] if searched and applied.metric else [])}
    metrics |= limited_metrics(applied)
    if request.measure_dssim:
        metrics.add(pb.METRIC_DSSIM)
    measured = bool(metrics)
    for probe in tried:
        response.probes.add(
            quality=probe,
            size_bytes=curve.size_bytes(probe),
            **curve.scores(probe, metrics),
            encode_time=_ENCODE_TIME,
            measure_time=_MEASURE_TIME if measured else None,
            alpha_quality=alpha_quality,
        )
    if (over := limit_notice(curve, applied, quality)) is not None:
        response.notices.append(over)
    response.image = curve.file(quality)
    response.quality = quality
    if alpha_quality is not None:
        response.alpha_quality = alpha_quality
    response.size_bytes = len(response.image)
    for name, score in curve.scores(quality, metrics).items():
        setattr(response, name, score)
    response.iterations = len(tried)
    response.outcome = outcome
    response.timings.encode.FromNanoseconds(len(tried) * _ENCODE_TIME.nanos)
    response.timings.measure.FromNanoseconds(len(tried) * measured * _MEASURE_TIME.nanos)
    response.timings.total.FromNanoseconds(
        response.timings.encode.ToNanoseconds() + response.timings.measure.ToNanoseconds()
    )
    source.keep_smaller(request, response)
    return response


def _alpha_quality(request: pb.EncodeRequest, format: pb.Format.ValueType) -> int | None:
    """Return the requested alpha quality for a WebP of raw pixels with alpha, otherwise None."""
    if format != pb.FORMAT_WEBP or request.raw.bands not in (2, 4):
        return None
    return request.webp.alpha_quality if request.webp.HasField("alpha_quality") else 100


def _resolve(spec: pb.AutoQuality, format: pb.Format.ValueType) -> pb.AutoQuality:
    """Return the spec with a default for every missing field."""
    resolved = pb.AutoQuality()
    resolved.CopyFrom(_DEFAULTS)
    _, resolved.min_quality, resolved.max_quality = _QUALITIES.get(format, (0, 1, 100))
    if metric_of(spec) == pb.METRIC_SSIMULACRA2:
        resolved.MergeFrom(_SSIMULACRA2)
    if spec.method == pb.METHOD_SIZE:
        resolved.allowed_error = 0
    resolved.MergeFrom(spec)
    resolved.metric = metric_of(spec)
    return resolved


def _compare(request: pb.CompareRequest) -> pb.CompareResponse:
    same = request.reference == request.distorted
    dssim = 0.0 if same else 0.05 * zlib.crc32(request.reference + request.distorted) / 2**32
    return pb.CompareResponse(
        dssim=dssim,
        ssim=1 - 2 * dssim,
        ssimulacra2=ssimulacra2_of(dssim),
        width=640,
        height=480,
        frames=1,
    )


def _info() -> pb.GetServerInfoResponse:
    info = pb.GetServerInfoResponse(
        version=__version__,
        source_formats=["avif", "gif", "jpeg", "jxl", "png", "tiff", "webp"],
        defaults=_DEFAULTS,
        limits=pb.Limits(
            max_image_bytes=64 * 1024 * 1024,
            max_resolution_pixels=50_000_000,
            workers=2,
            queue_size=8,
            max_stream_bytes=256 * 1024 * 1024,
            max_chunk_bytes=4 * 1024 * 1024,
            processes=1,
        ),
        library_versions={"autoquality-fake": __version__},
    )
    for format, (default, low, high) in _QUALITIES.items():
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
