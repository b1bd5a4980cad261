"""Networks that serve many callers: batches, circuit breaker, reload, events."""

from autoquality_server.inference.shared import SharedPredictor, Sharing

__all__ = ["SharedPredictor", "Sharing"]
