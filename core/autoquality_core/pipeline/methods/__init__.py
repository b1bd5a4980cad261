"""The methods: none, size, ml and one per metric. Each is a handler behind one interface."""

from autoquality_core.pipeline.methods.base import Answer as Answer
from autoquality_core.pipeline.methods.base import FixedQuality as FixedQuality
from autoquality_core.pipeline.methods.base import MethodHandler as MethodHandler
from autoquality_core.pipeline.methods.near_lossless import NearLossless as NearLossless
from autoquality_core.pipeline.methods.near_lossless import has_near_lossless as has_near_lossless
from autoquality_core.pipeline.methods.score import MlSearch as MlSearch
from autoquality_core.pipeline.methods.score import ScoreSearch as ScoreSearch
from autoquality_core.pipeline.methods.size import SizeSearch as SizeSearch
from autoquality_core.pipeline.methods.unsearched import PredictedScore as PredictedScore
from autoquality_core.pipeline.methods.unsearched import PredictedSize as PredictedSize
