"""The metrics of several processes are those of one server."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from autoquality_server.admission import Admission
from autoquality_server.process.app import ENCODING
from autoquality_server.process.supervisor.metrics import (
    CREATED,
    GAUGES,
    MergedMetrics,
    MetricsDelta,
)
from autoquality_server.process.supervisor.restarts import CAUSES
from autoquality_server.rpc import health
from autoquality_server.telemetry.metrics import Metrics, declare_load
from autoquality_server.telemetry.process_metrics import process_metrics
from autoquality_server.telemetry.rpc_metrics import RpcMetrics


class Server:
    """A process with a counter, a histogram and gauges, and no other parts."""

    def __init__(self, pid: int, merged: MergedMetrics) -> None:
        self.pid = pid
        self._merged = merged
        registry = CollectorRegistry()
        self.calls = Counter("calls", "Calls.", ("code",), registry=registry)
        self.seconds = Histogram("seconds", "Time.", buckets=(1, 2), registry=registry)
        self.busy = Gauge("autoquality_requests_in_flight", "Running.", registry=registry)
        self.network = Gauge("autoquality_predictor_available", "Up.", registry=registry)
        self.build = Gauge("autoquality_build_info", "Build.", ("version",), registry=registry)
        self.build.labels("1.0").set(1)
        self._delta = MetricsDelta(registry)

    def send(self) -> int:
        """Send the changes as JSON; returns how many values they have."""
        changes = json.loads(json.dumps(self._delta.changes()))
        self._merged.update(self.pid, changes)
        return len(changes["changed"])


@pytest.fixture
def merged() -> MergedMetrics:
    return MergedMetrics(CollectorRegistry(), lambda: None)


def scraped(merged: MergedMetrics) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(merged)
    lines = generate_latest(registry).decode().splitlines()
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")
        if CREATED not in name
    }


def two(merged: MergedMetrics) -> tuple[Server, Server]:
    one, other = Server(1, merged), Server(2, merged)
    one.calls.labels("OK").inc(3)
    other.calls.labels("OK").inc(4)
    other.calls.labels("INTERNAL").inc()
    one.seconds.observe(0.5)
    other.seconds.observe(1.5)
    for server, busy, up in ((one, 2, 1), (other, 5, 0)):
        server.busy.set(busy)
        server.network.set(up)
        server.send()
    return one, other


def test_counters_and_histograms_are_summed_and_each_gauge_has_its_rule(
    merged: MergedMetrics,
) -> None:
    two(merged)
    assert scraped(merged) == {
        'calls_total{code="OK"}': 7,
        'calls_total{code="INTERNAL"}': 1,
        'seconds_bucket{le="1.0"}': 1,
        'seconds_bucket{le="2.0"}': 2,
        'seconds_bucket{le="+Inf"}': 2,
        "seconds_count": 2,
        "seconds_sum": 2,
        "autoquality_requests_in_flight": 7,
        "autoquality_predictor_available": 0,
        'autoquality_build_info{version="1.0"}': 1,
    }


def test_the_counts_of_an_ended_process_stay_and_its_gauges_go(merged: MergedMetrics) -> None:
    _, other = two(merged)
    merged.retire(other.pid)
    after = scraped(merged)
    assert (after['calls_total{code="OK"}'], after['calls_total{code="INTERNAL"}']) == (7, 1)
    assert (after["seconds_count"], after["autoquality_requests_in_flight"]) == (2, 2)
    assert after["autoquality_predictor_available"] == 1
    again = Server(3, merged)
    again.calls.labels("OK").inc(10)
    again.send()
    merged.retire(again.pid)
    assert scraped(merged)['calls_total{code="OK"}'] == 17


def test_without_any_process_everything_is_still_there(merged: MergedMetrics) -> None:
    servers = two(merged)
    names = scraped(merged).keys()
    for server in servers:
        merged.retire(server.pid)
    after = scraped(merged)
    assert after.keys() == names
    assert after["autoquality_requests_in_flight"] == 0
    assert after['autoquality_build_info{version="1.0"}'] == 1


def test_a_series_can_go_and_come_back(merged: MergedMetrics) -> None:
    server = Server(1, merged)
    for versions in (["1.0"], ["2.0"], ["1.0", "2.0"]):
        server.build.clear()
        for version in versions:
            server.build.labels(version).set(1)
        server.send()
        found = {name for name in scraped(merged) if "build_info" in name}
        assert found == {f'autoquality_build_info{{version="{version}"}}' for version in versions}


def test_only_changes_are_sent_again(merged: MergedMetrics) -> None:
    server = Server(1, merged)
    assert server.send() > 5
    assert server.send() == 0
    server.busy.set(9)
    assert server.send() == 1
    assert scraped(merged)["autoquality_requests_in_flight"] == 9


def test_prometheus_reads_the_same_families_from_one_server_and_from_several() -> None:
    alone = everything()
    merged = MergedMetrics(CollectorRegistry(), lambda: None)
    merged.update(1, json.loads(json.dumps(MetricsDelta(alone).changes())))
    joined = CollectorRegistry()
    joined.register(merged)
    # Several processes do not report a family without series.
    nothing_yet = {"autoquality_predictor_info", "autoquality_tls_certificate_expiry_seconds"}
    assert [*families(joined)] == [one for one in families(alone) if one[0] not in nothing_yet]


TOTAL = {
    *("autoquality_workers", "autoquality_queue_size", "autoquality_requests_in_flight"),
    *("autoquality_requests_queued", "autoquality_pixels_in_flight"),
    *("autoquality_uploads_in_flight", "autoquality_processes", "autoquality_processes_ready"),
    *("process_virtual_memory_bytes", "process_resident_memory_bytes", "process_open_fds"),
}
SMALLEST = {
    *("autoquality_predictor_available", "process_max_fds", "process_start_time_seconds"),
    "autoquality_tls_certificate_expiry_seconds",
}


@pytest.mark.parametrize("name", GAUGES)
def test_a_gauge_of_several_processes_is_their_total_their_smallest_or_what_they_share(
    name: str, merged: MergedMetrics
) -> None:
    for pid, value in ((1, 5), (2, 2), (3, 3)):
        registry = CollectorRegistry()
        Gauge(name, "A gauge.", registry=registry).set(value)
        merged.update(pid, MetricsDelta(registry).changes())
    assert scraped(merged) == {name: 10 if name in TOTAL else 2 if name in SMALLEST else 5}


def test_every_gauge_has_a_rule_and_every_rule_a_gauge() -> None:
    gauges = {name for name, kind in families(everything()) if kind == "gauge"}
    assert {name for name in gauges if not name.endswith(CREATED)} == GAUGES.keys()


def everything() -> CollectorRegistry:
    """All metrics that a server has."""
    registry = CollectorRegistry()
    Metrics(registry)
    declare_load(registry, Admission(1, 0), (), {})
    RpcMetrics(registry, (ENCODING, health.SERVICE))
    process_metrics(registry, 1, lambda: 1, CAUSES)
    return registry


def families(registry: CollectorRegistry) -> Iterable[tuple[str, str]]:
    text = generate_latest(registry).decode()
    return ((family.name, family.type) for family in text_string_to_metric_families(text))
