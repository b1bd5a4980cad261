"""From a configuration to a service."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from autoquality_core.encode.pipeline import Pipeline
from autoquality_core.images import ImageLimits, configure
from autoquality_core.networks import bundled
from autoquality_server.admission import Admission
from autoquality_server.admission.semaphore import Turns
from autoquality_server.auth.rates import Rates
from autoquality_server.config import Settings
from autoquality_server.inference.predictors import Predictors
from autoquality_server.rpc.info import limits_of, server_info
from autoquality_server.rpc.servicer import EncodingServicer
from autoquality_server.rpc.slots import Gates
from autoquality_server.telemetry.metrics import Metrics


def build_service(
    settings: Settings,
    admission: Admission,
    metrics: Metrics,
    *,
    bundled_folder: Path = bundled.BUNDLED,
) -> EncodingServicer:
    """The service that `settings` describes, networks loaded.

    Raises ConfigError for a network that does not fit.
    """
    configure(concurrency=settings.vips_concurrency)
    limits = ImageLimits(settings.max_image_bytes, settings.max_pixels)
    predictors = Predictors(settings, metrics.predictors, bundled_folder)
    pipeline = Pipeline(
        settings.defaults(),
        limits,
        predictors.by_format,
        predict_dssim=settings.advise_dssim,
        lend_core=admission.spare if settings.parallel_probes else None,
    )
    info = partial(server_info, pipeline, limits=limits_of(settings))
    options = settings.encoder_options()
    gates = Gates(
        headers=Turns(settings.workers),
        megapixels=Rates("megapixels", settings.client_megapixels_per_second),
        admission=admission,
    )
    return EncodingServicer(
        pipeline, options, info, gates, metrics, predictors, settings.max_stream_bytes
    )
