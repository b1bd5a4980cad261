"""Decides how hard an image may be compressed: the library behind the AutoQuality service.

    from pathlib import Path

    import autoquality_core as aq

    source = Path("photo.jpg").read_bytes()
    result = aq.encode(source, aq.WebpEncoder(), target=0.01)
    print(result.quality, len(result.image), result.scores["dssim"])
    print(aq.compare(source, result.image).scores["dssim"])

It needs no server. It works in a notebook, and in the workers of Ray or Spark: encoders, results
and networks can be pickled, and functions may run in many threads. Importing it does no work. The
first call sets libvips up, and compiles loops or loads them from numba's disk cache.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoquality_core.errors import DeadlinePassed as DeadlinePassed
    from autoquality_core.errors import InvalidImage as InvalidImage
    from autoquality_core.errors import InvalidRequest as InvalidRequest
    from autoquality_core.errors import ServiceError as ServiceError
    from autoquality_core.formats import AvifEncoder as AvifEncoder
    from autoquality_core.formats import AvifOptions as AvifOptions
    from autoquality_core.formats import Encoder as Encoder
    from autoquality_core.formats import JpegEncoder as JpegEncoder
    from autoquality_core.formats import JpegOptions as JpegOptions
    from autoquality_core.formats import JxlEncoder as JxlEncoder
    from autoquality_core.formats import JxlOptions as JxlOptions
    from autoquality_core.formats import PngEncoder as PngEncoder
    from autoquality_core.formats import PngOptions as PngOptions
    from autoquality_core.formats import WebpEncoder as WebpEncoder
    from autoquality_core.formats import WebpOptions as WebpOptions
    from autoquality_core.formats import WebpPreset as WebpPreset
    from autoquality_core.images import ImageLimits as ImageLimits
    from autoquality_core.metrics import METRICS as METRICS
    from autoquality_core.metrics import Metric as Metric
    from autoquality_core.networks import Predictor as Predictor
    from autoquality_core.pipeline.comparison import Comparison as Comparison
    from autoquality_core.pipeline.job import Considered as Considered
    from autoquality_core.pipeline.job import EncodeResult as EncodeResult
    from autoquality_core.pipeline.library import LIMITS as LIMITS
    from autoquality_core.pipeline.library import bundled_networks as bundled_networks
    from autoquality_core.pipeline.library import compare as compare
    from autoquality_core.pipeline.library import encode as encode
    from autoquality_core.types import Chroma as Chroma
    from autoquality_core.types import ColorProfile as ColorProfile
    from autoquality_core.types import Format as Format
    from autoquality_core.types import Lossless as Lossless
    from autoquality_core.types import Method as Method
    from autoquality_core.types import Notice as Notice
    from autoquality_core.types import NoticeCode as NoticeCode
    from autoquality_core.types import Outcome as Outcome
    from autoquality_core.types import Probe as Probe
    from autoquality_core.types import RawSource as RawSource
    from autoquality_core.types import Verdict as Verdict

_HOMES = {
    "errors": ("DeadlinePassed", "InvalidImage", "InvalidRequest", "ServiceError"),
    "formats": (
        *("Encoder", "AvifEncoder", "JpegEncoder", "JxlEncoder", "PngEncoder", "WebpEncoder"),
        *("AvifOptions", "JpegOptions", "JxlOptions", "PngOptions", "WebpOptions", "WebpPreset"),
    ),
    "images": ("ImageLimits",),
    "metrics": ("METRICS", "Metric"),
    "networks": ("Predictor",),
    "pipeline.comparison": ("Comparison",),
    "pipeline.job": ("Considered", "EncodeResult"),
    "pipeline.library": ("LIMITS", "bundled_networks", "compare", "encode"),
    "types": (
        *("Chroma", "ColorProfile", "Format", "Lossless", "Method", "Notice", "NoticeCode"),
        *("Outcome", "Probe", "RawSource", "Verdict"),
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF]  # noqa: PLE0604 - all are strings


if not TYPE_CHECKING:  # or type checkers accept every name

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used: a supervisor needs no codec."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
