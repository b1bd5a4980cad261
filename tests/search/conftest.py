"""What tests of searches share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autoquality_core.search import acquisition


@pytest.fixture(scope="module")
def without_a_limit() -> Iterator[None]:
    """Searches end by their proofs alone, not after `acquisition.MOST` attempts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acquisition, "MOST", 100)
        yield
