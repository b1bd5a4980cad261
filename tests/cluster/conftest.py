"""One cluster for all tests, with every overlay applied in a namespace of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.cluster.api import Object
from tests.cluster.control_plane import Cluster, control_plane, start_nodes
from tests.cluster.processes import PROGRAMS
from tests.cluster.served_metrics import start_metrics_server
from tests.repo.deploy.rendered import Rendered, rendered
from tests.waiting import until
from tools.check_manifests import FOLDERS, WITH_PROXY

NAME = "autoquality"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
MINUTES = "--timeout=3m"
MIN_REPLICAS = 2


def namespace(name: str) -> Object:
    """A namespace that admits only pods of the restricted standard."""
    meta = {"name": name, "labels": RESTRICTED}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with nodes, metrics-server and the resources of the Prometheus operator."""
    with control_plane(tmp_path_factory.mktemp("cluster")) as running:
        start_nodes(running)
        for kind in ("prometheusrules", "servicemonitors"):
            path = PROGRAMS / f"crds/monitoring.coreos.com_{kind}.yaml"
            running.kubectl("apply", "--server-side", "--filename", path)
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", MINUTES)
        start_metrics_server(running)
        yield running


@dataclass(frozen=True)
class Release:
    """An overlay in a namespace of its own, which has its name."""

    cluster: Cluster
    folder: Path

    @property
    def namespace(self) -> str:
        return self.folder.name

    @property
    def manifests(self) -> Rendered:
        """What the overlay consists of."""
        return rendered(self.folder)

    def kubectl(self, *arguments: str | Path, given: str | None = None) -> str:
        """Run kubectl in the namespace. Raises Refused."""
        return self.cluster.kubectl(f"--namespace={self.namespace}", *arguments, given=given)

    def apply(self, *options: str) -> str:
        """Apply the overlay as the operations page says; returns what kubectl prints."""
        return self.kubectl("apply", "--validate=strict", *options, "--kustomize", self.folder)

    def rolled_out(self) -> str:
        """Wait until every pod is of the newest version. Raises Refused after minutes."""
        return self.kubectl("rollout", "status", f"deployment/{NAME}", MINUTES)

    def pods(self) -> list[Object]:
        """The pods that are not ending."""
        return [
            pod
            for pod in self.cluster.api.all("pods", self.namespace)
            if "deletionTimestamp" not in pod["metadata"]
        ]

    def deployment(self) -> Object:
        """The Deployment with its status."""
        return self.cluster.api.one("deployments", self.namespace, NAME)

    def change(self, kind: str, change: Object) -> None:
        """Merge `change` into the resource of a kind. Raises Refused."""
        api = self.cluster.api
        api.patch(api.path(kind, self.namespace, NAME), change)


@contextmanager
def replicas(release: Release, number: int) -> Iterator[None]:
    """Let the autoscaler keep `number` pods."""
    release.change("horizontalpodautoscalers", {"spec": {"minReplicas": number}})
    try:
        until(lambda: len(release.pods()) == number, reason=f"{number} pods")
        yield
    finally:
        release.change("horizontalpodautoscalers", {"spec": {"minReplicas": MIN_REPLICAS}})
        release.kubectl("scale", f"deployment/{NAME}", f"--replicas={MIN_REPLICAS}")
        until(lambda: len(release.pods()) == MIN_REPLICAS, reason="the usual number of pods")
        release.rolled_out()


@pytest.fixture(scope="session")
def released(cluster: Cluster) -> Callable[[Path], Release]:
    """Apply a folder of deploy/kubernetes in its namespace, once, and wait for its pods."""

    @cache
    def apply(folder: Path) -> Release:
        release = Release(cluster, folder)
        cluster.apply(namespace(release.namespace))
        release.apply()
        release.rolled_out()
        return release

    return apply


@pytest.fixture(params=(*FOLDERS, WITH_PROXY), ids=lambda folder: folder.name)
def release(request: pytest.FixtureRequest, released: Callable[[Path], Release]) -> Release:
    """Each folder of deploy/kubernetes that can be applied."""
    return released(request.param)


@pytest.fixture
def base(released: Callable[[Path], Release]) -> Release:
    """The manifests without components."""
    return released(FOLDERS[0])


@pytest.fixture
def cpu(released: Callable[[Path], Release]) -> Release:
    """The overlay for clusters with monitoring."""
    return released(FOLDERS[1])
