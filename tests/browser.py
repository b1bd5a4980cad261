"""What a browser shows: Chromium without a window, of files on this machine."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from tests.commands import ROOT

PROGRAM = ROOT / ".tools/chromium/bin/chromium"

_FRAMES = """
<script>
const data = Uint8Array.from(atob("{data}"), one => one.charCodeAt(0));
const decoder = new ImageDecoder({{data, type: "{kind}"}});
(async () => {{
  for (let frameIndex = 0; frameIndex < {count}; frameIndex++) {{
    const {{image}} = await decoder.decode({{frameIndex}});
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height, canvas.style.display] = [{width}, {height}, "block"];
    canvas.getContext("2d").drawImage(image, 0, 0);
    document.body.append(canvas);
  }}
}})();
</script>
"""

Colour = tuple[int, int, int]
Samples = npt.NDArray[np.uint8]


def shown(image: Path, width: int, height: int, background: Colour) -> Samples:
    """The pixels (height, width, 3) of an image file on a page of that colour."""
    return _page(image, f'<img src="{image.name}">', width, height, background)


def all_shown(images: Sequence[Path], width: int, height: int, background: Colour) -> Samples:
    """The same of several files of one size: (count, height, width, 3)."""
    body = "".join(f'<img src="{one.name}" style="display:block">' for one in images)
    samples = _page(images[0], body, width, len(images) * height, background)
    return samples.reshape(len(images), height, width, 3)


def frames_shown(
    image: Path, kind: str, count: int, width: int, height: int, background: Colour
) -> Samples:
    """The same of the first frames of an animation: (count, height, width, 3)."""
    data = base64.b64encode(image.read_bytes()).decode()
    script = _FRAMES.format(data=data, kind=kind, count=count, width=width, height=height)
    return _page(image, script, width, count * height, background).reshape(count, height, width, 3)


def _page(image: Path, body: str, width: int, height: int, background: Colour) -> Samples:
    assert PROGRAM.exists(), "Chromium is missing: run `make chromium`"
    page, shot = image.with_suffix(".html"), image.with_suffix(".shot.png")
    page.write_text(f'<body style="margin:0;background:#{bytes(background).hex()}">{body}')
    command = [
        *(PROGRAM, "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-proxy-server"),
        *(f"--user-data-dir={image.parent / 'profile'}", f"--window-size={width},{height}"),
        *("--force-color-profile=srgb", "--virtual-time-budget=2000"),
        *(f"--screenshot={shot}", page.as_uri()),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    samples: Samples = pyvips.Image.new_from_file(str(shot)).numpy()
    return samples[..., :3]
