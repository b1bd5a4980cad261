"""The client of AutoQuality, a service that decides how hard an image may be compressed.

    from autoquality import Client

    with Client("localhost:50051") as client:
        encoded = client.encode("photo.jpg", format="webp", method="ssimulacra2", target="high")
        print(encoded.quality, encoded.ssimulacra2, encoded.size_bytes, encoded.outcome)
        encoded.save("photo.webp")

`AsyncClient` has the same methods for asyncio. This module exports the public names.
`autoquality.testing` has a fake server for your tests, and `autoquality.v1` has the generated
stubs.
"""

from autoquality._async_client import AsyncClient
from autoquality._client import Client
from autoquality._enums import (
    Chroma,
    ColorProfile,
    Format,
    Lossless,
    Method,
    Metric,
    NoticeCode,
    Outcome,
    Stage,
    Verdict,
    WebpPreset,
)
from autoquality._errors import (
    AutoQualityError,
    CancelledError,
    DeadlineExceededError,
    InternalError,
    InvalidImageError,
    InvalidRequestError,
    OverloadedError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)
from autoquality._notation import parse_notation
from autoquality._options import (
    AutoQuality,
    AvifOptions,
    JpegOptions,
    JxlOptions,
    PngOptions,
    RawImage,
    WebpOptions,
)
from autoquality._results import (
    Candidate,
    Comparison,
    Encoded,
    FormatInfo,
    Limits,
    NetworkInfo,
    Notice,
    Probe,
    Progress,
    ServerInfo,
    Timings,
)
from autoquality._source import BinaryFile, ImageFile, ImageSource
from autoquality._status import (
    BadRequest,
    Detail,
    ErrorInfo,
    FieldViolation,
    QuotaFailure,
    QuotaViolation,
    RequestInfo,
    RetryInfo,
    UnknownDetail,
)
from autoquality._version import __version__

__all__ = [
    "AsyncClient",
    "AutoQuality",
    "AutoQualityError",
    "AvifOptions",
    "BadRequest",
    "BinaryFile",
    "CancelledError",
    "Candidate",
    "Chroma",
    "Client",
    "ColorProfile",
    "Comparison",
    "DeadlineExceededError",
    "Detail",
    "Encoded",
    "ErrorInfo",
    "FieldViolation",
    "Format",
    "FormatInfo",
    "ImageFile",
    "ImageSource",
    "InternalError",
    "InvalidImageError",
    "InvalidRequestError",
    "JpegOptions",
    "JxlOptions",
    "Limits",
    "Lossless",
    "Method",
    "Metric",
    "NetworkInfo",
    "Notice",
    "NoticeCode",
    "Outcome",
    "OverloadedError",
    "PermissionDeniedError",
    "PngOptions",
    "Probe",
    "Progress",
    "QuotaFailure",
    "QuotaViolation",
    "RawImage",
    "RequestInfo",
    "ResourceExhaustedError",
    "RetryInfo",
    "ServerInfo",
    "Stage",
    "Timings",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownDetail",
    "Verdict",
    "WebpOptions",
    "WebpPreset",
    "__version__",
    "parse_notation",
]
