"""The networks: their input, what they learn, and how they are written."""

from autoquality_train.network.fitting import Fitted, TooFewImages, fit
from autoquality_train.network.freezing import freeze

__all__ = ["Fitted", "TooFewImages", "fit", "freeze"]
