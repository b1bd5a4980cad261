"""Neural networks that predict the quality an image needs.

    errors      a network that cannot be used; a prediction that failed
    prediction  what a predictor is, and what it answers
    input, mosaic  an image as a network sees it
    side_file   what is known of a network beside its graph
    network     what every loaded network is
    signature   which tensors of a graph are the image, the target and the outputs
    tensors     what can be told of one of them
    trying      which batches a network can take
    runtime     TensorFlow: imported late and quietly
    frozen_graph, onnx_model  the two kinds of networks
    loading     a file to a network
    box         the networks that come with the server
    batching    many callers, one thread that owns the network
    breaker     what fails again and again is left alone for a while
    shared      one network for all handlers: batches, rests, reloads
    watching    files that change while the server runs
    events      what is told of all that, for metrics

Importing this package imports neither TensorFlow (3 s, 500 MB) nor onnxruntime:
only `load` does.
"""

from __future__ import annotations

from autoquality_core.networks.errors import (
    CircuitOpen,
    DeviceMissing,
    NetworkError,
    PredictionFailed,
)
from autoquality_core.networks.loading import load
from autoquality_core.networks.network import LoadOptions, Network
from autoquality_core.networks.prediction import (
    CurveDistribution,
    NetworkInfo,
    Prediction,
    Predictor,
)

__all__ = [
    "CircuitOpen",
    "CurveDistribution",
    "DeviceMissing",
    "LoadOptions",
    "Network",
    "NetworkError",
    "NetworkInfo",
    "Prediction",
    "PredictionFailed",
    "Predictor",
    "load",
]
