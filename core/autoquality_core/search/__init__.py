"""Finds the quality with few encodings.

Knows no codec, no gRPC and no image: a search gets a function that tries one quality, and a
`goal`. Curves of sizes and scores nearly rise with quality. `bounds` rules qualities out, under a
stated limit on how far a curve may fall. `acquisition` chooses the next quality to try, from the
Gaussian beliefs about the curve in `curve`.
"""

from autoquality_core.search.acquisition import Acquisition as Acquisition
from autoquality_core.search.acquisition import chance as chance
from autoquality_core.search.base import Goal as Goal
from autoquality_core.search.base import Observation as Observation
from autoquality_core.search.base import Scale as Scale
from autoquality_core.search.base import is_worse as is_worse
from autoquality_core.search.bounds import Roughness as Roughness
from autoquality_core.search.curve import CurveModel as CurveModel
from autoquality_core.search.curve import CurvePrior as CurvePrior
from autoquality_core.search.curve import Gaussian as Gaussian
from autoquality_core.search.engine import Found as Found
from autoquality_core.search.engine import Stop as Stop
from autoquality_core.search.engine import first_fitting as first_fitting
from autoquality_core.search.engine import search as search
from autoquality_core.search.goals import ScoreGoal as ScoreGoal
from autoquality_core.search.goals import SizeGoal as SizeGoal
from autoquality_core.search.limits import LimitedGoal as LimitedGoal
from autoquality_core.search.limits import ScoreLimit as ScoreLimit
