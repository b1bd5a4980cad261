"""`autoquality encode`: its options in the request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import grpc
import pytest

from autoquality._cli.main import cli
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.cli.conftest import Run, encode_requests
from tests.client.conftest import EVERY_OPTION
from tests.stream.serving import Serving, serving

FORMATS = ("jpeg_", "webp_", "avif_", "png_")


@pytest.mark.parametrize(
    ("arguments", "spec"),
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
        ("--target 0.02", pb.AutoQuality(method=pb.METHOD_DSSIM, target=0.02)),
        ("--method :0.02", pb.AutoQuality(target=0.02)),
        (
            "--target high --max-bytes 100kB --max-dssim 0.05 --min-ssimulacra2 medium",
            pb.AutoQuality(
                method=pb.METHOD_SSIMULACRA2,
                target=70,
                max_bytes=100_000,
                max_dssim=0.05,
                min_ssimulacra2=50,
            ),
        ),
        (
            "--method size:10240:::0.05 --max-bytes 1048576 --min-ssimulacra2 42.5",
            pb.AutoQuality(
                method=pb.METHOD_SIZE,
                target=10240,
                allowed_error=0.05,
                max_bytes=1_048_576,
                min_ssimulacra2=42.5,
            ),
        ),
        (
            "--target high",
            pb.AutoQuality(method=pb.METHOD_SSIMULACRA2, target=70),
        ),
        (
            "--method ssimulacra2:high --target 85.5 --allowed-error 2",
            pb.AutoQuality(method=pb.METHOD_SSIMULACRA2, target=85.5, allowed_error=2),
        ),
        (
            "--method ml --target very-high",
            pb.AutoQuality(method=pb.METHOD_ML, target=80, metric=pb.METRIC_SSIMULACRA2),
        ),
        (
            "--method ml --metric ssimulacra2 --allowed-error 100",
            pb.AutoQuality(method=pb.METHOD_ML, metric=pb.METRIC_SSIMULACRA2, allowed_error=100),
        ),
        ("--target 20kB", pb.AutoQuality(method=pb.METHOD_SIZE, target=20_000)),
        ("--method size --target 20KiB", pb.AutoQuality(method=pb.METHOD_SIZE, target=20_480)),
        ("--target 1.5MB --min 10", pb.AutoQuality(method=2, target=1_500_000, min_quality=10)),
        ("--quality 55", pb.AutoQuality(method=pb.METHOD_NONE)),
        ("-q 55", pb.AutoQuality(method=pb.METHOD_NONE)),
        ("--quality 55 --min 60", pb.AutoQuality(method=pb.METHOD_NONE, min_quality=60)),
    ],
)
def test_the_spec_can_be_notation_or_options_or_both(
    run: Run, photos: Path, server: FakeServer, arguments: str, spec: pb.AutoQuality
) -> None:
    result = run("encode", photos / "a.jpg", "-f", "webp", *arguments.split())
    assert result.exit_code == 0, result.stderr
    (request,) = encode_requests(server)
    assert request.format == pb.FORMAT_WEBP
    assert request.auto_quality == spec
    assert request.quality == (55 if "55" in arguments else 0)


def test_every_option_is_sent_in_its_field(run: Run, photos: Path, server: FakeServer) -> None:
    options = (
        "--background #102030 --keep-metadata --measure "
        "--jpeg-progressive --jpeg-subsample --jpeg-trellis-quant --no-jpeg-optimize-scans "
        "--jpeg-overshoot-deringing --jpeg-quant-table 3 "
        "--webp-effort 0 --webp-preset text --webp-smart-subsample "
        "--avif-speed 9 --avif-no-subsample "
        "--png-compression 0 --png-interlaced --png-quantize --png-quantization-colors 16 "
        "--allow-truncated --strip-copyright --color-profile keep --keep-hidden-colors "
        "--webp-alpha-quality 0 "
        "--keep-smaller-source --cap-at-source --may-shrink --min-width 320"
    )
    result = run("encode", photos / "a.jpg", "--format", "webp", *options.split())
    assert result.exit_code == 0, result.stderr
    (request,) = encode_requests(server)
    assert request.image == (photos / "a.jpg").read_bytes()
    request.ClearField("image")
    assert request == EVERY_OPTION


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("encode", "Missing argument"),
        ("encode {empty}", "must not be empty"),
        ("encode {photos} -o {empty}", "must not be empty"),
        ("batch {photos} {empty}", "must not be empty"),
        ("batch {empty} {photos}", "must not be empty"),
        ("encode {photos} -o -", "standard output takes only one image"),
        ("encode {photos}/a.jpg {photos}/b.PNG -o -", "standard output takes only one image"),
        ("encode - --json", "--json and the image"),
        ("encode - - -o x/", "can be given only once"),
        ("encode {photos} -o {photos}/a.jpg", "is a file"),
        ("encode {photos}/trip/.cache/none", "contain no images"),
        ("encode {photos}/a.jpg --method best", "method must be one of none, size, dssim, ml"),
        ("encode {photos}/a.jpg --method dssim:x", "target must be a number"),
        ("encode {photos}/a.jpg --target best", "or one of low, medium, high, very_high"),
        ("encode {photos}/a.jpg --target -1", "must be a number, 0 or more, not '-1'"),
        ("encode {photos}/a.jpg --method dssim --target high", "words are for ssimulacra2"),
        ("encode {photos}/a.jpg --method dssim --target 20kB", "the method must be size"),
        ("encode {photos}/a.jpg --target 20xB", "must be a size of 1 byte or more"),
        ("encode {photos}/a.jpg --metric ssim", "is not one of"),
        ("encode {photos}/a.jpg --allowed-error -1", "must be a number, 0 or more, not '-1'"),
        ("encode {photos}/a.jpg --format bmp", "is not one of"),
        ("encode {photos}/a.jpg --min 0", "must be a whole number from 1 to 100, not '0'"),
        ("encode {photos}/a.jpg --jobs 1e3", "must be a whole number, 1 or more, not '1e3'"),
        ("--timeout nan encode {photos}/a.jpg", "must be a number above 0, not 'nan'"),
        ("encode {photos}/a.jpg --timeout -1", "must be a number above 0, not '-1'"),
        ("--tls encode {photos}/a.jpg --insecure", "--tls and --insecure contradict each other"),
        ("encode {photos}/a.jpg --server http://host", "without a scheme"),
        ("encode {photos}/a.jpg --max-bytes 0", "must be a size of 1 byte or more"),
        (f"encode {{photos}}/a.jpg --max-bytes {10**20}", "must be less than 8 EiB (2**63 bytes)"),
        ("encode {photos}/a.jpg --may-shrink --min-width 3000000000", "from 1 to 2147483647"),
        ("encode {photos}/a.jpg --min-ssimulacra2 best", "or one of low, medium, high"),
        ("encode {photos}/a.jpg --max-dssim 2", "must be a number from 0 to 1, not '2'"),
        ("--cert {photos}/a.jpg encode {photos}/a.jpg", "cert and key must be given together"),
        ("--ca {photos}/nothing encode {photos}/a.jpg", "does not exist"),
        ("nothing", "No such command"),
    ],
)
def test_an_invalid_command_line_exits_with_2_and_sends_nothing(
    run: Run, photos: Path, server: FakeServer, arguments: str, complaint: str
) -> None:
    (photos / "trip" / ".cache" / "none").mkdir()
    words = [word.format(photos=photos, empty="") for word in arguments.split()]
    result = run(*words, stdin=b"photo")
    assert result.exit_code == 2, result.output
    assert complaint in result.stderr
    assert server.requests == ()


@pytest.fixture(scope="module")
def real_server() -> Iterator[Serving]:
    with serving() as server:
        yield server


BOUNDS = [
    (*str(parameter.name).split("_", 1), parameter.type.min, parameter.type.max)
    for parameter in cli.commands["encode"].params
    if isinstance(parameter.type, click.IntRange) and str(parameter.name).startswith(FORMATS)
]


@pytest.mark.parametrize(("format", "field", "low", "high"), BOUNDS)
def test_the_range_of_an_option_is_the_real_server_s(
    real_server: Serving, format: str, field: str, low: int, high: int
) -> None:
    raw = pb.RawImage(width=16, height=16, bands=3, pixels=bytes(768))

    def encode(value: int) -> None:
        request = pb.EncodeRequest(raw=raw, format=f"FORMAT_{format.upper()}")
        setattr(getattr(request, format), field, value)
        real_server.stub.Encode(request)

    for value in (low, high):
        encode(value)
    for value in (low - 1, high + 1):
        with pytest.raises(grpc.RpcError) as caught:
            encode(value)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert f"{format}.{field}" in str(caught.value.details())


def test_jpg_is_another_name_of_jpeg(server: FakeServer, run: Run) -> None:
    assert run("encode", "-", "-o", "-", "--format", "jpg", stdin=b"photo").exit_code == 0
    assert encode_requests(server)[0].format == pb.FORMAT_JPEG


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--target", "high", "--quality", "80"], "contradicts a search by ssimulacra2"),
        (["--target", "0.02", "--quality", "80"], "contradicts a search by dssim"),
        (["--target", "70"], "--target 70 needs a method: --method ssimulacra2 for a score"),
        (["--min", "90", "--max", "30"], "--min 90 is above --max 30"),
        (["--target", "20kB", "--min-width", "100"], "--min-width needs --may-shrink"),
    ],
)
def test_options_that_contradict_each_other_are_refused_before_the_first_image(
    run: Run, server: FakeServer, photos: Path, options: list[str], complaint: str
) -> None:
    result = run("encode", photos, "--format", "webp", *options)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert server.requests == ()
