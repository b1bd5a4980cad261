"""What the service answers, as frozen dataclasses.

Each carries the protobuf message that it was made from as `.message`, for
whatever this client does not know yet. Times are in seconds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoquality._enums import Format, NoticeCode, Outcome, Stage
from autoquality._files import write_atomically
from autoquality._options import AutoQuality
from autoquality.v1 import encoding_pb2 as pb


@dataclass(frozen=True, slots=True)
class Probe:
    """One encoding that the search tried, and what was measured of it."""

    quality: int
    size_bytes: int
    dssim: float | None
    """None where it was not measured."""
    encode_seconds: float
    measure_seconds: float
    alpha_quality: int | None = None
    """0 to 100; None where the alpha channel has no quality of its own."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a streamed request is."""

    stage: Stage
    """What has just happened."""
    probe: Probe | None
    """The encoding made, with Stage.PROBED; of the same one more may be known in the result."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of a request went, in seconds; the stages do not overlap."""

    queue: float
    """Waiting for a worker."""
    decode: float
    """Decoding the source."""
    predict: float
    """The network's prediction."""
    encode: float
    """All encodings."""
    measure: float
    """Decoding and measuring the encodings."""
    total: float
    """The whole request in the server."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about how a request was served."""

    code: NoticeCode
    message: str
    """Made for people, may change."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """The encoded image and the proof of what was reached."""

    image: bytes = field(repr=False)
    """The encoded file."""
    format: Format
    quality: int | None
    """1 to 100; None for a format without a quality."""
    size_bytes: int
    dssim: float | None
    """DSSIM to the source, 0 (identical) to 1; None where it was not measured."""
    iterations: int
    """Full-resolution encodings made, the returned one included."""
    outcome: Outcome
    applied: AutoQuality
    """The settings that were really used, no field None."""
    predicted_quality: int | None
    """The network's quality, before it was brought into range; None without one."""
    probes: tuple[Probe, ...]
    """Every encoding made, in order."""
    timings: Timings
    notices: tuple[Notice, ...]
    width: int
    height: int
    """Of one frame, in pixels."""
    frames: int
    request_id: str
    """What the server's log calls this request."""
    message: pb.EncodeResponse = field(repr=False, compare=False)
    """Of a streamed answer without the image."""
    alpha_quality: int | None = None
    """0 to 100; None where the alpha channel has no quality of its own."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the image to `path` atomically, replacing what is there.

        Returns the path. Raises OSError as the file system does.
        """
        write_atomically(Path(path), self.image)
        return Path(path)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How different two images are."""

    dssim: float
    """0 (identical) to 1."""
    ssim: float
    """1 - 2 x dssim."""
    width: int
    height: int
    """Of one frame, in pixels."""
    frames: int
    request_id: str
    """What the server's log calls this request."""
    message: pb.CompareResponse = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """A neural network that predicts qualities."""

    name: str
    """The file's name."""
    sha256: str
    """Of the file, in hexadecimal."""
    device: str
    """Where it runs: "CPU:0", "GPU:0"."""
    version: str = ""
    """The network's own version; empty without one."""
    resting: bool = False
    """It failed repeatedly and is left alone for a while: Method.DSSIM serves instead."""


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """A format that the server writes, and its defaults.

    The qualities are None for a format without one.
    """

    format: Format
    default_quality: int | None
    min_quality: int | None
    max_quality: int | None
    network: NetworkInfo | None
    """The network of Method.ML; None: Method.DSSIM serves instead."""

    @property
    def has_quality(self) -> bool:
        """Whether the format has a quality setting."""
        return self.default_quality is not None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server refuses to exceed."""

    max_image_bytes: int
    max_resolution_pixels: int
    """All frames counted."""
    workers: int
    """Requests that run at the same time."""
    queue_size: int
    """Requests that may wait for a worker."""
    max_stream_bytes: int = 0
    """The largest source that may be streamed; 0 for a server that knows no streams."""
    max_chunk_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server can do."""

    version: str
    formats: tuple[FormatInfo, ...]
    source_formats: tuple[str, ...]
    """What it reads, in lower case: "jpeg", "png" ..."""
    defaults: AutoQuality
    """What a request without a wish gets; the qualities of `formats` go before."""
    limits: Limits
    library_versions: Mapping[str, str]
    """Versions of the libraries that decide the result."""
    message: pb.GetServerInfoResponse = field(repr=False, compare=False)
