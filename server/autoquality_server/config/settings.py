"""The struct: every setting with its names, its default, its meaning."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoquality_core.formats import EncoderOptions
from autoquality_server.config.groups.access import AccessSettings
from autoquality_server.config.groups.capacity import CapacitySettings
from autoquality_server.config.groups.encoders import EncoderSettings
from autoquality_server.config.groups.logs import LogSettings
from autoquality_server.config.groups.networks import NetworkSettings
from autoquality_server.config.groups.quality import QualitySettings
from autoquality_server.config.groups.serving import ServingSettings
from autoquality_server.config.spec import Spec, specs_of


@dataclass(frozen=True)
class Settings(
    ServingSettings,
    AccessSettings,
    CapacitySettings,
    QualitySettings,
    NetworkSettings,
    EncoderSettings,
    LogSettings,
):
    """The server's configuration; imgproxy's names and defaults where it has them."""

    def __post_init__(self) -> None:
        CapacitySettings.__post_init__(self)
        NetworkSettings.__post_init__(self)

    def encoder_options(self) -> EncoderOptions:
        """What a request gets where it says nothing about a format's options."""
        return replace(self.format_options(), allow_truncated=self.allow_truncated)


SPECS: tuple[Spec, ...] = tuple(spec for group in Settings.__bases__ for spec in specs_of(group))
