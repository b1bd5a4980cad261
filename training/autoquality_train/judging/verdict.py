"""Whether a network is better than the bundled one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoquality_train.judging.cases import Case

FEWEST = 30
"""Judged images below which differences are mostly chance."""

_SIGMAS = 1.96
"""Standard errors on both sides of a mean that hold it with a probability of 95 %."""

USE = "use it"
KEEP = "do not use it"
UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to use a network instead of the bundled one: USE, KEEP or UNDECIDED, and why.

    Both networks lead to answers that meet the target, so the encodings until then decide:
    `encodings` with the network, `bundled` with the bundled one. Both are means over all targets
    in the wide range with the smallest allowed error; `margin` is that of their difference at 95 %.
    """

    decision: str
    why: str
    images: int
    encodings: float
    bundled: float
    margin: float


def verdict(cases: Sequence[Case], bundled: Sequence[Case], *, quick: bool) -> Verdict:
    """Compare the cases of a network with those of the bundled one on the same images.

    `quick` says that the network was trained by a quick test.
    """
    ours, theirs = _by_image(cases), _by_image(bundled)
    pairs = np.array([(ours[image], theirs[image]) for image in ours if image in theirs])
    count = len(pairs)
    differences = pairs[:, 0] - pairs[:, 1]
    mean, margin = float(differences.mean()), 0.0
    if count > 1:
        margin = float(_SIGMAS * differences.std(ddof=1) / count**0.5)
    found, usual = pairs.mean(axis=0).tolist()
    words = f"{found:.2f} encodings a request instead of {usual:.2f} with the bundled network"
    by = f"a difference of {mean:+.2f} ± {margin:.2f}"
    if quick:
        decision, why = KEEP, "--quick only tests the chain"
    elif count < FEWEST:
        decision, why = UNDECIDED, f"{images(count)} are too few: judge at least {FEWEST}"
    elif mean + margin < 0:
        decision, why = USE, f"{words}, {by}"
    elif mean - margin > 0:
        decision, why = KEEP, f"{words}, {by}"
    else:
        decision, why = KEEP, f"no clear gain: {words}, {by}"
    return Verdict(decision, why, count, found, usual, margin)


def images(count: int) -> str:
    """Write a number of judged images."""
    return f"{count} judged {'image' if count == 1 else 'images'}"


def _by_image(cases: Sequence[Case]) -> dict[tuple[str, str], float]:
    """The mean encodings of each image."""
    found: dict[tuple[str, str], list[int]] = {}
    for case in cases:
        encodings = case.wide.goals[0].iterations["network"]
        found.setdefault((case.kind, case.image), []).append(encodings)
    return {image: float(np.mean(some)) for image, some in found.items()}
