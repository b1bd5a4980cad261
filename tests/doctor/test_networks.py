"""Each network is loaded and predicts; one that the server would refuse is a wrong setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoquality_core.types import Device, Format
from autoquality_server.cli.doctor.networks import NetworkChecks
from autoquality_server.cli.doctor.report import Finding, Verdict
from autoquality_server.config import Settings
from tests.networks import constant_graph, peak_at, side_content, write_side_file

NONE = {f"{fmt}_net": "none" for fmt in ("jpeg", "webp", "avif", "jxl")}


def look(bundled: Path, **settings: object) -> dict[str, Finding]:
    networks = NetworkChecks(Settings(**{**NONE, **settings}), bundled)
    return {one.part: one for one in networks.run()}


def test_a_network_predicts_and_a_missing_one_is_ok(tmp_path: Path) -> None:
    path = constant_graph(tmp_path / "given.pb", peak_at(57))
    write_side_file(
        path, side_content(tensors={"image": "images:0", "logits": "logits:0"}, version="2.1")
    )
    chosen: dict[str, Any] = {"jpeg_net": str(path), "webp_net": "none"}
    networks = NetworkChecks(Settings(**chosen), tmp_path)
    found = {one.part: one for one in networks.run()}
    assert {one.verdict for one in found.values()} == {Verdict.OK}
    text = found["jpeg network"].text
    assert text.startswith("given.pb 2.1 on ")
    assert " by tensorflow: predicts quality 57 for dssim in " in text
    assert found["webp network"].text == "none: ml searches without it"
    assert found["avif network"].text == "none bundled: ml searches without it"
    assert networks.names.keys() == {Format.JPEG}
    assert "networks run on " in found["gpu"].text


def test_a_given_network_that_cannot_be_used_is_a_wrong_setting(tmp_path: Path) -> None:
    path = tmp_path / "broken.pb"
    path.write_bytes(b"\x00garbage")
    found = look(tmp_path, webp_net=str(path))["webp network"]
    assert found.verdict is Verdict.WRONG
    assert found.text.startswith(f"AUTOQUALITY_WEBP_NET: {path}: ")


def test_a_broken_bundled_network_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "autoquality-avif.pb").write_bytes(b"\x00garbage")
    found = look(tmp_path, avif_net="bundled")["avif network"]
    assert found.verdict is Verdict.WARNING
    assert found.text.endswith(": ml searches without it")


def test_a_gpu_that_is_required_and_missing_is_a_wrong_setting(tmp_path: Path) -> None:
    """Where there is a GPU, the network runs on it."""
    path = constant_graph(tmp_path / "given.pb", peak_at(57))
    found = look(tmp_path, jpeg_net=str(path), predictor_device=Device.GPU)["jpeg network"]
    if found.verdict is Verdict.OK:
        assert " on GPU:0" in found.text
    else:
        assert found.verdict is Verdict.WRONG
        assert found.text.startswith("AUTOQUALITY_PREDICTOR_DEVICE: ")
