"""Finds the quality with few encodings.

Knows no codec, no gRPC and no image: a search gets a function that tries one quality, and a
`goal`. Curves of sizes and scores nearly rise with quality. `bounds` rules qualities out, under a
stated limit on how far a curve may fall. `acquisition` chooses the next quality to try, from the
Gaussian beliefs about the curve in `curve`.
"""

from autoquality_core.search.acquisition import Acquisition, LookUp, chance
from autoquality_core.search.base import Goal, Observation, Scale
from autoquality_core.search.bounds import Roughness
from autoquality_core.search.curve import Belief, CurveModel, CurvePrior, Offset
from autoquality_core.search.engine import (
    Contender,
    Found,
    Stop,
    never,
    search,
    search_several,
)
from autoquality_core.search.goals import FewestBytesGoal, ScoreGoal, SizeGoal
from autoquality_core.search.limits import LimitedGoal, ScoreLimit

__all__ = [
    "Acquisition",
    "Belief",
    "Contender",
    "CurveModel",
    "CurvePrior",
    "FewestBytesGoal",
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
    "Stop",
    "chance",
    "never",
    "search",
    "search_several",
]
