"""The types that all modules share. They depend on no other module, library or codec.

Values are immutable, except that a `Timings` is filled while a request runs.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

if TYPE_CHECKING:
    # collections.abc has it from Python 3.12. Type checkers always know this name.
    from typing_extensions import Buffer

Data: TypeAlias = bytes | memoryview
"""Bytes, or a view of bytes that no longer change."""


class NumpyArray(Protocol):
    """A NumPy array. Before Python 3.12, its type does not say that it is a buffer."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


MIN_QUALITY = 1
MAX_QUALITY = 100


class Format(enum.Enum):
    """A file format that the service writes."""

    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    PNG = "png"
    JXL = "jxl"

    @classmethod
    def _missing_(cls, value: object) -> Format | None:
        return cls.JPEG if value == "jpg" else None


class Method(enum.Enum):
    """How the quality is chosen; the values are imgproxy's names, or a metric's."""

    NONE = "none"
    SIZE = "size"
    DSSIM = "dssim"
    ML = "ml"
    SSIMULACRA2 = "ssimulacra2"


class Outcome(enum.Enum):
    """Why the search stopped; see the enum of the same name in the contract."""

    TARGET_MET = "target_met"
    MIN_QUALITY_REACHED = "min_quality_reached"
    MAX_QUALITY_REACHED = "max_quality_reached"
    FIXED_QUALITY = "fixed_quality"
    DEADLINE_REACHED = "deadline_reached"
    NEAREST_QUALITY = "nearest_quality"
    PREDICTION_TRUSTED = "prediction_trusted"
    NO_QUALITY = "no_quality"
    MAX_BYTES_REACHED = "max_bytes_reached"
    MAX_DSSIM_REACHED = "max_dssim_reached"
    MIN_SSIMULACRA2_REACHED = "min_ssimulacra2_reached"
    LIMITS_CONFLICT = "limits_conflict"
    SOURCE_KEPT = "source_kept"
    LOSSLESS_SMALLER = "lossless_smaller"


class Verdict(enum.Enum):
    """What became of a candidate; see `Candidate.Verdict` in the contract."""

    CHOSEN = "chosen"
    LARGER = "larger"
    LOOKS_WORSE = "looks_worse"
    PREDICTED_LARGER = "predicted_larger"
    PREDICTED_WORSE = "predicted_worse"
    MISSES_TARGET = "misses_target"
    CANNOT_HOLD_IMAGE = "cannot_hold_image"
    NO_TIME = "no_time"


class NoticeCode(enum.Enum):
    """Kinds of notices; see `Notice.Code` in the contract."""

    NETWORK_UNAVAILABLE = "network_unavailable"
    FORMAT_SUBSTITUTED = "format_substituted"
    FIRST_FRAME_ONLY = "first_frame_only"
    ALPHA_FLATTENED = "alpha_flattened"
    TARGET_UNUSED = "target_unused"
    SOURCE_TRUNCATED = "source_truncated"
    HDR_TONE_MAPPED = "hdr_tone_mapped"
    COLORS_CLIPPED = "colors_clipped"
    METADATA_DROPPED = "metadata_dropped"
    GAIN_MAP_DROPPED = "gain_map_dropped"
    ALPHA_QUALITY_LOWERED = "alpha_quality_lowered"
    QUALITY_CAPPED = "quality_capped"
    SEARCH_SKIPPED = "search_skipped"
    IMAGE_SHRUNK = "image_shrunk"
    CANDIDATE_SKIPPED = "candidate_skipped"
    LIMIT_EXCEEDED = "limit_exceeded"
    DEFAULT_BOUND_REACHED = "default_bound_reached"
    FULL_CHROMA = "full_chroma"


class ColorProfile(enum.Enum):
    """What happens to the colours of a source; see the enum of the same name in the contract."""

    SRGB = "srgb"
    KEEP = "keep"


class Chroma(enum.Enum):
    """The resolution of colour in a file; see the enum of the same name in the contract."""

    BY_QUALITY = "by_quality"
    SUBSAMPLED = "subsampled"
    FULL = "full"
    SHARP = "sharp"
    AUTO = "auto"


class Lossless(enum.Enum):
    """When a format that can do both is written without loss; see the enum in the contract."""

    NEVER = "never"
    SMALLER = "smaller"
    ALWAYS = "always"


