"""The entropy coding of profiles and of the order of parts, as libjxl reads and writes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import pyvips
from imagecodecs._jpegxl import JpegxlError, jpegxl_decode, jpegxl_encode, jpegxl_encode_jpeg

from autoquality_core.images.colour import icc
from autoquality_core.images.colour.cicp import Colours, Transfer
from autoquality_core.images.jxl.bits import BitReader
from autoquality_core.images.jxl.codes import AnsCode, AnsState, PrefixCode
from autoquality_core.images.jxl.container import read_container
from autoquality_core.images.jxl.frames import read_frames
from autoquality_core.images.jxl.header import read_header
from tests.images.files import image_of
from tests.images.jxl_files import PART_SIZE, Bits, frames_of, head_of, jxl

SQUARE = np.full((16, 16, 3), 90, np.uint8)
WIDE = Colours((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329), Transfer.GAMMA, 2.2)
LOGARITHMS = {0: "10001", 1: "1101", 2: "1111", 3: "1100", 4: "1001", 5: "1110", 6: "001"}
LOGARITHMS |= {7: "010", 8: "101", 9: "011", 10: "000", 11: "100001", 12: "1000000"}


def reader(bits: Bits) -> BitReader:
    return BitReader(bits.bytes() + bytes(8))


@pytest.mark.parametrize(
    "content", [b"", bytes(3000), bytes(range(256)) * 12, b"text, 12 " * 300, b"XYZ " + bytes(20)]
)
def test_profiles_are_read_as_libjxl_wrote_them(content: bytes) -> None:
    """Repetitions, ramps and words lead to different codes, commands and predictions."""
    noise = np.random.default_rng(4).integers(0, 256, len(content) // 2, np.uint8).tobytes()
    profile = pyvips.Image.profile_load("p3") + content + noise
    profile = len(profile).to_bytes(4, "big") + profile[4:]
    image = image_of(SQUARE)
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    jpeg = image.jpegsave_buffer(keep=pyvips.ForeignKeep.ICC)
    codestream = read_container(jpegxl_encode_jpeg(jpeg, usecontainer=True)).codestream
    assert read_header(codestream).profile == profile


def unpredicted(profile: bytes) -> bytes:
    """A profile as a codestream holds it: the difference to a usual header, and all the rest."""
    usual = bytearray(128)
    usual[:4], usual[8], usual[12:24] = profile[:4], 4, b"mntrRGB XYZ "
    usual[36:40], usual[70:80], usual[80:84] = (
        b"acsp",
        b"\xf6\xd6\0\1\0\0\0\0\xd3\x2d",
        profile[4:8],
    )
    header = bytes(a - b & 255 for a, b in zip(profile[:128], usual, strict=True))
    commands = b"\0\1" + varint(len(profile) - 128)
    return varint(len(profile)) + varint(len(commands)) + commands + header + profile[128:]


def varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes((low | 128,)) + varint(rest) if rest else bytes((low,))


def shares_of(values: Sequence[int]) -> list[int]:
    """Shares that add up to 4096, in proportion to how often each value occurs."""
    counts = Counter(values)
    shares = [0] * (max(counts) + 1)
    for value, count in counts.items():
        shares[value] = max(1, count * 3800 // len(values))
    shares[counts.most_common(1)[0][0]] += 4096 - sum(shares)
    return shares


def short(bits: Bits, value: int) -> None:
    bits.flag(value > 0)
    if value:
        length = value.bit_length() - 1
        bits.add(3, length).add(length, value - (1 << length))


def written(bits: Bits, shares: Sequence[int], kind: str) -> None:
    """The description of shares."""
    if kind == "flat":
        bits.flag(False).flag(True)
        short(bits, len(shares) - 1)
        return
    bits.flag(False).flag(False).add(3, 7).add(3, 6)  # all bits of each share
    short(bits, len(shares) - 3)
    logarithms = [share.bit_length() for share in shares]
    for logarithm in logarithms:
        bits.raw([int(bit) for bit in LOGARITHMS[logarithm]])
    rest = logarithms.index(max(logarithms))
    for at, (share, logarithm) in enumerate(zip(shares, logarithms, strict=True)):
        if at != rest and logarithm > 1:
            bits.add(logarithm - 1, share - (1 << logarithm - 1))


def ans_coded(values: Sequence[int], kind: str, exponent: int) -> Bits:
    """Numbers of one context by ANS: those from 2 ** `exponent` on have 2 bits in their symbol."""
    symbols, rest = [], []
    for value in values:
        if value < 1 << exponent:
            symbols.append(value)
            rest.append((0, 0))
        else:
            extra = value.bit_length() - 3
            symbols.append((1 << exponent) + ((extra - exponent + 2) << 2 | value >> extra & 3))
            rest.append((extra, value & (1 << extra) - 1))
    shares = [16] * 256 if kind == "flat" else shares_of(symbols)
    bits = Bits().flag(False)  # no repetitions
    bits.flag(True).add(2, 0)  # one code for all 41 contexts
    bits.flag(False).add(2, 3)  # no prefix code, 256 symbols
    bits.add(4, exponent)
    if exponent != 8:
        bits.add(exponent.bit_length(), 2).add((exponent - 2).bit_length(), 0)
    written(bits, shares, kind)
    state = AnsState(BitReader(bytes(4)))
    code = AnsCode.of_shares(state, shares, 8)
    slots: dict[int, dict[int, int]] = {}
    for low in range(4096):
        state.value = low + (1 << 28)
        symbol = code.symbol()
        slots.setdefault(symbol, {})[(state.value - shares[symbol] * (1 << 16))] = low
    value, backwards = 0x130000, []
    for symbol, more in zip(reversed(symbols), reversed(rest), strict=True):
        share = shares[symbol]
        backwards.append(more)
        if value >= share << 20:
            backwards.append((16, value & 0xFFFF))
            value >>= 16
        value = (value // share) << 12 | slots[symbol][value % share]
    bits.add(32, value)
    for count, number in reversed(backwards):
        bits.add(count, number)
    return bits


@pytest.mark.parametrize(("kind", "exponent"), [("flat", 8), ("counted", 8), ("counted", 4)])
def test_numbers_coded_by_ans_are_read_as_libjxl_reads_them(kind: str, exponent: int) -> None:
    """Libjxl itself writes profiles by prefix codes. It refuses one that does not end exactly."""
    profile = icc.profile_of(WIDE, 3)
    values = unpredicted(profile)
    data = with_coded_profile(values, ans_coded(values, kind, exponent))
    assert np.array_equal(jpegxl_decode(data), SQUARE)
    header = read_header(memoryview(data))
    assert header.profile == profile
    end = header.frames_at // 8
    for at in range(20, end - 1, 5):
        wrong = bytearray(data)
        wrong[at] ^= 16
        assert accepted_by_us(bytes(wrong)) == accepted_by_libjxl(bytes(wrong)), at


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("rows", [1, 2])
def test_predicted_numbers_continue_a_line_or_a_parabola(width: int, order: int, rows: int) -> None:
    """Differences of 0 continue what is there, in each of several rows that take turns."""
    count = 12 * rows
    steps = [(at // rows, at % rows) for at in range(count)]
    found = [70 + 90 * row + (order > 0) * 9 * at + (order > 1) * at**2 for at, row in steps]
    found[-1] += 5
    made = b"".join(number.to_bytes(4, "big")[4 - width :] for number in found)
    begin = 3 * rows * width
    flags = width - 1 | order << 2 | (16 if rows > 1 else 0)
    commands = b"\0\1" + varint(begin) + bytes((4, flags))
    commands += (varint(rows * width) if rows > 1 else b"") + varint(len(made) - begin)
    differences = bytes(len(made) - begin - 1) + b"\5"
    coded = varint(128 + len(made)) + varint(len(commands)) + commands
    values = coded + bytes(128) + made[:begin] + differences
    data = with_coded_profile(values, ans_coded(values, "flat", 8))
    assert accepted_by_libjxl(data)
    profile = read_header(memoryview(data)).profile
    assert profile is not None
    assert profile[128:] == made


def few_symbols(symbols: Sequence[int], *, uneven: bool) -> tuple[Bits, dict[int, str]]:
    """A prefix code for a few of 256 symbols: its description, and the code of each symbol."""
    bits = Bits().add(2, 1).add(2, len(symbols) - 1)
    for symbol in symbols:
        bits.add(8, symbol)
    if len(symbols) == 4:
        bits.flag(uneven)
    codes = {2: "0 1", 3: "0 10 11", 4: "0 10 110 111" if uneven else "00 01 10 11"}
    return bits, dict(zip(symbols, codes[len(symbols)].split(), strict=True))


@pytest.mark.parametrize("clusters", ["one", "coded", "moved to front", "of one symbol"])
@pytest.mark.parametrize(
    ("symbols", "uneven"), [((0, 1, 128), False), ((0, 1, 7, 128), False), ((0, 1, 7, 128), True)]
)
def test_numbers_coded_by_few_symbols_are_read_as_libjxl_reads_them(
    symbols: Sequence[int], uneven: bool, clusters: str
) -> None:
    """A profile of 128 bytes, the last two in another context than all others, with their code."""
    changed = symbols[-2]
    alone = clusters == "of one symbol"
    values = varint(128) + b"\0" + bytes(63) + bytes([changed]) + bytes(63)
    values += bytes([0 if alone else changed])
    several = clusters != "one"
    description, codes = few_symbols(symbols, uneven=uneven)
    last_description, last_codes = few_symbols((0, changed), uneven=False)
    if alone:  # takes no bits
        last_description, last_codes = Bits(), {0: ""}
    bits = Bits().flag(False)
    if several:
        other = 19  # the context of a byte after two zeros
        places = [0] * other + [1, 1 if clusters == "moved to front" else 0] + [0] * (39 - other)
        bits.flag(False).flag(clusters == "moved to front")
        bits.flag(False).flag(True).add(4, 15).flag(True).add(4, 0)  # a prefix code of 2 symbols
        bits.add(2, 1).add(2, 1).add(1, 0).add(1, 1).raw(places)
    else:
        bits.flag(True).add(2, 0)
    bits.flag(True)
    for _ in range(1 + several):
        bits.add(4, 8).add(4, 0).add(4, 0)  # numbers below 256 are the symbols
    for which in range(1 + several):
        if alone and which:
            bits.flag(False)  # there is one symbol
        else:
            bits.flag(True).add(4, 7).add(7, 127)  # there are 256
    bits.other(description)
    if several:
        bits.other(last_description)
    for at, value in enumerate(values):
        code = (last_codes if several and at > 128 else codes)[value]
        bits.raw([int(bit) for bit in code])
    data = with_coded_profile(values, bits)
    assert accepted_by_libjxl(data)
    profile = read_header(memoryview(data)).profile
    assert profile is not None
    assert (profile[63], profile[127]) == (changed, values[-1])


def with_coded_profile(values: bytes, coded: Bits) -> bytes:
    """An image with a profile in the form that a codestream has it in, and its code."""
    size = Bits().add(2, 2).add(8, len(values) - 17) if len(values) < 273 else None
    size = size or Bits().add(2, 3).add(12, len(values)).flag(False)
    encoding = Bits().flag(False).flag(True).enum(0)
    head = head_of(SQUARE, colours=encoding, profile=Bits().other(size).other(coded))
    return head.bytes() + frames_of(jxl(image_of(SQUARE)))


def accepted_by_libjxl(data: bytes) -> bool:
    try:
        return jpegxl_decode(data, 0) is not None
    except JpegxlError:
        return False


def accepted_by_us(data: bytes) -> bool:
    try:
        return read_header(memoryview(data)) is not None
    except ValueError:
        return False


def test_parts_in_another_order_are_found() -> None:
    """Libjxl moves the middle of an image to the front if it is asked to."""
    samples = np.random.default_rng(5).integers(0, 256, (600, 600, 3), np.uint8)
    data = jpegxl_encode(samples, lossless=True, effort=3)
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").tolist()
    (frame,) = read_frames(memoryview(data), read_header(memoryview(data)), 1)
    sizes = BitReader(data, frame.parts_at)
    ends = np.cumsum([0, *(sizes.u32(*PART_SIZE) for _ in range(frame.parts))])
    begin = frame.end // 8 - ends[-1]
    parts = [data[begin + a : begin + b] for a, b in pairwise(ends)]
    parts[-2:] = parts[:-3:-1]

    made = Bits().raw(bits[: frame.header_end - 1]).flag(True)
    # No repetitions; two codes, one of them for the number of parts that are moved.
    made.flag(False).flag(True).add(2, 1)
    for context in range(8):
        made.add(1, context == frame.parts.bit_length())
    made.flag(True).add(4, 15).add(4, 15)  # prefix codes, whose symbols are the numbers
    made.flag(True).add(4, 0).flag(True).add(4, 4).add(4, 15)  # of 2 and of 32 symbols
    made.add(2, 1).add(2, 1).add(1, 0).add(1, 1)  # 0 and 1 take a bit
    made.add(2, 1).add(2, 0).add(5, frame.parts - 1)  # one symbol takes none
    made.raw([*[0] * (frame.parts - 2), 1])  # only the last two are exchanged
    listed = Bits()
    for part in parts:
        listed.u32(len(part), PART_SIZE)
    moved = made.bytes() + listed.bytes() + b"".join(parts)

    assert np.array_equal(jpegxl_decode(moved), samples)
    (found,) = read_frames(memoryview(moved), read_header(memoryview(moved)), 1)
    assert found.end == 8 * len(moved)


def prefix(lengths: Sequence[int]) -> PrefixCode:
    return PrefixCode.of_lengths(reader(Bits()), lengths)


def test_prefix_codes_are_canonical() -> None:
    """The symbols of one length follow each other, the shorter ones first."""
    assert prefix([2, 1, 0, 2]).symbols == {0b10: 1, 0b110: 0, 0b111: 3}
    assert prefix([0, 0, 5]).symbols == {1: 2}
