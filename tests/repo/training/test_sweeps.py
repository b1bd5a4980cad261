"""Sweeps are stored completely or not at all, also by several processes at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from autoquality_core.images import Pixels
from autoquality_core.metrics import METRICS
from autoquality_train.corpus.samples import decode
from autoquality_train.labels import sweeps
from autoquality_train.labels.sweeps import (
    ALL,
    SETTINGS,
    SOME,
    cached_sweep,
    load_sweep,
    sweep_file,
)
from tests.photos import crop


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Pixels:
    path = tmp_path_factory.mktemp("image") / "coffee.png"
    path.write_bytes(crop("coffee.png", 80, 64))
    return decode(path)


def test_equivalent_qualities_give_the_same_bytes(pixels: Pixels) -> None:
    encoder = SETTINGS["avif"]
    first = encoder.equivalents(has_alpha=False)
    encoded = [encoder.encode(pixels, quality) for quality in ALL]
    assert len(set(first)) == len(set(encoded)) == 64
    assert all(encoded[q - 1] == encoded[one - 1] for q, one in zip(ALL, first, strict=True))


@pytest.mark.parametrize("setting", ["jpeg", "jpeg-mozjpeg", "webp"])
def test_only_avif_has_equivalent_qualities(setting: str) -> None:
    assert SETTINGS[setting].equivalents(has_alpha=False) == ALL


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_a_sweep_has_the_size_and_the_score_of_each_quality(pixels: Pixels, setting: str) -> None:
    encoder = SETTINGS[setting]
    found = sweeps.sweep(pixels, setting, (20, 50, 81))
    for at, quality in enumerate((20, 50, 81)):
        data = encoder.encode(pixels, quality)
        decoded = encoder.decode(data, pixels)
        for name, metric in METRICS.items():
            assert found.scores[name][at] == metric.reference(pixels).score(decoded)
        assert found.bytes_per_pixel[at] == len(data) / (80 * 64)


def test_equal_images_may_be_swept_at_the_same_time(
    tmp_path: Path, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    save = np.savez

    def saved_together(file: object, **arrays: sweeps.FloatArray) -> None:
        save(file, **arrays)
        both.wait(10)

    made = sweeps.Sweep(np.array(ALL), dict.fromkeys(METRICS, np.full(100, 0.5)), np.ones(100))
    monkeypatch.setattr(sweeps, "sweep", lambda *_: made)
    monkeypatch.setattr(np, "savez", saved_together)
    with ThreadPoolExecutor(2) as pool:
        kept = [pool.submit(cached_sweep, pixels, "digest", "jpeg", tmp_path) for _ in range(2)]
        assert all(one.result(timeout=60).scores["dssim"].sum() == 50 for one in kept)
    assert list(tmp_path.iterdir()) == [sweep_file("digest", "jpeg", tmp_path, ALL)]


@pytest.mark.parametrize("damage", ["cut short", "emptied", "a byte changed"])
def test_a_damaged_sweep_is_made_again(tmp_path: Path, pixels: Pixels, damage: str) -> None:
    right = cached_sweep(pixels, "digest", "webp", tmp_path, SOME)
    path = sweep_file("digest", "webp", tmp_path, SOME)
    data = bytearray(path.read_bytes())
    if damage == "a byte changed":
        data[len(data) // 2] ^= 0xFF
    path.write_bytes(data[: {"cut short": len(data) // 2, "emptied": 0}.get(damage, len(data))])
    assert load_sweep("digest", "webp", tmp_path) is None
    again = cached_sweep(pixels, "digest", "webp", tmp_path, SOME)
    np.testing.assert_array_equal(again.scores["dssim"], right.scores["dssim"])
    kept = load_sweep("digest", "webp", tmp_path)
    assert kept is not None
    np.testing.assert_array_equal(kept.scores["dssim"], right.scores["dssim"])


def test_a_sweep_without_a_metric_is_made_again(tmp_path: Path, pixels: Pixels) -> None:
    path = sweep_file("digest", "webp", tmp_path, SOME)
    np.savez(path, qualities=np.array(SOME), dssim=np.zeros(len(SOME)), bytes_per_pixel=np.ones(1))
    assert load_sweep("digest", "webp", tmp_path) is None
    assert cached_sweep(pixels, "digest", "webp", tmp_path, SOME).scores.keys() == METRICS.keys()


def test_the_sweep_with_the_most_qualities_is_loaded(tmp_path: Path, pixels: Pixels) -> None:
    assert load_sweep("digest", "webp", tmp_path) is None
    for qualities in (SOME, ALL):
        cached_sweep(pixels, "digest", "webp", tmp_path, qualities)
        known = load_sweep("digest", "webp", tmp_path)
        assert known is not None and known.qualities.tolist() == list(qualities)
