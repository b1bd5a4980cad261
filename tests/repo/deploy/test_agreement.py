"""Numbers and names that stand in several places agree with one another."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import yaml

from autoquality._version import __version__
from autoquality_server.cli.doctor.machine import most_memory
from autoquality_server.config import Settings, load
from autoquality_server.config.address import parse_tcp
from autoquality_server.config.resources import BYTES_A_PIXEL
from autoquality_server.config.settings import SPECS
from autoquality_server.config.spec import PREFIX
from autoquality_server.process.app import ENCODING
from tests.repo.deploy.rendered import PAGE, Rendered
from tests.repo.house.test_image import DOCKERFILE, ENV
from tools.check_manifests import ROOT

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def settings(manifests: Rendered) -> Settings:
    """The configuration that the server of the image settles in this pod."""
    # Files of Secrets are in the pod alone: any file stands for them.
    inside = {name: text for name, text in manifests.environment.items() if text[:1] == "/"}
    stand_ins = dict.fromkeys(inside, __file__)
    configuration = load({}, {**ENV, **manifests.environment, **stand_ins})
    assert configuration.warnings == ()
    return configuration.settings


def matches(selector: dict[str, Any], manifests: Rendered) -> bool:
    labels = manifests.pod["metadata"]["labels"]
    return bool(selector) and selector.items() <= labels.items()


def test_every_variable_is_a_setting(manifests: Rendered) -> None:
    known = {spec.variable for spec in SPECS}
    assert {name for name in manifests.environment if name.startswith(PREFIX)} <= known
    assert manifests.environment.keys() <= known


def test_the_pod_is_given_longer_to_end_than_the_server_needs(manifests: Rendered) -> None:
    pause = manifests.server["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = manifests.pod["spec"]["terminationGracePeriodSeconds"]
    assert grace > pause + settings(manifests).drain_timeout


def test_connections_end_so_that_new_pods_are_found(manifests: Rendered) -> None:
    found = settings(manifests)
    assert found.max_connection_age > 0
    assert found.max_connection_age_grace >= found.drain_timeout


def test_ports_are_those_that_the_server_listens_on_by_default(manifests: Rendered) -> None:
    found = settings(manifests)
    listens = {
        "grpc": parse_tcp(found.listen).port,
        "metrics": parse_tcp(found.metrics_listen).port,
    }
    defaults = (parse_tcp(Settings().listen).port, parse_tcp(Settings().metrics_listen).port)
    assert tuple(listens.values()) == defaults
    ports = {port["name"]: port["containerPort"] for port in manifests.server["ports"]}
    if found.tls_cert:  # probes have no certificates
        listens["health"] = parse_tcp(found.health_listen).port
    assert ports == listens
    probed = {manifests.server[probe]["grpc"]["port"] for probe in PROBES}
    assert probed == {listens.pop("health", listens["grpc"])}
    service = manifests.one("Service")["spec"]
    assert {port["targetPort"]: port["port"] for port in service["ports"]} == listens
    policies = manifests.all("NetworkPolicy")
    rules = [rule for policy in policies for rule in policy["spec"]["ingress"]]
    assert {port["port"] for rule in rules for port in rule["ports"]} <= set(listens)


def test_probes_ask_for_services_that_the_health_check_knows(manifests: Rendered) -> None:
    """tests/repo/deploy/test_queries.py asks a real server for the same names."""
    asked = {manifests.server[probe]["grpc"].get("service", "") for probe in PROBES}
    assert asked == {"", ENCODING.full_name}


def test_the_service_is_headless_so_that_clients_see_every_pod(manifests: Rendered) -> None:
    assert manifests.one("Service")["spec"]["clusterIP"] == "None"


def test_everything_selects_the_pods_of_the_deployment(manifests: Rendered) -> None:
    assert matches(manifests.one("Service")["spec"]["selector"], manifests)
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert matches(manifests.one(kind)["spec"]["selector"]["matchLabels"], manifests), kind
    for policy in manifests.all("NetworkPolicy"):
        assert matches(policy["spec"]["podSelector"]["matchLabels"], manifests)
    (spread,) = manifests.pod["spec"]["topologySpreadConstraints"]
    assert matches(spread["labelSelector"]["matchLabels"], manifests)
    for monitor in manifests.all("ServiceMonitor"):
        labels = manifests.one("Service")["metadata"]["labels"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert monitor["spec"]["jobLabel"] in labels
        (endpoint,) = monitor["spec"]["endpoints"]
        ports = manifests.one("Service")["spec"]["ports"]
        assert endpoint["port"] in [port["name"] for port in ports]


def test_callers_need_one_label(manifests: Rendered) -> None:
    """A label that kustomize adds to every selector would exclude them."""
    policies = {one["metadata"]["name"]: one["spec"] for one in manifests.all("NetworkPolicy")}
    (rule,) = policies["autoquality"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"autoquality-client": "true"}}}]
    assert 'label `autoquality-client: "true"`' in PAGE


def test_the_autoscaler_scales_the_deployment_by_metrics_that_exist(manifests: Rendered) -> None:
    scaler = manifests.one("HorizontalPodAutoscaler")["spec"]
    target = {key: scaler["scaleTargetRef"][key] for key in ("apiVersion", "kind")}
    deployment = manifests.one("Deployment")
    assert target == {key: deployment[key] for key in target}
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]
    adapter = yaml.safe_load((ROOT / "deploy/prometheus/adapter.yaml").read_text())
    offered = {rule["name"]["as"] for rule in adapter["rules"]}
    for metric in scaler["metrics"]:
        if metric["type"] == "Pods":
            assert metric["pods"]["metric"]["name"] in offered
        else:
            assert metric["containerResource"]["container"] == manifests.server["name"]


def test_pods_meet_the_restricted_standard_and_the_images_user(manifests: Rendered) -> None:
    pod = manifests.pod["spec"]
    (user,) = set(re.findall(r"^USER (\d+:\d+)$", DOCKERFILE, re.MULTILINE))
    security = pod["securityContext"]
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == user
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for one in (*pod["initContainers"], *pod["containers"]):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert one["resources"].keys() == {"requests", "limits"}


def test_the_largest_images_fit_into_the_memory_of_a_pod(manifests: Rendered) -> None:
    """What runs together is bounded by half the memory, but never to less than one image."""
    limit = manifests.server["resources"]["limits"]["memory"]
    assert limit.endswith("Gi")
    memory = int(limit.removesuffix("Gi")) * 2**30
    found = settings(manifests)
    in_flight = max(found.max_resolution, memory / 2 / BYTES_A_PIXEL / 1e6)
    assert most_memory(replace(found, workers=1000, max_resolution_in_flight=in_flight)) <= memory
    assert "AUTOQUALITY_MAX_RESOLUTION_IN_FLIGHT" not in manifests.environment


def test_workers_are_one_a_core_of_the_limit(manifests: Rendered) -> None:
    resources = manifests.server["resources"]
    assert int(resources["limits"]["cpu"]) == int(resources["requests"]["cpu"])
    assert "AUTOQUALITY_WORKERS" not in manifests.environment


def test_certificates_are_where_the_settings_look_for_them(manifests: Rendered) -> None:
    read_only = [one for one in manifests.server["volumeMounts"] if one.get("readOnly")]
    secrets = {one["name"] for one in manifests.pod["spec"]["volumes"] if "secret" in one}
    assert {one["name"] for one in read_only} == secrets
    files = {f"{one['mountPath']}/{name}" for one in read_only for name in ("tls.crt", "tls.key")}
    named = {text for name, text in manifests.environment.items() if "_TLS_" in name}
    assert named == files


def test_what_has_to_be_writable_is(manifests: Rendered) -> None:
    writable = [one for one in manifests.server["volumeMounts"] if not one.get("readOnly")]
    mounts = {mount["mountPath"]: mount["name"] for mount in writable}
    assert mounts.keys() == {ENV["NUMBA_CACHE_DIR"], "/tmp"}
    volumes = {volume["name"]: volume for volume in manifests.pod["spec"]["volumes"]}
    assert all("emptyDir" in volumes[name] for name in mounts.values())
    annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
    disposable = manifests.pod["metadata"]["annotations"][annotation].split(",")
    assert set(disposable) == set(mounts.values())
    (filler,) = manifests.pod["spec"]["initContainers"]
    (mount,) = filler["volumeMounts"]
    assert mount["name"] == mounts[ENV["NUMBA_CACHE_DIR"]]
    assert filler["command"][-2:] == [f"{ENV['NUMBA_CACHE_DIR']}/.", mount["mountPath"]]


def test_the_image_is_of_this_version_and_keeps_glibcs_arenas_few(manifests: Rendered) -> None:
    containers = (*manifests.pod["spec"]["initContainers"], manifests.server)
    (image,) = {one["image"] for one in containers}
    wants_gpu = "nvidia.com/gpu" in manifests.server["resources"]["limits"]
    assert image == f"autoquality:{__version__}" + ("-gpu" if wants_gpu else "")
    assert ENV["MALLOC_ARENA_MAX"] == "2"


def test_a_pod_with_a_gpu_does_not_start_without_it(manifests: Rendered) -> None:
    wants_gpu = "nvidia.com/gpu" in manifests.server["resources"]["limits"]
    assert (settings(manifests).predictor_device.value == "gpu") == wants_gpu
