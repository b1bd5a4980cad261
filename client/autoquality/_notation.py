"""imgproxy's notation, with a part for the metric: `method:target:min:max:allowed_error:metric`.

Every part is optional. The notation may start with `autoquality:` or `aq:`, as in an imgproxy
URL:

    dssim:0.02:70:80:0.001      every part
    size:10240                  10 KiB, and the server's defaults
    size:20kB                   20 000 bytes
    size:10240:::0.05           a file of 95 to 100 % of 10 KiB is good enough
    ssimulacra2:high            a word for a SSIMULACRA2 score
    ml:70:::1:ssimulacra2       a metric for the method ml
    ml::60                      the server's target, no quality under 60
    autoquality:none            with imgproxy's name
"""

from __future__ import annotations

import math
import re
from dataclasses import replace

from autoquality._enums import Method, Metric, parse
from autoquality._options import NOTATION_FIELDS, AutoQuality
from autoquality_core.types import METRIC_OF_WORDS, bytes_of, score_of

_WITH_UNIT = re.compile(r"[\d.]+\s*[a-z]+", re.ASCII | re.IGNORECASE)
_PREFIXES = ("autoquality", "aq")


def parse_notation(text: str) -> AutoQuality:
    """Parse imgproxy's notation. A missing part is None.

    Raises ValueError, which names the wrong part and its valid values. Only the server checks
    whether the parts fit together.
    """
    parts = [part.strip() for part in text.strip().split(":")]
    if parts[0].lower() in _PREFIXES:
        del parts[0]
    if len(parts) > len(NOTATION_FIELDS):
        raise ValueError(
            f"{text!r} has {len(parts)} parts; at most {len(NOTATION_FIELDS)} are allowed: "
            f"{':'.join(NOTATION_FIELDS)}"
        )
    parts += [""] * (len(NOTATION_FIELDS) - len(parts))
    method, target, low, high, allowed_error, metric = parts
    return auto_quality(
        method=method or None,
        target=target or None,
        min_quality=read_quality("min_quality", low),
        max_quality=read_quality("max_quality", high),
        allowed_error=_number("allowed_error", allowed_error),
        metric=metric or None,
    )


def auto_quality(
    method: Method | str | None = None,
    target: float | str | None = None,
    min_quality: int | None = None,
    max_quality: int | None = None,
    allowed_error: float | None = None,
    metric: Metric | str | None = None,
    max_bytes: int | str | None = None,
    max_dssim: float | None = None,
    min_ssimulacra2: float | str | None = None,
) -> AutoQuality:
    """Build an `AutoQuality` from its parts, with enums by name.

    `target` and `min_ssimulacra2` may be words. `max_bytes` and a `target` in bytes may have a
    unit (`100kB`, `20KiB`), which implies the method size. A word is a score of SSIMULACRA2. As a
    target it implies this method, or this metric for the method ml. A metric that the method has
    anyway is left out.
    Raises ValueError, which names the wrong part and its valid values.
    """
    method = None if method is None else parse(Method, method, "method")
    metric = None if metric is None else parse(Metric, metric, "metric")
    if isinstance(target, str):
        method, metric, target = _read_target(method, metric, target)
    if method is not None and metric is not None and method.value == metric.value:
        metric = None
    return AutoQuality(
        *(method, target, min_quality, max_quality, allowed_error, metric),
        max_bytes=_bytes("max_bytes", max_bytes) if isinstance(max_bytes, str) else max_bytes,
        max_dssim=max_dssim,
        min_ssimulacra2=_score("min_ssimulacra2", min_ssimulacra2),
    )


def _read_target(
    method: Method | None, metric: Metric | None, text: str
) -> tuple[Method | None, Metric | None, float | None]:
    """Read a target, with the method and the metric that a unit or a word implies."""
    if _WITH_UNIT.fullmatch(text.strip()):
        if method not in (None, Method.SIZE):
            raise ValueError(f"target {text!r} is a size in bytes: the method must be size")
        return Method.SIZE, metric, float(_bytes("target", text))
    searched = metric if method in (None, Method.ML) else method
    score = _score("target", text, METRIC_OF_WORDS if searched is None else searched)
    if not _is_number(text):
        if method is None:
            method = Method(METRIC_OF_WORDS)
        elif method is Method.ML:
            metric = Metric(METRIC_OF_WORDS)
    return method, metric, score


def with_method(spec: AutoQuality) -> AutoQuality:
    """Return the spec of separate arguments, where a target from 0 to 1 alone implies dssim.

    In the notation and in an `AutoQuality`, a missing method is the server's.
    """
    target: object = spec.target  # it may have a wrong type, which the request refuses
    alone = spec.method is None and spec.metric is None
    if alone and isinstance(target, int | float) and 0 <= target <= 1:
        return replace(spec, method=Method.DSSIM)
    return spec


def _bytes(name: str, text: str) -> int:
    try:
        return bytes_of(text)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _score(name: str, score: float | str | None, metric: str = METRIC_OF_WORDS) -> float | None:
    """A score that may be a word."""
    if not isinstance(score, str):
        return score
    if _is_number(score):
        return _number(name, score)
    try:
        return score_of(score, metric)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a number, 0 or more, not {text!r}")
    return value


def read_quality(name: str, text: str) -> int | None:
    """Read a quality. None for an empty text."""
    if not text:
        return None
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 100:
        raise ValueError(f"{name} must be a whole number from 1 to 100, not {text!r}")
    return value
