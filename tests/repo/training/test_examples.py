"""The examples that a network learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM, METRICS
from autoquality_core.networks.inputs import mosaic
from autoquality_core.priors import USUAL_SIDE
from autoquality_train.corpus.samples import Skipped, decode, digest_of, samples_of
from autoquality_train.examples import gather
from autoquality_train.labels.curves import score_curve
from autoquality_train.labels.sweeps import ALL, SETTINGS, SOME, Sweep, cached_sweep, sweep
from tests.photos import crop
from tests.repo.training.helpers import corpus

PIXELS = USUAL_SIDE * USUAL_SIDE


@pytest.mark.parametrize("setting", ["jpeg-mozjpeg", "webp", "avif"])
def test_a_curve_is_exact_where_swept_and_close_elsewhere(setting: str, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(crop("astronaut.png", 176, 144))
    pixels = decode(path)
    whole, some = (sweep(pixels, setting, qualities) for qualities in (ALL, SOME))
    for metric in METRICS.values():
        full, part = (score_curve(one, setting, metric, PIXELS) for one in (whole, some))
        at = np.array(SOME) - 1
        np.testing.assert_array_equal(part[at], full[at])
        np.testing.assert_array_equal(full, whole.values(metric).astype(np.float32))
        swept = slice(SOME[0] - 1, SOME[-1])
        assert np.abs(part - full)[swept].mean() < 0.02


def test_equivalent_qualities_have_one_value(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(crop("coffee.png", 64, 64))
    found = score_curve(sweep(decode(path), "avif", SOME), "avif", DSSIM, PIXELS)
    first = np.array(SETTINGS["avif"].equivalents(has_alpha=False)) - 1
    np.testing.assert_array_equal(found, found[first])


def test_a_dssim_of_0_has_a_finite_value() -> None:
    nothing = Sweep(np.array(ALL), {"dssim": np.zeros(100)}, np.ones(100))
    np.testing.assert_allclose(
        score_curve(nothing, "webp", DSSIM, PIXELS), DSSIM.value(0.0), rtol=1e-6
    )


def test_mosaics_curves_and_groups_belong_together(tmp_path: Path) -> None:
    folder, sweeps = corpus(tmp_path / "corpus", 2), tmp_path / "sweeps"
    sweeps.mkdir()
    (folder / "graphics" / "again.png").write_bytes((folder / "graphics" / "text.png").read_bytes())
    (folder / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    samples = samples_of(folder)
    *labelled, unlabelled = [one for one in samples if one.path.name != "again.png"]
    for sample in labelled:
        pixels = sample.pixels()
        for setting in ("webp", "jpeg"):
            cached_sweep(pixels, digest_of(pixels), setting, sweeps, SOME)
    skipped: list[Skipped] = []
    found = gather(
        samples,
        ("webp", "jpeg"),
        sweeps,
        tmp_path / "mosaics.npy",
        jobs=2,
        on_skip=skipped.append,
    )
    assert set(found) == {"webp", "jpeg"}
    assert skipped == [(unlabelled.path, "not labelled by every encoder setting")]
    for setting, examples in found.items():
        assert examples.setting == setting
        assert len(examples) == 3  # one a file, equal ones once
        assert examples.mosaics.shape == (3, 416, 416, 3)
        assert (str(examples.mosaics.dtype), examples.curves.keys()) == ("uint8", METRICS.keys())
        by_group = {one.group: one for one in samples}
        for at, group in enumerate(examples.groups):
            pixels = by_group[group].pixels()
            np.testing.assert_array_equal(examples.mosaics[at], mosaic(pixels))
            swept = sweep(pixels, setting, SOME)
            for name, metric in METRICS.items():
                area = pixels.width * pixels.height
                curve = score_curve(swept, setting, metric, area)
                np.testing.assert_array_equal(examples.curves[name][at], curve)
            assert examples.kinds[at] == by_group[group].kind
            assert examples.pixels[at] == pixels.width * pixels.height
