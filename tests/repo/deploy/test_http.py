"""deploy/http and the overlay with it agree with the server; tests/sidecar runs them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from autoquality_server.config import Settings
from autoquality_server.config.address import parse_tcp
from tests.repo.deploy.rendered import Rendered, rendered
from tools.check_manifests import ROOT, VERSIONS, WITH_PROXY, problems

ENVOY = yaml.safe_load((ROOT / "deploy/http/envoy.yaml").read_text())
(LISTENER,) = ENVOY["static_resources"]["listeners"]
(CLUSTER,) = ENVOY["static_resources"]["clusters"]


@pytest.fixture(scope="module")
def manifests() -> Rendered:
    return rendered(WITH_PROXY)


def manager() -> dict[str, Any]:
    (network_filter,) = LISTENER["filter_chains"][0]["filters"]
    found: dict[str, Any] = network_filter["typed_config"]
    return found


def filter_named(name: str) -> dict[str, Any]:
    """The configuration of an HTTP filter."""
    (found,) = (one for one in manager()["http_filters"] if one["name"].endswith(f".{name}"))
    config: dict[str, Any] = found["typed_config"]
    return config


def port(address: dict[str, Any]) -> int:
    found: int = address["socket_address"]["port_value"]
    return found


def seconds(text: str) -> float:
    return float(text.lower().removesuffix("s"))


def test_the_largest_image_fits_a_body_in_base64() -> None:
    largest = 4 / 3 * Settings().max_image_bytes
    transcoder = filter_named("grpc_json_transcoder")
    bodies = (filter_named("buffer")["max_request_bytes"], transcoder["max_request_body_size"])
    assert bodies == (transcoder["max_response_body_size"],) * 2
    assert largest < bodies[0] < 1.01 * largest


def test_envoy_waits_longer_than_the_deadline_that_it_sets() -> None:
    (route,) = manager()["route_config"]["virtual_hosts"][0]["routes"]
    (header,) = (one["header"] for one in route["request_headers_to_add"])
    assert header["key"] == "grpc-timeout"
    deadline, timeout = seconds(header["value"]), seconds(route["route"]["timeout"])
    assert deadline < timeout < seconds(manager()["stream_idle_timeout"])


def test_the_server_is_where_it_listens_by_default() -> None:
    (endpoint,) = CLUSTER["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert port(endpoint["endpoint"]["address"]) == parse_tcp(Settings().listen).port


def test_the_overlay_fits_the_schemas_and_the_configuration(manifests: Rendered) -> None:
    found = [
        it for version in VERSIONS for one in manifests.resources for it in problems(one, version)
    ]
    assert found == []
    (sidecar,) = (one for one in manifests.pod["spec"]["initContainers"] if one["name"] == "http")
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["securityContext"] == manifests.server["securityContext"]
    (listens,) = sidecar["ports"]
    assert listens["containerPort"] == port(LISTENER["address"])
    assert sidecar["readinessProbe"]["httpGet"]["path"] == "/healthz"
    (heap, _) = ENVOY["overload_manager"]["resource_monitors"]
    memory = sidecar["resources"]["limits"]["memory"]
    assert heap["typed_config"]["max_heap_size_bytes"] < int(memory.removesuffix("Gi")) * 2**30


def test_the_service_and_the_policy_lead_to_the_sidecar(manifests: Rendered) -> None:
    named = {(one["kind"], one["metadata"]["name"]): one for one in manifests.resources}
    service = named["Service", "autoquality-http"]["spec"]
    policy = named["NetworkPolicy", "autoquality-http"]["spec"]
    labels = manifests.pod["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert [one["targetPort"] for one in service["ports"]] == ["http"]
    (config,) = (one for one in manifests.all("ConfigMap") if "envoy.yaml" in one.get("data", {}))
    (volume,) = (one for one in manifests.pod["spec"]["volumes"] if one["name"] == "http")
    assert volume["configMap"]["name"] == config["metadata"]["name"]
    assert filter_named("grpc_json_transcoder")["proto_descriptor"] in config["binaryData"]