class Device(enum.Enum):
    """Where networks run; AUTO is a GPU where there is one."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know; `message` is for people."""

    code: NoticeCode
    message: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that hold together with a target; false if there are none.

    `max_bytes` counts the whole file. `scores` has the worst score by the name of its metric.
    """

    max_bytes: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.max_bytes is not None or bool(self.scores)

    def over(self, others: Limits) -> Limits:
        """These limits, and those of `others` that these leave open."""
        max_bytes = others.max_bytes if self.max_bytes is None else self.max_bytes
        return Limits(max_bytes, {**others.scores, **self.scores})


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """A spec with every field settled.

    `target` is bytes for SIZE, and otherwise a score of `metric`, which is a name. `metric` is
    None for NONE and SIZE. `allowed_error` is a share of the target for SIZE, and otherwise a
    difference of scores. 1 <= min_quality <= max_quality <= 100.
    """

    method: Method
    target: float
    min_quality: int
    max_quality: int
    allowed_error: float
    metric: str | None = None
    limits: Limits = NO_LIMITS

    @property
    def budget(self) -> float:
        """The most bytes that the target and the limits allow; infinite if they do not say."""
        target = self.target if self.method is Method.SIZE else math.inf
        return min(target, self.limits.max_bytes or math.inf)


@dataclass(frozen=True, slots=True)
class Probe:
    """One encoding and its scores by the metric's name; times in seconds.

    `alpha_quality` is None if the alpha channel has no quality of its own, `chroma` if the format
    has no such option. `lossless` says that no sample differs. `near_lossless` is the level of a
    near-lossless file, 0 to 80, otherwise None.
    """

    quality: int
    size_bytes: int
    scores: Mapping[str, float]
    encode_seconds: float
    measure_seconds: float
    alpha_quality: int | None = None
    format: Format | None = None
    chroma: Chroma | None = None
    lossless: bool = False
    near_lossless: int | None = None


class Stage(enum.Enum):
    """What has just happened to a request; see `EncodeProgress.Stage` in the contract."""

    ACCEPTED = "accepted"
    RECEIVED = "received"
    QUEUED = "queued"
    STARTED = "started"
    PROBED = "probed"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request is; `probe` with the stage PROBED."""

    stage: Stage
    probe: Probe | None = None


@dataclass(slots=True)
class Timings:
    """Where the time of one request went, in seconds; stages do not overlap."""

    queue: float = 0.0
    decode: float = 0.0
    predict: float = 0.0
    encode: float = 0.0
    measure: float = 0.0


@dataclass(frozen=True, slots=True)
class RawSource:
    """Bare 8-bit interleaved sRGB (or grey) samples, height x width x bands bytes."""

    width: int
    height: int
    bands: int
    pixels: Data

    @classmethod
    def from_array(cls, array: Buffer | NumpyArray) -> RawSource:
        """Copy a NumPy array, or any other object that exports such a buffer.

        The shape is (height, width) or (height, width, bands). The samples are unsigned 8-bit.
        Raises ValueError for any other array.
        """
        return cls(*samples_of(array))


def samples_of(array: Buffer | NumpyArray) -> tuple[int, int, int, bytes]:
    """The width, height and bands of an array, and a copy of its bytes. See `from_array`."""
    view = memoryview(cast("Buffer", array))
    if view.format != "B" or view.ndim not in (2, 3):
        raise ValueError(
            "the array must be (height, width) or (height, width, bands) of unsigned 8-bit "
            f"samples, not {view.ndim}-dimensional of format {view.format!r}"
        )
    height, width, *bands = view.shape or ()
    return width, height, bands[0] if bands else 1, view.tobytes()


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A spec as the caller stated it; None takes the server's default."""

    method: Method | None = None
    target: float | None = None
    min_quality: int | None = None
    max_quality: int | None = None
    allowed_error: float | None = None
    metric: str | None = None
    limits: Limits = NO_LIMITS


METRIC_OF_WORDS = "ssimulacra2"
"""The metric of a word whose metric is not given, and the only one that has words."""

WORDS: Mapping[str, float] = MappingProxyType(
    {
        # The scale of the metric's authors: https://github.com/cloudinary/ssimulacra2
        "low": 30.0,
        "medium": 50.0,
        "high": 70.0,
        "very_high": 80.0,
        "excellent": 85.0,
        "visually_lossless": 90.0,
    }
)
"""The scores of words."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?", re.ASCII | re.IGNORECASE)


def bytes_of(text: str) -> int:
    """A number of bytes with a unit or without: `100kB`, `64MiB`, `1048576`; 1 or more.

    Raises ValueError, which says what would be right.
    """
    match = _SIZE.fullmatch(text.strip())
    value = float(match[1]) * _UNITS[(match[2] or "").lower()] if match else 0
    if value >= 2**63:
        raise ValueError("must be less than 8 EiB (2**63 bytes)")
    if value < 1:
        raise ValueError(
            f"must be a size of 1 byte or more, such as 100kB, 64MiB or 1048576, not {text!r}"
        )
    return int(value)


def score_of(word: str, metric: str = METRIC_OF_WORDS) -> float:
    """The score that a word stands for; case, spaces and hyphens do not matter.

    Raises ValueError with the words that would be right.
    """
    if metric != METRIC_OF_WORDS:
        raise ValueError(
            f"must be a number, 0 or more, not {word!r}; words are for {METRIC_OF_WORDS}"
        )
    key = word.strip().lower().replace("-", "_").replace(" ", "_")
    if key not in WORDS:
        raise ValueError(f"must be a number, 0 or more, or one of {', '.join(WORDS)}, not {word!r}")
    return WORDS[key]
