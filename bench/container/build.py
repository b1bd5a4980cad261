"""Builds images with buildah, which needs no daemon, and measures them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.record.machine import ROOT

BASE = "localhost/autoquality-python"
"""The image that the others are built from where no registry is reachable."""

_UNITS = {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}

_PIP_CACHE = Path("~/.cache/pip").expanduser()


def make_base() -> None:
    """Make BASE from Debian's packages, as python:3.11-slim-bookworm has them: without documents.

    It takes this machine's certificates and settings of pip, which builds need behind a proxy.
    """
    folder = ROOT / ".tools" / "image-base"
    if not (folder / "usr/bin/python3").exists():
        _run("tools/debian-root.sh", str(folder))
    container = _run("buildah", "from", "scratch")
    _run("buildah", "add", "--quiet", container, str(folder), "/")
    for file in ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt"):
        if Path(file).exists():
            _run("buildah", "copy", "--quiet", container, file, file)
    for name in ("PIP_CERT", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT"):
        if name in os.environ:
            _run("buildah", "config", "--env", f"{name}={os.environ[name]}", container)
    _run("buildah", "commit", "--quiet", "--rm", container, BASE)


def build(target: str, base: str) -> str:
    """Build the stage `target` of the Dockerfile on `base`; returns the image's name."""
    name = f"localhost/autoquality:{target}"
    # The root of a build sees this machine's cache of pip, so that nothing is downloaded twice.
    _PIP_CACHE.mkdir(parents=True, exist_ok=True)
    words = ["buildah", "build", "--isolation", "chroot", "--quiet", "--layers"]
    words += ["--volume", f"{_PIP_CACHE}:/root/.cache/pip", "--build-arg", f"PYTHON_IMAGE={base}"]
    _run(*words, "--target", target, "--tag", name, ".")
    return name


def size_of(image: str) -> int:
    """The bytes of an image on disk: its layers, unpacked."""
    (found,) = json.loads(_run("buildah", "images", "--json", image))
    return _in_bytes(found["size"])


def config_of(image: str) -> Mapping[str, object]:
    """The settings of an image, by the names of the OCI's specification."""
    found = json.loads(_run("buildah", "inspect", "--type", "image", image))
    config: Mapping[str, object] = found["OCIv1"]["config"]
    return config


@contextmanager
def mounted(image: str) -> Iterator[Path]:
    """The root of a new container of the image."""
    container = _run("buildah", "from", image)
    try:
        yield Path(_run("buildah", "mount", container))
    finally:
        _run("buildah", "rm", container)


def packages(root: Path) -> dict[str, int]:
    """The bytes of each folder of packages of the server, the largest first."""
    (folder,) = root.glob("opt/autoquality/lib/python3.*/site-packages")
    sizes = {one.name: _bytes_of(one) for one in folder.iterdir() if one.is_dir()}
    merged: dict[str, int] = {}
    for name, size in sizes.items():
        key = name.removesuffix(".libs")
        merged[key or "cv2"] = merged.get(key or "cv2", 0) + size
    return dict(sorted(merged.items(), key=lambda one: -one[1]))


def _bytes_of(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


def _in_bytes(text: str) -> int:
    """Bytes of buildah's "609 MB"."""
    number, unit = text.split()
    return round(float(number) * _UNITS[unit.upper()])


def _run(*words: str | Path, allowed: Sequence[int] = (0,)) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode not in allowed:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()
