"""The networks: what they see, what they learn, and how they are written.

blocks       the constants of block coding and of the metric's windows
statistics   every tile of a mosaic coded at a few strengths and measured
head         from tiles to a distribution over curves: what is learned
basis        curves as a few numbers
fitting      examples to a fitted network, by Keras 3
calibration  how wide the distribution has to be
freezing     a fitted network as a frozen graph and its side file
"""

from autoquality_train.network.fitting import Fitted, TooFewImages, fit
from autoquality_train.network.freezing import freeze

__all__ = ["Fitted", "TooFewImages", "fit", "freeze"]
