"""Servers for the tests of streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.stream.serving import Serving, serving


@pytest.fixture(scope="session")
def usual() -> Iterator[Serving]:
    """A server with default settings and no networks, for tests that do not change it."""
    with serving(queue_size=8) as server:
        yield server


@pytest.fixture
def serve_with() -> Iterator[Callable[..., Serving]]:
    """Return a function that starts a server with the given settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving(**settings))
