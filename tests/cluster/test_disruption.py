"""The disruption budget: a drain ends pods one by one, and only if the others are ready."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.api import Object, Refused, ready
from tests.cluster.conftest import Release
from tests.waiting import until
from tools.check_manifests import FOLDERS


def cordon(release: Release, on: bool) -> None:
    """Admit no new pods to any node, or again."""
    release.cluster.kubectl("cordon" if on else "uncordon", "--selector=kubernetes.io/os=linux")


def allowed(release: Release) -> int:
    """How many pods the budget allows to end now."""
    budget = release.cluster.api.one("poddisruptionbudgets", release.namespace)
    found: int = budget["status"]["disruptionsAllowed"]
    return found


def settled(release: Release) -> list[Object]:
    """Wait until both pods are ready and the budget knows it."""
    until(lambda: all(map(ready, release.pods())), reason="pods that are ready")
    until(lambda: allowed(release) == 1, reason="a budget that allows one pod to end")
    pods = release.pods()
    assert len(pods) == 2
    return pods


@pytest.fixture
def full(release: Release) -> Iterator[Release]:
    """A cluster without a place for another pod."""
    settled(release)
    cordon(release, on=True)
    try:
        yield release
    finally:
        cordon(release, on=False)
        settled(release)


def test_a_second_pod_is_not_evicted_before_the_first_is_replaced(full: Release) -> None:
    evict = full.cluster.api.evict
    first, second = full.pods()
    evict(first)
    with pytest.raises(Refused, match="would violate the pod's disruption budget") as refusal:
        evict(second)
    assert refusal.value.code == 429
    cordon(full, on=False)
    settled(full)
    evict(second)


@pytest.mark.parametrize("release", [FOLDERS[2]], ids=["gpu"], indirect=True)
def test_a_drain_waits_for_the_budget(full: Release) -> None:
    """Draining both nodes ends one pod, if no node has room for another."""
    first, second = full.pods()
    drain = ("drain", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=10s")
    full.kubectl(*drain, first["spec"]["nodeName"])
    with pytest.raises(Refused, match="would violate the pod's disruption budget"):
        full.kubectl(*drain, second["spec"]["nodeName"])
    names = [pod["metadata"]["name"] for pod in full.pods() if ready(pod)]
    assert names == [second["metadata"]["name"]]


def test_a_pod_that_is_not_ready_can_always_be_evicted(full: Release) -> None:
    """Otherwise a broken pod would stop the drain of its node."""
    broken, whole = full.pods()
    api = full.cluster.api
    path = api.path("pods", full.namespace, broken["metadata"]["name"])
    conditions = [{"type": "Ready", "status": "False"}]
    api.patch(f"{path}/status", {"status": {"conditions": conditions}})
    until(lambda: allowed(full) == 0, reason="a budget without allowance")
    with pytest.raises(Refused, match="would violate"):
        api.evict(whole)
    api.evict(broken)
