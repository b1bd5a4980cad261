"""The pages and tags of a TIFF (TIFF 6.0; BigTIFF)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from autoquality_core.types import Data

# Bytes of a value, by its type. libtiff ignores tags of other types.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}


@dataclass(slots=True)
class PageCounts:
    """The pages, the tags of all pages, the most tags of one, and the bytes of all values."""

    pages: int = 0
    tags: int = 0
    most_tags: int = 0
    value_bytes: int = 0


def count_pages(data: Data, most_pages: int, most_tags: int) -> PageCounts:
    """Follow the chain of directories. Pages of a ring count once.

    Counting stops at `most_pages` pages, or at more than `most_tags` tags.
    """
    order = "<" if data[:1] == b"I" else ">"
    big = b"+" in bytes(data[2:4])
    offset, number, count_size, entry_size = (8, "Q", 8, 20) if big else (4, "I", 2, 12)
    entry = struct.Struct(f"{order}2xH{number}{8 if big else 4}x")
    found = PageCounts()
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(order + number, data, offset)
        while at and at not in seen and found.pages < most_pages and found.tags <= most_tags:
            seen.add(at)
            found.pages = len(seen)
            (tags,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
            at += count_size
            if at + entry_size * tags > len(data):
                break  # libtiff rejects the page.
            found.tags += tags
            found.most_tags = max(found.most_tags, tags)
            if found.tags > most_tags:
                break
            for kind, count in entry.iter_unpack(data[at : at + entry_size * tags]):
                size = count * _SIZES.get(kind, 0)
                found.value_bytes += size if size <= len(data) else 0
            (at,) = struct.unpack_from(order + number, data, at + entry_size * tags)
    except (struct.error, OverflowError):
        pass  # The chain leaves the file: libtiff rejects or ignores the page.
    return found
