"""Files that are there whole or not at all."""

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
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place if all goes well.

    Equal files may be written at the same time: the last one stays.
    """
    handle, name = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write `value` in a form that is good to read and to compare."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def sweep_up(folder: Path) -> None:
    """Remove what a killed process left behind in `folder` an hour ago or longer."""
    for partial in folder.glob(f".*{PARTIAL}"):
        try:
            if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                partial.unlink()
        except FileNotFoundError:
            continue  # another process was faster


def writable(folder: Path) -> str | None:
    """Make `folder`; answers why nothing can be written there, None where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)
