"""One request to encode, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoquality_core.formats import EncoderOptions
from autoquality_core.metrics import Metric
from autoquality_core.types import (
    Data,
    Format,
    Notice,
    Outcome,
    Probe,
    RawSource,
    ResolvedTarget,
    TargetSpec,
    Timings,
)


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """One image and one spec, checked as far as can be without looking at the image.

    `format` is None to keep the source's; the spec is settled once the format
    is known (`Defaults.settle`). `quality` is for method NONE.
    """

    source: Data | RawSource
    format: Format | None
    spec: TargetSpec
    quality: int | None
    options: EncoderOptions
    measure: tuple[Metric, ...] = ()

    @property
    def source_bytes(self) -> int:
        """The size of the source as it was sent."""
        return len(self.source.pixels if isinstance(self.source, RawSource) else self.source)


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """The encoded image and the proof.

    `quality` is 0 for a format without one; `dssim` and `predicted_quality`
    are None where nothing was measured or predicted, `alpha_quality` where the
    alpha channel has no quality of its own.
    """

    image: bytes
    format: Format
    quality: int
    scores: Mapping[str, float]
    outcome: Outcome
    applied: ResolvedTarget
    predicted_quality: int | None
    probes: tuple[Probe, ...]
    notices: tuple[Notice, ...]
    width: int
    height: int
    frames: int
    alpha_quality: int | None = None
    timings: Timings = field(default_factory=Timings)
