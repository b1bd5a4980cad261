"""The Helm chart gives what kustomize gives, and installs, upgrades and rolls back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.api import Refused
from tests.cluster.conftest import NAME, Release, namespace
from tests.cluster.control_plane import Cluster
from tests.cluster.processes import PROGRAMS
from tests.repo.deploy.rendered import rendered
from tools.chart import CHOICES, rendered_with, write_chart
from tools.check_manifests import FOLDERS, ROOT, VERSIONS, WITH_PROXY, problems

NAMESPACE = "by-helm"
Resource = dict[str, Any]


@pytest.fixture(scope="module")
def helm(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Run a command of Helm on the chart; further arguments are flags. Raises Refused."""
    chart = write_chart(tmp_path_factory.mktemp("chart"))

    def run(*command: str, **values: str) -> str:
        flags = [f"--set={name.replace('__', '.')}={value}" for name, value in values.items()]
        archive = [str(chart)] if command[0] in ("template", "install", "upgrade") else []
        return cluster.kubectl.run(
            str(PROGRAMS / "helm"), *command, *archive, *flags, f"--namespace={NAMESPACE}"
        )

    return run


def templated(helm: Callable[..., str], **values: str) -> dict[tuple[str, str], Resource]:
    """The chart's resources by kind and name."""
    return by_name(yaml.safe_load_all(helm("template", NAME, **values)))


def by_name(resources: Any) -> dict[tuple[str, str], Resource]:
    return {(one["kind"], one["metadata"]["name"]): one for one in resources}


def pod_of(resources: dict[tuple[str, str], Resource]) -> tuple[Resource, dict[str, str]]:
    """The pod of the deployment, and the images of its containers by name."""
    pod = resources["Deployment", NAME]["spec"]["template"]["spec"]
    return pod, {one["name"]: one["image"] for one in pod["initContainers"] + pod["containers"]}


@pytest.mark.parametrize(
    "chosen",
    [chosen for chosen in CHOICES if not {"http", "tls"} <= set(chosen)],
    ids=lambda chosen: "-".join(chosen) or "base",
)
def test_without_other_values_it_is_what_kustomize_renders(
    helm: Callable[..., str], chosen: tuple[str, ...]
) -> None:
    found = templated(helm, **dict.fromkeys(chosen, "true"))
    assert found == by_name(yaml.safe_load_all(rendered_with(chosen)))
    wrong = [problems(one, version) for one in found.values() for version in VERSIONS]
    assert list(itertools.chain(*wrong)) == []


