"""Targets, words and measurements by the metrics."""

from __future__ import annotations

from typing import Any

import pytest

from autoquality import AutoQuality, Client, Method, Metric
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb


def sent(server: FakeServer) -> pb.EncodeRequest:
    """Return the last request that the server received."""
    message = server.requests[-1].message
    assert isinstance(message, pb.EncodeRequest)
    return message


@pytest.mark.parametrize(
    ("arguments", "spec"),
    [
        ({"target": "high"}, pb.AutoQuality(method=pb.METHOD_SSIMULACRA2, target=70)),
        (
            {"method": "ssimulacra2", "target": "Visually lossless", "allowed_error": 2},
            pb.AutoQuality(method=pb.METHOD_SSIMULACRA2, target=90, allowed_error=2),
        ),
        (
            {"method": Method.ML, "target": "low"},
            pb.AutoQuality(method=pb.METHOD_ML, target=30, metric=pb.METRIC_SSIMULACRA2),
        ),
        (
            {"method": "ml", "target": 65, "metric": Metric.SSIMULACRA2},
            pb.AutoQuality(method=pb.METHOD_ML, target=65, metric=pb.METRIC_SSIMULACRA2),
        ),
        (
            {"auto_quality": "ssimulacra2:excellent:20"},
            pb.AutoQuality(method=pb.METHOD_SSIMULACRA2, target=85, min_quality=20),
        ),
    ],
)
def test_a_word_is_a_score_of_ssimulacra2(
    server: FakeServer, client: Client, arguments: dict[str, Any], spec: pb.AutoQuality
) -> None:
    client.encode(b"photo", **arguments)
    assert sent(server).auto_quality == spec


@pytest.mark.parametrize(
    ("measure", "numbers"),
    [
        (("dssim", Metric.SSIMULACRA2), [pb.METRIC_DSSIM, pb.METRIC_SSIMULACRA2]),
        (["ssimulacra2"], [pb.METRIC_SSIMULACRA2]),
        ("ssimulacra2", [pb.METRIC_SSIMULACRA2]),
        ((), []),
    ],
)
def test_metrics_to_measure_are_names_or_members(
    server: FakeServer, client: Client, measure: Any, numbers: list[int]
) -> None:
    encoded = client.encode(b"photo", format="webp", quality=70, measure=measure)
    assert list(sent(server).measure) == numbers
    assert (encoded.ssimulacra2 is not None) == (pb.METRIC_SSIMULACRA2 in numbers)
    assert encoded.probes[0].ssimulacra2 == encoded.ssimulacra2


def test_the_answer_has_the_metric_of_its_target(client: Client) -> None:
    found = client.encode(b"photo", format="webp", target="high", allowed_error=5)
    assert found.applied == AutoQuality(Method.SSIMULACRA2, 70, 10, 95, 5, Metric.SSIMULACRA2)
    assert client.encode(b"photo", format="webp").applied.metric is None
    again = client.encode(b"photo", format="webp", auto_quality=found.applied)
    assert again.image == found.image
