"""Removes from an environment what the server does not use: tests, codecs, headers, symbols.

The symbols of libraries take the most space: a quarter of TensorFlow's library. Only debuggers read
them. tests/repo/house/test_image.py checks that every file that a server loads is still there.

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

UNUSED = (
    "numba/cuda",
    "numba/np/ufunc/omppool.*",  # for parallel loops, as the next
    "numba/np/ufunc/tbbpool.*",
    "numpy/_core/*_tests.*",
    "numpy/_core/_simd.*",  # for NumPy's tests
    "numpy/_core/include",
    "numpy/distutils",
    "numpy/f2py",
    "numpy/testing",
    "onnxruntime/capi/libonnxruntime.so*",  # for programs in C; the Python module has its own
    "tensorflow/compiler/mlir/stablehlo/*.so",  # exports graphs
    "tensorflow/compiler/tf2xla/ops/*.so",  # operations for graphs made in Python
    "tensorflow/include",
)
"""Parts of packages that no server imports, besides folders named `tests`."""

SOURCES = {".a", ".c", ".cc", ".cpp", ".h", ".hpp", ".proto", ".pxd", ".pyi", ".pyx"}
"""Files that only compilers and type checkers read."""

COMMANDS = ("activate", "Activate", "autoquality", "python")
"""What is kept of the folder of programs: those of dependencies may need what is removed."""

_ELF_64 = b"\x7fELF\x02\x01"
_LEAST = 2**16
"""Bytes that must be saved to change a library."""


def main(prefix: Path) -> None:
    """Shrink the environment, and print the bytes before and after."""
    (packages,) = prefix.glob("lib/python3.*/site-packages")
    before = size_of(packages)
    for path in [*_unused(packages), *_unused_codecs(packages), *_commands(prefix)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # its folder may be gone
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


def _unused(packages: Path) -> Iterator[Path]:
    for pattern in UNUSED:
        yield from packages.glob(pattern)
    for path in packages.rglob("*"):
        within = path.relative_to(packages).parts
        # CUDA compiles kernels with its own headers.
        is_source = path.suffix in SOURCES and within[0] != "nvidia"
        if is_source or (path.name == "tests" and len(within) > 1):
            yield path


def _unused_codecs(packages: Path) -> Iterator[Path]:
    for file in (packages / "imagecodecs").glob("_*.so"):
        if not file.name.startswith(CODECS):
            yield file
    for file in (packages / "imagecodecs.libs").glob("*"):
        if not file.name.startswith(LIBRARIES_OF_CODECS):
            yield file


def _commands(prefix: Path) -> Iterator[Path]:
    """The programs of dependencies."""
    for file in (prefix / "bin").iterdir():
        if not file.name.startswith(COMMANDS):
            yield file


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
