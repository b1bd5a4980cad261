"""Slower settings start from the usual ones' curves, raised by what is learned of them."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.priors import dssim_prior, size_prior
from autoquality_core.priors.offsets import offset
from autoquality_core.types import AvifOptions, EncoderOptions, Format, WebpOptions

AREA = 512 * 512
SLOW = {
    Format.WEBP: EncoderOptions(webp=WebpOptions(effort=6)),
    Format.AVIF: EncoderOptions(avif=AvifOptions(speed=4)),
}


@pytest.mark.parametrize("fmt", SLOW)
@pytest.mark.parametrize("curve", ["dssim", "size"])
def test_a_slower_setting_is_raised_and_less_certain(fmt: Format, curve: str) -> None:
    prior_of = dssim_prior if curve == "dssim" else size_prior
    usual, slow = (prior_of(fmt, options, AREA) for options in (EncoderOptions(), SLOW[fmt]))
    learned = offset(fmt, SLOW[fmt], curve)
    assert learned is not None
    assert slow.mean - usual.mean == pytest.approx(learned.mean)
    assert (np.diag(slow.covariance) > np.diag(usual.covariance)).all()
    assert np.linalg.eigvalsh(learned.covariance).min() > -1e-9


def test_slower_is_smaller() -> None:
    for fmt, options in SLOW.items():
        learned = offset(fmt, options, "size")
        assert learned is not None
        assert -0.3 < learned.mean[50:90].mean() < 0


@pytest.mark.parametrize(
    ("fmt", "options"),
    [
        (Format.JPEG, EncoderOptions()),
        (Format.WEBP, EncoderOptions()),
        (Format.WEBP, EncoderOptions(webp=WebpOptions(effort=2))),
        (Format.AVIF, EncoderOptions()),
        (Format.AVIF, EncoderOptions(avif=AvifOptions(speed=9))),
    ],
)
def test_the_usual_settings_are_left_as_they_are(fmt: Format, options: EncoderOptions) -> None:
    assert offset(fmt, options, "size") is None


def test_doubts_are_raised_too() -> None:
    sure = np.eye(100) * 1e-4
    told = size_prior(Format.AVIF, EncoderOptions(), AREA).with_curve(np.zeros(100), sure)
    learned = offset(Format.AVIF, SLOW[Format.AVIF], "size")
    assert learned is not None
    raised = told.above(learned)
    assert sum(one.weight for one in raised.beliefs) == pytest.approx(1)
    for before, after in zip(told.beliefs, raised.beliefs, strict=True):
        assert after.weight == pytest.approx(before.weight)
        assert after.mean - before.mean == pytest.approx(learned.mean)
