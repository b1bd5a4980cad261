"""Validates the rendered manifests of deploy/ with the schemas of Kubernetes.

Each resource is validated strictly for the oldest supported and the newest known Kubernetes:
unknown fields, kinds and API versions are errors. The models of the Prometheus operator are the
schemas of its resources.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = tuple(
    ROOT / "deploy/kubernetes" / name
    for name in ("base", "overlays/cpu", "overlays/gpu", "overlays/tls")
)
WITH_PROXY = ROOT / "deploy/kubernetes/overlays/http"
VERSIONS = ("1.30", kubernetes_validate.latest_version())
OPERATOR = "monitoring.coreos.com/v1"


def render(folder: Path) -> list[dict[str, Any]]:
    """The resources that `kubectl apply --kustomize` applies. Raises CalledProcessError."""
    kubectl = Path(sys.executable).parent / "kubectl"
    done = subprocess.run(
        [str(kubectl), "kustomize", str(folder)], stdout=subprocess.PIPE, text=True, check=True
    )
    return list(yaml.safe_load_all(done.stdout))


def problems(resource: dict[str, Any], version: str) -> list[str]:
    """The errors of a resource by the schemas of Kubernetes `version`, one line each."""
    try:
        if resource["apiVersion"] == OPERATOR:
            operator_schema(resource["kind"]).validate(resource)
        else:
            kubernetes_validate.validate(resource, version, strict=True)
    except jsonschema.ValidationError as error:
        place = ".".join(str(part) for part in error.absolute_path) or "the resource"
        return [f"{place}: {error.message}"]
    except (kubernetes_validate.SchemaNotFoundError, LookupError):
        kind = f"{resource['kind']} of {resource['apiVersion']}"
        return [f"{kind}: Kubernetes {version} has no such resource"]
    return []


@cache
def operator_schema(kind: str) -> jsonschema.Draft202012Validator:
    """The strict schema of an operator's resource. Raises LookupError for another kind."""
    if kind not in ("PrometheusRule", "ServiceMonitor"):
        raise LookupError(kind)
    schema: dict[str, Any] = getattr(operator, kind).model_json_schema(by_alias=True)
    for part in (schema, *schema["$defs"].values()):
        if "properties" in part:
            part["additionalProperties"] = False
    return jsonschema.Draft202012Validator(schema)


def main() -> int:
    found = 0
    for folder in (*FOLDERS, WITH_PROXY):
        name = folder.relative_to(ROOT)
        resources = render(folder)
        for version in VERSIONS:
            wrong = [
                f"{name}, Kubernetes {version}: {resource['kind']}: {problem}"
                for resource in resources
                for problem in problems(resource, version)
            ]
            found += len(wrong)
            for line in wrong:
                print(line, file=sys.stderr)
        if not found:
            print(f"{name}: {len(resources)} resources, Kubernetes {' and '.join(VERSIONS)}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
