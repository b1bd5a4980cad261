"""Measures the bare codec, the gRPC echo, an earlier commit and the service in turn.

Every run starts all servers anew. In each of its rounds, one caller and then several callers use
each of them for a moment. So a change of the machine's load affects all of them, and their ratios
little. The callers run on the same cores. Their own processor time, divided by the cores, is
time in which the server could not run: the corrected throughput leaves it out.

The wait for the bare codec in one thread is its processor time, which is its time on an idle core.
The scheduler of a busy machine favours servers that sleep between requests over a loop that does
not.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.images import photograph
from bench.load import load
from bench.overhead.codec import QUALITY, repeated
from bench.record import Better, Measure, spread_of
from bench.serving import Server, alone, serving

MEGAPIXELS = 0.4
SETTING = "JPEG, 0.4 megapixels"
CODEC, ECHO, BEFORE, SERVICE = "bare codec", "gRPC echo", "before", "service"
CALLERS = 8

WAIT = "wait of one caller"
FAST = "the same, fastest tenth"
RATIO = "wait over the bare codec"
FAST_RATIO = "fastest tenth over the bare codec"
BEYOND = "wait beyond echo and codec"
FAST_BEYOND = "fastest tenth beyond echo and codec"
CPU = "processor time"
CPU_CLIENT = "processor time of the callers"
CPU_RATIO = "processor time over the bare codec"
CPU_BEYOND = "processor time beyond echo and codec"
RATE = "throughput"
SHARE = "part of the codec's throughput"
CORRECTED = "the same without the callers' time"

_FLAGS = (f"-quality={QUALITY}", "-format=jpeg")
_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Slice:
    """One moment of load: images, seconds, waits (fastest tenth, median) and processor time.

    All times are in seconds.
    """

    images: int
    seconds: float
    fast: float
    wait: float
    cpu: float
    client_cpu: float = 0.0


Slices = dict[tuple[str, int], list[Slice]]
"""By what was measured and the number of callers."""


def measured(
    runs: int, rounds: int, seconds: float, before: Sequence[Path] = ()
) -> Iterator[Measure]:
    """All measures. `before` are the packages of an earlier commit."""
    slices: Slices = defaultdict(list)
    for _ in range(runs):
        _run(slices, rounds, seconds, before)
    yield from _measures(slices, [SERVICE, *([BEFORE] if before else [])])


def _run(slices: Slices, rounds: int, seconds: float, before: Sequence[Path]) -> None:
    source, _ = photograph(MEGAPIXELS)
    settings = alone(_cores())
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        image = Path(folder) / "source.jpg"
        image.write_bytes(source)
        servers = {ECHO: stack.enter_context(serving(None, "bench.overhead.echo", **settings))}
        if before:
            older = serving(None, "autoquality_server", before, **settings)
            servers[BEFORE] = stack.enter_context(older)
        servers[SERVICE] = stack.enter_context(serving(**settings))
        for server in servers.values():
            load(server.address, image, 1, 0.1, *_FLAGS, warm_up=_WARM_UP)
        for _ in range(rounds):
            for callers in (1, CALLERS):
                durations, took, cpu = repeated(source, callers, seconds)
                each = cpu / len(durations)
                slices[CODEC, callers].append(Slice(len(durations), took, each, each, cpu))
                for name, server in servers.items():
                    slices[name, callers].append(_slice(server, image, callers, seconds))


def _slice(server: Server, image: Path, callers: int, seconds: float) -> Slice:
    # The warming-up calls use processor time too, so there are none.
    start = server.cpu()
    found = load(server.address, image, callers, seconds, *_FLAGS, warm_up=0)
    cpu = server.cpu() - start
    waits = found.fast / 1e3, found.median / 1e3
    return Slice(found.images, found.seconds, *waits, cpu, found.client_cpu)


def _measures(slices: Slices, ours: Sequence[str]) -> Iterator[Measure]:
    cores = _cores()
    for (by, callers), found in slices.items():
        goal = _goal(callers)
        if callers == 1:
            yield _measure(WAIT, by, goal, [1e3 * one.wait for one in found], "ms")
            yield _measure(FAST, by, goal, [1e3 * one.fast for one in found], "ms")
        else:
            rates = [one.images / one.seconds for one in found]
            yield _measure(RATE, by, goal, rates, "images/s", "higher")
        yield _measure(CPU, by, goal, [1e3 * one.cpu / one.images for one in found], "ms")
        if by != CODEC:
            spent = [1e3 * one.client_cpu / one.images for one in found]
            yield _measure(CPU_CLIENT, by, goal, spent, "ms")
    for by in ours:
        one, goal = _both(slices, by, 1), _goal(1)
        ratios = [each.wait / codec.wait for each, codec, _ in one]
        yield _measure(RATIO, by, goal, ratios, "x", wanted=1.25)
        ratios = [each.fast / codec.fast for each, codec, _ in one]
        yield _measure(FAST_RATIO, by, goal, ratios, "x")
        beyond = [1e3 * (each.wait - codec.wait - echo.wait) for each, codec, echo in one]
        yield _measure(BEYOND, by, goal, beyond, "ms", wanted=0.8)
        beyond = [1e3 * (each.fast - codec.fast - echo.fast) for each, codec, echo in one]
        yield _measure(FAST_BEYOND, by, goal, beyond, "ms")
        for callers in (1, CALLERS):
            some, goal = _both(slices, by, callers), _goal(callers)
            ratios = [_each(each) / _each(codec) for each, codec, _ in some]
            yield _measure(CPU_RATIO, by, goal, ratios, "x")
            beyond = [
                1e3 * (_each(each) - _each(codec) - _each(echo)) for each, codec, echo in some
            ]
            yield _measure(CPU_BEYOND, by, goal, beyond, "ms")
        many, goal = _both(slices, by, CALLERS), _goal(CALLERS)
        shares = [_rate(each) / _rate(codec) for each, codec, _ in many]
        yield _measure(SHARE, by, goal, shares, "share", "higher")
        shares = [_rate(each, cores) / _rate(codec) for each, codec, _ in many]
        yield _measure(CORRECTED, by, goal, shares, "share", "higher", 0.85)


def _both(slices: Slices, by: str, callers: int) -> list[tuple[Slice, Slice, Slice]]:
    """Each slice with those of the codec and of the echo in the same round."""
    parts = (slices[name, callers] for name in (by, CODEC, ECHO))
    return list(zip(*parts, strict=True))


def _each(one: Slice) -> float:
    return one.cpu / one.images


def _rate(one: Slice, cores: float | None = None) -> float:
    """Images a second; with `cores`, without the callers' time."""
    return one.images / (one.seconds - (one.client_cpu / cores if cores else 0.0))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _goal(callers: int) -> str:
    return f"{callers} caller{'s' * (callers > 1)}"


def _measure(
    what: str,
    by: str,
    goal: str,
    values: Sequence[float],
    unit: str,
    better: Better = "lower",
    wanted: float | None = None,
) -> Measure:
    spread = spread_of(values)
    return Measure(what, by, SETTING, goal, *spread, unit, better, len(values), wanted)
