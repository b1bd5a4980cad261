"""Curves of five photographs as JPEG, WebP and AVIF, recorded in `recorded.json`.

`python -m tests.search.recorded` writes the file again, with the encoders installed now.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from autoquality_core.metrics import DSSIM
from autoquality_core.search import Observation

SIDE = 192
PIXELS = SIDE * SIDE
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")

_FILE = Path(__file__).with_name("recorded.json")


@cache
def recorded() -> dict[str, list[Observation]]:
    """Observations at quality 1 to 100, by the name of the photograph and the format."""
    return {
        name: [
            Observation(quality, *one)
            for quality, one in enumerate(zip(curve["bytes"], curve["dssim"], strict=True), 1)
        ]
        for name, curve in json.loads(_FILE.read_text()).items()
    }


def values_of(curve: list[Observation]) -> np.ndarray:
    """The values of DSSIM at quality 1 to 100."""
    return np.array([DSSIM.value(one.score or 0.0) for one in curve])


def sizes_of(curve: list[Observation]) -> np.ndarray:
    """log(bytes per pixel) at quality 1 to 100."""
    return np.log([one.size_bytes / PIXELS for one in curve])


def _record() -> None:
    from autoquality_core.formats import AvifEncoder, JpegEncoder, WebpEncoder
    from autoquality_core.images import ImageLimits, open_image
    from autoquality_core.pipeline.session import Session
    from autoquality_core.runtime.deadline import Deadline
    from tests.photos import crop

    lines = []
    for photo in PHOTOS:
        source = open_image(crop(photo, SIDE, SIDE), ImageLimits(2**24, 2**24))
        for encoder in (JpegEncoder(), WebpEncoder(), AvifEncoder()):
            session = Session(source.decode(all_frames=False), encoder, Deadline())
            probes = [session.probe(quality, DSSIM) for quality in range(1, 101)]
            curve = {
                "bytes": [one.size_bytes for one in probes],
                "dssim": [float(f"{one.scores[DSSIM.name]:.4g}") for one in probes],
            }
            name = f"{photo.partition('.')[0]}.{encoder.format.value}"
            lines.append(f"{json.dumps(name)}: {json.dumps(curve)}")
    _FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    _record()