@pytest.mark.parametrize(
    ("folder", "chosen"),
    [
        (FOLDERS[0], ()),
        (FOLDERS[1], ("monitoring",)),
        (FOLDERS[2], ("gpu", "monitoring")),
        (FOLDERS[3], ("monitoring", "tls")),
        (WITH_PROXY, ("http", "monitoring")),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_an_overlay_is_a_choice_of_components(folder: Path, chosen: tuple[str, ...]) -> None:
    """The tests of the overlays are tests of the chart."""
    found = by_name(yaml.safe_load_all(rendered_with(chosen)))
    assert found == by_name(rendered(folder).resources)


def test_values_go_where_they_belong(helm: Callable[..., str]) -> None:
    found = templated(
        helm,
        image__repository="registry.example/aq",
        image__tag="v7",
        settings__AUTOQUALITY_MAX_FILE_SIZE="5000000",
        settings__AUTOQUALITY_ALLOW_TRUNCATED="true",
        resources__limits__memory="9Gi",
        autoscaling__maxReplicas="20",
        patches__Deployment__spec__template__spec__nodeSelector__pool="images",
    )
    pod, images = pod_of(found)
    assert set(images.values()) == {"registry.example/aq:v7"}
    assert pod["nodeSelector"] == {"pool": "images"}
    (server,) = pod["containers"]
    assert server["resources"]["limits"] == {"cpu": "2", "memory": "9Gi"}
    bounds = found["HorizontalPodAutoscaler", NAME]["spec"]
    assert (bounds["minReplicas"], bounds["maxReplicas"]) == (2, 20)
    data = found["ConfigMap", server["envFrom"][0]["configMapRef"]["name"]]["data"]
    assert data["AUTOQUALITY_MAX_FILE_SIZE"] == "5000000"
    assert data["AUTOQUALITY_ALLOW_TRUNCATED"] == "true"
    assert "AUTOQUALITY_DRAIN_TIMEOUT" in data


def test_the_sidecar_has_its_own_image_and_configuration(
    helm: Callable[..., str], tmp_path: Path
) -> None:
    config = tmp_path / "envoy.yaml"
    config.write_text((ROOT / "deploy/http/envoy.yaml").read_text().replace("app.", "my."))
    found = by_name(
        yaml.safe_load_all(
            helm(
                "template",
                NAME,
                f"--set-file=envoy.config={config}",
                http="true",
                tls="true",
                image__repository="registry.example/aq",
                image__tag="v7",
                envoy__image="registry.example/envoy:v8",
            )
        )
    )
    pod, images = pod_of(found)
    ours = "registry.example/aq:v7"
    assert images == {"http": "registry.example/envoy:v8", "kernel": ours, "server": ours}
    (volume,) = (one for one in pod["volumes"] if one["name"] == "http")
    mounted = found["ConfigMap", volume["configMap"]["name"]]
    assert mounted["data"] == {"envoy.yaml": config.read_text()}
    assert list(mounted["binaryData"]) == ["autoquality.binpb"]
    before = by_name(yaml.safe_load_all(rendered_with(("http", "tls"))))
    assert mounted["metadata"]["name"] not in {name for _, name in before}


@pytest.mark.parametrize(
    ("values", "needed"),
    [
        ({"http": "true", "tls": "true"}, "http with tls needs envoy.config"),
        ({"envoy__config": "static_resources"}, "envoy.config needs http=true"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused(
    helm: Callable[..., str], values: dict[str, str], needed: str
) -> None:
    with pytest.raises(Refused, match=needed):
        helm("template", NAME, **values)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"monitorring": "true"}, "monitorring"),
        ({"gpu": "1"}, "gpu"),
        ({"settings__MAX_RESOLUTION": "20"}, "MAX_RESOLUTION"),
        ({"image__name": "x"}, "name"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(
    helm: Callable[..., str], values: dict[str, str], named: str
) -> None:
    with pytest.raises(Refused, match=f"don't meet the specifications[^$]*{named}"):
        helm("template", NAME, **values)


def test_it_installs_upgrades_and_rolls_back(cluster: Cluster, helm: Callable[..., str]) -> None:
    cluster.apply(namespace(NAMESPACE))
    release = Release(cluster, Path(NAMESPACE))
    until_ready = ("--wait", "--timeout=3m")

    def setting() -> str:
        (source,) = release.deployment()["spec"]["template"]["spec"]["containers"][0]["envFrom"]
        name = source["configMapRef"]["name"]
        data = cluster.api.one("configmaps", NAMESPACE, name)["data"]
        return str(data.get("AUTOQUALITY_MAX_RESOLUTION"))

    helm("install", NAME, *until_ready, settings__AUTOQUALITY_MAX_RESOLUTION="20")
    before = {pod["metadata"]["name"] for pod in release.pods()}
    assert setting() == "20"
    helm("upgrade", NAME, *until_ready, settings__AUTOQUALITY_MAX_RESOLUTION="30")
    assert before.isdisjoint(pod["metadata"]["name"] for pod in release.pods())
    assert setting() == "30"
    helm("rollback", NAME, *until_ready)
    release.rolled_out()
    assert setting() == "20"
    helm("uninstall", NAME, *until_ready)
    assert release.pods() == []
