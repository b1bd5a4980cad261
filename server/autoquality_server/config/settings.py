"""All settings, with their names, defaults and meanings."""

from __future__ import annotations

from dataclasses import dataclass, fields

from autoquality_core.formats import OPTIONS, EncoderOptions, options_of
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
        if self.processes < 1:
            several = self.suitable_processes > 1 and self._may_have_several_processes
            object.__setattr__(self, "processes", self.suitable_processes if several else 1)
        CapacitySettings.__post_init__(self)
        PredictionSettings.__post_init__(self)

    @property
    def _may_have_several_processes(self) -> bool:
        """Whether processes can share the addresses, the networks and the limits of callers."""
        sockets = any(one.startswith("unix:") for one in (self.listen, self.health_listen))
        limits = self.client_requests_per_second or self.client_megapixels_per_second
        return self.needs_only_numpy and not sockets and not limits

    def encoder_options(self) -> EncoderOptions:
        """Return the options of the encoders for a request that sets none."""
        formats = {
            fmt.value: options(
                **{
                    one.name: getattr(self, f"{fmt.value}_{one.name}")
                    for one in options_of(options)
                }
            )
            for fmt, options in OPTIONS.items()
        }
        known = (one.name for one in fields(EncoderOptions))
        general = {name: getattr(self, name) for name in known if hasattr(self, name)}
        return EncoderOptions(**formats, **general)


SPECS: tuple[Spec, ...] = tuple(spec for group in Settings.__bases__ for spec in specs_of(group))
