"""A cluster accepts every overlay as it is, and runs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cluster.api import Object, Refused, ready
from tests.cluster.conftest import MIN_REPLICAS, Release, replicas
from tests.cluster.control_plane import GPU_NODES, NODES
from tests.waiting import until
from tools.check_manifests import FOLDERS, WITH_PROXY


def test_everything_is_accepted_without_a_warning(release: Release) -> None:
    """By client-side and by server-side apply, with strict validation."""
    ways = {release.namespace: "--server-side=false", "default": "--server-side"}
    for namespace, option in ways.items():
        printed = release.cluster.kubectl(
            "apply", "--validate=strict", "--dry-run=server", option,
            f"--namespace={namespace}", "--kustomize", release.folder,
        ).splitlines()  # fmt: skip
        assert [line for line in printed if not line.endswith(" (server dry run)")] == []
        assert len(printed) == len(release.manifests.resources)


def test_a_misspelt_field_is_refused(base: Release) -> None:
    """The strict validation can fail."""
    resource = {**base.manifests.one("Service")}
    resource["spec"] = {**resource["spec"], "sessionAfinity": "None"}
    with pytest.raises(Refused, match="sessionAfinity"):
        base.kubectl(
            "apply", "--validate=strict", "--filename=-",
            given=yaml.safe_dump(resource),
        )  # fmt: skip


def test_applying_again_changes_nothing(release: Release) -> None:
    """Controllers and manifests do not fight over a field."""
    assert release.kubectl("diff", "--kustomize", release.folder) == ""


def test_as_many_pods_run_as_the_autoscaler_wants_at_least(release: Release) -> None:
    until(lambda: len(release.pods()) == MIN_REPLICAS, reason="the autoscaler's minimum")
    until(lambda: all(map(ready, release.pods())), reason="pods that are ready")


def test_pods_are_on_different_nodes(release: Release) -> None:
    nodes = Counter(pod["spec"]["nodeName"] for pod in release.pods())
    assert set(nodes.values()) == {1}


def test_pods_are_on_nodes_with_what_they_ask_for(release: Release) -> None:
    wants_gpu = "nvidia.com/gpu" in release.manifests.server["resources"]["limits"]
    kinds = {pod["spec"]["nodeName"].partition("-")[0] for pod in release.pods()}
    assert kinds == {"gpu" if wants_gpu else "cpu"}


def test_a_pod_waits_for_a_gpu(released: Callable[[Path], Release]) -> None:
    """It does not run on a node whose GPU is in use."""
    gpu = released(FOLDERS[2])
    with replicas(gpu, GPU_NODES + 1):
        (waits,) = (pod for pod in gpu.pods() if not pod["spec"].get("nodeName"))
        until(lambda: "Insufficient nvidia.com/gpu" in why(gpu, waits), reason="the scheduler")


def test_more_pods_spread_over_all_nodes_and_stay_when_the_manifests_are_applied(
    base: Release,
) -> None:
    with replicas(base, 2 * NODES):
        base.rolled_out()
        nodes = Counter(pod["spec"]["nodeName"] for pod in base.pods())
        assert sorted(nodes.values()) == [2] * NODES
        base.kubectl(
            "apply", "--filename=-", given=yaml.safe_dump(base.manifests.one("Deployment"))
        )
        assert base.deployment()["spec"]["replicas"] == 2 * NODES


def why(release: Release, pod: Object) -> str:
    """Why a pod is not on a node."""
    found = release.cluster.api.one("pods", release.namespace, pod["metadata"]["name"])
    return " ".join(one.get("message", "") for one in found["status"].get("conditions", []))


def test_the_services_list_the_ready_pods_by_port(release: Release) -> None:
    pods = {pod["status"]["podIP"] for pod in release.pods() if ready(pod)}
    ports: dict[str, int] = {}
    for slices in release.cluster.api.all("endpointslices", release.namespace):
        ports |= {port["name"]: port["port"] for port in slices["ports"]}
        addresses = {
            address
            for endpoint in slices["endpoints"]
            if endpoint["conditions"]["ready"]
            for address in endpoint["addresses"]
        }
        assert addresses == pods
    http = {"http": 8080} if release.folder == WITH_PROXY else {}
    assert ports == {"grpc": 50051, "metrics": 9464, **http}
