"""Digests of every answer of the service, to check that a change of code changes none."""
