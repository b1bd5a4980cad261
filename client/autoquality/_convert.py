"""Between the contract's messages and this package's dataclasses, nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from google.protobuf.duration_pb2 import Duration

from autoquality import _enums
from autoquality._enums import Format, Method, NoticeCode, Outcome, Stage
from autoquality._options import (
    AutoQuality,
    AvifOptions,
    JpegOptions,
    PngOptions,
    WebpOptions,
)
from autoquality._results import (
    Comparison,
    Encoded,
    FormatInfo,
    Limits,
    NetworkInfo,
    Notice,
    Probe,
    Progress,
    ServerInfo,
    Timings,
)
from autoquality.v1 import encoding_pb2 as pb

ImageFile: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str]
"""A whole image file: its bytes, or the path to it."""


def read_image(image: ImageFile) -> bytes:
    """The bytes of an image file. Raises OSError if a path cannot be read."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    return Path(image).read_bytes()


def wish_to_proto(wish: AutoQuality) -> pb.AutoQuality:
    """A wish as the contract has it; None stays absent. Raises ValueError."""
    return pb.AutoQuality(
        method=_enums.method_to_proto(wish.method),
        target=wish.target,
        min_quality=wish.min_quality,
        max_quality=wish.max_quality,
        allowed_error=wish.allowed_error,
    )


def jpeg_to_proto(options: JpegOptions) -> pb.JpegOptions:
    """JPEG options as the contract has them; None stays absent."""
    return pb.JpegOptions(
        progressive=options.progressive,
        no_subsample=options.no_subsample,
        trellis_quant=options.trellis_quant,
        overshoot_deringing=options.overshoot_deringing,
        optimize_scans=options.optimize_scans,
        quant_table=options.quant_table,
    )


def webp_to_proto(options: WebpOptions) -> pb.WebpOptions:
    """WebP options as the contract has them; None stays absent. Raises ValueError."""
    return pb.WebpOptions(
        effort=options.effort,
        preset=_enums.preset_to_proto(options.preset),
        smart_subsample=options.smart_subsample,
        alpha_quality=options.alpha_quality,
    )


def avif_to_proto(options: AvifOptions) -> pb.AvifOptions:
    """AVIF options as the contract has them; None stays absent."""
    return pb.AvifOptions(speed=options.speed, no_subsample=options.no_subsample)


def png_to_proto(options: PngOptions) -> pb.PngOptions:
    """PNG options as the contract has them; None stays absent."""
    return pb.PngOptions(
        compression=options.compression,
        interlaced=options.interlaced,
        quantize=options.quantize,
        quantization_colors=options.quantization_colors,
    )


def encoded_from_proto(
    message: pb.EncodeResponse, request_id: str, image: bytes | None = None
) -> Encoded:
    """The answer to Encode; `image` where that did not come with it."""
    return Encoded(
        image=message.image if image is None else image,
        format=_format(message.format),
        quality=message.quality or None,
        size_bytes=message.size_bytes,
        dssim=message.dssim if message.HasField("dssim") else None,
        iterations=message.iterations,
        outcome=_enums.from_proto(Outcome, pb.Outcome.DESCRIPTOR, message.outcome, "OUTCOME_"),
        applied=_wish(message.applied),
        predicted_quality=(
            message.predicted_quality if message.HasField("predicted_quality") else None
        ),
        probes=tuple(_probe(probe) for probe in message.probes),
        timings=_timings(message.timings),
        notices=tuple(_notice(notice) for notice in message.notices),
        width=message.width,
        height=message.height,
        frames=message.frames,
        request_id=request_id,
        message=message,
        alpha_quality=message.alpha_quality if message.HasField("alpha_quality") else None,
    )


def progress_from_proto(message: pb.EncodeProgress) -> Progress:
    """How far it is."""
    stage = _enums.from_proto(Stage, pb.EncodeProgress.Stage.DESCRIPTOR, message.stage, "STAGE_")
    return Progress(stage, _probe(message.probe) if message.HasField("probe") else None)


def comparison_from_proto(message: pb.CompareResponse, request_id: str) -> Comparison:
    """The answer to Compare."""
    return Comparison(
        dssim=message.dssim,
        ssim=message.ssim,
        width=message.width,
        height=message.height,
        frames=message.frames,
        request_id=request_id,
        message=message,
    )


def info_from_proto(message: pb.GetServerInfoResponse) -> ServerInfo:
    """The answer to GetServerInfo."""
    limits = message.limits
    return ServerInfo(
        version=message.version,
        formats=tuple(_format_info(format) for format in message.formats),
        source_formats=tuple(message.source_formats),
        defaults=_wish(message.defaults),
        limits=Limits(
            max_image_bytes=limits.max_image_bytes,
            max_resolution_pixels=limits.max_resolution_pixels,
            workers=limits.workers,
            queue_size=limits.queue_size,
            max_stream_bytes=limits.max_stream_bytes,
            max_chunk_bytes=limits.max_chunk_bytes,
        ),
        library_versions=dict(message.library_versions),
        message=message,
    )


def _format(number: int) -> Format:
    return _enums.from_proto(Format, pb.Format.DESCRIPTOR, number, "FORMAT_")


def _wish(message: pb.AutoQuality) -> AutoQuality:
    method = _enums.from_proto(Method, pb.Method.DESCRIPTOR, message.method, "METHOD_")
    return AutoQuality(
        method=None if message.method == pb.METHOD_UNSPECIFIED else method,
        target=message.target if message.HasField("target") else None,
        min_quality=message.min_quality if message.HasField("min_quality") else None,
        max_quality=message.max_quality if message.HasField("max_quality") else None,
        allowed_error=message.allowed_error if message.HasField("allowed_error") else None,
    )


def _probe(message: pb.Probe) -> Probe:
    return Probe(
        quality=message.quality,
        size_bytes=message.size_bytes,
        dssim=message.dssim if message.HasField("dssim") else None,
        encode_seconds=_seconds(message.encode_time),
        measure_seconds=_seconds(message.measure_time),
        alpha_quality=message.alpha_quality if message.HasField("alpha_quality") else None,
    )


def _timings(message: pb.Timings) -> Timings:
    return Timings(
        queue=_seconds(message.queue),
        decode=_seconds(message.decode),
        predict=_seconds(message.predict),
        encode=_seconds(message.encode),
        measure=_seconds(message.measure),
        total=_seconds(message.total),
    )


def _notice(message: pb.Notice) -> Notice:
    code = _enums.from_proto(NoticeCode, pb.Notice.Code.DESCRIPTOR, message.code, "CODE_")
    return Notice(code=code, message=message.message)


def _format_info(message: pb.FormatInfo) -> FormatInfo:
    network = message.network
    return FormatInfo(
        format=_format(message.format),
        default_quality=message.default_quality if message.has_quality else None,
        min_quality=message.min_quality if message.has_quality else None,
        max_quality=message.max_quality if message.has_quality else None,
        network=(
            NetworkInfo(
                name=network.name,
                sha256=network.sha256,
                device=network.device,
                version=network.version,
                resting=network.resting,
            )
            if message.HasField("network")
            else None
        ),
    )


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
