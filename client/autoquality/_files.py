"""Writing of files that are complete or absent."""

from __future__ import annotations

import contextlib
from pathlib import Path


def replace_file(path: Path, data: bytes, temporary: str) -> None:
    """Write a file by a rename. `temporary` is the name in its folder until it is complete.

    A failure leaves the file as it was. Raises OSError.
    """
    unfinished = path.with_name(temporary)
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except BaseException:  # the disk may be full
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
