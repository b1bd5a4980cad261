"""The codes of symbols in JPEG XL: prefix codes, and asymmetric numeral systems (ANS).

ISO/IEC 18181-1, annex C.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoquality_core.images.jxl.bits import BitReader

MOST_PREFIX_BITS = 15

_PRECISION = 12
_WHOLE = 1 << _PRECISION
_FIRST_STATE_BITS = 32
_FINAL_STATE = 0x130000


@dataclass(frozen=True, slots=True)
class PrefixCode:
    """A prefix code. `symbols` has the bits of a code with a 1 before them as its key."""

    reader: BitReader
    symbols: Mapping[int, int]

    def symbol(self) -> int:
        read, bits = self.reader.bits, 1
        for _ in range(MOST_PREFIX_BITS + 1):
            found = self.symbols.get(bits)
            if found is not None:
                return found
            bits = bits << 1 | read(1)
        raise ValueError("not a code")

    @classmethod
    def of_lengths(cls, reader: BitReader, lengths: Sequence[int]) -> PrefixCode:
        """The canonical code. One symbol alone takes no bits."""
        used = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
        if len(used) == 1:
            return cls(reader, {1: used[0][1]})
        symbols, code, last = {}, 0, 0
        for length, symbol in used:
            code <<= length - last
            symbols[1 << length | code] = symbol
            code, last = code + 1, length
        return cls(reader, symbols)

    @classmethod
    def read(cls, reader: BitReader, size: int) -> PrefixCode:
        """Read the description of a code for symbols below `size`. Raises ValueError."""
        kind = reader.bits(2) if size > 1 else 1
        if kind == 1:
            return cls.of_lengths(reader, _few(reader, size))
        lengths = [0] * len(_ORDER)
        room = 32
        for at in _ORDER[kind:]:
            lengths[at] = PrefixCode(reader, _LENGTH_CODE).symbol()
            room -= 32 >> lengths[at] if lengths[at] else 0
            if room <= 0:
                break
        if room and sum(map(bool, lengths)) != 1:
            raise ValueError("not a prefix code")
        return cls.of_lengths(reader, _lengths(cls.of_lengths(reader, lengths), reader, size))


_ORDER = (1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_LENGTH_CODE = {0b100: 0, 0b101: 3, 0b110: 4, 0b1110: 2, 0b11110: 1, 0b11111: 5}
_REPEAT_LAST = 16


def _few(reader: BitReader, size: int) -> list[int]:
    """The lengths of a code of 1 to 4 symbols."""
    if size == 1:
        return [1]
    count = 1 + reader.bits(2)
    symbols = [reader.bits((size - 1).bit_length()) for _ in range(count)]
    if len(set(symbols)) < count or max(symbols) >= size:
        raise ValueError("not a prefix code")
    uneven = count == 4 and reader.flag()
    found = {1: (1,), 2: (1, 1), 3: (1, 2, 2), 4: (1, 2, 3, 3) if uneven else (2, 2, 2, 2)}
    lengths = [0] * size
    for symbol, length in zip(symbols, found[count], strict=True):
        lengths[symbol] = length
    return lengths


def _lengths(code: PrefixCode, reader: BitReader, size: int) -> list[int]:
    """The lengths of a code that are coded by another code, with repetitions."""
    lengths: list[int] = []
    room, last = 1 << MOST_PREFIX_BITS, 8
    repeated = repeats = 0
    while len(lengths) < size and room > 0:
        symbol = code.symbol()
        if symbol < _REPEAT_LAST:
            repeats = 0
            last = symbol or last
            new = [symbol]
        else:
            value = last if symbol == _REPEAT_LAST else 0
            before = repeats = repeats if value == repeated else 0
            extra = symbol - _REPEAT_LAST + 2
            repeats = (max(repeats - 2, 0) << extra) + reader.bits(extra) + 3
            repeated = value
            new = [value] * (repeats - before)
            if len(lengths) + len(new) > size:
                raise ValueError("not a prefix code")
        lengths += new
        room -= sum((1 << MOST_PREFIX_BITS) >> length for length in new if length)
    if room:
        raise ValueError("not a prefix code")
    return lengths + [0] * (size - len(lengths))


class AnsState:
    """The state that all codes of a run of numbers share."""

    def __init__(self, reader: BitReader) -> None:
        self.reader = reader
        self.value = reader.bits(_FIRST_STATE_BITS)

    def finish(self) -> None:
        """Check the state after the last symbol. Raises ValueError."""
        if self.value != _FINAL_STATE:
            raise ValueError("the numbers do not end where they should")


@dataclass(frozen=True, slots=True)
class AnsCode:
    """A distribution of symbols, laid out in slots: each has one or two symbols.

    From `limits` on, a slot belongs to another symbol (`others`), whose share continues there
    at `offsets`.
    """

    state: AnsState
    slot_bits: int
    shares: Sequence[int]
    limits: Sequence[int]
    others: Sequence[int]
    offsets: Sequence[int]

    def symbol(self) -> int:
        state = self.state
        value = state.value
        low = value & _WHOLE - 1
        slot, offset = low >> self.slot_bits, low & (1 << self.slot_bits) - 1
        found = slot
        if offset >= self.limits[slot]:
            found = self.others[slot]
            offset += self.offsets[slot]
        value = self.shares[found] * (value >> _PRECISION) + offset
        if value < 1 << 16:
            value = value << 16 | state.reader.bits(16)
        state.value = value
        return found

    @classmethod
    def of_shares(cls, state: AnsState, shares: Sequence[int], alphabet_bits: int) -> AnsCode:
        count, slot_bits = 1 << alphabet_bits, _PRECISION - alphabet_bits
        size = 1 << slot_bits
        shares = [*shares, *[0] * (count - len(shares))]
        if _WHOLE in shares:
            only = shares.index(_WHOLE)
            offsets = [size * slot for slot in range(count)]
            return cls(state, slot_bits, shares, [0] * count, [only] * count, offsets)
        limits, others, offsets = list(shares), list(range(count)), [0] * count
        above = [at for at, share in enumerate(limits) if share > size]
        below = [at for at, share in enumerate(limits) if share < size]
        while above:
            large, small = above.pop(), below.pop()
            limits[large] -= size - limits[small]
            others[small], offsets[small] = large, limits[large]
            if limits[large] < size:
                below.append(large)
            elif limits[large] > size:
                above.append(large)
        for at, limit in enumerate(limits):
            if limit == size:
                limits[at] = offsets[at] = 0
                others[at] = at
            else:
                offsets[at] -= limit
        return cls(state, slot_bits, shares, limits, others, offsets)


def read_shares(reader: BitReader, alphabet_bits: int) -> list[int]:
    """Read the shares of symbols, which add up to 4096. Raises ValueError."""
    if reader.flag():
        shares = _few_shares(reader)
    elif reader.flag():
        count = 1 + short(reader, 3)
        each, more = divmod(_WHOLE, count)
        shares = [each + (at < more) for at in range(count)]
    else:
        shares = _many_shares(reader)
    if len(shares) > 1 << alphabet_bits:
        raise ValueError("too many symbols")
    return shares


def short(reader: BitReader, count_bits: int) -> int:
    """A number of a number of bits that `count_bits` hold."""
    if not reader.flag():
        return 0
    count = reader.bits(count_bits)
    return 1 << count | reader.bits(count)


def _few_shares(reader: BitReader) -> list[int]:
    two = reader.flag()
    symbols = [short(reader, 3) for _ in range(1 + two)]
    shares = [0] * (max(symbols) + 1)
    if two and symbols[0] == symbols[1]:
        raise ValueError("a symbol occurs twice")
    shares[symbols[0]] = reader.bits(_PRECISION) if two else _WHOLE
    if two:
        shares[symbols[1]] = _WHOLE - shares[symbols[0]]
    return shares


_LOGARITHM_CODE = dict(
    (
        *((0b1000, 10), (0b1010, 7), (0b1001, 6), (0b1101, 8), (0b1011, 9)),
        *((0b11100, 3), (0b11110, 5), (0b11001, 4), (0b11101, 1), (0b11111, 2)),
        *((0b110001, 0), (0b1100001, 11), (0b11000000, 12), (0b11000001, 13)),
    )
)
_RUN, _REPEATED = 13, -1


def _many_shares(reader: BitReader) -> list[int]:
    """Shares by their logarithms and some of their bits; one, the largest, is what is left."""
    shift_bits = 0
    while shift_bits < 3 and reader.flag():
        shift_bits += 1
    shift = (1 << shift_bits | reader.bits(shift_bits)) - 1
    if shift > _PRECISION + 1:
        raise ValueError("shares of too many bits")
    count = 3 + short(reader, 3)
    code = PrefixCode(reader, _LOGARITHM_CODE)
    logarithms: list[int] = []
    while len(logarithms) < count:
        logarithm = code.symbol()
        logarithms += [_REPEATED] * (4 + short(reader, 3)) if logarithm == _RUN else [logarithm]
    rest = max(range(count), key=lambda at: logarithms[at])
    if len(logarithms) > count or logarithms[rest] < 0:
        raise ValueError("not a distribution")
    shares = [0] * count
    for at, logarithm in enumerate(logarithms):
        if logarithm == _REPEATED:
            shares[at] = shares[at - 1] if at else 0
        elif at != rest and logarithm:
            known = min(logarithm - 1, max(0, shift - (_PRECISION - logarithm + 1 >> 1)))
            more = reader.bits(known) << logarithm - 1 - known
            shares[at] = (1 << logarithm - 1) + more
    shares[rest] = _WHOLE - sum(shares)
    if shares[rest] <= 0:
        raise ValueError("not a distribution")
    return shares
