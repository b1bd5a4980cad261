"""The code to copy makes the same request."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autoquality import Client
from autoquality._explore.form import FieldError, encode_options
from autoquality._explore.snippets import Connection, snippets
from autoquality._request import encode_request
from autoquality.v1 import encoding_pb2 as pb
from tests.commands import ROOT
from tests.servers import RunningServer

NAME = 'it\'s a "naïve" 100% cup 😀.png'
LOCAL = Connection("localhost:50051")
FORM = {"format": "webp", "method": "dssim", "target": "0.01", "min_quality": "5"}
MOZJPEG = {"format": "jpeg", "method": "none", "target": "70", "mozjpeg": "1"}


def code(language: str, form: dict[str, str], connection: Connection = LOCAL) -> str:
    return snippets(encode_request(encode_options(form)), NAME, connection)[language]


@pytest.mark.parametrize(
    ("language", "interpreter"), [("grpcurl", ["bash", "-c"]), ("Python", [sys.executable, "-c"])]
)
@pytest.mark.parametrize("form", [FORM, MOZJPEG], ids=["dssim", "mozjpeg"])
def test_it_writes_the_file_that_the_page_shows(
    server: RunningServer,
    tmp_path: Path,
    language: str,
    interpreter: list[str],
    form: dict[str, str],
) -> None:
    source = (ROOT / "docs/example.png").read_bytes()
    (tmp_path / NAME).write_bytes(source)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*interpreter, code(language, form, Connection(server.address))],
        cwd=tmp_path,
        env={**os.environ, "PATH": programs, "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (output,) = (path for path in tmp_path.iterdir() if path.name != NAME)
    with Client(server.address) as client:
        assert output.read_bytes() == client.encode(source, **encode_options(form)).image


def test_the_go_program_has_the_names_of_the_contract() -> None:
    program = code("Go", {**FORM, "max_quality": "90"})
    assert (
        "AutoQuality: &pb.AutoQuality{Method: pb.Method_METHOD_DSSIM, Target: "
        "proto.Float64(0.01), MinQuality: proto.Int32(5), MaxQuality: proto.Int32(90)},"
    ) in program
    for kind, value in re.findall(r"pb\.(\w+?)_([A-Z]+_\w+)", program):
        assert value in pb.DESCRIPTOR.enum_types_by_name[kind].values_by_name
    for quoted in re.findall(r"(?:ReadFile|WriteFile)\((\".*?[^\\]\")", program):
        assert '\\"naïve\\" 100% cup 😀' in quoted


def test_the_token_is_a_variable_in_every_language() -> None:
    secured = Connection("images.example:443", tls=True, token=True, ca="ca.pem")
    for language, expected in (
        ("grpcurl", '-cacert ca.pem -H "authorization: Bearer $AUTOQUALITY_TOKEN"'),
        ("Python", 'tls=True, ca="ca.pem", token=os.environ["AUTOQUALITY_TOKEN"]'),
        ("Go", '"Bearer "+os.Getenv("AUTOQUALITY_TOKEN")'),
    ):
        assert expected in code(language, FORM, secured)
    assert "-plaintext" not in code("grpcurl", FORM, Connection("images.example:443", tls=True))
    assert 'NewClientTLSFromFile("ca.pem", "")' in code("Go", FORM, secured)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("method", "best", "method must be one of none, size"),
        ("format", "gif", "format must be one of jpeg"),
        ("target", "much", "target must be a number"),
        ("target", "0.02:70", "target must be a number, 0 or more, not '0.02:70'"),
        ("min_quality", "0", "quality must be a whole number from 1 to 100, not '0'"),
        ("max_quality", "²", "quality must be a whole number from 1 to 100"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: str, message: str) -> None:
    with pytest.raises(FieldError, match=re.escape(message)) as raised:
        encode_options({**FORM, field: value})
    assert raised.value.field == field


def test_an_empty_form_leaves_everything_to_the_server() -> None:
    scores = [pb.METRIC_DSSIM, pb.METRIC_SSIMULACRA2]
    assert encode_request(encode_options({})) == pb.EncodeRequest(measure=scores)


def test_a_method_may_have_a_metric_and_a_target_may_be_a_word() -> None:
    request = encode_request(encode_options({"method": "ml:ssimulacra2", "target": "very_high"}))
    assert request.auto_quality == pb.AutoQuality(
        method=pb.METHOD_ML, metric=pb.METRIC_SSIMULACRA2, target=80
    )
