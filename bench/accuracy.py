"""How often the target is met, in how many encodings: one table over a folder of images.

Asks a running server for METHOD_DSSIM by every format and target, and checks
each answer with a metric of other hands: Pillow decodes the result and
scikit-image measures its SSIM.

    python -m bench.accuracy IMAGES... --server localhost:50051 --json results.json
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps
from skimage.metrics import structural_similarity

from autoquality import AutoQualityError, Client
from autoquality_train.samples import images_in

WINDOW = 11
GROUNDS = ("white", "black")
ON_TARGET = ("target_met",)


@dataclass(frozen=True)
class Row:
    """One image by one format at one target."""

    folder: str
    image: str
    format: str
    target: float
    quality: int
    dssim: float
    independent: float | None
    iterations: int
    seconds: float
    outcome: str
    megapixels: float


def lumas(data: bytes, grounds: Iterable[str]) -> list[npt.NDArray[np.uint8]]:
    """8-bit BT.601 luma by Pillow over each of `grounds`, upright, colours brought to sRGB."""
    image: Image.Image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    profile = image.info.get("icc_profile")
    alpha = image.convert("RGBA").getchannel("A")
    if profile and image.mode in ("L", "RGB"):
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            image, given, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        image = converted or image
    colours = image.convert("RGB")
    over = [
        Image.composite(colours, Image.new("RGB", image.size, ground), alpha) for ground in grounds
    ]
    return [np.asarray(one.convert("L")) for one in over]


def independent_dssim(source: bytes, encoded: bytes) -> float | None:
    """(1 - SSIM) / 2 by scikit-image; with alpha, the worse over white and black.

    What lost its alpha was laid over white. None for an image too small to
    have a window.
    """
    grounds = GROUNDS if Image.open(io.BytesIO(encoded)).has_transparency_data else GROUNDS[:1]
    worst = 0.0
    for one, other in zip(lumas(source, grounds), lumas(encoded, grounds), strict=True):
        if min(one.shape) < WINDOW:
            return None
        ssim = structural_similarity(
            one,
            other,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        worst = max(worst, float(1 - ssim) / 2)
    return worst


def measure(client: Client, path: Path, fmt: str, target: float, error: float) -> Row:
    """Encode one image and check the answer."""
    source = path.read_bytes()
    answer = client.encode(
        source,
        format=fmt,
        method="dssim",
        target=target,
        min_quality=10,
        max_quality=95,
        allowed_error=error,
    )
    assert answer.dssim is not None
    return Row(
        path.parent.name,
        path.name,
        fmt,
        target,
        answer.quality or 0,
        answer.dssim,
        independent_dssim(source, answer.image),
        answer.iterations,
        answer.timings.total - answer.timings.queue,
        str(answer.outcome),
        answer.width * answer.height / 1e6,
    )


COLUMNS = (
    *("images", "format", "target", "count", "on target", "at a bound", "nearest"),
    *("mean encodings", "p95", "max", "median s", "p95 s"),
    *("worst difference to the independent check", "independently on target"),
)


def summary(rows: list[Row], error: float) -> list[str]:
    """A Markdown table: all images, then each folder, one line a format and target."""
    lines = [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    folders = sorted({one.folder for one in rows})
    for folder in ("all", *(folders if len(folders) > 1 else ())):
        for fmt, target in sorted({(one.format, one.target) for one in rows}):
            some = [
                one
                for one in rows
                if (one.format, one.target) == (fmt, target) and folder in ("all", one.folder)
            ]
            lines.append(f"| {folder} | {fmt} | {target:g} | {_line(some, target, error)} |")
    return lines


def _line(rows: list[Row], target: float, error: float) -> str:
    counts = [one.iterations for one in rows]
    seconds = [one.seconds for one in rows]
    met = [one for one in rows if one.outcome in ON_TARGET]
    bound = sum(one.outcome.endswith("quality_reached") for one in rows)
    checked = [(one, one.independent) for one in rows if one.independent is not None]
    off = [abs(independent - one.dssim) for one, independent in checked]
    # The service may judge by sampled windows: they may differ by 1e-4 from the full metric.
    agreeing = [
        abs(independent - target) <= error + 1e-4
        for one, independent in checked
        if one.outcome in ON_TARGET
    ]
    cells = (
        f"{len(rows)}",
        f"{len(met) / len(rows):.0%}",
        f"{bound / len(rows):.0%}",
        f"{(len(rows) - len(met) - bound) / len(rows):.0%}",
        f"{statistics.mean(counts):.2f}",
        f"{np.percentile(counts, 95):.0f}",
        f"{max(counts)}",
        f"{statistics.median(seconds):.3f}",
        f"{np.percentile(seconds, 95):.3f}",
        f"{max(off, default=0.0):.1e}",
        f"{sum(agreeing)}/{len(agreeing)}",
    )
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", type=Path, help="image files, or folders of them")
    parser.add_argument("--server", default="localhost:50051")
    parser.add_argument("--formats", nargs="+", default=["jpeg", "webp", "avif"])
    parser.add_argument("--targets", nargs="+", type=float, default=[0.01, 0.02])
    parser.add_argument("--allowed-error", type=float, default=0.001)
    parser.add_argument("--jobs", type=int, default=1, help="requests at the same time")
    parser.add_argument("--json", type=Path, help="write every row here")
    args = parser.parse_args()
    images = images_in(args.images)
    if not images:
        parser.error("no images among the arguments")

    rows: list[Row] = []
    with Client(args.server, timeout=300) as client, ThreadPoolExecutor(args.jobs) as pool:
        for fmt in args.formats:
            for target in args.targets:
                job = partial(measure, client, fmt=fmt, target=target, error=args.allowed_error)
                try:
                    rows += pool.map(job, images)
                except AutoQualityError as error:
                    parser.error(str(error))
    print("\n".join(summary(rows, args.allowed_error)))
    worst = sorted(rows, key=lambda one: -one.iterations)[:10]
    print("\nMost encodings:")
    for one in worst:
        print(
            f"  {one.iterations:3} {one.format} {one.target:g} {one.image}: quality {one.quality}, "
            f"DSSIM {one.dssim:.5f}, {one.outcome}"
        )
    if args.json:
        args.json.write_text(json.dumps([asdict(one) for one in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
