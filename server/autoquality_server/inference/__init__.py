"""Serves predictions: batches, a circuit breaker, reloads."""
