"""Reads files that may be replaced while the program runs."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_file(path: Path, most: int | None = None) -> bytes:
    """Return the content of a regular file of at most `most` bytes.

    Raises OSError: also for any other kind of file, because a FIFO may block and a device may be
    endless (EINVAL), and for a larger file (EFBIG).
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        content = file.read(-1 if most is None else most + 1)
    if most is not None and len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most} bytes", str(path))
    return content


def _open_at_once(path: str, flags: int) -> int:
    # Without the flag, opening a FIFO waits for a writer.
    return os.open(path, flags | os.O_NONBLOCK)
