"""Neural networks that predict the quality an image needs.

`load(path)` returns a network, and `network.predict(pixels, target)` the quality for a score.

Only `load` imports TensorFlow (3 s, 500 MB) or onnxruntime, for networks that need it.
"""

from __future__ import annotations

from autoquality_core.networks.errors import CircuitOpen as CircuitOpen
from autoquality_core.networks.errors import DeviceMissing as DeviceMissing
from autoquality_core.networks.errors import NetworkError as NetworkError
from autoquality_core.networks.errors import PredictionFailed as PredictionFailed
from autoquality_core.networks.loading import load as load
from autoquality_core.networks.network import LoadOptions as LoadOptions
from autoquality_core.networks.network import Network as Network
from autoquality_core.networks.network import PredictionResult as PredictionResult
from autoquality_core.networks.prediction import NetworkInfo as NetworkInfo
from autoquality_core.networks.prediction import Prediction as Prediction
from autoquality_core.networks.prediction import Predictor as Predictor
