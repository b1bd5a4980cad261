"""Builds the service from the settings."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from autoquality_core.images import ImageLimits, configure
from autoquality_core.networks import bundled
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_server.admission import Admission
from autoquality_server.admission.semaphore import DeadlineSemaphore
from autoquality_server.auth.rates import Rates
from autoquality_server.config import Settings
from autoquality_server.inference.predictors import Predictors
from autoquality_server.rpc.cache import AnswerCache
from autoquality_server.rpc.info import limits_of, server_info
from autoquality_server.rpc.runner import Runner
from autoquality_server.rpc.servicer import EncodingServicer
from autoquality_server.telemetry.metrics import Metrics


def build_service(
    settings: Settings,
    admission: Admission,
    metrics: Metrics,
    *,
    bundled_folder: Path = bundled.BUNDLED,
) -> EncodingServicer:
    """The service with its networks loaded. Raises ConfigError for a network that does not fit."""
    configure(concurrency=settings.vips_concurrency)
    limits = ImageLimits(settings.max_image_bytes, settings.max_pixels)
    predictors = Predictors(settings, metrics.predictors, bundled_folder)
    pipeline = Pipeline(
        settings.defaults(),
        limits,
        predictors.by_format,
        advise=settings.advise_dssim,
        lend_core=admission.second_worker if settings.parallel_probes else None,
        max_search_pixels=settings.max_search_pixels,
    )
    runner = Runner(
        pipeline,
        DeadlineSemaphore(settings.workers),
        admission,
        Rates("megapixels", settings.client_megapixels_per_second),
        metrics,
        AnswerCache(settings, predictors.by_format, metrics) if settings.cache_url else None,
    )
    info = partial(server_info, pipeline, limits=limits_of(settings))
    options = settings.encoder_options()
    return EncodingServicer(runner, options, info, predictors, settings.max_stream_bytes)
