"""The servers for a rate of images follow from the measures of one image."""

from __future__ import annotations

import pytest

from bench import cache
from bench.capacity import Load, contention, main, rates
from bench.engines import RUNS
from bench.engines import page as engines_page
from bench.record import FOLDER, Measure, Record, latest, record_of


def measure(what: str, by: str, setting: str, value: float, unit: str) -> Measure:
    return Measure(what, by, setting, "", value, value, value, unit)


@pytest.fixture
def record() -> Record:
    """An image takes 100 ms, 1 more on a miss, and 3 on a hit."""
    measures = [measure("memory", "server", "at rest", 200, "MiB")]
    for name in cache.REQUESTS:
        measures += [
            measure("processor time", name, "off", 0.1, "s"),
            measure("processor time", name, "miss", 0.101, "s"),
            measure("processor time", name, "hit", 0.003, "s"),
            measure("processor time", name, "hit, Redis", 0.0002, "s"),
            measure("latency", name, "off", 0.12, "s"),
            measure("latency", name, "hit", 0.004, "s"),
            measure("bytes", name, "source", 400, "kB"),
            measure("bytes", name, "answer", 100, "kB"),
            measure("size", name, "", 0.4, "MP"),
            measure("memory", name, "peak", 250, "MiB"),
        ]
    return record_of("cache", measures, {"images": ["a.png"]})


def test_rates_are_multiples_of_one_image(record: Record) -> None:
    load = Load(rates=(100,), cores=8, utilisation=0.5, hits=0.5)
    scaling = latest("scaling", FOLDER)
    assert scaling
    more = contention(scaling)
    row = next(line for line in rates(record, load).splitlines() if "METHOD_SIZE" in line)
    _, _, _, cores, servers, memory, network, cached, redis, _ = map(str.strip, row.split("|"))
    assert float(cores) == pytest.approx(100 * 0.1 / 0.5 * more, rel=0.01)
    assert int(servers) == 3
    assert float(memory) == pytest.approx(3 * (200 + 8 * 50) / 1024, rel=0.01)
    assert float(network) == 100 * 0.5 * 8
    assert float(cached) == pytest.approx(100 * 0.052 / 0.5 * more, rel=0.01)
    assert float(redis) == pytest.approx(100 * 0.5 * 0.0002 / 0.5)


def test_a_cache_pays_from_the_share_that_its_misses_cost(record: Record) -> None:
    assert cache.page(record).count("| 100 | 101 | 3.00 | 0.200 | 120 | 4.00 | 1.0% |") == len(
        cache.REQUESTS
    )


def test_wrong_rates_and_shares_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--rate", "0"], ["--rate", "5", "--hits", "2"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert f"{arguments[-2]}: " in capsys.readouterr().err


def test_the_page_of_the_engines_has_the_rate_of_a_core() -> None:
    (name, *_) = RUNS
    measures = [
        measure("processor time", name, "file", 0.25, "s"),
        measure("processor time", name, "start", 6, "s"),
        measure("memory", name, "peak", 1234, "MiB"),
    ]
    record = record_of("engines", measures, {"images": ["a.png"] * 40, "few": 8})
    assert f"| {name} | 0.250 | 4.00 | 6.00 | 1,234 |" in engines_page(record)
