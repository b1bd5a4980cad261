"""Files of variables, such as imgproxy's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoquality_core.formats import WebpPreset
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.types import Format, Method
from autoquality_server.config import load
from tests.config.test_load import read, refused

IMGPROXY_FILE = """\
# An imgproxy configuration
IMGPROXY_BIND=":8080"
IMGPROXY_KEY=deadbeef
IMGPROXY_QUALITY=82
IMGPROXY_FORMAT_QUALITY="webp=75,avif=55,jxl=78,bmp=1"
IMGPROXY_JPEG_PROGRESSIVE=true
IMGPROXY_WEBP_EFFORT=6
IMGPROXY_WEBP_PRESET=photo
IMGPROXY_AVIF_SPEED=7
IMGPROXY_JXL_EFFORT=4
IMGPROXY_PNG_QUANTIZE=1
IMGPROXY_MAX_SRC_RESOLUTION=16.8
export IMGPROXY_AUTOQUALITY_METHOD="dssim"
IMGPROXY_AUTOQUALITY_TARGET=0.01
IMGPROXY_AUTOQUALITY_MIN=40
IMGPROXY_AUTOQUALITY_MAX=95
IMGPROXY_AUTOQUALITY_FORMAT_MIN="avif=30"
IMGPROXY_AUTOQUALITY_FORMAT_MAX="avif=70,heic=90"
IMGPROXY_AUTOQUALITY_ALLOWED_ERROR=0.002
"""


@pytest.fixture
def imgproxy_file(tmp_path: Path) -> str:
    path = tmp_path / "imgproxy.env"
    path.write_text(IMGPROXY_FILE)
    return str(path)


def test_an_imgproxy_file_works_as_it_is(imgproxy_file: str) -> None:
    configuration = load({}, {"IMGPROXY_ENV_LOCAL_FILE_PATH": imgproxy_file})
    settings = configuration.settings
    assert settings.defaults() == Defaults(
        method=Method.DSSIM,
        target=0.01,
        min_quality=40,
        max_quality=95,
        format_min={Format.AVIF: 30},
        format_max={Format.AVIF: 70},
        allowed_error=0.002,
        quality=82,
        format_quality={Format.WEBP: 75, Format.AVIF: 55, Format.JXL: 78},
    )
    options = settings.encoder_options()
    assert options.jpeg.progressive
    assert options.webp.effort == 6
    assert options.webp.preset is WebpPreset.PHOTO
    assert options.avif.speed == 7
    assert options.jxl.effort == 4
    assert options.png.quantize
    assert settings.max_pixels == 16_800_000
    assert configuration.warnings == (
        (
            f"IMGPROXY_AUTOQUALITY_FORMAT_MAX (in {imgproxy_file}): ignored heic=90: not a format "
            "that this server writes with a quality"
        ),
        (
            f"IMGPROXY_FORMAT_QUALITY (in {imgproxy_file}): ignored bmp=1: not a format that this "
            "server writes with a quality"
        ),
    )
    assert configuration.unused == ("IMGPROXY_BIND (see AUTOQUALITY_LISTEN)", "IMGPROXY_KEY")


def test_the_real_environment_wins_over_the_file(imgproxy_file: str) -> None:
    environ = {"IMGPROXY_QUALITY": "50"}
    assert read(environ, env_file=imgproxy_file).quality == 50


def test_our_names_in_the_file_win_over_imgproxys_in_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "ours.env"
    path.write_text("AUTOQUALITY_QUALITY=60\n")
    environ = {"IMGPROXY_QUALITY": "50", "AUTOQUALITY_ENV_FILE": str(path)}
    assert read(environ).quality == 60


def test_an_env_file_must_exist() -> None:
    assert refused(env_file="/no/such/file") == (
        "--env-file: must be a file that exists, not '/no/such/file'"
    )


def test_an_env_file_must_be_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.env"
    path.write_bytes(b"\xff\xfe=\x80")
    assert "must be a readable file of VARIABLE=value lines" in refused(env_file=str(path))


@pytest.mark.parametrize("line", ['IMGPROXY_SECRET="never closed', "IMGPROXY_QUALITY 70"])
def test_a_line_of_an_env_file_that_cannot_be_read_stops_the_start(
    tmp_path: Path, line: str
) -> None:
    path = tmp_path / "broken.env"
    path.write_text(f"# fine\n{line}\nIMGPROXY_AUTOQUALITY_METHOD=dssim\n")
    message = refused(env_file=str(path))
    assert message.startswith("--env-file: line 2 of ") and "VARIABLE=value" in message
