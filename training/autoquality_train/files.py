"""Files that are complete or do not exist."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
_ABANDONED_SECONDS = 3600


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary file next to `path` that replaces it if the body succeeds.

    Several processes may write the same file at the same time: the last one stays. An OSError
    without a file name, such as a full disk, gets that of `path`.
    """
    handle, name = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        partial.replace(path)
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8. Bytes of file names that are not UTF-8 become escapes."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: object, indent: int | None = 1) -> None:
    """Write `value`, on one line with `indent` None. Raises ValueError for NaN."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(
        value, indent=indent, separators=separators, ensure_ascii=False, allow_nan=False
    )
    write_text(path, text + "\n")


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files that killed processes left in `folder` an hour ago or longer."""
    for partial in folder.glob(f".*{PARTIAL}"):
        try:
            if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                partial.unlink()
        except FileNotFoundError:
            continue  # another process was faster


def make_writable(folder: Path) -> None:
    """Make `folder` and test that files can be written there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
