"""All settings, with their names, defaults and meanings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoquality_core.formats import EncoderOptions
from autoquality_server.config.groups.capacity import CapacitySettings
from autoquality_server.config.groups.encoders import EncoderSettings
from autoquality_server.config.groups.quality import (
    NetworkSettings,
    PredictionSettings,
    QualitySettings,
)
from autoquality_server.config.groups.serving import (
    AccessSettings,
    CacheSettings,
    LogSettings,
    ServingSettings,
)
from autoquality_server.config.spec import Spec, specs_of


@dataclass(frozen=True)
class Settings(
    ServingSettings,
    AccessSettings,
    CapacitySettings,
    QualitySettings,
    NetworkSettings,
    PredictionSettings,
    EncoderSettings,
    CacheSettings,
    LogSettings,
):
    """The server's configuration, with imgproxy's names and defaults where it has them."""

    def __post_init__(self) -> None:
        CapacitySettings.__post_init__(self)
        PredictionSettings.__post_init__(self)

    def encoder_options(self) -> EncoderOptions:
        """Return the options of the encoders for a request that sets none."""
        return replace(self.format_options(), allow_truncated=self.allow_truncated)


SPECS: tuple[Spec, ...] = tuple(spec for group in Settings.__bases__ for spec in specs_of(group))
