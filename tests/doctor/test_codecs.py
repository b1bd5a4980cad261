"""Formats are really written and read."""

from __future__ import annotations

from autoquality_server.cli.doctor import codecs
from autoquality_server.cli.doctor.report import Verdict
from autoquality_server.config import Settings
from tests.commands import python

BROKEN = """
import pyvips
from autoquality_server.config import Settings
from autoquality_server.cli.doctor import codecs
for name in ("VipsForeignSaveHeif", "VipsForeignLoadNsgif"):
    pyvips.operation_block_set(name, True)
for one in codecs.check_formats(Settings()):
    print(one.part, one.verdict.value, one.text)
"""


def test_every_format_is_written_read_and_measured() -> None:
    found = {one.part: one for one in codecs.check_formats(Settings())}
    assert list(found) == ["jpeg", "webp", "avif", "png", "jxl", "sources"]
    assert {one.verdict for one in found.values()} == {Verdict.OK}
    assert found["png"].text.endswith(", DSSIM 0.0000, SSIMULACRA2 100.0000")
    assert "at quality 63: " in found["avif"].text
    assert "gif" in found["sources"].text and "tiff" in found["sources"].text


def test_an_encoder_and_a_loader_that_fail_are_reported() -> None:
    done = python(BROKEN)
    lines = done.stdout.splitlines()
    assert any(line == "avif failed cannot be written here" for line in lines)
    assert any(line.startswith("sources failed gif cannot be read: ") for line in lines)
    assert any(line.startswith("webp ok ") for line in lines)


def test_the_metric_is_compiled_and_kept() -> None:
    found = codecs.check_metric()
    assert found.verdict is Verdict.OK
    assert found.text.startswith("ready in ")
