"""Uses the toy format and the toy metric through a server, with the extended code."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import autoquality
from autoquality import Client, InvalidRequestError, Outcome
from tests.photos import crop
from tests.servers import NO_NETWORKS, RunningServer, running_server

PHOTO = crop("coffee.png", 160, 120)
NAMES: Any = autoquality
TOY = autoquality.Format("toy")
SETTINGS = {
    **NO_NETWORKS,
    "AUTOQUALITY_TOY_NET": "none",
    "AUTOQUALITY_TOY_TILE": "4",
    "AUTOQUALITY_FORMAT_MAX": "toy=97",
}


def encode(client: Any) -> None:
    """The options of a request win over the settings."""
    by_default = client.encode(PHOTO, format=TOY)
    small_tiles = client.encode(PHOTO, format="toy", toy=NAMES.ToyOptions(tile=1))
    assert (by_default.format, by_default.quality) == (TOY, 85)
    assert small_tiles.size_bytes > by_default.size_bytes
    measured = client.encode(PHOTO, format="toy", method="dssim", target=0.01, measure=["psnr"])
    assert measured.outcome is Outcome.TARGET_MET
    assert measured.psnr > 20
    assert abs(client.compare(PHOTO, measured.image).psnr - measured.psnr) < 1e-6


def refuse(client: Any) -> None:
    """A range is checked, and the message names the field."""
    with pytest.raises(InvalidRequestError, match=r"toy.tile.*must be from 1 to 64, is 65"):
        client.encode(PHOTO, format="toy", toy=NAMES.ToyOptions(tile=65))
    with pytest.raises(InvalidRequestError, match="must be metric dssim or metric ssimulacra2"):
        client.encode(PHOTO, format="toy", method="ml", metric="psnr")


def describe(client: Client) -> None:
    """The server's description has the format, with the settings."""
    (toy,) = (one for one in client.info().formats if one.format is TOY)
    assert (toy.default_quality, toy.min_quality, toy.max_quality) == (85, 60, 97)


def observe(server: RunningServer) -> None:
    """Metrics and logs have the format and the metric."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics") as answer:
        samples = answer.read().decode()
    assert 'autoquality_achieved_psnr_count{format="toy",method="dssim"} 1.0' in samples
    assert 'autoquality_quality_count{format="toy",method="none"} 2.0' in samples
    calls = [one for one in server.log_lines() if one.get("format") == "toy"]
    assert any(float(str(one["psnr"])) > 20 for one in calls if one.get("psnr"))


def command_lines(server: RunningServer, folder: Path) -> None:
    """The client's command line has the options, the server's checks the format."""
    source = folder / "photo.png"
    source.write_bytes(PHOTO)
    command = [sys.executable, "-m", "autoquality", "--server", server.address, "encode"]
    command += [str(source), "--format", "toy", "--toy-tile", "3", "--toy-big"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    assert (folder / "photo.toy").stat().st_size > 0
    doctor = [sys.executable, "-m", "autoquality_server", "doctor", "--format-quality", "toy=80"]
    done = subprocess.run(doctor, check=False, capture_output=True, text=True)
    assert "toy" in done.stdout, done.stdout + done.stderr
    assert "64x48 at quality 80" in done.stdout, done.stdout + done.stderr


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, running_server(Path(name), SETTINGS) as running:
        with Client(running.address) as connected:
            encode(connected)
            refuse(connected)
            describe(connected)
        observe(running)
        command_lines(running, Path(name))
