"""Encodes a photograph on a server by every method in every format.

Prints the targets and the results. Draws SSIMULACRA2 and size over quality with the chosen points,
and the original next to the results at 1:1.

    python demo/demo.py --out demo-out [--image PHOTO]
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from picture import draw
from rich import box
from rich.console import Console
from rich.table import Table
from running_server import running_server
from work import Result, encode_all, sweep_all

from autoquality import Client

WIDTH = 128


def photograph() -> Path:
    """A photograph from scikit-image: 600x400, by Rachel Michetti, CC0."""
    # Imported, it would need the packages of its algorithms.
    found = find_spec("skimage")
    assert found
    assert found.origin
    return Path(found.origin).parent / "data" / "coffee.png"


def print_table(image: Path, results: list[Result]) -> None:
    """Print the targets and the results."""
    source = image.stat().st_size
    table = Table(
        title=f"{image.name}: {source:,} bytes, "
        f"{results[0].encoded.width}x{results[0].encoded.height}; scores are SSIMULACRA2",
        box=box.SIMPLE_HEAD,
    )
    for name in ("format", "method", "target"):
        table.add_column(name, no_wrap=True)
    for name in ("quality", "bytes", "saved", "score", "DSSIM", "encodings", "ms"):
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
            one.target,
            str(encoded.quality),
            f"{encoded.size_bytes:,}",
            f"{1 - encoded.size_bytes / source:.0%}",
            f"{encoded.ssimulacra2:.1f}",
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-out"),
        help="the folder for results (default: demo-out)",
    )
    parser.add_argument("--image", type=Path, help="another image")
    parser.add_argument("--server", help="host:port of a running server (default: start one)")
    args = parser.parse_args()
    image = args.image or photograph()
    args.out.mkdir(parents=True, exist_ok=True)

    with (
        running_server(args.server, args.out / "server.log") as address,
        Client(address) as client,
    ):
        print(f"server {client.info().version} at {address}; encoding {image.name}\n")
        results = encode_all(client, image)
        for one in results:
            one.encoded.save(args.out / one.file_name)
        print_table(image, results)
        print("\nmeasuring every third quality for the plot ...")
        curves = sweep_all(client, image)
        picture = args.out / "demo.png"
        draw(client, image, results, curves, picture)
    print(f"\nThe picture: {picture}\nThe encoded images and the server's log: {args.out}/")


if __name__ == "__main__":
    main()
