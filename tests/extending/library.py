"""Uses the toy format and the toy metric in the library, with the extended code."""

from __future__ import annotations

from typing import Any

import autoquality_core as aq
from autoquality_core import formats, metrics
from autoquality_core.formats import encoder_for
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.metrics import METRICS
from autoquality_core.pipeline.methods import ScoreSearch
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import Observation, ScoreGoal, SizeGoal
from autoquality_core.types import Format, Method, Outcome, ResolvedTarget
from autoquality_train.judging.oracle import oracle
from tests.photos import crop

PHOTO = crop("coffee.png", 160, 120)
PIXELS = open_image(PHOTO, ImageLimits(2**24, 2**24)).decode(all_frames=False)
TOY = encoder_for(Format("toy"))
PSNR = METRICS["psnr"]


def observed(quality: int) -> Observation:
    """The size and the PSNR of the photograph as Toy."""
    probe = Session(PIXELS, TOY, Deadline()).probe(quality, PSNR)
    return Observation(quality, probe.size_bytes, probe.scores["psnr"])


def encode_by_size() -> None:
    """The answer is the one that trying every quality finds."""
    budget = observed(71).size_bytes + 5
    result = aq.encode(PHOTO, "toy", method="size", target=budget)
    expected = oracle(SizeGoal(budget, 160 * 120), 1, 100, observed)
    assert (result.quality, result.outcome) == (expected.best.quality, Outcome.TARGET_MET)
    assert len(result.image) <= budget
    assert len(result.probes) < 15


def encode_by_dssim() -> None:
    """The toy metric is reported besides, and the scores are those of a comparison."""
    options: Any = formats
    encoder = options.ToyEncoder(options.ToyOptions(tile=1, big=True))
    result = aq.encode(PHOTO, encoder, method="dssim", target=0.01, measure=["psnr"])
    assert result.outcome is Outcome.TARGET_MET
    assert abs(result.scores["dssim"] - 0.01) <= 0.001
    compared = aq.compare(PHOTO, result.image)
    assert abs(compared.scores["dssim"] - result.scores["dssim"]) < 1e-9
    assert abs(compared.scores["psnr"] - result.scores["psnr"]) < 1e-9
    assert aq.compare(PHOTO, PHOTO).scores["psnr"] == 100.0


def search_by_psnr() -> None:
    """Higher is better; every target gets the oracle's outcome, in JPEG as in the toy format."""
    search = ScoreSearch(PSNR)
    for encoder in (TOY, encoder_for(Format.JPEG)):
        seen = {
            quality: Observation(quality, one.size_bytes, one.scores["psnr"])
            for quality in range(1, 101)
            for one in [Session(PIXELS, encoder, Deadline()).probe(quality, PSNR)]
        }
        for target in (20.0, 30.0, 36.0, 42.0, 90.0):
            session = Session(PIXELS, encoder, Deadline())
            answer = search.run(session, ResolvedTarget(Method.DSSIM, target, 1, 100, 0.5))
            goal = ScoreGoal(PSNR, target, 0.5)
            assert answer.outcome is oracle(goal, 1, 100, seen.__getitem__).outcome
            if answer.outcome is Outcome.TARGET_MET:
                assert abs(session.scores(answer.quality)["psnr"] - target) <= 0.5
            assert len(session.probes) <= 20


if __name__ == "__main__":
    assert "psnr" in metrics.METRICS
    encode_by_size()
    encode_by_dssim()
    search_by_psnr()
