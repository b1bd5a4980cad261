"""Writing a file so that nobody ever sees half of it."""

from __future__ import annotations

import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` to `path` by way of a temporary file in the same folder.

    Raises FileExistsError if `path` exists and `overwrite` is False, OSError as
    the file system does. On failure nothing is left behind.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        if not overwrite and path.exists():
            raise FileExistsError(f"{path} exists")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
