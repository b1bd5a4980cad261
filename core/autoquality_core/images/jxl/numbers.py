"""Runs of numbers as JPEG XL compresses them, by their contexts (ISO/IEC 18181-1, annex C).

Codestreams use this coding everywhere. Here it is needed for ICC profiles, and for the order of
the parts of a frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from autoquality_core.images.jxl.bits import BitReader
from autoquality_core.images.jxl.codes import (
    MOST_PREFIX_BITS,
    AnsCode,
    AnsState,
    PrefixCode,
    read_shares,
    short,
)

_MOST_CLUSTERS = 256
_MOST_BITS = 31
_WINDOW = 1 << 20
_LENGTH_BITS = 8


@dataclass(frozen=True, slots=True)
class _Split:
    """How a symbol and further bits make a number. Small numbers are the symbols themselves."""

    exponent: int
    high: int
    low: int

    @classmethod
    def read(cls, reader: BitReader, alphabet_bits: int) -> _Split:
        exponent = reader.bits(alphabet_bits.bit_length())
        high = low = 0
        if exponent != alphabet_bits:
            high = reader.bits(exponent.bit_length())
            if high <= exponent:
                low = reader.bits((exponent - high).bit_length())
        if high + low > exponent:
            raise ValueError("a symbol of too many bits")
        return cls(exponent, high, low)

    def number(self, reader: BitReader, symbol: int) -> int:
        if symbol < 1 << self.exponent:
            return symbol
        inside = self.high + self.low
        count = self.exponent - inside + (symbol - (1 << self.exponent) >> inside)
        if count > _MOST_BITS:
            raise ValueError("a number of too many bits")
        lowest = symbol & (1 << self.low) - 1
        highest = 1 << self.high | symbol >> self.low & (1 << self.high) - 1
        return (highest << count | reader.bits(count)) << self.low | lowest


class Numbers:
    """Numbers of `contexts` contexts, read one after another.

    The constructor reads the codes, which precede them. All methods raise ValueError.
    """

    def __init__(self, reader: BitReader, contexts: int, *, may_repeat: bool = True) -> None:
        self._reader = reader
        self._repeat_from: int | None = None
        if reader.flag():
            if not may_repeat:
                raise ValueError("repetitions where there are none")
            self._repeat_from = reader.u32((0, 224), (0, 512), (0, 4096), (15, 8))
            self._shortest = reader.u32((0, 3), (0, 4), (2, 5), (8, 9))
            self._lengths = _Split.read(reader, _LENGTH_BITS)
            contexts += 1
        self._clusters = _clusters(reader, contexts) if contexts > 1 else [0]
        count = max(self._clusters) + 1
        by_prefix = reader.flag()
        bits = MOST_PREFIX_BITS if by_prefix else 5 + reader.bits(2)
        self._splits = [_Split.read(reader, bits) for _ in range(count)]
        self._state: AnsState | None = None
        self._codes: Sequence[PrefixCode | AnsCode]
        if by_prefix:
            sizes = [1 + short(reader, 4) for _ in range(count)]
            if max(sizes) > 1 << bits:
                raise ValueError("too many symbols")
            self._codes = [PrefixCode.read(reader, size) for size in sizes]
        else:
            shares = [read_shares(reader, bits) for _ in range(count)]
            self._state = state = AnsState(reader)
            self._codes = [AnsCode.of_shares(state, each, bits) for each in shares]
        self._window: deque[int] = deque(maxlen=_WINDOW)
        self._repeats = self._distance = 0

    def next(self, context: int) -> int:
        cluster = self._clusters[context]
        if self._repeat_from is None:
            return self._number(cluster)
        if not self._repeats:
            symbol = self._codes[cluster].symbol()
            if symbol < self._repeat_from:
                number = self._splits[cluster].number(self._reader, symbol)
                self._window.append(number)
                return number
            length = self._lengths.number(self._reader, symbol - self._repeat_from)
            self._repeats = length + self._shortest
            self._distance = 1 + self._number(self._clusters[-1])
        self._repeats -= 1
        distance = min(self._distance, len(self._window))
        number = self._window[-distance] if distance else 0
        self._window.append(number)
        return number

    def finish(self) -> None:
        """Check that the numbers end here."""
        if self._state is not None:
            self._state.finish()

    def _number(self, cluster: int) -> int:
        return self._splits[cluster].number(self._reader, self._codes[cluster].symbol())


def _clusters(reader: BitReader, contexts: int) -> list[int]:
    """The number of its code for each context."""
    if reader.flag():
        bits = reader.bits(2)
        return _complete([reader.bits(bits) for _ in range(contexts)])
    moved_to_front = reader.flag()
    numbers = Numbers(reader, 1, may_repeat=contexts > 2)
    found = [numbers.next(0) for _ in range(contexts)]
    numbers.finish()
    if max(found) >= _MOST_CLUSTERS:
        raise ValueError("too many codes")
    if moved_to_front:
        order = list(range(_MOST_CLUSTERS))
        for at, place in enumerate(found):
            found[at] = order.pop(place)
            order.insert(0, found[at])
    return _complete(found)


def _complete(clusters: list[int]) -> list[int]:
    if len(set(clusters)) <= max(clusters):
        raise ValueError("a code that no context uses")
    return clusters
