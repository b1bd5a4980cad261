"""The methods: none, size, ml and one per metric. Each is a handler behind one interface."""

from autoquality_core.pipeline.methods.base import Answer, FixedQuality, MethodHandler
from autoquality_core.pipeline.methods.score import MlSearch, ScoreSearch
from autoquality_core.pipeline.methods.size import SizeSearch
from autoquality_core.pipeline.methods.unsearched import PredictedScore, PredictedSize

__all__ = [
    "Answer",
    "FixedQuality",
    "MethodHandler",
    "MlSearch",
    "PredictedScore",
    "PredictedSize",
    "ScoreSearch",
    "SizeSearch",
]
