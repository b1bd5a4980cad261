"""Finding the quality with few encodings.

Knows no codec, no gRPC and no image: a search is given a function that tries
one quality and tells what came of it, and an objective. Sizes and DSSIM are
nearly, not perfectly, monotone in quality: what is ruled out is ruled out by
`bounds`, under a stated limit on how far a curve may turn back; what is tried
next is chosen (`choice`) by `curve`, Gaussian beliefs about the curve.
"""

from autoquality_core.search.bounds import Roughness
from autoquality_core.search.curve import CurveModel, CurvePrior, Offset
from autoquality_core.search.engine import Found, Observation, chance, search
from autoquality_core.search.objective import Objective, Scale, ScoreObjective, SizeObjective

__all__ = [
    "CurveModel",
    "CurvePrior",
    "Found",
    "Objective",
    "Observation",
    "Offset",
    "Roughness",
    "Scale",
    "ScoreObjective",
    "SizeObjective",
    "chance",
    "search",
]
