"""XMP that announces further images, which are not kept."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from autoquality_core.images import open_image
from autoquality_core.images.metadata.xmp import without_announcements
from tests.images.files import AMPLE, SAVERS, image_of
from tests.images.films import GAIN_MAP, TITLE, XMP


def test_announcements_are_removed_and_other_bytes_are_unchanged() -> None:
    kept = without_announcements(XMP)
    assert kept is not None
    assert not any(word in kept for word in (b"hdrgm", b"C:", b"GainMap", b"Item", b"google"))
    assert b'dc:format="1 > 0"' in kept and TITLE in kept
    assert without_announcements(kept) == kept


def test_other_xmp_is_unchanged() -> None:
    for xmp in (XMP.replace(GAIN_MAP, b"urn:x").replace(b"google", b"x"), b"no XML", b""):
        assert without_announcements(xmp) == xmp


@pytest.mark.parametrize(
    "xmp",
    [
        XMP[:-4],
        b"<!DOCTYPE x>" + XMP,
        XMP.decode().encode("utf-16-le"),
        XMP.replace(b"<C:Directory>", b'<C:Directory xmlns:hdrgm="urn:other">'),
    ],
    ids=["cut", "document type", "UTF-16", "two meanings"],
)
def test_xmp_is_dropped_if_announcements_cannot_be_removed(xmp: bytes) -> None:
    assert without_announcements(xmp) is None


@pytest.mark.parametrize("fmt", ["jpeg", "png", "webp", "jxl"])
def test_xmp_without_announcements_is_kept_in_every_format(fmt: str) -> None:
    image = image_of(np.zeros((16, 16, 3), np.uint8))
    image.set_type(pyvips.GValue.blob_type, "xmp-data", XMP)
    source = open_image(SAVERS[fmt](image), AMPLE)
    xmp = source.metadata(everything=True, copyright_too=False).xmp
    assert TITLE in xmp and b"hdrgm" not in xmp
