"""The methods: none, size, dssim and ml, one handler each behind one interface."""

from autoquality_core.encode.methods.base import Answer, MethodHandler
from autoquality_core.encode.methods.dssim import DssimSearch
from autoquality_core.encode.methods.fixed import FixedQuality
from autoquality_core.encode.methods.ml import MlSearch
from autoquality_core.encode.methods.size import SizeSearch
from autoquality_core.encode.policy import Adviser
from autoquality_core.encode.session import Spare, Trial
from autoquality_core.encode.warming import warm_up

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
