"""Sweeps are kept, and made by several threads at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from training import sweeps


def test_equal_images_may_be_swept_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(b"the same")
    both = threading.Barrier(2)
    save = np.savez

    def saved_together(path: Path, **arrays: sweeps.FloatArray) -> None:
        save(path, **arrays)
        both.wait(10)

    monkeypatch.setattr(sweeps, "sweep", lambda *_: (np.ones(100), np.ones(100)))
    monkeypatch.setattr(np, "savez", saved_together)
    with ThreadPoolExecutor(2) as pool:
        kept = [pool.submit(sweeps.kept_sweep, (image, None), "jpeg", tmp_path) for _ in range(2)]
        assert all(one.result()[0].sum() == 100 for one in kept)
    assert {path.name for path in tmp_path.iterdir() if path != image} == {
        path.name for path in tmp_path.glob("*.jpeg.npz")
    }
