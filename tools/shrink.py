"""Removes from an environment what the server does not use: tests, codecs, headers, symbols.

The largest parts are names of functions for debuggers (a quarter of TensorFlow's library) and
headers to compile TensorFlow operations with.

usage: python tools/shrink.py PREFIX
"""

from __future__ import annotations

import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

CODECS = ("_avif", "_brotli", "_jpeg8", "_jpegxl", "_shared", "_webp")
"""The modules of imagecodecs that the core imports (`runtime.codecs`), and what they share."""

LIBRARIES_OF_CODECS = (
    *("libaom", "libavif", "libbrotli", "libjpeg-", "libjxl", "libsharpyuv", "libwebp"),
)

UNUSED = ("tensorflow/include", "numba/cuda/tests", "numba/tests", "numpy/_core/include")
"""Folders of packages, besides those named `tests`."""

_ELF_64 = b"\x7fELF\x02\x01"
_LEAST = 2**16
"""Bytes that must be saved to change a library."""


def main(prefix: Path) -> None:
    """Shrink the environment, and print the bytes before and after."""
    (packages,) = prefix.glob("lib/python3.*/site-packages")
    before = size_of(packages)
    for folder in (*(packages / name for name in UNUSED), *_tests(packages)):
        shutil.rmtree(folder, ignore_errors=True)
    for file in _unused_codecs(packages):
        file.unlink()
    for file in packages.rglob("*.so*"):
        if file.is_file() and not file.is_symlink():
            strip(file)
    print(f"{packages}: {before / 1e6:.0f} MB, now {size_of(packages) / 1e6:.0f} MB")


def size_of(folder: Path) -> int:
    """The bytes of all files in a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


def strip(path: Path) -> None:
    """Cut what follows the segments off a shared library: symbols and the table of sections.

    The loader reads segments alone. Debuggers and profilers lose the names of local functions.
    Does nothing to other files.
    """
    with path.open("r+b") as file:
        head = file.read(64)
        if not head.startswith(_ELF_64):
            return
        (at,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<2H", head, 54)
        file.seek(at)
        segments = [file.read(size) for _ in range(count)]
        end = max(sum(struct.unpack_from("<Q16xQ", one, 8)) for one in segments)
        end = max(end, at + size * count)
        if path.stat().st_size - end < _LEAST:
            return
        # No table of sections: its offset, the sizes of its entries, and their number are 0.
        file.seek(40)
        file.write(bytes(8))
        file.seek(58)
        file.write(bytes(6))
        file.truncate(end)


def _tests(packages: Path) -> Iterator[Path]:
    """The tests of packages, in any folder of theirs."""
    for folder in packages.rglob("tests"):
        if folder.is_dir() and folder.parent != packages:
            yield folder


def _unused_codecs(packages: Path) -> Iterator[Path]:
    for file in (packages / "imagecodecs").glob("_*.so"):
        if not file.name.startswith(CODECS):
            yield file
    for file in (packages / "imagecodecs.libs").glob("*"):
        if not file.name.startswith(LIBRARIES_OF_CODECS):
            yield file


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
