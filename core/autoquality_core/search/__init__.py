"""Finds the quality with few encodings.

Knows no codec, no gRPC and no image: a search gets a function that tries one quality, and a
`goal`. Curves of sizes and scores nearly rise with quality. `bounds` rules qualities out, under a
stated limit on how far a curve may fall. `acquisition` chooses the next quality to try, from the
Gaussian beliefs about the curve in `curve`.
"""

from autoquality_core.search.acquisition import LookUp, chance
from autoquality_core.search.base import Goal, Observation, Scale
from autoquality_core.search.bounds import Roughness
from autoquality_core.search.curve import CurveModel, CurvePrior, Offset
from autoquality_core.search.engine import Found, search
from autoquality_core.search.goals import ScoreGoal, SizeGoal
from autoquality_core.search.limits import LimitedGoal, ScoreLimit

__all__ = [
    "CurveModel",
    "CurvePrior",
    "Found",
    "Goal",
    "LimitedGoal",
    "LookUp",
    "Observation",
    "Offset",
    "Roughness",
    "Scale",
    "ScoreGoal",
    "ScoreLimit",
    "SizeGoal",
    "chance",
    "search",
]
