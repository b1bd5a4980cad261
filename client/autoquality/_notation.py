"""imgproxy's notation of a wish: `method:target:min:max:allowed_error`.

Every part may be left out or empty, and `autoquality:` or `aq:` may stand
before it, as in an imgproxy URL:

    dssim:0.02:70:80:0.001      all said
    size:10240                  10 kB, everything else as the server has it
    ml::60                      the server's target, no quality under 60
    autoquality:none            with imgproxy's name before it
"""

from __future__ import annotations

import math

from autoquality._enums import Method, parse
from autoquality._options import AutoQuality

_PREFIXES = ("autoquality", "aq")
_PARTS = ("method", "target", "min_quality", "max_quality", "allowed_error")


def parse_notation(text: str) -> AutoQuality:
    """Read `text` as a wish; a part left out is None.

    Raises ValueError, naming the part that is wrong and what would be right.
    Whether the values suit each other is the server's to say.
    """
    parts = [part.strip() for part in text.strip().split(":")]
    if parts[0].lower() in _PREFIXES:
        del parts[0]
    if len(parts) > len(_PARTS):
        raise ValueError(
            f"{text!r} has {len(parts)} parts; at most {len(_PARTS)} are meant: {':'.join(_PARTS)}"
        )
    parts += [""] * (len(_PARTS) - len(parts))
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
