"""The parts of a network: statistics of tiles, distributions of curves, the frozen graph."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips

from autoquality_core.formats import BEST_MOZJPEG, JpegEncoder
from autoquality_core.images import ImageLimits, Pixels, blocks, open_image
from autoquality_core.metrics import DSSIM, METRICS
from autoquality_core.networks import NetworkError, load
from autoquality_core.networks.inputs import mosaic
from autoquality_train.basis import Basis
from autoquality_train.examples import Examples, folds
from autoquality_train.graphs import metric_part
from autoquality_train.network import Fitted, TooFewImages, fit, freeze
from autoquality_train.network.fitting import crossing, tile_statistics
from autoquality_train.network.freezing import (
    RESIDUAL,
    aim,
    distribution,
    main,
    quality_logits,
)
from autoquality_train.network.statistics import (
    Strengths,
    TileStatistics,
    ssim_windows,
    strengths_for,
)
from tests.photos import crop

LIMITS = ImageLimits(2**24, 2**24)
PHOTOS = ("coffee.png", "chelsea.png", "rocket.jpg")
QUALITIES = np.arange(1, 101)


def pixels_of(name: str, width: int = 192, height: int = 160) -> Pixels:
    return open_image(crop(name, width, height), LIMITS).decode(all_frames=False)


def examples_of(count: int) -> Examples:
    """Noise that gets stronger, and curves that get lower; those of SSIMULACRA2 are flatter."""
    rng = np.random.default_rng(7)
    mosaics = np.empty((count, 416, 416, 3), np.uint8)
    curves = np.empty((count, 100), np.float32)
    for at in range(count):
        rough = at / count
        noise = 128 + (4 + 40 * rough) * rng.standard_normal((416, 416, 1))
        mosaics[at] = noise.clip(0, 255)
        curves[at] = 2.5 - rough + 0.03 * QUALITIES
    groups = [f"image {at // 2}" for at in range(count)]
    area = np.full(count, 416 * 416, np.int64)
    by_metric = {"dssim": curves, "ssimulacra2": 0.4 * curves - 5}
    return Examples("webp", mosaics, by_metric, ["noise"] * count, groups, area)


def test_the_transform_equals_that_of_opencv() -> None:
    block = np.random.default_rng(1).standard_normal((8, 8)).astype(np.float32)
    ours = blocks.cosine_transform() @ block.ravel()
    assert ours == pytest.approx(cv2.dct(block).ravel(), abs=1e-5)


def test_each_tile_has_its_own_statistics() -> None:
    """With one tile of noise on grey, only the numbers of that tile differ."""
    image = np.full((1, 416, 416, 3), 128, np.uint8)
    noise = np.random.default_rng(2).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image[0, 16 * 3 : 16 * 4, 16 * 7 : 16 * 8] = noise
    statistics = tile_statistics(image, Strengths((blocks.flat_table(20),)))[0].astype(np.float64)
    assert np.flatnonzero((statistics != statistics[0]).any(axis=1)).tolist() == [3 * 26 + 7]
    grey = noise.astype(np.float64) @ blocks.LUMA - 128
    energy = np.zeros(64)
    for y, x in itertools.product((0, 8), (0, 8)):
        energy += cv2.dct(grey[y : y + 8, x : x + 8]).ravel() ** 2 / 4
    wanted = np.log(energy @ blocks.bands() + 1) / 8
    assert statistics[3 * 26 + 7, 1:9] == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("quality", [15, 40, 50, 65, 93])
def test_the_tables_equal_those_of_mozjpeg(quality: int) -> None:
    grey = pyvips.Image.black(16, 16)
    file = grey.jpegsave_buffer(Q=quality, quant_table=3)
    at = file.index(b"\xff\xdb") + 5
    zigzag = sorted(
        ((x, y) for x in range(8) for y in range(8)),
        key=lambda place: (sum(place), place[sum(place) % 2]),
    )
    written = np.zeros((8, 8))
    for value, (x, y) in zip(file[at : at + 64], zigzag, strict=True):
        written[y, x] = value
    assert blocks.jpeg_table(quality).tolist() == written.ravel().tolist()


def test_windows_and_bands_are_means() -> None:
    assert ssim_windows().sum(axis=0) == pytest.approx(1)
    assert blocks.bands().sum(axis=0) == pytest.approx(1)
    assert ((blocks.bands() > 0).sum(axis=1) == [0, *[1] * 63]).all()


@pytest.mark.parametrize("name", PHOTOS)
def test_the_codec_in_the_graph_is_close_to_a_real_one(name: str) -> None:
    """Its DSSIM is within a fifth of that of mozjpeg at the same quality."""
    pixels = pixels_of(name)
    statistics = tile_statistics(mosaic(pixels)[None], Strengths((blocks.jpeg_table(65),)))[0, :, 0]
    encoder = JpegEncoder(BEST_MOZJPEG)
    decoded = encoder.decode(encoder.encode(pixels, 65), pixels)
    real = DSSIM.reference(pixels).score(decoded)
    assert float(statistics.astype(np.float64).mean()) == pytest.approx(real, rel=0.2)


def test_blocks_are_measured_as_windows() -> None:
    """Compared with the metric's formula on blocks that OpenCV transformed back."""
    image = mosaic(pixels_of(PHOTOS[0]))
    table = blocks.jpeg_table(40)
    statistics = tile_statistics(image[None], Strengths((), (table,)))[0, :, 0]
    grey = image.astype(np.float32) @ blocks.LUMA
    c1, c2 = 2.55**2, 7.65**2
    for tile in (0, 27, 300, 675):
        y, x = 16 * (tile // 26), 16 * (tile % 26)
        found = []
        for top, left in itertools.product((y, y + 8), (x, x + 8)):
            block = grey[top : top + 8, left : left + 8] - 128
            steps = table.reshape(8, 8)
            coded = cv2.idct(np.round(cv2.dct(block) / steps) * steps)
            one, other = block.astype(np.float64) + 128, coded.astype(np.float64) + 128
            means = one.mean(), other.mean()
            covariance = ((one - means[0]) * (other - means[1])).mean()
            ssim = (2 * means[0] * means[1] + c1) / (means[0] ** 2 + means[1] ** 2 + c1)
            ssim *= (2 * covariance + c2) / (one.var() + other.var() + c2)
            found.append((1 - ssim) / 2)
        assert float(statistics[tile]) == pytest.approx(np.mean(found), rel=5e-3, abs=1e-4)


def test_a_flat_image_has_finite_statistics() -> None:
    flat = np.full((1, 416, 416, 3), 255, np.uint8)
    statistics = tile_statistics(flat, Strengths(*2 * [(blocks.flat_table(20),)]))
    assert np.isfinite(statistics).all()
    assert float(statistics[..., :2].max()) < 1e-3


def test_a_basis_reproduces_curves_of_few_components() -> None:
    rng = np.random.default_rng(3)
    shapes = np.stack([np.ones(100), QUALITIES / 100])
    curves = (2 + rng.standard_normal((40, 2)) @ shapes).astype(np.float32)
    basis = Basis.of(curves, 6)
    again = basis.mean + basis.coefficients(curves) @ basis.components
    assert again == pytest.approx(curves, abs=1e-3)
    assert basis.residual_variance(curves).max() < 1e-6
    assert basis.coefficients(curves).std(axis=0)[:2] == pytest.approx(1, rel=0.2)
    assert not basis.components[2:].any(), "there are only two directions"


def test_a_crossing_is_the_first_quality_that_is_good_enough() -> None:
    curves = np.stack([QUALITIES / 10, np.zeros(100), np.full(100, 9)]).astype(np.float32)
    assert crossing(curves, 4.05).tolist() == [41, 101, 1]


def test_samples_of_one_image_are_in_one_fold() -> None:
    groups = ["a", "b", "a", "c", "b", "d", "e", "e"]
    part = folds(groups, 3, seed=1)
    assert len({(group, number) for group, number in zip(groups, part, strict=True)}) == 5
    assert set(part) == {0, 1, 2}


def test_the_logits_are_the_probability_of_crossing_at_each_quality() -> None:
    mean = (2 + 0.04 * QUALITIES)[None].astype(np.float32)
    factor = np.full((1, 1, 100), 0.08, np.float32)
    logits = np.asarray(quality_logits(mean, factor, np.array([4.4], np.float32), 0.0))[0]
    chances = np.exp(logits)
    assert chances.sum() == pytest.approx(1, abs=1e-3)
    assert int(chances.argmax()) + 1 in (60, 61)
    spread = math.sqrt(float(chances @ (QUALITIES - chances @ QUALITIES) ** 2))
    assert spread == pytest.approx(0.08 / 0.04, rel=0.1)


@pytest.mark.parametrize(("target", "quality"), [(1e-9, 100), (1.0, 1)])
def test_a_target_beyond_the_curve_gives_the_last_quality(target: float, quality: int) -> None:
    mean = (2 + 0.04 * QUALITIES)[None].astype(np.float32)
    factor = np.full((1, 1, 100), 0.05, np.float32)
    aims = aim("dssim", np.array([target], np.float32))
    logits = np.asarray(quality_logits(mean, factor, aims, 0.0))[0]
    assert int(logits.argmax()) + 1 == quality


@pytest.mark.parametrize(("metric", "score"), [("dssim", 0.013), ("ssimulacra2", 73.0)])
def test_the_aim_is_the_value_of_the_metric(metric: str, score: float) -> None:
    found = np.asarray(aim(metric, np.array([score], np.float32)))
    assert found == pytest.approx([METRICS[metric].value(score)], rel=1e-5)


def test_a_network_learns_and_its_graph_gives_the_same_results(tmp_path: Path) -> None:
    examples = examples_of(24)
    lines: list[str] = []
    fitted = fit(examples, METRICS, epochs=150, seed=1, progress=lines.append)
    assert [len(head.members) for head in fitted.heads.values()] == [2, 2]
    assert len(lines) == 4
    path = tmp_path / "autoquality-webp.pb"
    side = {
        "format_version": 1,
        "name": "autoquality-webp",
        "version": "test",
        "format": "webp",
        "input": {"recipe": "mosaic", "side": 416, "tile": 16},
    }
    freeze(fitted, path, side)
    described = json.loads(path.with_suffix(".json").read_text())
    assert described["curve"] == {"residual": RESIDUAL}

    statistics = TileStatistics(strengths_for("webp"))
    network = load(path)
    assert network.info.metrics == ("dssim", "ssimulacra2")
    for metric, head in fitted.heads.items():
        curves = examples.curves[metric]
        mean = np.asarray(distribution(head, statistics(examples.mosaics[:4]))[0])
        assert np.abs(mean - curves[:4]).mean() < 0.5 * np.abs(curves.mean(0) - curves[:4]).mean()
        for at in (0, 3):
            pixels = Pixels.from_samples(examples.mosaics[at : at + 1].copy())
            assert (mosaic(pixels) != examples.mosaics[at]).any(), "tiles are turned"
            (seen_mean,), (seen_factor,) = distribution(head, statistics(mosaic(pixels)[None]))
            prediction = network.predict(pixels, METRICS[metric].default_target, metric=metric)
            curve = prediction.curve
            assert curve is not None
            assert curve.mean == pytest.approx(np.asarray(seen_mean), abs=2e-3)
            spread = (np.asarray(seen_factor) ** 2).sum(axis=0) + RESIDUAL**2
            assert np.diag(curve.covariance) == pytest.approx(spread, rel=0.01)
            value = METRICS[metric].value(METRICS[metric].default_target)
            assert abs(prediction.quality - np.abs(curve.mean - value).argmin() - 1) <= 3
    network.close()


def test_a_head_that_is_added_leaves_the_rest_of_the_graph_as_it_is(tmp_path: Path) -> None:
    examples = examples_of(4)
    base, path = tmp_path / "base.pb", tmp_path / "a.pb"
    side = {"name": "autoquality-webp", "version": "1", "format": "webp", "corpus": {"name": "one"}}
    freeze(fit(examples, ["dssim"], epochs=1, seed=1, progress=lambda _: None), base, side)
    data = base.read_bytes()
    for seed in (2, 3):  # the second replaces the head of the first
        head = fit(examples, ["ssimulacra2"], epochs=1, seed=seed, progress=lambda _: None)
        origin = {**side, "version": str(seed), "corpus": {"name": "other"}}
        freeze(head, path, origin, path if seed == 3 else base)
        described, before = (
            json.loads(one.with_suffix(".json").read_text()) for one in (path, base)
        )
        added = described["metrics"].pop("ssimulacra2")
        assert described == before
        assert (added["origin"]["version"], added["origin"]["corpus"]["name"]) == (
            str(seed),
            "other",
        )
        assert metric_part(path.read_bytes(), described, "dssim") == data
        network = load(path)
        assert network.info.metrics == ("dssim", "ssimulacra2")
        image = Pixels.from_samples(examples.mosaics[:1])
        (mean,), _ = distribution(
            head.heads["ssimulacra2"], TileStatistics(strengths_for("webp"))(mosaic(image)[None])
        )
        curve = network.predict(image, 70.0, metric="ssimulacra2").curve
        assert curve is not None and curve.mean == pytest.approx(np.asarray(mean), abs=2e-3)
        network.close()


def test_a_saved_network_is_frozen_by_another_process(tmp_path: Path) -> None:
    examples = examples_of(4)
    fitted = fit(examples, ["dssim"], epochs=1, seed=1, progress=lambda _: None)
    fitted.save(tmp_path)
    again = Fitted.restore(tmp_path)
    tiles = TileStatistics(strengths_for("webp"))(examples.mosaics)
    both = (distribution(one.heads["dssim"], tiles) for one in (fitted, again))
    for one, other in zip(*both, strict=True):
        assert np.asarray(other) == pytest.approx(np.asarray(one), abs=1e-5)
    main(str(tmp_path))
    assert (tmp_path / "frozen.pb").read_bytes().count(b"curve_factor") > 0


def test_fitting_is_repeatable() -> None:
    examples = examples_of(4)
    first, second = (
        fit(examples, ["dssim"], epochs=2, seed=3, progress=lambda _: None) for _ in range(2)
    )
    for one, other in zip(first.heads["dssim"].members, second.heads["dssim"].members, strict=True):
        for weight, again in zip(one.get_weights(), other.get_weights(), strict=True):
            assert weight == pytest.approx(again, abs=1e-6)
    scales = (one.heads["dssim"].scale for one in (first, second))
    assert next(scales) == pytest.approx(next(scales), rel=1e-4)


def test_one_image_is_too_few_to_learn_from() -> None:
    with pytest.raises(TooFewImages, match="at least 2 images"):
        fit(examples_of(2), ["dssim"], epochs=1, seed=1, progress=lambda _: None)


def test_a_truncated_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.pb"
    freeze(fit(examples_of(4), ["dssim"], epochs=1, seed=1, progress=lambda _: None), path, {})
    path.with_suffix(".json").unlink()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(NetworkError, match=r"cut\.pb"):
        load(path)
