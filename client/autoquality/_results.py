"""The server's answers, as frozen dataclasses. Times are in seconds.

`.message` is the protobuf message behind an answer. It has fields that this client does not
know yet.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from autoquality._enums import Chroma, Format, Metric, NoticeCode, Outcome, Stage, Verdict
from autoquality._files import replace_file
from autoquality._options import AutoQuality
from autoquality.v1 import encoding_pb2 as pb


@dataclass(frozen=True, slots=True)
class Probe:
    """One encoding that the search tried, and its measurements."""

    quality: int
    size_bytes: int
    dssim: float | None
    """None if it was not measured."""
    encode_seconds: float
    measure_seconds: float
    alpha_quality: int | None = None
    """0 to 100. None if the alpha channel has no quality of its own."""
    ssimulacra2: float | None = None
    """None if it was not measured."""
    lossless: bool = False
    format: Format | None = None
    """None from a server that does not know candidates."""
    chroma: Chroma | None = None
    """The option with which it was made. None for a format without it."""
    near_lossless: int | None = None
    """libwebp's level of a near-lossless WebP, 0 to 80. None for every other file."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that was considered as the answer: a format, with the options that vary.

    With Outcome.SOURCE_KEPT, the first one is the source itself. It has no quality.
    """

    format: Format
    verdict: Verdict
    message: str
    """The reason, for people. The text may change."""
    chroma: Chroma | None = None
    """None for a format without this option."""
    lossless: bool = False
    quality: int | None = None
    """The quality of its answer. None without one."""
    size_bytes: int | None = None
    """The size of its answer. None if it is unknown."""
    predicted: bool = False
    """Whether the size or the score is an expectation."""
    ssimulacra2: float | None = None
    """The SSIMULACRA2 of its answer. None if it is unknown."""
    near_lossless: int | None = None
    """libwebp's level of a near-lossless WebP, 0 to 80. None for every other file."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a streamed request."""

    stage: Stage
    """The latest event."""
    probe: Probe | None
    """The new encoding, with Stage.PROBED. The result may have more measurements of it."""


@dataclass(frozen=True, slots=True)
class Timings:
    """How long each stage of a request took, in seconds. The stages do not overlap."""

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
    """Something that the caller should know about a request."""

    code: NoticeCode
    message: str
    """For people. The text may change."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """The encoded image, and how it was found."""

    image: bytes = field(repr=False)
    """The encoded file."""
    format: Format
    quality: int | None
    """1 to 100. None for a format without a quality, and for a source that was kept."""
    size_bytes: int
    dssim: float | None
    """DSSIM to the source, 0 (identical) to 1. None if it was not measured."""
    iterations: int
    """Number of encodings, including the returned one. 0 if there was no need for one."""
    outcome: Outcome
    applied: AutoQuality
    """The settings that the server used. No field is None, except a metric if it has none."""
    predicted_quality: int | None
    """The network's quality, before clamping to the range. None without a network."""
    probes: tuple[Probe, ...]
    """Every encoding, in order."""
    timings: Timings
    notices: tuple[Notice, ...]
    width: int
    height: int
    """Of one frame, in pixels."""
    frames: int
    request_id: str
    """The request's id in the server's log."""
    message: pb.EncodeResponse = field(repr=False, compare=False)
    """The answer. After a stream it has no image."""
    alpha_quality: int | None = None
    """0 to 100. None if the alpha channel has no quality of its own."""
    ssimulacra2: float | None = None
    """SSIMULACRA2 to the source, 100 (identical) to 0 and below. None if it was not measured."""
    candidates: tuple[Candidate, ...] = ()
    """What became of each candidate. Empty if there was nothing to choose."""
    lossless: bool = False
    """Whether the file is without loss."""
    near_lossless: int | None = None
    """libwebp's level of a near-lossless WebP, 0 to 80. None for every other file."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the image to `path` atomically, and return the path.

        An existing file is replaced, for a link the file that it names. A failure leaves no
        partial file. A device or a pipe is written to. Raises OSError.
        """
        path = Path(path)
        try:
            if path.exists() and not path.is_file():
                path.write_bytes(self.image)
            else:
                temporary = f".{secrets.token_hex(8)}.tmp"
                replace_file(Path(os.path.realpath(path)), self.image, temporary)
        except OSError as error:  # which may name the temporary file
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None
        return path


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference between two images."""

    dssim: float
    """0 (identical) to 1."""
    ssim: float
    """1 - 2 x dssim."""
    width: int
    height: int
    """Of one frame, in pixels."""
    frames: int
    request_id: str
    """The request's id in the server's log."""
    message: pb.CompareResponse = field(repr=False, compare=False)
    ssimulacra2: float | None = None
    """100 (identical) to 0 and below. None from a server that does not know it."""


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """A neural network that predicts qualities."""

    name: str
    """The file name."""
    sha256: str
    """Checksum of the file, in hexadecimal."""
    device: str
    """The device it runs on: "CPU:0", "GPU:0"."""
    version: str = ""
    """The network's own version. Empty if it has none."""
    resting: bool = False
    """The network failed repeatedly and is paused."""
    metrics: tuple[Metric, ...] = ()
    """The metrics that it predicts. Empty from a server that knows only DSSIM."""


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """A format that the server writes, with its defaults.

    The qualities are None for a format without a quality.
    """

    format: Format
    default_quality: int | None
    min_quality: int | None
    max_quality: int | None
    network: NetworkInfo | None
    """The network of Method.ML. With None, the method of the metric replaces ML."""

    @property
    def has_quality(self) -> bool:
        """Whether the format has a quality setting."""
        return self.default_quality is not None


@dataclass(frozen=True, slots=True)
class Limits:
    """The server's limits."""

    max_image_bytes: int
    max_resolution_pixels: int
    """Pixels of all frames together."""
    workers: int
    """Requests that run at the same time, in each process."""
    queue_size: int
    """Requests that can wait for a worker, in each process."""
    max_stream_bytes: int = 0
    """The largest source for a stream. 0 if the server has no streams."""
    max_chunk_bytes: int = 0
    processes: int = 0
    """Processes that share the port: all requests of a connection go to one of them. 0 if the
    server does not report it."""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server can do."""

    version: str
    formats: tuple[FormatInfo, ...]
    source_formats: tuple[str, ...]
    """Formats that the server reads, in lower case: "jpeg", "png" ..."""
    defaults: AutoQuality
    """The defaults of a request. The qualities in `formats` have priority."""
    limits: Limits
    library_versions: Mapping[str, str]
    """Versions of the libraries that decide the result."""
    message: pb.GetServerInfoResponse = field(repr=False, compare=False)
    candidates: tuple[Format, ...] = ()
    """The formats to choose from if a request names none. Empty: no choice."""


def as_fields(answer: Any) -> dict[str, Any]:
    """Return the fields of an answer for JSON: all but its image and the message behind it."""
    fields = asdict(replace(answer, message=None))
    del fields["message"]
    fields.pop("image", None)
    return fields
