"""A toy format and a toy metric, added to a copy of the code by the lists in CONTRIBUTING.md."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PATCHES = {"format": HERE / "toy_format.patch", "metric": HERE / "toy_metric.patch"}

_PACKAGES = ("core", "server", "client")
_CONTRACT = "autoquality/v1/encoding.proto"
_STUB = '''"""As `make protos` writes it, without what only the Python implementation needs."""
from google.protobuf import descriptor_pool, duration_pb2
from google.protobuf.internal import builder

DESCRIPTOR = descriptor_pool.Default().AddSerializedFile({contract!r})
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, "autoquality.v1.encoding_pb2", globals())
'''


def edited_files(patch: Path) -> list[str]:
    """The files that a patch adds or changes."""
    lines = patch.read_text().splitlines()
    return [line.removeprefix("+++ b/") for line in lines if line.startswith("+++ b/")]


def extend(folder: Path) -> None:
    """Copy the code to `folder`, apply both patches there, and generate the stubs."""
    for name in (*_PACKAGES, "protos"):
        shutil.copytree(ROOT / name, folder / name)
    for patch in PATCHES.values():
        _run(["git", "apply", "-C1", str(patch)], folder)
    image = folder / "contract.binpb"
    _run([str(Path(sys.executable).with_name("buf")), "build", "protos", "-o", str(image)], folder)
    files = FileDescriptorSet.FromString(image.read_bytes()).file
    (contract,) = (one for one in files if one.name == _CONTRACT)
    contract.ClearField("source_code_info")
    contract.DiscardUnknownFields()
    stub = folder / "client" / "autoquality" / "v1" / "encoding_pb2.py"
    stub.write_text(_STUB.format(contract=contract.SerializeToString()))


def run_extended(folder: Path, module: str, *arguments: str) -> str:
    """Run a module of this repository with the extended code, and return its output."""
    paths = [str(folder / name) for name in _PACKAGES]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return _run([sys.executable, "-m", module, *arguments], ROOT, environment)


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
