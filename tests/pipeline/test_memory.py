"""The memory that a large image takes in a real server, beyond source and result."""

from __future__ import annotations

import pytest

from bench.service.memory import WANTED_BYTES, per_pixel

SLACK = 2
"""Bytes a pixel that depend on what else the process has done."""


@pytest.mark.parametrize(
    ("fmt", "methods"), [("jpeg", ("none", "dssim")), ("webp", ("dssim", "ssimulacra2"))]
)
def test_searching_takes_hardly_more_memory_than_encoding_once(
    fmt: str, methods: tuple[str, ...]
) -> None:
    """Decoded source and encoder: nothing else of 8 megapixels lies there while that works."""
    found = {one.goal: one.value for one in per_pixel(8.0, 1, [fmt], methods)}
    assert found.keys() == set(methods)
    for method, value in found.items():
        assert value <= WANTED_BYTES[method] + SLACK
    if "none" in found:
        assert found["dssim"] <= found["none"] + 1 + SLACK
