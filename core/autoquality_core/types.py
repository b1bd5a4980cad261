"""The words of the service: what every other module speaks in.

Knows no gRPC, no protobuf, no codec. Values are immutable, except that a
`Timings` is filled while a request runs.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TypeAlias

Data: TypeAlias = bytes | memoryview
"""Bytes, or a view of them that nobody writes to any more."""

MIN_QUALITY = 1
MAX_QUALITY = 100


class Format(enum.Enum):
    """A file format that the service writes."""

    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    PNG = "png"


class Method(enum.Enum):
    """How the quality is chosen; the values are imgproxy's names."""

    NONE = "none"
    SIZE = "size"
    DSSIM = "dssim"
    ML = "ml"


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


class ColorProfile(enum.Enum):
    """What happens to the colours of a source; see the enum of the same name in the contract."""

    SRGB = "srgb"
    KEEP = "keep"


class Device(enum.Enum):
    """Where networks run; AUTO is a GPU where there is one."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class DropReason(enum.Enum):
    """Why an image left a network's queue, or was not let in, though nothing had failed."""

    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    QUEUE_FULL = "queue_full"


class WebpPreset(enum.Enum):
    """The content a WebP encoder tunes itself for; values are libvips' nicknames."""

    DEFAULT = "default"
    PICTURE = "picture"
    PHOTO = "photo"
    DRAWING = "drawing"
    ICON = "icon"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know; `message` is for people."""

    code: NoticeCode
    message: str


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """A spec with every field settled.

    `target` is bytes for SIZE and a DSSIM in [0, 1] for DSSIM and ML;
    1 <= min_quality <= max_quality <= 100; allowed_error is in [0, 1].
    """

    method: Method
    target: float
    min_quality: int
    max_quality: int
    allowed_error: float


@dataclass(frozen=True, slots=True)
class JpegOptions:
    """How a JPEG is written; names and defaults are imgproxy's."""

    progressive: bool = False
    no_subsample: bool = False
    trellis_quant: bool = False
    overshoot_deringing: bool = False
    optimize_scans: bool = False
    quant_table: int = 0


@dataclass(frozen=True, slots=True)
class WebpOptions:
    """How a WebP is written; effort is 0 (fast) to 6 (small), alpha_quality 0 to 100 (lossless)."""

    effort: int = 4
    preset: WebpPreset = WebpPreset.DEFAULT
    smart_subsample: bool = False
    alpha_quality: int = 100


@dataclass(frozen=True, slots=True)
class AvifOptions:
    """How an AVIF is written; speed is 0 (small) to 9 (fast)."""

    speed: int = 8
    no_subsample: bool = False


@dataclass(frozen=True, slots=True)
class PngOptions:
    """How a PNG is written; compression is zlib's 0 to 9, colours 2 to 256."""

    compression: int = 6
    interlaced: bool = False
    quantize: bool = False
    quantization_colors: int = 256


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """The options of every format, so that one value travels; and of how the source is read."""

    jpeg: JpegOptions = JpegOptions()
    webp: WebpOptions = WebpOptions()
    avif: AvifOptions = AvifOptions()
    png: PngOptions = PngOptions()
    background: tuple[int, int, int] = (255, 255, 255)
    keep_metadata: bool = False
    keep_copyright: bool = True
    color_profile: ColorProfile = ColorProfile.SRGB
    keep_hidden_colors: bool = False
    allow_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """One encoding and what was measured of it; times in seconds.

    `alpha_quality` is None where the alpha channel has no quality of its own.
    """

    quality: int
    size_bytes: int
    dssim: float | None
    encode_seconds: float
    measure_seconds: float
    alpha_quality: int | None = None


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
    measure_dssim: bool = False

    @property
    def source_bytes(self) -> int:
        """The size of the source as it was sent."""
        return len(self.source.pixels if isinstance(self.source, RawSource) else self.source)


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A spec as the caller stated it; None takes the server's default."""

    method: Method | None = None
    target: float | None = None
    min_quality: int | None = None
    max_quality: int | None = None
    allowed_error: float | None = None


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
    dssim: float | None
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
