"""One request to encode, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoquality_core.formats import EncoderOptions
from autoquality_core.metrics import Metric
from autoquality_core.types import (
    Chroma,
    Data,
    Format,
    Notice,
    Outcome,
    Probe,
    RawSource,
    ResolvedTarget,
    TargetSpec,
    Timings,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """One image and one target spec. Checks that need the image come later.

    `format` is None to keep the source's, or for a choice among `candidates`. The spec is resolved
    once the format is known (`Defaults.resolve`). `quality` is for the method NONE. `measure` are
    metrics to report.
    """

    source: Data | RawSource
    format: Format | None
    spec: TargetSpec
    quality: int | None
    options: EncoderOptions
    measure: tuple[Metric, ...] = ()
    candidates: tuple[Format, ...] = ()

    @property
    def source_bytes(self) -> int:
        """The size of the source as it was sent."""
        return len(self.source.pixels if isinstance(self.source, RawSource) else self.source)


@dataclass(frozen=True, slots=True)
class Considered:
    """What became of a candidate; `message` is for people.

    `chroma` is None for a format without that option. `quality`, `size_bytes` and `score` (a
    SSIMULACRA2) are those of its answer, or predicted; None if they are unknown.
    """

    format: Format
    verdict: Verdict
    message: str
    chroma: Chroma | None = None
    lossless: bool = False
    quality: int | None = None
    size_bytes: int | None = None
    score: float | None = None
    predicted: bool = False
    near_lossless: int | None = None


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """The encoded image and the proof.

    `quality` is 0 for a format without one. `scores` has those that were measured, by the metric's
    name. `predicted_quality` is None without a prediction, `alpha_quality` if the alpha channel has
    no quality of its own, and `near_lossless` if the file has no level of it. `candidates` is empty
    if there was no choice.
    """

    image: bytes = field(repr=False)
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
    lossless: bool = False
    near_lossless: int | None = None
    candidates: tuple[Considered, ...] = ()
    timings: Timings = field(default_factory=Timings)
