"""The numbers in the headers of a codestream (ISO/IEC 18181-1, annex B)."""

from __future__ import annotations

_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))
_LARGEST_SHIFT = 60


class BitReader:
    """Reads numbers one after another, lowest bit first; `at` is the place of the next bit.

    Its methods raise ValueError where the content ends too early.
    """

    def __init__(self, content: memoryview | bytes, at: int = 0) -> None:
        self.content = content
        self.at = at
        self._end = 8 * len(content)

    def bits(self, count: int) -> int:
        """The number in the next `count` bits, 0 for no bits."""
        start, end = self.at, self.at + count
        if end > self._end:
            raise ValueError("truncated")
        self.at = end
        number = int.from_bytes(self.content[start >> 3 : (end + 7) >> 3], "little")
        return number >> (start & 7) & (1 << count) - 1

    def flag(self) -> bool:
        return self.bits(1) == 1

    def skip(self, count: int) -> None:
        if count > self._end - self.at:
            raise ValueError("truncated")
        self.at += count

    def u32(self, *kinds: tuple[int, int]) -> int:
        """A number of one of four kinds, each a number of bits and what is added to them."""
        count, offset = kinds[self.bits(2)]
        return offset + self.bits(count)

    def u64(self) -> int:
        kind = self.bits(2)
        if kind < 3:
            return (0, 1, 17)[kind] + self.bits(4 * kind)
        number, shift = self.bits(12), 12
        while self.flag():
            if shift == _LARGEST_SHIFT:
                return number | self.bits(4) << shift
            number |= self.bits(8) << shift
            shift += 8
        return number

    def enum(self) -> int:
        return self.u32(*_ENUM)

    def signed(self, *kinds: tuple[int, int]) -> int:
        """As `u32`, for a number that may be negative."""
        number = self.u32(*kinds)
        return -(number + 1 >> 1) if number & 1 else number >> 1

    def extensions(self) -> None:
        """Skip the extensions at the end of a header."""
        count = self.u64().bit_count()
        self.skip(sum(self.u64() for _ in range(count)))

    def name(self) -> None:
        """Skip a name."""
        self.skip(8 * self.u32((0, 0), (4, 0), (5, 16), (10, 48)))

    def align(self) -> None:
        """Go on to the next whole byte. Raises ValueError if the bits between are not 0."""
        if self.bits(-self.at % 8):
            raise ValueError("bits between two parts")
