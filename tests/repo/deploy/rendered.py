"""What kustomize makes of the manifests, and a look into it."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tools.check_manifests import ROOT, render

PAGE = (ROOT / "docs/operations.md").read_text()


@dataclass(frozen=True)
class Rendered:
    """The resources of one folder."""

    resources: list[dict[str, Any]]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [resource for resource in self.resources if resource["kind"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = self.all(kind)
        return found

    @property
    def pod(self) -> dict[str, Any]:
        """The pod of the Deployment, with its labels under "metadata"."""
        template: dict[str, Any] = self.one("Deployment")["spec"]["template"]
        return template

    @property
    def server(self) -> dict[str, Any]:
        """The server's container."""
        (container,) = self.pod["spec"]["containers"]
        found: dict[str, Any] = container
        return found

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the server's container is given."""
        (source,) = self.server["envFrom"]
        name = source["configMapRef"]["name"]
        (data,) = (one["data"] for one in self.all("ConfigMap") if one["metadata"]["name"] == name)
        return {**data, **{one["name"]: one["value"] for one in self.server.get("env", [])}}


@cache
def rendered(folder: Path) -> Rendered:
    """What `kubectl apply --kustomize` would apply of `folder`."""
    return Rendered(render(folder))


def overlay_of_the_page(folder: Path) -> Path:
    """Write the overlay of docs/operations.md next to a copy of deploy/; returns its folder."""
    (text,) = re.findall(r"<!-- overlay:begin -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "my").mkdir()
    (folder / "my/kustomization.yaml").write_text(text)
    return folder / "my"
