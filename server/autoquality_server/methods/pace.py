"""How long encodings take on this machine, learned from those that were made."""

from __future__ import annotations

import threading

from autoquality_server.domain import EncoderOptions, Format

_NEWEST_SHARE = 0.2
"""Weight of the newest measurement in a mean."""

_MOST_KINDS = 256
"""Callers choose options; they must not fill the memory with them."""

_Kind = tuple[object, ...]


class Pace:
    """Seconds a pixel of every encoder setting in use. Shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Seconds and pixels of what was made; the newest counts most.
        self._kinds: dict[_Kind, tuple[float, float]] = {}

    def learn(
        self, fmt: Format, options: EncoderOptions, *, measured: bool, seconds: float, pixels: int
    ) -> None:
        """Take in one encoding, or one with its measurement."""
        kind = _kind(fmt, options, measured)
        with self._lock:
            before = self._kinds.pop(kind, (0.0, 0.0))
            kept = 1 - _NEWEST_SHARE
            self._kinds[kind] = before[0] * kept + seconds, before[1] * kept + pixels
            if len(self._kinds) > _MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]

    def expect(
        self, fmt: Format, options: EncoderOptions, *, measured: bool, pixels: int
    ) -> float | None:
        """Seconds that one more is expected to take; None where none was made yet."""
        with self._lock:
            seconds, seen = self._kinds.get(_kind(fmt, options, measured), (0.0, 0.0))
        return seconds / seen * pixels if seen else None


def _kind(fmt: Format, options: EncoderOptions, measured: bool) -> _Kind:
    return fmt, getattr(options, fmt.value), measured
