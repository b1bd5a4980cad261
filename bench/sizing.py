"""Measures what a server needs: processor time for an image, memory at rest and for a large image.

Each row has its own server with one worker. Processor time is measured instead of wall-clock time,
because other load changes it less, and because it is what you pay for.

    python -m bench.sizing
    python -m bench.sizing --megapixels 1 --large 24 --calls 5
"""

from __future__ import annotations

from autoquality import Client
from bench.command import NETWORKS, add_networks, parser
from bench.images import photograph
from bench.serving import MIB, networks, serving

FORMATS = ("jpeg", "webp", "avif")
TARGETS = {
    "none": "none",
    "size": "size:{bytes}:10:95",
    "dssim": "dssim:0.02:10:95:0.001",
    "ml": "ml:0.02:10:95:0.001",
}
"""By method; ml only with networks, because it equals dssim without them."""

TIMEOUT = 180.0
"""Seconds for one call, many times those of the slowest."""


def encode(client: Client, image: bytes, fmt: str, method: str) -> int:
    """Encode once, with a third of the source's bytes as the budget; returns the encodings."""
    target = TARGETS[method].format(bytes=len(image) // 3)
    return client.encode(image, format=fmt, auto_quality=target, timeout=TIMEOUT).iterations


def work(megapixels: float, calls: int, which: str) -> None:
    """Print the processor time for an image by method and format."""
    image, size = photograph(megapixels, quality=95)
    print(f"Processor time for {size:.2f} megapixels, seconds ({calls} calls each):\n")
    print("| method | format | encodings | a call | a megapixel | images a second and core |")
    print("| --- | --- | --- | --- | --- | --- |")
    with serving(workers="1", **networks(which)) as server, Client(server.address) as client:
        for method in TARGETS:
            if method == "ml" and which != NETWORKS[0]:
                continue
            for fmt in FORMATS:
                encode(client, image, fmt, method)
                start = server.cpu()
                iterations = sum(encode(client, image, fmt, method) for _ in range(calls))
                each = (server.cpu() - start) / calls
                row = f"{each:.3f} | {each / size:.3f} | {1 / each:.1f}"
                print(f"| {method} | {fmt} | {iterations / calls:.1f} | {row} |", flush=True)


def memory(megapixels: float, which: str) -> None:
    """Print the memory at rest, and the peak for one large image, by format."""
    image, size = photograph(megapixels, quality=95)
    print(f"\nMemory with one image of {size:.1f} megapixels by dssim, MiB:\n")
    print("| format | at rest | peak | more, bytes a pixel |")
    print("| --- | --- | --- | --- |")
    for fmt in FORMATS:
        with serving(workers="1", **networks(which)) as server, Client(server.address) as client:
            rest = server.resident()
            encode(client, image, fmt, "dssim")
            peak = server.peak()
        more = (peak - rest) / (size * 1e6)
        print(f"| {fmt} | {rest / MIB:.0f} | {peak / MIB:.0f} | {more:.1f} |", flush=True)


def main() -> None:
    given = parser("bench.sizing", __doc__)
    given.add_argument(
        "--megapixels", type=float, default=1.0, help="of the image for time (default: 1)"
    )
    given.add_argument(
        "--large", type=float, default=24.0, help="megapixels of the image for memory (default: 24)"
    )
    given.add_argument("--calls", type=int, default=5, help="for averages (default: 5)")
    add_networks(given)
    args = given.parse_args()
    work(args.megapixels, args.calls, args.networks)
    memory(args.large, args.networks)


if __name__ == "__main__":
    main()
