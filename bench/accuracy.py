"""Checks how often searches meet their target, and in how many encodings.

Encodes every image with METHOD_DSSIM on a running server, in every format and for every target. An
independent metric checks each result: Pillow decodes it, and scikit-image measures its SSIM.

    python -m bench.accuracy IMAGES... --server localhost:50051 --json results.json
"""

from __future__ import annotations

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
from bench.command import add_images, images_of, parser
from bench.record.markdown import table

Luma = npt.NDArray[np.uint8]

WINDOW = 11
BACKGROUNDS = ("white", "black")
ON_TARGET = "target_met"

SAMPLING = 1e-4
"""The greatest difference between the service's sampled windows and all windows."""


@dataclass(frozen=True)
class Row:
    """The result for one image, format and target."""

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


def lumas(data: bytes, backgrounds: Iterable[str]) -> list[Luma]:
    """8-bit BT.601 luma by Pillow over each background, upright, converted to sRGB."""
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
        Image.composite(colours, Image.new("RGB", image.size, one), alpha) for one in backgrounds
    ]
    return [np.asarray(one.convert("L")) for one in over]


def luma_dssim(reference: Luma, distorted: Luma) -> float:
    """(1 - SSIM) / 2 of two luma planes by scikit-image."""
    ssim = structural_similarity(
        reference,
        distorted,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    return (1 - float(ssim)) / 2


def independent_dssim(source: bytes, encoded: bytes) -> float | None:
    """The DSSIM of two files by Pillow and scikit-image.

    With alpha it is the greater one over white and over black. If the encoding has no alpha, that
    of the source was composited over white. None for an image that is smaller than a window.
    """
    both = Image.open(io.BytesIO(encoded)).has_transparency_data
    backgrounds = BACKGROUNDS if both else BACKGROUNDS[:1]
    worst = 0.0
    for one, other in zip(lumas(source, backgrounds), lumas(encoded, backgrounds), strict=True):
        if min(one.shape) < WINDOW:
            return None
        worst = max(worst, luma_dssim(one, other))
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
    *("greatest difference to the independent metric", "on target by the independent metric"),
)


def summary(rows: list[Row], error: float) -> str:
    """A table of all images, then of each folder, with one line for each format and target."""
    lines = []
    folders = sorted({one.folder for one in rows})
    for folder in ("all", *(folders if len(folders) > 1 else ())):
        for fmt, target in sorted({(one.format, one.target) for one in rows}):
            some = [
                one
                for one in rows
                if (one.format, one.target) == (fmt, target) and folder in ("all", one.folder)
            ]
            lines.append((folder, fmt, f"{target:g}", *_cells(some, target, error)))
    return table(COLUMNS, lines)


def _cells(rows: list[Row], target: float, error: float) -> tuple[str, ...]:
    counts = [one.iterations for one in rows]
    seconds = [one.seconds for one in rows]
    met = [one for one in rows if one.outcome == ON_TARGET]
    bound = sum(one.outcome.endswith("quality_reached") for one in rows)
    checked = [(one, one.independent) for one in rows if one.independent is not None]
    off = [abs(independent - one.dssim) for one, independent in checked]
    agreeing = [
        abs(independent - target) <= error + SAMPLING
        for one, independent in checked
        if one.outcome == ON_TARGET
    ]
    return (
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


def main() -> None:
    given = parser("bench.accuracy", __doc__)
    add_images(given)
    given.add_argument("--server", default="localhost:50051", help="(default: localhost:50051)")
    given.add_argument("--formats", nargs="+", default=["jpeg", "webp", "avif"])
    given.add_argument("--targets", nargs="+", type=float, default=[0.01, 0.02], help="DSSIM")
    given.add_argument("--allowed-error", type=float, default=0.001)
    given.add_argument("--jobs", type=int, default=1, help="requests at the same time")
    given.add_argument("--json", type=Path, help="a file for every result")
    args = given.parse_args()
    images = images_of(given, args)

    rows: list[Row] = []
    with Client(args.server, timeout=300) as client, ThreadPoolExecutor(args.jobs) as pool:
        for fmt in args.formats:
            for target in args.targets:
                job = partial(measure, client, fmt=fmt, target=target, error=args.allowed_error)
                try:
                    rows += pool.map(job, images)
                except AutoQualityError as error:
                    given.error(str(error))
    print(summary(rows, args.allowed_error))
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
