"""A reproducible corpus of free images from Debian packages.

`autoquality-train corpus FOLDER` downloads the packages below with apt (2 GB) and unpacks them.
It copies their images to FOLDER/images, one folder for each kind: photos, screens, graphics, maps,
textures. Images of some packages go to FOLDER/judge instead: for judging, never for training. The
packages' copyright files go to FOLDER/licences. Needs Debian 12, apt-get and dpkg-deb; nothing is
installed.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePath

from autoquality_train.corpus.samples import displayed_size, images_in
from autoquality_train.files import atomic

LEAST_SIDE = 192
"""Pixels; smaller images are icons."""


@dataclass(frozen=True, slots=True)
class Source:
    """Some images of one package.

    `take` and `leave` are patterns for paths below the package's root. At most `cap` images are
    drawn. `largest` keeps only the largest file of each folder, for packages with one picture in
    many sizes. `apart` images are for judging.
    """

    package: str
    kind: str
    take: tuple[str, ...]
    leave: tuple[str, ...] = ()
    cap: int = 10_000
    largest: bool = False
    apart: bool = False


# Without python3-skimage: tests and the demo use its photographs, and networks must not know them.
SOURCES = (
    Source("endless-sky-high-dpi", "photos", ("*/images/land/*.jpg", "*/images/scene/*.jpg")),
    Source("plasma-workspace-wallpapers", "photos", ("*/contents/images*",), largest=True),
    Source("mate-backgrounds", "photos", ("*/nature/*", "*/abstract/*.jpg", "*/desktop/*.jpg")),
    Source("mate-backgrounds", "graphics", ("*/abstract/*.png", "*/desktop/*.png")),
    Source("lomiri-wallpapers-16.04", "photos", ("*",), apart=True),
    Source("lomiri-wallpapers-20.04", "photos", ("*",), apart=True),
    Source("ukui-wallpapers", "photos", ("*",), apart=True),
    Source("gnome-backgrounds", "photos", ("*",)),
    Source("lxqt-themes", "photos", ("*/wallpapers/*.jpg",)),
    Source("lxqt-themes", "graphics", ("*/wallpapers/*.png",)),
    Source(
        "libjs-jquery-backstretch",
        "photos",
        ("*1920*", "*/pot-holder*", "*/coffee*"),
        apart=True,
    ),
    Source(
        "opencv-doc",
        "photos",
        ("*/examples/data/*", "*/input_images/*"),
        leave=("*/left*", "*/right*", "*chessboard*", "*/digits*", "*mask*"),
    ),
    Source("opencv-doc", "photos", ("*/data/left01*", "*/data/right03*")),
    Source("python3-sklearn", "photos", ("*",)),
    Source("scratch", "photos", ("*/Backgrounds/*.jpg",)),
    Source("kphotoalbum", "photos", ("*/demo/*.jpg",)),
    Source("stellarium-data", "photos", ("*/landscapes/*",), cap=60),
    Source("stellarium-data", "photos", ("*/nebulae/*",), cap=50),
    Source("stellarium-data", "maps", ("*/textures/*", "*/skycultures/*"), cap=60),
    Source("freedombox-doc-en", "photos", ("*.jpg",)),
    Source("wesnoth-1.16-data", "graphics", ("*/story/*", "*/portraits/*"), cap=110),
    Source("gimp-help-en", "photos", ("*/filters/examples/*.jpg",), cap=50),
    Source("debian-handbook", "screens", ("*/en-US/*.png",), cap=70),
    Source("freedombox-doc-en", "screens", ("*.png",), cap=70),
    Source("gimp-help-en", "screens", ("*.png",), cap=80),
    Source("gnucash-docs", "screens", ("*/C/*.png",), cap=100),
    Source("kicad-doc-en", "screens", ("*.png",), cap=90),
    Source("mate-user-guide", "screens", ("*/C/*.png",), cap=50, apart=True),
    Source("kphotoalbum", "screens", ("*/HTML/en/*.png",), cap=40),
    Source("openclipart-png", "graphics", ("*.png",), cap=130),
    Source("tuxpaint-stamps-default", "graphics", ("*.png",), cap=80),
    Source("marble-data", "maps", ("*/HTML/en/*.png", "*/maps/*"), cap=60),
    Source("ufoai-textures", "textures", ("*.png", "*.jpg"), leave=("*_nm.*", "*_gm.*"), cap=110),
)

PACKAGES = sorted({source.package for source in SOURCES})


def gather(folder: Path, *, seed: int = 1) -> dict[str, int]:
    """Fill `folder` with the corpus; returns the number of images in each of its folders.

    Packages that an earlier run downloaded or unpacked are used again. Images that only another
    seed chose are removed. Raises CalledProcessError if apt or dpkg fail.
    """
    unpacked = folder / "unpacked"
    for package in PACKAGES:
        _fetch(package, folder)
        notice = unpacked / package / "usr/share/doc" / package / "copyright"
        if notice.is_file():
            (folder / "licences").mkdir(exist_ok=True)
            shutil.copyfile(notice, folder / "licences" / f"{package}.txt")
    made: dict[Path, set[str]] = {}
    seen: set[str] = set()
    for source in SOURCES:
        chosen = choose(source, unpacked / source.package, random.Random(seed), seen)
        kind = folder / ("judge" if source.apart else "images") / source.kind
        kind.mkdir(parents=True, exist_ok=True)
        for path in chosen:
            name = f"{source.package}-{digest(path)[:8]}{path.suffix.lower()}"
            if not (kind / name).exists():
                with atomic(kind / name) as partial:
                    shutil.copyfile(path, partial)
            made.setdefault(kind, set()).add(name)
    for kind, names in made.items():
        for package in PACKAGES:
            for path in kind.glob(f"{package}-????????.*"):
                if path.name not in names:
                    path.unlink()
    return {str(kind): len(names) for kind, names in made.items()}


def missing(folder: Path) -> list[str]:
    """The packages that `gather` has to download."""
    return [
        package
        for package in PACKAGES
        if not (folder / "unpacked" / package).exists() and not _archives(folder, package)
    ]


def _archives(folder: Path, package: str) -> list[Path]:
    return sorted((folder / "packages").glob(f"{package}_*.deb"))


def choose(source: Source, root: Path, rng: random.Random, seen: set[str]) -> list[Path]:
    """The images to take of an unpacked package. Adds their digests to `seen`, and skips those."""
    found = []
    for path in images_in([root]):
        below = PurePath("/", path.relative_to(root)).as_posix()
        if not path.is_file() or path.is_symlink():
            continue
        if not _matches(below, source.take) or _matches(below, source.leave):
            continue
        size = displayed_size(path)
        if size is not None and min(size) >= LEAST_SIDE:
            found.append((path, size[0] * size[1]))
    if source.largest:
        by_folder: dict[Path, tuple[Path, int]] = {}
        for path, area in found:
            if area > by_folder.get(path.parent, (path, 0))[1]:
                by_folder[path.parent] = (path, area)
        found = list(by_folder.values())
    rng.shuffle(found)
    chosen: list[Path] = []
    for path, _ in found:
        if len(chosen) < source.cap and digest(path) not in seen:
            seen.add(digest(path))
            chosen.append(path)
    return chosen


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fetch(package: str, folder: Path) -> None:
    into = folder / "unpacked" / package
    if into.exists():
        return
    if not _archives(folder, package):
        # apt-get leaves half a file under its final name if it is interrupted, and continues it.
        incoming = folder / "packages" / "partial"
        incoming.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=incoming, check=True)
        for archive in incoming.glob(f"{package}_*.deb"):
            archive.rename(folder / "packages" / archive.name)
    partial = into.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    archive = _archives(folder, package)[-1]
    subprocess.run(["dpkg-deb", "-x", str(archive), str(partial)], check=True)
    for packed in list(partial.rglob("*.pk3")):  # zip files with a game's textures
        with zipfile.ZipFile(packed) as inner:
            inner.extractall(packed.with_suffix(""))
    partial.rename(into)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)
