"""What a server needs: processor time an image, memory at rest and for a large image.

Each row asks a fresh server with one worker, so that its peak is that row's
alone. Processor time rather than time on the wall: a busy machine stretches it
less, and it is what cores have to be bought for. The image is scikit-image's
photograph *coffee*, laid side by side until it is large enough.

    python -m bench.sizing
    python -m bench.sizing --megapixels 1 --large 24 --calls 5
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import pyvips
import skimage.data

from autoquality import Client
from bench.serving import MIB, networks, serving

FORMATS = ("jpeg", "webp", "avif")
METHODS = ("none", "size", "dssim", "ml")
"""The last only with networks: without, it is `dssim`."""
WISHES = {"none": "none", "size": "size:{bytes}:10:95", "dssim": "dssim:0.02:10:95:0.001"}
WISHES["ml"] = WISHES["dssim"].replace("dssim", "ml")

PATIENCE = 180.0
"""Seconds for one call, many times what the slowest takes: a call that is lost ends the bench."""


def picture(megapixels: float) -> tuple[bytes, float]:
    """A JPEG of about so many megapixels, and how many they are."""
    photo = pyvips.Image.new_from_file(str(Path(skimage.data.__file__).parent / "coffee.png"))
    tiles = max(1, round(math.sqrt(megapixels * 1e6 / (photo.width * photo.height))))
    image = photo.replicate(tiles, tiles)
    return bytes(image.jpegsave_buffer(Q=95)), image.width * image.height / 1e6


def encode(client: Client, image: bytes, fmt: str, method: str) -> int:
    """Encode once; how many encodings it took. A third of the source's bytes is the budget."""
    wish = WISHES[method].format(bytes=len(image) // 3)
    return client.encode(image, format=fmt, auto_quality=wish, timeout=PATIENCE).iterations


def work(megapixels: float, calls: int, which: str) -> None:
    """Print the processor time an image, by method and format."""
    image, size = picture(megapixels)
    print(f"Processor time for {size:.2f} megapixels, seconds ({calls} calls each):\n")
    print("| method | format | encodings | a call | a megapixel | images a second and core |")
    print("| --- | --- | --- | --- | --- | --- |")
    with serving(workers="1", **networks(which)) as server, Client(server.address) as client:
        for method in METHODS[: None if which == "box" else -1]:
            for fmt in FORMATS:
                encode(client, image, fmt, method)
                start = server.cpu()
                iterations = sum(encode(client, image, fmt, method) for _ in range(calls))
                each = (server.cpu() - start) / calls
                row = f"{each:.3f} | {each / size:.3f} | {1 / each:.1f}"
                print(f"| {method} | {fmt} | {iterations / calls:.1f} | {row} |", flush=True)


def memory(megapixels: float, which: str) -> None:
    """Print the memory at rest, and the peak for one large image by format."""
    image, size = picture(megapixels)
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
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megapixels", type=float, default=1.0, help="of the image for the work")
    parser.add_argument("--large", type=float, default=24.0, help="megapixels for the memory")
    parser.add_argument("--calls", type=int, default=5, help="calls that are averaged")
    parser.add_argument("--networks", choices=("box", "none"), default="box")
    options = parser.parse_args()
    work(options.megapixels, options.calls, options.networks)
    memory(options.large, options.networks)


if __name__ == "__main__":
    main()
