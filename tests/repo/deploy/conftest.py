"""The manifests as they would be applied."""

from __future__ import annotations

import pytest

from tests.repo.deploy.rendered import Rendered, rendered
from tools.check_manifests import FOLDERS, ROOT


@pytest.fixture(params=FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT / "deploy")))
def manifests(request: pytest.FixtureRequest) -> Rendered:
    """The resources of each folder that can be applied."""
    return rendered(request.param)
