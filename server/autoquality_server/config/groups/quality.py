"""How a quality is chosen where a request does not say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.types import Format, Method
from autoquality_server.config import parse
from autoquality_server.config.spec import IMGPROXY_AUTOQUALITY, setting

_QUALITY = "Choosing the quality"
_D = Defaults()


@dataclass(frozen=True)
class QualitySettings:
    """imgproxy's autoquality, by its names and with its defaults."""

    # fmt: off
    method: Method = setting(
        _D.method, group=_QUALITY, parse=parse.choice(Method),
        aliases=(IMGPROXY_AUTOQUALITY + "METHOD",),
        meaning="How the quality is chosen: none, size, dssim or ml.")
    target: float | None = setting(
        _D.target, group=_QUALITY,
        parse=parse.number(0, math.inf, "bytes (1 or more) or a DSSIM (0 to 1)"),
        aliases=(IMGPROXY_AUTOQUALITY + "TARGET",), default_text="0.02",
        meaning="Bytes for size (no default there), DSSIM from 0 to 1 for dssim and ml.")
    min_quality: int = setting(
        _D.min_quality, name="MIN", group=_QUALITY, parse=parse.whole(1, 100),
        aliases=(IMGPROXY_AUTOQUALITY + "MIN",), meaning="The lowest quality tried.")
    max_quality: int = setting(
        _D.max_quality, name="MAX", group=_QUALITY, parse=parse.whole(1, 100),
        aliases=(IMGPROXY_AUTOQUALITY + "MAX",), meaning="The highest quality tried.")
    format_min: Mapping[Format, int] = setting(
        _D.format_min, group=_QUALITY, parse=parse.format_qualities(_D.format_min),
        aliases=(IMGPROXY_AUTOQUALITY + "FORMAT_MIN",), clean_alias=parse.without_foreign_formats,
        meaning="The lowest quality tried, by format; laid over the default.")
    format_max: Mapping[Format, int] = setting(
        _D.format_max, group=_QUALITY, parse=parse.format_qualities(_D.format_max),
        aliases=(IMGPROXY_AUTOQUALITY + "FORMAT_MAX",), clean_alias=parse.without_foreign_formats,
        meaning="The highest quality tried, by format; laid over the default.")
    allowed_error: float = setting(
        _D.allowed_error, group=_QUALITY, parse=parse.number(0, 1, "a DSSIM from 0 to 1"),
        aliases=(IMGPROXY_AUTOQUALITY + "ALLOWED_ERROR",),
        meaning="How far the DSSIM may be from the target; 1 with ml: trust the network.")
    quality: int = setting(
        _D.quality, group=_QUALITY, parse=parse.whole(1, 100), aliases=("IMGPROXY_QUALITY",),
        meaning="The quality of method none.")
    format_quality: Mapping[Format, int] = setting(
        _D.format_quality, group=_QUALITY, parse=parse.format_qualities(_D.format_quality),
        aliases=("IMGPROXY_FORMAT_QUALITY",), clean_alias=parse.without_foreign_formats,
        meaning="The quality of method none, by format; laid over the default.")
    # fmt: on

    def defaults(self) -> Defaults:
        """What a request gets where it says nothing about quality."""
        return Defaults(
            method=self.method,
            target=self.target,
            min_quality=self.min_quality,
            max_quality=self.max_quality,
            format_min=self.format_min,
            format_max=self.format_max,
            allowed_error=self.allowed_error,
            quality=self.quality,
            format_quality=self.format_quality,
        )
