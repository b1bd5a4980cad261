"""A box has a size, a type and a content; a size that cannot be true is refused."""

from __future__ import annotations

import struct

import pytest

from autoquality_core.images.isobmff.boxes import boxes

LAST = struct.pack(">I4s", 0, b"mdat") + b"rest"


@pytest.mark.parametrize(
    "start",
    [struct.pack(">I4s", 12, b"free"), struct.pack(">I4sQ", 1, b"free", 20)],
    ids=["32 bits", "64 bits"],
)
def test_a_size_has_32_or_64_bits_and_0_means_up_to_the_end(start: bytes) -> None:
    found = [(kind, bytes(content)) for kind, content in boxes(memoryview(start + b"1234" + LAST))]
    assert found == [(b"free", b"1234"), (b"mdat", b"rest")]


@pytest.mark.parametrize(
    "wrong",
    [
        *(struct.pack(">I4s", size, b"free") for size in (7, 9)),
        *(struct.pack(">I4sQ", 1, b"free", size) for size in (15, 17)),
    ],
    ids=lambda one: one.hex(),
)
def test_a_box_is_not_smaller_than_its_header_nor_larger_than_what_is_there(wrong: bytes) -> None:
    content = memoryview(struct.pack(">I4s", 8, b"free") + wrong)
    with pytest.raises(ValueError, match="does not fit"):
        list(boxes(content))
    assert [kind for kind, _ in boxes(content, lenient=True)] == [b"free"]
