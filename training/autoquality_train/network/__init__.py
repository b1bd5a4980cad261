"""The networks: their input, what they learn, and how they are written.

statistics  every tile of a mosaic, coded at a few strengths and measured
head        from tiles to a distribution of curves: the trained layers
fitting     examples to a fitted network, by Keras 3, and the width of its distribution
freezing    a fitted network as a frozen graph and its side file
"""

from autoquality_train.network.fitting import Fitted, TooFewImages, fit
from autoquality_train.network.freezing import freeze

__all__ = ["Fitted", "TooFewImages", "fit", "freeze"]
