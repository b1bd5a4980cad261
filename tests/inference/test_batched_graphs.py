"""Graphs of any kind answer the same in a batch as alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoquality_core.networks import LoadOptions, PredictionFailed, load
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.config.groups.quality import PredictionSettings
from autoquality_server.inference.batching import Batcher
from tests.inference.fakes import RED, REDS, SIZES, Bench, Gated, RecordedEvents
from tests.networks import (
    channel_means,
    constant_graph,
    image_input,
    logits_around,
    mean_graph,
    peak_at,
    quality_of,
    target_graph,
    write_graph,
)
from tests.networks.images import plain
from tests.waiting import LIMIT


def _flat(tf: Any) -> None:
    """One row of logits for any number of images."""
    logits = logits_around(tf, channel_means(tf, image_input(tf))[:, 0])
    tf.reshape(logits[:1], [100], "logits")


def _mixing(tf: Any) -> None:
    """Subtracts half the mean of the batch."""
    red = channel_means(tf, image_input(tf))[:, 0]
    logits_around(tf, red - 0.5 * tf.reduce_mean(red))


def _one_at_a_time(tf: Any) -> None:
    logits_around(tf, channel_means(tf, image_input(tf, (1, 416, 416, 3)))[:, 0])


def _up_to_four(tf: Any) -> None:
    """Right for up to four images, another shape beyond."""
    red = channel_means(tf, image_input(tf))[:, 0]
    logits_around(tf, red[:4])


@pytest.mark.parametrize("build", [_flat, _mixing, _one_at_a_time, _up_to_four])
def test_a_network_that_cannot_run_batches_runs_one_image_at_a_time(
    tmp_path: Path, bench_of: Callable[..., Bench], build: Callable[[Any], None]
) -> None:
    bench = bench_of(write_graph(tmp_path / "a.pb", build))
    bench.occupy()
    waiting = bench.queued(40, 80, 120)
    bench.network.gate.set()
    alone = [bench.network.inner.predict(plain((red, 0, 0)), 0.02) for red in (40, 80, 120)]
    for one, expected in zip(waiting, alone, strict=True):
        assert (one.result(LIMIT).probabilities == expected.probabilities).all()
    assert bench.events.runs == [(1, 0)] * 4


def test_the_probabilities_are_the_softmax_of_the_logits(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    logits = np.linspace(-3, 5, 100, dtype=np.float32)
    bench = bench_of(constant_graph(tmp_path / "a.pb", logits))
    bench.network.gate.set()
    weights = np.exp(logits.astype(np.float64))
    for one in [bench.ask(red) for red in range(5)]:
        np.testing.assert_allclose(
            one.result(LIMIT).probabilities, weights / weights.sum(), rtol=1e-12
        )


def test_a_graph_with_a_fixed_batch_gets_that_size(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    bench = bench_of(mean_graph(tmp_path / "a.pb", RED, (3, 416, 416, 3)))
    bench.occupy()
    waiting = bench.queued(*REDS[:8:2])
    bench.network.gate.set()
    assert [one.result(LIMIT).quality for one in waiting] == list(map(quality_of, REDS[:8:2]))
    assert bench.events.runs == [(1, 2), (3, 0), (1, 2)]


def test_a_single_image_is_padded_if_1_is_no_allowed_size(tmp_path: Path) -> None:
    network = Gated(load(mean_graph(tmp_path / "a.pb", RED), LoadOptions(batch_sizes=(4, 8))))
    events = RecordedEvents()
    batcher = Batcher(network, PredictionSettings(), events)
    network.gate.set()
    image = network.prepare(plain((255, 0, 0)))
    assert batcher.predict(image, 0.02, Deadline()).quality == 100
    assert (network.sizes, events.runs) == ([4], [(1, 3)])
    batcher.close(60)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_graph_with_one_target_for_all_runs_single_images(tmp_path: Path, shape: Any) -> None:
    assert load(target_graph(tmp_path / "a.pb", shape), SIZES).batch_sizes == (1,)


def test_a_wrong_shape_for_one_image_is_a_failed_prediction(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    """The checks while loading do not find it."""

    def build(tf: Any) -> None:
        red = channel_means(tf, image_input(tf))[:, 0]
        logits = logits_around(tf, red)
        width = tf.where(tf.reduce_all(red < 0.9), 100, 50)
        tf.identity(logits[:, :width], "cut")

    bench = bench_of(write_graph(tmp_path / "a.pb", build))
    bench.network.gate.set()
    with pytest.raises(PredictionFailed, match=r"shape \[1, 50\], not 1x100"):
        bench.ask(255).result(LIMIT)
    assert bench.ask(36).result(LIMIT).quality == quality_of(36)


def test_the_peak_is_where_the_graph_puts_it(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    bench = bench_of(constant_graph(tmp_path / "a.pb", peak_at(57)))
    bench.network.gate.set()
    assert bench.ask().result(LIMIT).quality == 57
