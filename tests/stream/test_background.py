"""Background events release their memory at once when they end."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import pytest

from autoquality_server.rpc.streaming import background_events


class Source:
    """A stand-in for a source of 256 MB."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def started(source: Source, how: str) -> Generator[int, None, int]:
    def work(emit: Callable[[int], None]) -> int:
        emit(1)
        if how == "fails":
            raise ValueError(repr(source))
        return id(source)

    return background_events(work, lambda: None)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("how", ["succeeds", "fails", "is left"])
def test_the_source_is_freed_without_the_garbage_collector(how: str) -> None:
    source = Source()
    alive = weakref.ref(source)
    with closing(started(source, how)) as events:
        del source
        assert next(events) == 1
        if how == "fails":
            with pytest.raises(ValueError, match="Source"):
                list(events)
        elif how == "succeeds":
            assert list(events) == []
    del events
    assert alive() is None
