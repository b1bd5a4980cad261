"""The answer of GetServerInfo."""

from __future__ import annotations

from autoquality._version import __version__
from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.formats import ENCODERS, library_versions, writable
from autoquality_core.images import source_formats
from autoquality_core.pipeline.defaults import metric_of
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.types import Format, ResolvedTarget
from autoquality_server.config import Settings
from autoquality_server.rpc.convert import message_of, number_of, target_message
from autoquality_server.rpc.streaming import MAX_CHUNK_BYTES


def limits_of(settings: Settings) -> pb.Limits:
    """The limits of a server with these settings."""
    pixels = settings.max_pixels
    return message_of(
        pb.Limits, settings, max_resolution_pixels=pixels, max_chunk_bytes=MAX_CHUNK_BYTES
    )


def server_info(pipeline: Pipeline, limits: pb.Limits) -> pb.GetServerInfoResponse:
    """Formats, defaults, limits and networks of a server with this pipeline."""
    defaults = pipeline.defaults
    method = defaults.method
    metric = metric_of(method)
    low, high = defaults.usual_bounds(method)
    return pb.GetServerInfoResponse(
        version=__version__,
        formats=[_format(pipeline, fmt) for fmt in writable()],
        source_formats=source_formats(),
        defaults=target_message(
            ResolvedTarget(
                method,
                defaults.target_for(method) or 0.0,
                low,
                high,
                defaults.allowed_error_for(method),
                None if metric is None else metric.name,
                defaults.limits,
            )
        ),
        limits=limits,
        library_versions=library_versions(),
        candidates=[number_of(_FORMAT, fmt) for fmt in defaults.candidates],
    )


_FORMAT, _METRIC = pb.Format.DESCRIPTOR, pb.Metric.DESCRIPTOR


def _format(pipeline: Pipeline, fmt: Format) -> pb.FormatInfo:
    number = number_of(_FORMAT, fmt)
    if not ENCODERS[fmt].has_quality:
        return pb.FormatInfo(format=number)
    low, high = pipeline.defaults.bounds_for(fmt, pipeline.defaults.method)
    network = None
    if (predictor := pipeline.predictors.get(fmt)) is not None:
        metrics = [number_of(_METRIC, name) for name in predictor.info.metrics]
        resting = not predictor.available
        network = message_of(pb.NetworkInfo, predictor.info, resting=resting, metrics=metrics)
    return pb.FormatInfo(
        format=number,
        has_quality=True,
        default_quality=pipeline.defaults.quality_for(fmt),
        min_quality=low,
        max_quality=high,
        network=network,
    )
