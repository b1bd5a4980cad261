"""Servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.stream.serving import Serving, serving


@pytest.fixture(scope="session")
def usual() -> Iterator[Serving]:
    """A server as it comes, but for its networks; for tests that leave it as it was."""
    with serving(queue_size=8) as server:
        yield server


@pytest.fixture
def serve_with() -> Iterator[Callable[..., Serving]]:
    """Start servers with the settings given."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving(**settings))
