"""Numbers of any number of bits, one after another, out of bytes."""

from __future__ import annotations


class BitReader:
    """Reads unsigned numbers off `data`, the highest bit first; for headers, not for megabytes."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The number in the next `count` bits. Raises ValueError where they are not there."""
        self.skip(count)
        return self._value >> self._left & (1 << count) - 1

    def skip(self, count: int) -> None:
        """Leave `count` bits out. Raises ValueError as `take` does."""
        self._left -= count
        if self._left < 0:
            raise ValueError("there are no more bits")
