"""Work beside a thread: what it held is let go of at once, however it ends."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import pytest

from autoquality_server.rpc.background import events_of


class Source:
    """Stands for a quarter of a gigabyte."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def begun(source: Source, how: str) -> Generator[int, None, int]:
    def work(tell: Callable[[int], None]) -> int:
        tell(1)
        if how == "fails":
            raise ValueError(repr(source))
        return id(source)

    return events_of(work, lambda: None)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("how", ["succeeds", "fails", "is left"])
def test_nothing_is_kept_for_the_collector(how: str) -> None:
    source = Source()
    alive = weakref.ref(source)
    with closing(begun(source, how)) as events:
        del source
        assert next(events) == 1
        if how == "fails":
            with pytest.raises(ValueError, match="Source"):
                list(events)
        elif how == "succeeds":
            assert list(events) == []
    del events
    assert alive() is None
