"""The files that take longest begin first: at the end, no process is left alone with one."""

from __future__ import annotations

from pathlib import Path

import pytest

SLOW = ("house/test_image.py", "training/test_run.py", "training/test_network.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    first = {Path(__file__).parent / name: at for at, name in enumerate(SLOW)}
    items.sort(key=lambda item: first.get(item.path, len(first)))
