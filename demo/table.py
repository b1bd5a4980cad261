"""The table that the demonstration prints."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from work import Result

WIDTH = 120


def print_table(image: Path, results: list[Result]) -> None:
    """What was asked, and what was reached."""
    source = image.stat().st_size
    table = Table(
        title=f"{image.name}: {source:,} bytes, "
        f"{results[0].encoded.width}x{results[0].encoded.height}",
        box=box.SIMPLE_HEAD,
    )
    for name in ("format", "method", "asked for"):
        table.add_column(name, no_wrap=True)
    for name in ("quality", "bytes", "saved", "DSSIM", "encodings", "ms"):
        table.add_column(name, justify="right")
    table.add_column("outcome", no_wrap=True)
    previous = None
    for one in results:
        encoded = one.encoded
        if previous not in (None, encoded.format):
            table.add_section()
        previous = encoded.format
        table.add_row(
            str(encoded.format),
            one.served_by,
            one.asked,
            str(encoded.quality),
            f"{encoded.size_bytes:,}",
            f"{1 - encoded.size_bytes / source:.0%}",
            f"{encoded.dssim:.4f}",
            str(encoded.iterations),
            f"{encoded.timings.total * 1000:.0f}",
            str(encoded.outcome).replace("_", " "),
        )
    console = Console(width=max(WIDTH, Console().width))
    console.print(table)
    for message in dict.fromkeys(
        notice.message for one in results for notice in one.encoded.notices
    ):
        console.print(f"  note: {message}")
