"""Calls of a server, each with what it answered, as fields that do not depend on time."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec

import grpc
from PIL import Image

from autoquality import (
    AutoQualityError,
    Client,
    Encoded,
    InvalidRequestError,
    Probe,
    Progress,
    RawImage,
)
from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1.encoding_pb2_grpc import EncodingServiceStub

Source = Path | bytes | RawImage
Options = dict[str, Any]
Fields = dict[str, Any]
"""An answer or an error, ready for JSON."""

BUDGET = "size:budget"
"""Stands for "size:" and a number of bytes that some quality reaches."""

PATIENCE = 600.0
"""Seconds for one call: enough that no deadline changes an answer."""

P = ParamSpec("P")


@dataclass(frozen=True)
class Service:
    """A server, by its client and by the stub below that."""

    client: Client
    stub: EncodingServiceStub


def _with_errors(call: Callable[P, Fields]) -> Callable[P, Fields]:
    """An error is an answer too."""

    @wraps(call)
    def answered(*args: P.args, **kwargs: P.kwargs) -> Fields:
        try:
            return call(*args, **kwargs)
        except AutoQualityError as error:
            violations = error.field_violations if isinstance(error, InvalidRequestError) else ()
            return {
                "error": error.code.name,
                "reason": error.reason,
                "message": error.message,
                "fields": [dataclasses.astuple(one) for one in violations],
            }
        except grpc.RpcError as error:
            return {"error": error.code().name, "message": error.details()}
        except ValueError as error:
            return {"error": "ValueError", "message": str(error)}

    return answered


@_with_errors
def encoded(source: Source, options: Options, service: Service) -> Fields:
    """Encode one image."""
    answer = service.client.encode(source, timeout=PATIENCE, **_with_budget(source, options))
    return _fields(answer)


@_with_errors
def streamed(source: Source, options: Options, service: Service) -> Fields:
    """Encode one image in a stream; its progress is part of the answer."""
    options = _with_budget(source, options)
    parts = list(service.client.encode_stream(source, timeout=PATIENCE, **options))
    answer = next(one for one in parts if isinstance(one, Encoded))
    steps = [one for one in parts if isinstance(one, Progress)]
    progress = [[one.stage, one.probe and _probe(one.probe)] for one in steps]
    return {**_fields(answer), "progress": progress}


@_with_errors
def compared(reference: bytes, distorted: bytes, service: Service) -> Fields:
    """Compare two images."""
    found = service.client.compare(reference, distorted, timeout=PATIENCE)
    names = ("dssim", "ssim", "width", "height", "frames")
    return {name: getattr(found, name) for name in names}


@_with_errors
def sent(request: pb.EncodeRequest, service: Service) -> Fields:
    """Send a message as it is."""
    answer = service.stub.Encode(request, timeout=PATIENCE)
    return {"bytes": _digest(answer.image)}


@_with_errors
def facts(service: Service) -> Fields:
    """GetServerInfo and health, without versions and limits that depend on the machine."""
    info = service.client.info()
    limits = dataclasses.asdict(info.limits)
    return {
        "health": service.client.health(),
        "formats": [dataclasses.asdict(one) for one in info.formats],
        "source formats": info.source_formats,
        "defaults": dataclasses.asdict(info.defaults),
        "limits": {name: limits[name] for name in limits if name not in {"workers", "queue_size"}},
    }


def _fields(answer: Encoded) -> Fields:
    names = (
        *("format", "size_bytes", "quality", "alpha_quality", "dssim", "outcome"),
        *("predicted_quality", "iterations", "width", "height", "frames"),
    )
    return {
        "bytes": _digest(answer.image),
        **{name: getattr(answer, name) for name in names},
        "applied": dataclasses.asdict(answer.applied),
        "probes": [_probe(one) for one in answer.probes],
        "notices": [[one.code, one.message] for one in answer.notices],
    }


def _probe(probe: Probe) -> list[Any]:
    return [probe.quality, probe.size_bytes, probe.dssim, probe.alpha_quality]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _with_budget(source: Source, options: Options) -> Options:
    target = options.get("auto_quality", "")
    if not target.startswith(BUDGET):
        return options
    return {**options, "auto_quality": target.replace("budget", str(_budget(source)))}


@cache
def _budget(source: Source) -> int:
    """The bytes of a WebP that Pillow writes, which every format reaches by some quality."""
    if isinstance(source, RawImage):
        return source.width * source.height // 4
    file = io.BytesIO()
    try:
        with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as image:
            image.convert("RGB").save(file, "WEBP", quality=75, method=0)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 2000
    return len(file.getvalue())
