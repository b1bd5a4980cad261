"""The sizes of images as tables."""

from __future__ import annotations

from bench.record import Record
from bench.record.markdown import cell, made, table

BASE = "base"
"""The name of the image with Python alone."""

LEAST = 10
"""MB of a package that is shown."""


def page(record: Record) -> str:
    """Sizes, starts and memory of all images, then their largest packages."""
    return f"{sizes(record)}\n\n{packages(record)}"


def sizes(record: Record) -> str:
    """One line for each image."""
    rows = [
        (
            one.by,
            f"{cell(one)} MB",
            *(cell(record.one(what=what, by=one.by)) for what in ("start", "at work", "stop")),
        )
        for one in record.find(what="size")
    ]
    header = ("image", "on disk", "start, s", "memory, MiB", "stop, s")
    return f"{made(record)}.\n\n{table(header, rows)}"


def packages(record: Record) -> str:
    """The packages of LEAST MB or more in an image."""
    images = [one.by for one in record.find(what="size") if one.by != BASE]
    found = {
        (one.by, one.setting): one for one in record.find(what="package") if one.value >= LEAST
    }
    names = dict.fromkeys(name for _, name in found)
    rows = [(name, *(cell(found.get((image, name))) for image in images)) for name in names]
    return table(("package, MB", *images), rows)
