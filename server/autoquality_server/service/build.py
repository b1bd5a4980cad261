"""From a configuration to a service."""

from __future__ import annotations

from pathlib import Path

from autoquality_server.admission import Admission
from autoquality_server.config import ConfigError, Settings
from autoquality_server.domain import Format
from autoquality_server.image import ImageLimits, configure
from autoquality_server.pipeline import Pipeline
from autoquality_server.predictor import NetworkError, Predictor, load
from autoquality_server.service.info import server_info
from autoquality_server.service.servicer import EncodingServicer
from autoquality_server.telemetry.metrics import Metrics


def build_service(settings: Settings, admission: Admission, metrics: Metrics) -> EncodingServicer:
    """The service that `settings` describes, networks loaded.

    Raises ConfigError for a network that does not fit.
    """
    configure(concurrency=settings.vips_concurrency)
    limits = ImageLimits(settings.max_image_bytes, settings.max_pixels)
    pipeline = Pipeline(settings.defaults(), limits, _predictors(settings))
    info = server_info(pipeline, workers=settings.workers, queue_size=settings.queue_size)
    return EncodingServicer(pipeline, settings.encoder_options(), info, admission, metrics)


def _predictors(settings: Settings) -> dict[Format, Predictor]:
    predictors = {}
    for fmt, path in settings.networks.items():
        try:
            predictors[fmt] = load(Path(path))
        except NetworkError as error:
            raise ConfigError(f"AUTOQUALITY_{fmt.name}_NET: {error}") from None
    return predictors
