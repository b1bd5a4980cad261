"""The methods: none, size, dssim and ml, one handler each behind one interface."""

from autoquality_core.encode.methods.base import Answer, MethodHandler
from autoquality_core.encode.methods.dssim import DssimSearch
from autoquality_core.encode.methods.fixed import FixedQuality
from autoquality_core.encode.methods.ml import MlSearch
from autoquality_core.encode.methods.size import SizeSearch
from autoquality_core.encode.policy import PredictionPolicy
from autoquality_core.encode.session import Session, Spare
from autoquality_core.encode.warming import warm_up

__all__ = [
    "Answer",
    "DssimSearch",
    "FixedQuality",
    "MethodHandler",
    "MlSearch",
    "PredictionPolicy",
    "Session",
    "SizeSearch",
    "Spare",
    "warm_up",
]
