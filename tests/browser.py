"""What a browser shows: Chromium without a window, of files on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from tests.house.commands import ROOT

PROGRAM = ROOT / ".tools/chromium/bin/chromium"


def shown(
    image: Path, width: int, height: int, background: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    """The pixels (height, width, 3) that an image file has on a page of that colour."""
    assert PROGRAM.exists(), "Chromium is missing: run `make chromium`"
    page, shot = image.with_suffix(".html"), image.with_suffix(".shot.png")
    colour = "#" + bytes(background).hex()
    page.write_text(f'<body style="margin:0;background:{colour}"><img src="{image.name}">')
    command = [
        *(PROGRAM, "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-proxy-server"),
        *(f"--user-data-dir={image.parent / 'profile'}", f"--window-size={width},{height}"),
        *("--force-color-profile=srgb", "--virtual-time-budget=100"),
        *(f"--screenshot={shot}", page.as_uri()),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    samples: npt.NDArray[np.uint8] = pyvips.Image.new_from_file(str(shot)).numpy()
    return samples[..., :3]
