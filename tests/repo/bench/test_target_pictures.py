"""The picture of docs/targets.md shows what its text says."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bench.record import record_of
from bench.target_pictures import DRAWINGS, encoded, plots


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_at_dssim_0_02_is_ruined_and_at_high_it_is_not(name: str) -> None:
    by_dssim, high = encoded(DRAWINGS[name]())
    assert by_dssim.scores["dssim"] == pytest.approx(0.02, abs=0.001)
    assert by_dssim.scores["ssimulacra2"] < 30
    assert high.scores["ssimulacra2"] == pytest.approx(70, abs=2)


def test_the_picture_names_its_record() -> None:
    record = record_of("targets", [], {})
    (data,) = plots(record).values()
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.info["Source"] == record.file_name
        assert picture.size == (1208, 654)
