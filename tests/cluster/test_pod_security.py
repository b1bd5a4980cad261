"""The namespaces of these tests enforce the restricted standard: our pods pass, others do not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.cluster.api import Refused
from tests.cluster.conftest import NAME, Release

Spec = dict[str, Any]


def pod(release: Release) -> dict[str, Any]:
    """A pod as the Deployment makes it, under another name."""
    template = copy.deepcopy(release.manifests.pod)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "copy"},
        "spec": template["spec"],
    }


def create(release: Release, resource: dict[str, Any]) -> str:
    """Ask the API server whether it would create a resource. Raises Refused."""
    return release.kubectl(
        "create", "--dry-run=server", "--filename=-", given=yaml.safe_dump(resource)
    )


def server(spec: Spec) -> dict[str, Any]:
    found: dict[str, Any] = spec["containers"][0]["securityContext"]
    return found


def test_our_pod_is_admitted(release: Release) -> None:
    assert create(release, pod(release)) == "pod/copy created (server dry run)\n"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda spec: server(spec).update(privileged=True), "privileged"),
        (lambda spec: server(spec).pop("capabilities"), "unrestricted capabilities"),
        (lambda spec: spec["securityContext"].pop("seccompProfile"), "seccompProfile"),
        (lambda spec: spec["securityContext"].update(runAsNonRoot=False), "runAsNonRoot"),
        (lambda spec: spec.update(hostNetwork=True), "host namespaces"),
        (
            lambda spec: spec["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
            "restricted volume types",
        ),
    ],
)
def test_a_pod_with_more_rights_is_refused(
    base: Release, spoil: Callable[[Spec], object], reason: str
) -> None:
    """The standard is enforced."""
    wrong = pod(base)
    for container in wrong["spec"]["initContainers"] + wrong["spec"]["containers"]:
        # YAML's anchor made them one object.
        container["securityContext"] = copy.deepcopy(container["securityContext"])
        container["securityContext"].pop("allowPrivilegeEscalation")
        container["securityContext"]["allowPrivilegeEscalation"] = reason == "privileged"
    spoil(wrong["spec"])
    with pytest.raises(Refused, match=f'violates PodSecurity "restricted.*{reason}'):
        create(base, wrong)


def test_the_pod_of_the_doctor_is_admitted(base: Release) -> None:
    """The command of docs/operations.md, without its terminal."""
    name = base.pods()[0]["metadata"]["name"]
    base.kubectl(
        "debug", name, "--copy-to=doctor", "--container=server", "--profile=restricted",
        "--attach=false", "--arguments-only", "--", "doctor",
    )  # fmt: skip
    try:
        doctor = base.cluster.api.one("pods", base.namespace, "doctor")
        (container,) = doctor["spec"]["containers"]
        assert container["args"] == ["doctor"]
        assert container["envFrom"] == base.manifests.server["envFrom"]
        assert "app.kubernetes.io/name" not in doctor["metadata"].get("labels", {})
    finally:
        base.kubectl("delete", "pod", "doctor", "--wait=false")


def test_a_pod_by_kubectl_run_is_refused(base: Release) -> None:
    """So the operations page does not suggest it."""
    with pytest.raises(Refused, match="violates PodSecurity"):
        base.kubectl("run", "doctor", f"--image={NAME}", "--restart=Never", "--", "doctor")
