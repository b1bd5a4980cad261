"""What would be served, by format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoquality_core.formats import ENCODERS, writable
from autoquality_core.types import Format
from autoquality_server.config import Settings


@dataclass(frozen=True, slots=True)
class Offer:
    """One format. `quality` is method NONE's, None for a format without one, as the bounds are."""

    format: str
    quality: int | None
    min_quality: int | None
    max_quality: int | None
    network: str | None


def offers(settings: Settings, networks: Mapping[Format, str]) -> list[Offer]:
    """The formats that can be written; `networks` names what predicts."""
    defaults = settings.defaults()
    found = []
    for fmt in writable():
        if ENCODERS[fmt].has_quality:
            low, high = defaults.bounds_for(fmt)
            quality = defaults.quality_for(fmt)
            found.append(Offer(fmt.value, quality, low, high, networks.get(fmt)))
        else:
            found.append(Offer(fmt.value, None, None, None, None))
    return found
