"""Which libraries decide the bytes and the pixels."""

from __future__ import annotations

from importlib import metadata

import cv2
import pyvips


def library_versions() -> dict[str, str]:
    """Versions by name.

    pyvips-binary, where libvips comes from it, stands for the encoders
    (mozjpeg, libwebp, libaom ...): a release of it pins them all, and they
    do not tell their own versions.
    """
    versions = {
        "libvips": ".".join(str(pyvips.version(part)) for part in range(3)),
        "opencv": cv2.__version__,
        "pyvips": pyvips.__version__,
    }
    try:
        versions["pyvips-binary"] = metadata.version("pyvips-binary")
    except metadata.PackageNotFoundError:
        pass  # libvips is the system's
    return versions
