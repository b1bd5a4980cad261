"""A codec that gets no memory fails its request as such, not as a defect or a bad image."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import pyvips

from autoquality_core.formats import EncoderOptions, WebpEncoder
from autoquality_core.images import loaders, open_image
from autoquality_core.images import source as source_module
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.codecs import libavif
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, TargetSpec
from tests.commands import python
from tests.images.files import AMPLE, SAVERS, corners, image_of
from tests.images.films import avif_sequence

MESSAGES = (
    "vips_image_write_to_memory: out of memory -- size == 34MB",
    "vips_tracked: out of memory -- size == 45MB",
    "webpsave: failed to allocate 36000000 bytes",
    "heif: Memory allocation error: Unspecified: Allocating 36000015 bytes failed (6.0)",
    "heif: Initialization problem: av1_create_context_and_bufferpool() failed (8.5001)",
    "VipsJpeg: Insufficient memory (case 4)",
    "avif: aom_codec_encode() failed: Memory allocation error: Failed to allocate context buffers",
)

SCRIPT = """
import resource, sys
import numpy as np
from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_server.rpc.convert import encode_job
from tests.images.files import SAVERS, image_of

pipeline = Pipeline(Defaults(), ImageLimits(1 << 28, 10**8))

def encode(side):
    image = image_of(np.full((side, side, 3), 90, np.uint8))
    data = bytes(SAVERS[sys.argv[1]](image))
    spec = pb.AutoQuality(method=pb.METHOD_NONE)
    target = pb.Format.Value("FORMAT_" + sys.argv[2].upper())
    request = pb.EncodeRequest(image=data, format=target, auto_quality=spec)
    job = encode_job(request, EncoderOptions())
    yield
    pipeline.encode(job, Deadline())
    yield

for _ in encode(64): pass
large = encode(4000)
next(large)
pages = int(open("/proc/self/statm").read().split()[0])
most = pages * resource.getpagesize() + int(sys.argv[3]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
try:
    next(large)
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.parametrize(
    ("source", "target", "spare"),
    [
        *[(fmt, "jpeg", 20) for fmt in ("png", "webp")],
        *[("tiff", target, 75) for target in ("webp", "avif")],
    ],
)
def test_an_image_for_which_there_is_no_memory_raises_memory_error(
    source: str, target: str, spare: int
) -> None:
    """With a real limit of the address space, in a process of its own."""
    assert python(SCRIPT, source, target, spare).stdout == "MemoryError\n"


@pytest.mark.parametrize("message", MESSAGES)
def test_every_library_that_reports_no_memory_is_understood(message: str) -> None:
    with pytest.raises(MemoryError), allocation_failures():
        raise pyvips.Error("unable to call", message)


@pytest.mark.parametrize(
    "message",
    [
        "heif: Memory allocation error: Security limit exceeded (6.1000)",
        "tiff2vips: Failed to allocate memory for to read TIFF directory (0 elements of 12 bytes)",
        'tiff2vips: Out of memory reading of "Compression"',
        "pngload_buffer: libpng read error",
    ],
)
def test_what_is_wrong_with_a_file_is_not_taken_for_lack_of_memory(message: str) -> None:
    with pytest.raises(pyvips.Error), allocation_failures():
        raise pyvips.Error("unable to call", message)


@pytest.mark.parametrize(
    ("work", "fails"),
    [
        (lambda data: open_image(data, AMPLE), 1),
        (lambda data: open_image(data, AMPLE).decode(all_frames=True), 2),
        (lambda data: open_image(data, AMPLE).decode(all_frames=True, damaged=True), 2),
        (lambda data: Pipeline(Defaults(), AMPLE).compare(data, data, Deadline()), 4),
    ],
    ids=["open", "decode", "damaged", "compare"],
)
def test_no_memory_while_a_source_is_read_is_not_the_fault_of_the_source(
    work: Callable[[bytes], Any], fails: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(SAVERS["png"](image_of(corners())))
    calls = count(1)
    whole = loaders.load

    def failing(*arguments: Any, **options: Any) -> pyvips.Image:
        if next(calls) == fails:
            raise pyvips.Error("unable to call", MESSAGES[0])
        return whole(*arguments, **options)

    monkeypatch.setattr(source_module, "load", failing)
    with pytest.raises(MemoryError):
        work(data)


def test_no_memory_for_an_encoding_raises_memory_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> bytes:
        raise pyvips.Error("unable to call", MESSAGES[2])

    data = bytes(SAVERS["png"](image_of(corners())))
    job = EncodeJob(data, Format.WEBP, TargetSpec(), None, EncoderOptions())
    pipeline = Pipeline(Defaults(), AMPLE)
    opened = pipeline.open(job, Deadline())
    monkeypatch.setattr(WebpEncoder, "encode", failing)
    with pytest.raises(MemoryError):
        pipeline.run(opened, Deadline())


def test_no_memory_for_the_frames_of_a_sequence_is_not_the_fault_of_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = open_image(avif_sequence([corners()[..., :3]] * 2, (100, 100)), AMPLE)

    def failing(*_: Any, **__: Any) -> None:
        raise libavif.AvifError("avifDecoderNextImage", 26)  # AVIF_RESULT_OUT_OF_MEMORY

    monkeypatch.setattr(libavif, "avif_decode", failing)
    with pytest.raises(MemoryError):
        source.decode(all_frames=True)
