"""What callers in other languages get from this repository besides the server."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1.encoding_pb2_grpc import EncodingServiceStub
from tests.commands import ROOT, run

CLIENTS = ROOT / "docs/clients.md"


def snippets(page: Path) -> list[tuple[str, str]]:
    """The code in a page that comes from a file, with the path of the file."""
    found = re.findall(r"<!-- from (\S+) -->\n```\w+\n(.*?)```", page.read_text(), re.DOTALL)
    assert found
    return found


@pytest.mark.parametrize(("path", "code"), snippets(CLIENTS))
def test_code_in_the_page_about_clients_is_that_of_the_examples(path: str, code: str) -> None:
    assert code in (ROOT / path).read_text()


def test_the_archive_has_the_contract_and_is_reproducible(tmp_path: Path) -> None:
    first, second = (
        Path(run(ROOT / "tools/protos-release.sh", tmp_path / name).strip()) for name in "ab"
    )
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as archive:
        folder = first.name.removesuffix(".tar.gz")
        archive.extractall(tmp_path, filter="data")
    root = tmp_path / folder
    path = "autoquality/v1/encoding.proto"
    assert (root / path).read_bytes() == (ROOT / "protos" / path).read_bytes()
    described = FileDescriptorSet.FromString((root / "autoquality.binpb").read_bytes())
    files = {one.name: one for one in described.file}
    sources = {str(one.relative_to(root)) for one in root.rglob("*.proto")}
    imports = {"google/protobuf/any.proto", "google/protobuf/duration.proto"}
    assert set(files) == sources | imports
    assert files[path].source_code_info.location
    for file in described.file:
        file.ClearField("source_code_info")
    committed = (ROOT / "deploy/http/autoquality.binpb").read_bytes()
    assert FileDescriptorSet.FromString(committed) == described, "run `make protos`"


def test_the_service_config_retries_a_server_that_shuts_down_and_no_other() -> None:
    """The client here is gRPC's C core. The examples test the config in Go and in Node."""
    config = (ROOT / "protos/service-config.json").read_text()
    options = [("grpc.service_config", config), ("grpc.enable_http_proxy", 0)]
    with (
        FakeServer(check_images=False) as server,
        grpc.insecure_channel(server.target, options) as channel,
    ):
        stub = EncodingServiceStub(channel)
        server.respond(Fault(grpc.StatusCode.UNAVAILABLE, "the server shuts down"))
        assert stub.Encode(pb.EncodeRequest(image=b"x")).quality
        assert len(server.requests) == 2
        server.respond(Fault.overloaded(0.1))
        with pytest.raises(grpc.RpcError):
            stub.Encode(pb.EncodeRequest(image=b"x"))
        assert len(server.requests) == 3
