"""The ICC profile in a codestream (ISO/IEC 18181-1, annex E.4)."""

from __future__ import annotations

import struct

from autoquality_core.images.jxl.bits import BitReader
from autoquality_core.images.jxl.numbers import Numbers

MOST_BYTES = 1 << 17
"""Of a profile, compressed or not. Larger ones have tables for printing. It takes some 0.5 s."""

_HEADER = 128
_CONTEXTS = 41
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset(b"0123456789.,")
_COARSE_KINDS = (0, 1, 2, 2, 2, 3, 3, 4)
"""The kind of the last byte but one, by what `_kind` gives."""

_TAGS = (
    *(b"cprt", b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"rTRC", b"gTRC"),
    *(b"bTRC", b"kTRC", b"chad", b"desc", b"chrm", b"dmnd", b"dmdd", b"lumi"),
)
_POINTS = frozenset({b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"wtpt", b"bkpt", b"lumi"})
_POINT_BYTES = 20
_TYPES = (b"XYZ ", b"desc", b"text", b"mluc", b"para", b"curv", b"sf32", b"gbd ")
_SIGNATURES = {b"A": b"APPL", b"M": b"MSFT", b"SG": b"SGI ", b"SU": b"SUNW"}


def read_profile(reader: BitReader) -> bytes:
    """Read a profile. Raises ValueError."""
    size = reader.u64()
    if size > MOST_BYTES:
        raise ValueError("the profile is too large")
    numbers = Numbers(reader, _CONTEXTS)
    coded = bytearray()
    for at in range(size):
        context = 0
        if at > _HEADER:
            context = 1 + _kind(coded[-1]) + 8 * _COARSE_KINDS[_kind(coded[-2])]
        number = numbers.next(context)
        if number > 255:
            raise ValueError("not a byte")
        coded.append(number)
    numbers.finish()
    try:
        return _Profile(bytes(coded)).whole()
    except struct.error:
        raise ValueError("a tag outside the profile") from None


def _kind(byte: int) -> int:
    if byte in _LETTERS:
        return 0
    if byte in _DIGITS:
        return 1
    if byte < 2:
        return 2 + byte
    if byte < 16:
        return 4
    return 7 if byte <= 240 else 5 + (byte == 255)


class _Bytes:
    """Bytes that are taken from the front."""

    def __init__(self, content: bytes) -> None:
        self.left = memoryview(content)

    def take(self, count: int) -> bytes:
        if count > len(self.left):
            raise ValueError("the profile ends too early")
        taken, self.left = bytes(self.left[:count]), self.left[count:]
        return taken

    def number(self) -> int:
        """Seven bits in each byte, the lowest first."""
        number = shift = 0
        while shift < 63:
            (byte,) = self.take(1)
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        return number


class _Profile:
    """A profile that is made of commands and data."""

    def __init__(self, coded: bytes) -> None:
        front = _Bytes(coded)
        self._size = front.number()
        if self._size > MOST_BYTES:
            raise ValueError("the profile is too large")
        self._commands = _Bytes(front.take(front.number()))
        self._data = _Bytes(bytes(front.left))
        self._made = bytearray()

    def whole(self) -> bytes:
        self._header()
        if self._size > _HEADER:
            self._tags()
            while self._commands.left and len(self._made) <= self._size:
                self._part(*self._commands.take(1))
        if self._commands.left or self._data.left or len(self._made) != self._size:
            raise ValueError("the profile has another size than it says")
        return bytes(self._made)

    def _header(self) -> None:
        """The header, as the difference to a usual one."""
        usual = bytearray(_HEADER)
        usual[:4] = struct.pack(">I", self._size)
        usual[8] = 4
        usual[12:24] = b"mntrRGB XYZ "
        usual[36:40] = b"acsp"
        usual[70:80] = b"\xf6\xd6\0\1\0\0\0\0\xd3\x2d"
        made = self._made
        for at in range(min(_HEADER, self._size)):
            if at == 8:
                usual[80:84] = made[4:8]
            if at in (41, 42):
                signature = _SIGNATURES.get(bytes(made[40:at]), b"")
                usual[at:44] = signature[at - 40 :] or usual[at:44]
            made.append(usual[at] + self._data.take(1)[0] & 255)

    def _tags(self) -> None:
        count = self._commands.number()
        if not count:
            return
        self._made += struct.pack(">I", count - 1)
        start, size = _HEADER + 12 * (count - 1), 0
        while self._commands.left and len(self._made) <= self._size:
            (command,) = self._commands.take(1)
            kind = command & 63
            if kind == 0:
                break
            names = self._tag_names(kind)
            start += size
            size = _POINT_BYTES if names[0] in _POINTS else size
            if command & 64:
                start = self._commands.number()
            if command & 128:
                size = self._commands.number()
            apart = size if kind == 3 else 0
            for at, name in enumerate(names):
                self._made += struct.pack(">4sII", name, start + at * apart, size)

    def _tag_names(self, kind: int) -> tuple[bytes, ...]:
        if kind == 1:
            return (self._data.take(4),)
        if kind == 2:
            return (b"rTRC", b"gTRC", b"bTRC")
        if kind == 3:
            return (b"rXYZ", b"gXYZ", b"bXYZ")
        if kind - 4 >= len(_TAGS):
            raise ValueError("an unknown tag")
        return (_TAGS[kind - 4],)

    def _part(self, command: int) -> None:
        if command == 1:
            self._made += self._data.take(self._commands.number())
        elif command in (2, 3):
            self._made += _interleaved(self._data.take(self._commands.number()), 2 * command - 2)
        elif command == 4:
            self._predicted()
        elif command == 10:
            self._made += b"XYZ \0\0\0\0" + self._data.take(12)
        elif 16 <= command < 16 + len(_TYPES):
            self._made += _TYPES[command - 16] + bytes(4)
        else:
            raise ValueError("an unknown command")

    def _predicted(self) -> None:
        """Append numbers as the difference to what those before them predict."""
        made = self._made
        (flags,) = self._commands.take(1)
        width, order = (flags & 3) + 1, flags >> 2 & 3
        stride = self._commands.number() if flags & 16 else width
        if width == 3 or order == 3 or stride < width or 4 * stride >= len(made):
            raise ValueError("a prediction from nothing")
        found = self._data.take(self._commands.number())
        differences = _interleaved(found, width) if width > 1 else found
        for at in range(0, len(differences), width):
            begin = len(made)
            places = [begin - back * stride for back in (1, 2, 3)]
            last = [int.from_bytes(made[place : place + width], "big") for place in places]
            predicted = (last[0], 2 * last[0] - last[1], 3 * (last[0] - last[1]) + last[2])[order]
            usual = (predicted & (1 << 8 * width) - 1).to_bytes(width, "big")
            part = differences[at : at + width]
            made += bytes(a + b & 255 for a, b in zip(usual, part, strict=False))


def _interleaved(content: bytes, width: int) -> bytes:
    """The bytes of numbers of `width` bytes, from all first bytes, all second bytes, and so on."""
    height = -(-len(content) // width)
    return b"".join(content[at::height] for at in range(height))
