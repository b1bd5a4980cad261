"""Serves predictions: batches, a circuit breaker, reloads, metrics."""

from autoquality_server.inference.batching import BatchLimits
from autoquality_server.inference.breaker import CircuitBreaker
from autoquality_server.inference.shared import SharedPredictor

__all__ = ["BatchLimits", "CircuitBreaker", "SharedPredictor"]
