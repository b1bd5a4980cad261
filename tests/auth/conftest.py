"""Authorities, and servers over real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.authorities import TlsFiles
from tests.rpc.conftest import serve_with, start_process

__all__ = ["serve_with", "start_process"]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def stranger() -> trustme.CA:
    """An authority that is not trusted at first."""
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> TlsFiles:
    return TlsFiles.of(tmp_path, authority)
