"""Where the search starts from, for encoders that curves were learned for and for others."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core import priors
from autoquality_core.formats import BEST_MOZJPEG
from autoquality_core.types import EncoderOptions, Format, JpegOptions


@pytest.mark.parametrize(
    ("fmt", "options", "name"),
    [
        (Format.JPEG, EncoderOptions(), "jpeg"),
        (Format.JPEG, EncoderOptions(jpeg=JpegOptions(progressive=True)), "jpeg"),
        (Format.JPEG, EncoderOptions(jpeg=BEST_MOZJPEG), "jpeg-mozjpeg"),
        (Format.WEBP, EncoderOptions(), "webp"),
        (Format.AVIF, EncoderOptions(), "avif"),
    ],
)
def test_every_setting_has_its_learned_curves(
    fmt: Format, options: EncoderOptions, name: str
) -> None:
    assert priors.encoder_name(fmt, options) == name
    for prior in (
        priors.dssim_prior(fmt, options, 512**2),
        priors.size_prior(fmt, options, 512**2),
    ):
        assert np.all(np.diff(prior.mean[9:95]) >= 0), "the mean curve rises with quality"
        assert np.linalg.eigvalsh(prior.covariance).min() > -1e-9
        assert all(prior is not unlearned for unlearned in priors.UNLEARNED.values())


def test_an_encoder_without_a_file_gets_the_prior_without_a_corpus() -> None:
    assert priors.load_prior("never-learned", "size") is priors.UNLEARNED["size"]


def test_small_images_are_expected_to_be_rougher() -> None:
    options = EncoderOptions()
    sizes = [priors.size_prior(Format.WEBP, options, side**2).allowance for side in (64, 512, 2048)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == pytest.approx(8 * sizes[1])
    tiny, usual, large = (
        priors.dssim_prior(Format.WEBP, options, side**2).allowance for side in (16, 160, 2048)
    )
    assert tiny == pytest.approx(10 * usual) and usual == large
