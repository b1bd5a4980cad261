"""imgproxy's notation: `method:target:min:max:allowed_error`.

Every part is optional. The notation may start with `autoquality:` or `aq:`, as in an imgproxy
URL:

    dssim:0.02:70:80:0.001      every part
    size:10240                  10 kB, and the server's defaults
    ml::60                      the server's target, no quality under 60
    autoquality:none            with imgproxy's name
"""

from __future__ import annotations

import math

from autoquality._enums import Method, parse
from autoquality._options import SPEC_FIELDS, AutoQuality

_PREFIXES = ("autoquality", "aq")


def parse_notation(text: str) -> AutoQuality:
    """Parse imgproxy's notation. A missing part is None.

    Raises ValueError, which names the wrong part and its valid values. Only the server checks
    whether the parts fit together.
    """
    parts = [part.strip() for part in text.strip().split(":")]
    if parts[0].lower() in _PREFIXES:
        del parts[0]
    if len(parts) > len(SPEC_FIELDS):
        raise ValueError(
            f"{text!r} has {len(parts)} parts; at most {len(SPEC_FIELDS)} are allowed: "
            f"{':'.join(SPEC_FIELDS)}"
        )
    parts += [""] * (len(SPEC_FIELDS) - len(parts))
    method, target, low, high, allowed_error = parts
    return AutoQuality(
        method=parse(Method, method, "method") if method else None,
        target=_number("target", target),
        min_quality=_quality("min_quality", low),
        max_quality=_quality("max_quality", high),
        allowed_error=_number("allowed_error", allowed_error),
    )


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


def _quality(name: str, text: str) -> int | None:
    if not text:
        return None
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 100:
        raise ValueError(f"{name} must be a whole number from 1 to 100, not {text!r}")
    return value
