"""A new version replaces the old one without fewer servers than promised, and can be undone."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.api import Object, ready
from tests.cluster.conftest import NAME, Release, namespace, replicas
from tests.cluster.control_plane import NEVER_READY, NODES, Cluster
from tests.repo.deploy.rendered import overlay_of_the_page
from tests.waiting import until


def image(release: Release, tag: str) -> None:
    """Apply the Deployment with another image."""
    deployment = copy.deepcopy(release.manifests.one("Deployment"))
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = f"{NAME}:{tag}"
    release.kubectl("apply", "--filename=-", given=yaml.safe_dump(deployment))


def bounds(release: Release) -> tuple[int, int]:
    """The fewest ready pods and the most pods that the strategy allows."""
    spec = release.deployment()["spec"]
    strategy = spec["strategy"]["rollingUpdate"]
    replicas: int = spec["replicas"]
    return replicas - strategy["maxUnavailable"], replicas + strategy["maxSurge"]


def extremes(before: list[Object], changes: list[Object]) -> tuple[int, int]:
    """The fewest ready pods and the most pods at any moment."""
    pods = {pod["metadata"]["name"]: pod for pod in before}
    fewest, most = sum(map(ready, before)), len(before)
    for change in changes:
        pod = change["object"]
        pods[pod["metadata"]["name"]] = pod
        if change["type"] == "DELETED":
            del pods[pod["metadata"]["name"]]
        present = [one for one in pods.values() if "deletionTimestamp" not in one["metadata"]]
        fewest, most = min(fewest, sum(map(ready, present))), max(most, len(present))
    return fewest, most


def test_an_upgrade_keeps_to_the_bounds_and_can_be_undone(release: Release) -> None:
    least, limit = bounds(release)
    old = release.deployment()["spec"]["template"]
    before = release.pods()
    with release.cluster.api.watching("pods", release.namespace) as changes:
        image(release, "next")
        release.rolled_out()
    fewest, most = extremes(before, changes)
    assert fewest >= least, f"{fewest} pods were ready"
    assert most <= limit, f"there were {most} pods"
    assert {pod["metadata"]["name"] for pod in before}.isdisjoint(
        pod["metadata"]["name"] for pod in release.pods()
    )
    release.kubectl("rollout", "undo", f"deployment/{NAME}")
    release.rolled_out()
    assert release.deployment()["spec"]["template"] == old


def test_pods_spread_over_all_nodes_after_upgrades(base: Release) -> None:
    try:
        with replicas(base, 2 * NODES):
            for tag in ("1", "2", "3", "4"):
                image(base, tag)
                base.rolled_out()
                nodes = Counter(pod["spec"]["nodeName"] for pod in base.pods())
                assert sorted(nodes.values()) == [2] * NODES
    finally:
        base.apply()
        base.rolled_out()


def test_a_version_that_does_not_get_ready_leaves_the_old_one_serving(release: Release) -> None:
    least, _ = bounds(release)
    old = {pod["metadata"]["name"] for pod in release.pods()}

    def new() -> list[Object]:
        return [
            pod
            for pod in release.pods()
            if pod["metadata"]["name"] not in old and pod["spec"].get("nodeName")
        ]

    image(release, NEVER_READY)
    try:
        until(new, reason="a pod of the new version")
        with pytest.raises(AssertionError):
            until(lambda: any(map(ready, new())), within=3)
        serving = [pod for pod in release.pods() if ready(pod)]
        assert len(serving) >= least
        assert {pod["metadata"]["name"] for pod in serving} <= old
    finally:
        release.kubectl("rollout", "undo", f"deployment/{NAME}")
        release.rolled_out()


@pytest.fixture
def walk_through(cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Release, Path]]:
    """The overlay of the operations page, in its namespace, and its file."""
    folder = overlay_of_the_page(tmp_path).rename(tmp_path / "images")
    release = Release(cluster, folder)
    cluster.apply(namespace(release.namespace))
    release.apply()
    release.rolled_out()
    yield release, folder / "kustomization.yaml"
    cluster.kubectl("delete", "namespace", release.namespace, "--wait=false")


def test_a_changed_setting_replaces_the_pods_and_can_be_undone(
    walk_through: tuple[Release, Path],
) -> None:
    release, file = walk_through

    def setting() -> str:
        (source,) = release.deployment()["spec"]["template"]["spec"]["containers"][0]["envFrom"]
        name = source["configMapRef"]["name"]
        data = release.cluster.api.one("configmaps", release.namespace, name)["data"]
        return str(data["AUTOQUALITY_MAX_RESOLUTION"])

    assert setting() == "20"
    before = {pod["metadata"]["name"] for pod in release.pods()}
    file.write_text(re.sub("RESOLUTION=20", "RESOLUTION=30", file.read_text()))
    release.apply()
    release.rolled_out()
    assert before.isdisjoint(pod["metadata"]["name"] for pod in release.pods())
    assert setting() == "30"
    release.kubectl("rollout", "undo", f"deployment/{NAME}")
    release.rolled_out()
    assert setting() == "20"
