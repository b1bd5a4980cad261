"""Packs the manifests of deploy/kubernetes as a Helm chart, into a folder.

The chart has the manifests as kustomize renders them, for each choice of components, and a
template that puts the values in. So a change of the manifests needs no change of the chart.

usage: tools/chart.py FOLDER
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
from itertools import combinations
from pathlib import Path

import yaml

from autoquality._version import __version__
from tools.check_manifests import ROOT, render

COMPONENTS = ("gpu", "http", "monitoring", "tls")
CHOICES = tuple(
    chosen for count in range(len(COMPONENTS) + 1) for chosen in combinations(COMPONENTS, count)
)


def file_of(chosen: tuple[str, ...]) -> str:
    """The name of the file with the manifests for some components; the template makes the same."""
    return "-".join(["base", *chosen]) + ".yaml"


def rendered_with(chosen: tuple[str, ...]) -> str:
    """The base with some components, as YAML documents. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as name:
        deploy = Path(os.path.relpath(ROOT / "deploy/kubernetes", Path(name).resolve()))
        overlay = {
            "resources": [str(deploy / "base")],
            "components": [str(deploy / "components" / component) for component in chosen],
        }
        (Path(name) / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
        return "---\n".join(map(yaml.safe_dump, render(Path(name))))


def write_chart(folder: Path) -> Path:
    """Write the chart's archive to `folder`; returns its path. Raises CalledProcessError."""
    archive = folder / f"autoquality-{__version__}.tgz"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        chart = Path(name) / "autoquality"
        shutil.copytree(ROOT / "deploy/helm", chart)
        versions = {"version": __version__, "appVersion": __version__}
        description = chart / "Chart.yaml"
        description.write_text(description.read_text() + yaml.safe_dump(versions))
        (chart / "files").mkdir()
        for chosen in CHOICES:
            (chart / "files" / file_of(chosen)).write_text(rendered_with(chosen))
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(chart, arcname=chart.name)
    return archive


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    print(write_chart(Path(sys.argv[1])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
