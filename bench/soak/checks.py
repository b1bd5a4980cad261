"""Whether an answer is right, beyond what `bench.answers` finds."""

from __future__ import annotations

from autoquality import Encoded
from bench.accuracy import independent_dssim
from bench.answers import fault
from bench.soak.pictures import SMALL
from bench.soak.plan import Call

TOLERANCE = 2e-4
"""How far the DSSIM may be from one that Pillow and scikit-image find: large images are sampled."""

ALPHA_TOLERANCE = 1e-3
"""The same where the image is laid over a background first, which rounds differently."""


def wrong_with(call: Call, answer: Encoded, request_id: str) -> str | None:
    """What is wrong with an answer; None where nothing is."""
    if answer.request_id != request_id:
        return f"the answer to {request_id} is for {answer.request_id}"
    return fault(answer, call.format) or _dssim_fault(call, answer)


def _dssim_fault(call: Call, answer: Encoded) -> str | None:
    """Measure the result of a small still anew, for some calls."""
    source = call.picture.file
    if not call.check_dssim or answer.dssim is None or source is None:
        return None
    if call.picture.megapixels > SMALL or call.picture.name.endswith(".gif"):
        return None
    tolerance = ALPHA_TOLERANCE if "alpha" in call.picture.name else TOLERANCE
    found = independent_dssim(source, answer.image)
    if found is None or abs(found - answer.dssim) <= tolerance:
        return None
    return f"claims a DSSIM of {answer.dssim:.5f}, others measure {found:.5f}"
