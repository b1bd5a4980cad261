"""Files of answers, one on each line: the key, a tab, the fields as JSON; and their differences."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Lines = dict[str, dict[str, Any]]
"""The fields of every answer, by key."""

STREAM = " in a stream"
"""The part of the key of a streamed request, whose answer must equal that without a stream."""

SHARE = 10
"""The sample has one key in SHARE."""


def write(lines: Lines, path: Path) -> None:
    """Write the answers, sorted by key; compressed if the name ends in ".gz"."""
    text = "".join(f"{key}\t{_text(lines[key])}\n" for key in sorted(lines))
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def read(path: Path) -> Lines:
    """Read the answers that `write` has written. Raises OSError, ValueError."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    pairs = (line.split("\t", 1) for line in text.splitlines())
    return {key: json.loads(fields) for key, fields in pairs}


def sampled(key: str) -> bool:
    """True if a key is in the sample: the same keys on each run, streams with their unary calls."""
    digest = hashlib.sha256(key.replace(STREAM, "").encode())
    return int(digest.hexdigest(), 16) % SHARE == 0


def changes(before: Lines, after: Lines) -> Iterator[str]:
    """The answers that differ, with every field that differs."""
    before, after = (json.loads(_text(lines)) for lines in (before, after))
    for key in sorted({*before, *after}):
        if key not in before or key not in after:
            yield f"{key}\n    {'GONE' if key in before else 'NEW'}"
            continue
        old, new = before[key], after[key]
        changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        if changed:
            yield key + "".join(_change(name, old.get(name), new.get(name)) for name in changed)


def unlike(lines: Lines) -> Iterator[str]:
    """The streamed answers that differ from the unary ones."""
    for key, fields in lines.items():
        unary = lines.get(key.replace(STREAM, ""))
        if STREAM in key and unary is not None:
            expected = {**unary, "progress": fields["progress"]} if "progress" in fields else unary
            yield from changes({key: expected}, {key: fields})


def _change(name: str, old: Any, new: Any) -> str:
    """The change of one field; for two lists, only the first difference."""
    if isinstance(old, list) and isinstance(new, list):
        at = next(
            (at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), None
        )
        if at is None:
            return f"\n    {name}: {len(old)} -> {len(new)} of them"
        return f"\n    {name}[{at}]: {_text(old[at])} -> {_text(new[at])}"
    return f"\n    {name}: {_text(old)} -> {_text(new)}"


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
