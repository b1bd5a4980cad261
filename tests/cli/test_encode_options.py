"""`autoquality encode`: what its options ask the server for."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.cli.conftest import Run, encode_requests


@pytest.mark.parametrize(
    ("arguments", "wish"),
    [
        ("--method ml", pb.AutoQuality(method=pb.METHOD_ML)),
        (
            "--method dssim:0.02:70:80:0.001",
            pb.AutoQuality(
                method=pb.METHOD_DSSIM,
                target=0.02,
                min_quality=70,
                max_quality=80,
                allowed_error=0.001,
            ),
        ),
        (
            "--method dssim:0.02:70 --target 0.01 --max 90 --allowed-error 0.5",
            pb.AutoQuality(
                method=pb.METHOD_DSSIM,
                target=0.01,
                min_quality=70,
                max_quality=90,
                allowed_error=0.5,
            ),
        ),
        ("--min 60", pb.AutoQuality(min_quality=60)),
        ("--quality 55", pb.AutoQuality(method=pb.METHOD_NONE)),
        ("--quality 55 --min 60", pb.AutoQuality(method=pb.METHOD_NONE, min_quality=60)),
    ],
)
def test_the_wish_is_stated_in_notation_by_options_or_both(
    run: Run, photos: Path, server: FakeServer, arguments: str, wish: pb.AutoQuality
) -> None:
    result = run("encode", photos / "a.jpg", "--format", "webp", *arguments.split())
    assert result.exit_code == 0, result.stderr
    (request,) = encode_requests(server)
    assert request.auto_quality == wish
    assert request.quality == (55 if "--quality" in arguments else 0)


def test_every_option_reaches_its_field(run: Run, photos: Path, server: FakeServer) -> None:
    options = (
        "--background #102030 --keep-metadata --measure "
        "--jpeg-progressive --jpeg-subsample --jpeg-trellis-quant --no-jpeg-optimize-scans "
        "--jpeg-overshoot-deringing --jpeg-quant-table 3 "
        "--webp-effort 0 --webp-preset text --webp-smart-subsample "
        "--avif-speed 9 --avif-no-subsample "
        "--png-compression 0 --png-interlaced --png-quantize --png-quantization-colors 16 "
        "--allow-truncated --strip-copyright --color-profile keep --keep-hidden-colors "
        "--webp-alpha-quality 0"
    )
    result = run("encode", photos / "a.jpg", "--format", "webp", *options.split())
    assert result.exit_code == 0, result.stderr
    assert encode_requests(server) == [
        pb.EncodeRequest(
            image=(photos / "a.jpg").read_bytes(),
            format=pb.FORMAT_WEBP,
            jpeg=pb.JpegOptions(
                progressive=True,
                no_subsample=False,
                trellis_quant=True,
                overshoot_deringing=True,
                optimize_scans=False,
                quant_table=3,
            ),
            webp=pb.WebpOptions(
                effort=0, preset=pb.WEBP_PRESET_TEXT, smart_subsample=True, alpha_quality=0
            ),
            avif=pb.AvifOptions(speed=9, no_subsample=True),
            png=pb.PngOptions(
                compression=0, interlaced=True, quantize=True, quantization_colors=16
            ),
            background="#102030",
            keep_metadata=True,
            measure_dssim=True,
            allow_truncated=True,
            keep_copyright=False,
            color_profile=pb.COLOR_PROFILE_KEEP,
            keep_hidden_colors=True,
        )
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("encode", "Missing argument"),
        ("encode {photos} -o -", "only one image fits standard output"),
        ("encode {photos}/a.jpg {photos}/b.PNG -o -", "only one image fits standard output"),
        ("encode - --json", "--json and the image"),
        ("encode - - -o x/", "standard input can be encoded once only"),
        ("encode {photos} -o {photos}/a.jpg", "is a file"),
        ("encode {photos}/trip/.cache/none", "there is no image"),
        ("encode {photos}/a.jpg --method best", "method must be one of none, size, dssim, ml"),
        ("encode {photos}/a.jpg --method dssim:x", "target must be a number"),
        ("encode {photos}/a.jpg --format bmp", "is not one of"),
        ("encode {photos}/a.jpg --min 0", "is not in the range"),
        ("encode {photos}/a.jpg --jobs 0", "is not in the range"),
        ("--timeout 0 encode {photos}/a.jpg", "is not in the range"),
        ("--cert {photos}/a.jpg encode {photos}/a.jpg", "cert and key must be given together"),
        ("--ca {photos}/nothing encode {photos}/a.jpg", "does not exist"),
        ("nothing", "No such command"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_sends_nothing(
    run: Run, photos: Path, server: FakeServer, arguments: str, complaint: str
) -> None:
    (photos / "trip" / ".cache" / "none").mkdir()
    result = run(*arguments.format(photos=photos).split(), stdin=b"photo")
    assert result.exit_code == 2, result.output
    assert complaint in result.stderr
    assert server.requests == ()
