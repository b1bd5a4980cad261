"""The methods: none, size, dssim and ml, one handler each behind one interface."""

from autoquality_server.methods.advice import Adviser
from autoquality_server.methods.base import Answer, MethodHandler
from autoquality_server.methods.dssim import DssimSearch
from autoquality_server.methods.fixed import FixedQuality
from autoquality_server.methods.ml import MlSearch
from autoquality_server.methods.size import SizeSearch
from autoquality_server.methods.trial import Spare, Trial
from autoquality_server.methods.warming import warm_up

__all__ = [
    "Adviser",
    "Answer",
    "DssimSearch",
    "FixedQuality",
    "MethodHandler",
    "MlSearch",
    "SizeSearch",
    "Spare",
    "Trial",
    "warm_up",
]
