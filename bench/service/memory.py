"""Memory of running requests, and whether it stays flat over many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from autoquality import Client
from bench.pictures import picture
from bench.record import Measure
from bench.record.measure import short
from bench.serving import MIB, Server, alone, serving

FORMATS = ("jpeg", "webp", "avif")
WISHES = {"none": "none", "dssim": "dssim:0.02:10:95:0.002"}
WANTED_BYTES = 12.0
WANTED_GROWTH = 0.05
PATIENCE = 600.0


def a_pixel(megapixels: float, together: int, formats: Sequence[str]) -> Iterator[Measure]:
    """Bytes a source pixel of each of `together` requests, beyond their sources and results."""
    source, size = picture(megapixels)
    small, _ = picture(0.05)
    for fmt in formats:
        for method, wish in WISHES.items():
            with serving(**alone(together)) as server, Client(server.address) as client:

                def ask(
                    image: bytes, client: Client = client, fmt: str = fmt, wish: str = wish
                ) -> int:
                    asked = client.encode(image, format=fmt, auto_quality=wish, timeout=PATIENCE)
                    return len(asked.image)

                ask(small)
                rest = server.resident()
                server.forget_peak()
                with ThreadPoolExecutor(together) as pool:
                    files = sum(pool.map(ask, [source] * together)) + len(source) * together
                more = server.peak() - rest - files
            value = short(more / (size * 1e6 * together))
            yield Measure(
                *("memory a pixel", f"{together} at a time", fmt, method, value, value, value),
                *("bytes", "lower", together, WANTED_BYTES),
            )


def flat(requests: int) -> Iterator[Measure]:
    """What a server holds after a tenth of many small requests, and after all of them."""
    small, _ = picture(0.01)
    with serving(**alone(2)) as server, Client(server.address) as client:
        early = _after(server, client, small, max(requests // 10, 1))
        late = _after(server, client, small, requests - max(requests // 10, 1))
    for what, value in (("after a tenth", early), ("after all", late)):
        mib = short(value / MIB)
        yield Measure(
            f"memory {what}", "service", "all formats", f"{requests} requests",
            mib, mib, mib, "MiB", "lower",
        )  # fmt: skip
    growth = short(late / early - 1)
    yield Measure(
        "growth of memory", "service", "all formats", f"{requests} requests",
        growth, growth, growth, "share", "lower", 1, WANTED_GROWTH,
    )  # fmt: skip


def _after(server: Server, client: Client, image: bytes, requests: int) -> int:
    """Resident bytes once so many more requests of every kind are answered."""
    kinds = [(fmt, wish) for fmt in FORMATS for wish in WISHES.values()]

    def ask(number: int) -> None:
        fmt, wish = kinds[number % len(kinds)]
        client.encode(image, format=fmt, auto_quality=wish, timeout=PATIENCE)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(ask, range(requests)):
            pass
    return server.resident()
