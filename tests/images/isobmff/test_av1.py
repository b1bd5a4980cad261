"""The size of an AV1 picture is read only if no later header can contradict it."""

from __future__ import annotations

import pytest

from autoquality_core.images.isobmff.av1 import coded_size

HEADER = bytes.fromhex("12000a0918157ffda2021a0d08")  # of 64x64, as libaom writes it
FRAME = bytes.fromhex("320100")


def test_the_size_is_that_of_the_sequence_header() -> None:
    assert coded_size(HEADER + FRAME) == (64, 64)


@pytest.mark.parametrize(
    "more", [HEADER, FRAME + HEADER, FRAME[:-1], b"\x32", FRAME * 100], ids=len
)
def test_a_second_header_or_a_truncated_unit_is_refused(more: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (which one does not matter)
        coded_size(HEADER + more)
