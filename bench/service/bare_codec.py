"""Measures the memory of libvips alone: decode a JPEG and encode it with our settings.

This program imports only pyvips.

    python bench/service/bare_codec.py FORMAT QUALITY SMALL.jpg LARGE.jpg

It prints the peak of memory for the large image in bytes, without the memory after the small one
and without the result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pyvips

_STATUS = Path("/proc/self/status")

SAVE: dict[str, Callable[[pyvips.Image, int], bytes]] = {
    "jpeg": lambda image, quality: image.jpegsave_buffer(Q=quality, optimize_coding=True, keep=0),
    "webp": lambda image, quality: image.webpsave_buffer(Q=quality, effort=4, keep=0),
    "avif": lambda image, quality: image.heifsave_buffer(
        Q=quality, compression="av1", effort=1, bitdepth=8, keep=0
    ),
}


def encoded(file: Path, fmt: str, quality: int) -> int:
    """The bytes of the result."""
    image = pyvips.Image.jpegload_buffer(file.read_bytes(), access="sequential").copy_memory()
    return len(SAVE[fmt](image, quality))


def memory(name: str) -> int:
    """Bytes of a field of /proc/self/status."""
    lines = _STATUS.read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


def main() -> None:
    """Encode both images, and print the memory of the second."""
    fmt, quality, small, large = sys.argv[1:]
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)
    encoded(Path(small), fmt, int(quality))
    rest = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    result = encoded(Path(large), fmt, int(quality))
    print(memory("VmHWM") - rest - result)


if __name__ == "__main__":
    main()
