"""The manifests fit the schemas of Kubernetes, and the check refuses manifests that do not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.repo.deploy.rendered import Rendered, rendered
from tools.check_manifests import FOLDERS, VERSIONS, problems

Resource = dict[str, Any]
NEWEST = VERSIONS[-1]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_resource_fits_the_schemas(manifests: Rendered, version: str) -> None:
    found = [problem for one in manifests.resources for problem in problems(one, version)]
    assert found == []


def of_kind(kind: str) -> Resource:
    return copy.deepcopy(rendered(FOLDERS[1]).one(kind))


def container(deployment: Resource) -> Resource:
    found: Resource = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize(
    ("kind", "spoil", "problem"),
    [
        ("Deployment", lambda it: container(it).update(livenesProbe={}), "'livenesProbe' was unex"),
        (
            "Deployment",
            lambda it: container(it)["ports"][0].update(containerPort="50051"),
            "containers.0.ports.0.containerPort: '50051' is not of type 'integer'",
        ),
        ("Deployment", lambda it: it["spec"].pop("selector"), "'selector' is a required property"),
        ("Deployment", lambda it: it.update(apiVersion="apps/v1beta9"), "no such resource"),
        ("Service", lambda it: it.update(kind="Servise"), "no such resource"),
        ("Service", lambda it: it["spec"]["ports"][0].pop("port"), "'port' is a required property"),
        ("HorizontalPodAutoscaler", lambda it: it.update(apiVersion="autoscaling/v3"), "no such"),
        ("ServiceMonitor", lambda it: it["spec"]["endpoints"][0].update(intervall=1), "intervall"),
        ("ServiceMonitor", lambda it: it["spec"].pop("selector"), "'selector' is a required"),
        ("ServiceMonitor", lambda it: it.update(kind="ServiceMonitors"), "no such resource"),
        ("PrometheusRule", lambda it: it["spec"]["groups"][0]["rules"][0].pop("expr"), "'expr'"),
    ],
)  # fmt: skip
def test_a_wrong_manifest_is_refused_with_its_place(
    kind: str, spoil: Callable[[Resource], object], problem: str
) -> None:
    resource = of_kind(kind)
    assert problems(resource, NEWEST) == []
    spoil(resource)
    (found,) = problems(resource, NEWEST)
    assert problem in found


def test_the_oldest_kubernetes_is_the_oldest_that_knows_every_field() -> None:
    """PreStop's sleep came with 1.29, where it had to be switched on."""
    (found,) = problems(of_kind("Deployment"), "1.28")
    assert "'sleep'" in found
