"""Neural networks that predict the quality an image needs.

    errors      a network that cannot be used; a prediction that failed
    prediction  what a predictor is, and what it answers
    input       an image as a network sees it
    signature   which tensors of a graph are the image, the target and the logits
    runtime     TensorFlow: imported late and quietly, configured for many callers
    frozen_graph  a TensorFlow frozen graph as a Predictor

Importing this package does not import TensorFlow (3 s, 500 MB): only `load` does.
"""

from __future__ import annotations

from autoquality_server.predictor.errors import NetworkError, PredictionFailed
from autoquality_server.predictor.frozen_graph import load
from autoquality_server.predictor.prediction import NetworkInfo, Prediction, Predictor

__all__ = [
    "NetworkError",
    "NetworkInfo",
    "Prediction",
    "PredictionFailed",
    "Predictor",
    "load",
]
