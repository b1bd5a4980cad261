"""The autoscaler follows the wait for a worker that a real server reports, and the use of CPU.

Real: the server and its metrics, Prometheus, prometheus-adapter, metrics-server, the API server's
aggregation, the autoscaler. Simulated: the use of CPU, and which pod's server it is, because all
pods share one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoquality import Client
from tests.cluster.api import Object, ready
from tests.cluster.conftest import Release
from tests.cluster.served_metrics import (
    discover,
    queue_seconds,
    start_adapter,
    start_prometheus,
)
from tests.photos import photo
from tests.servers import NO_NETWORKS, RunningServer, running_server

CALLERS = 12
MINUTES = 240.0
"""Seconds for a change of the number of pods: the metric is a mean over two minutes."""

pytestmark = pytest.mark.timeout(4 * MINUTES)


@dataclass(frozen=True)
class Scaled:
    """An overlay with a served metric, and the server behind it."""

    release: Release
    server: RunningServer

    def targets(self) -> Path:
        """Tell Prometheus which pods there are; returns the file."""
        monitor = self.release.manifests.one("ServiceMonitor")
        address = f"127.0.0.1:{self.server.metrics_port}"
        return discover(self.release.cluster, self.release.namespace, monitor, address)

    def wait(self, holds: Callable[[], object], reason: str) -> None:
        """Wait until `holds`; the reason has what the autoscaler says."""

        def check() -> object:
            self.targets()
            return holds()

        try:
            self.release.cluster.programs.wait(check, reason, MINUTES)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.release.kubectl('describe', 'hpa')}") from error


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with one worker and room for the requests of all callers."""
    settings = {"AUTOQUALITY_WORKERS": "1", "AUTOQUALITY_QUEUE_SIZE": str(CALLERS)}
    with running_server(tmp_path_factory.mktemp("server"), NO_NETWORKS | settings) as running:
        yield running


def autoscaler(release: Release) -> Object:
    found: Object = release.cluster.api.one("horizontalpodautoscalers", release.namespace)
    return found


def condition(release: Release, name: str) -> tuple[str, str]:
    """A condition of the autoscaler: its status and the reason."""
    conditions = autoscaler(release)["status"].get("conditions", [])
    return next(
        ((one["status"], one["reason"]) for one in conditions if one["type"] == name), ("", "")
    )


def use_cpu(release: Release, cores: str) -> None:
    """Let each pod that runs now use so many cores."""
    api = release.cluster.api
    change = {"metadata": {"annotations": {"kwok.x-k8s.io/usage-cpu": cores}}}
    for pod in release.pods():
        api.patch(api.path("pods", release.namespace, pod["metadata"]["name"]), change)


def without_patience(release: Release) -> None:
    """Let the autoscaler remove pods at once, not after minutes."""
    policies = [{"type": "Percent", "value": 100, "periodSeconds": 3}]
    rules = {"stabilizationWindowSeconds": 0, "policies": policies}
    release.change("horizontalpodautoscalers", {"spec": {"behavior": {"scaleDown": rules}}})


@contextmanager
def load(server: RunningServer) -> Iterator[None]:
    """Call the server from many threads until the block ends. Raises the error of a call."""
    stop = threading.Event()
    picture = photo("coffee.png")

    def call(client: Client) -> None:
        while not stop.is_set():
            client.encode(picture, format="webp", auto_quality="dssim:0.01")

    with Client(server.address) as client, ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call, client) for _ in range(CALLERS)]
        try:
            yield
        finally:
            stop.set()
        for done in calls:
            done.result(MINUTES)


def test_by_cpu_alone_pods_come_and_go(base: Release) -> None:
    wait = base.cluster.programs.wait
    wait(lambda: condition(base, "ScalingActive")[0] == "True", "the use of CPU", MINUTES)
    assert len(base.pods()) == 2
    use_cpu(base, "2")
    wait(lambda: sum(map(ready, base.pods())) > 2, "more pods", MINUTES)
    without_patience(base)
    use_cpu(base, "10m")
    wait(lambda: len(base.pods()) == 2, "fewer pods", MINUTES)
    base.apply()


def test_by_the_wait_for_a_worker_pods_come_and_go(cpu: Release, server: RunningServer) -> None:
    cluster = cpu.cluster
    scaled = Scaled(cpu, server)
    no_metric = ("False", "FailedGetPodsMetric")

    # Without the metric: the use of CPU adds pods, and nothing removes them.
    use_cpu(cpu, "2")
    scaled.wait(lambda: len(cpu.pods()) > 2, "more pods by the use of CPU")
    without_patience(cpu)
    use_cpu(cpu, "10m")
    scaled.wait(lambda: condition(cpu, "ScalingActive") == no_metric, "a lack of the metric")
    assert len(cpu.pods()) > 2

    # With it.
    prometheus = start_prometheus(cluster, scaled.targets())
    start_adapter(cluster, prometheus)
    names = {pod["metadata"]["name"] for pod in cpu.pods()}
    scaled.wait(lambda: queue_seconds(cluster, cpu.namespace).keys() >= names, "the metric")
    scaled.wait(lambda: len(cpu.pods()) == 2, "fewer pods with the metric")
    assert condition(cpu, "ScalingActive") == ("True", "ValidMetricFound")

    with load(server):
        scaled.wait(lambda: sum(map(ready, cpu.pods())) >= 4, "more pods by the wait")
        (metric,) = (
            one["pods"]["current"]["averageValue"]
            for one in autoscaler(cpu)["status"]["currentMetrics"]
            if one["type"] == "Pods"
        )
    scaled.wait(lambda: len(cpu.pods()) == 2, "fewer pods without requests")
    assert metric != "0"
    cpu.apply()
