"""Frozen graphs of every shape that the contract allows predict correctly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoquality_core.networks import LoadOptions, PredictionFailed, load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.networks.inputs import squeeze
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_core.types import Device, Format
from autoquality_server.config.settings import Settings
from autoquality_server.inference.predictors import load_options
from tests.networks import (
    NCHW,
    NHWC,
    channel_means,
    constant_graph,
    image_input,
    logits_around,
    mean_graph,
    peak_at,
    target_graph,
    write_graph,
)
from tests.networks.images import photograph, plain

OPEN = (None, None, None, 3)
OPEN_NCHW = (None, 3, None, None)
GREY = plain((128, 128, 128))


def test_probabilities_are_the_softmax_of_the_logits(tmp_path: Path) -> None:
    """For a graph with constant logits."""
    logits = np.linspace(-3, 5, 100, dtype=np.float32)
    prediction = load(constant_graph(tmp_path / "a.pb", logits)).predict(photograph(), 0.02)
    weights = np.exp(logits.astype(np.float64))
    np.testing.assert_allclose(prediction.probabilities, weights / weights.sum(), rtol=1e-12)


def test_info_names_the_file_its_hash_and_the_device(tmp_path: Path) -> None:
    """The name has no folder, the hash is the file's SHA-256."""
    path = constant_graph(tmp_path / "autoquality-jpeg.pb", peak_at(75))
    info = load(path).info
    assert info.name == "autoquality-jpeg.pb"
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert info.device in ("CPU:0", "GPU:0")


@pytest.mark.parametrize(
    ("shape", "channels_first"),
    [
        (NHWC, False),
        ((1, 416, 416, 3), False),
        (OPEN, False),
        ((None, None, None, None), False),
        (None, False),
        (NCHW, True),
        ((1, 3, 416, 416), True),
        (OPEN_NCHW, True),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_every_layout_and_type_sees_the_same_image(
    tmp_path: Path, shape: Any, channels_first: bool, dtype: str
) -> None:
    """Red, green and blue arrive in that order, as [0, 1] in float32 and 0..255 in uint8."""
    weights = (0.5, 0.3, 0.2)
    network = load(mean_graph(tmp_path / "a.pb", weights, shape, dtype, channels_first))
    for colour, share in (((255, 0, 0), 0.5), ((0, 255, 0), 0.3), ((0, 0, 255), 0.2)):
        assert network.predict(plain(colour), 0.02).quality == 1 + round(99 * share)


def test_an_open_layout_is_found_by_running_it(tmp_path: Path) -> None:
    """A graph that leaves even the rank open, but cannot work on NHWC, gets NCHW."""

    def build(tf: Any) -> None:
        image = image_input(tf, None)
        red = tf.reshape(image, [-1, 3, 416, 416])[:, 0]
        checked = tf.ensure_shape(image, NCHW)
        tf.identity(logits_around(tf, tf.reduce_mean(red + 0.0 * checked[:, 0], [1, 2])))

    network = load(write_graph(tmp_path / "a.pb", build))
    assert network.predict(plain((51, 255, 255)), 0.02).quality == 1 + round(99 * 0.2)


@pytest.mark.parametrize("shape", [(), (None,), (1,), (None, 1), (1, 1), None])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_graph_with_a_second_input_gets_the_target(
    tmp_path: Path, shape: Any, dtype: str
) -> None:
    """Unchanged, for inputs of all shapes and types."""
    network = load(target_graph(tmp_path / "a.pb", shape, dtype))
    for target in (0.0, 0.02, 0.5):
        assert network.predict(GREY, target).quality == 1 + round(99 * target)


def _odd_names(tf: Any) -> None:
    """Names that are meaningless or wrong."""
    image = image_input(tf, name="model/branch_7/output")
    tf.identity(logits_around(tf, channel_means(tf, image)[:, 0]), "input")


def _identities(tf: Any) -> None:
    """Several outputs that are the same tensor."""
    logits = logits_around(tf, channel_means(tf, image_input(tf))[:, 0])
    tf.identity(tf.identity(logits), "Identity")
    tf.identity(logits, "Identity_1")


def _left_overs(tf: Any) -> None:
    """Unused constants, labels, batch statistics and other heads."""
    image = image_input(tf)
    tf.constant(np.zeros(100, np.float32), name="unused_bias")
    tf.compat.v1.placeholder("float32", [None, 100], "labels")
    tf.compat.v1.placeholder("float32", [], "learning_rate")
    tf.identity(tf.reduce_mean(image, [1, 2]), "embedding")
    tf.compat.v1.nn.fused_batch_norm(
        tf.tile(image[..., :1], [1, 1, 1, 100]), np.ones(100, "f4"), np.zeros(100, "f4")
    )
    tf.no_op("init")
    logits = logits_around(tf, channel_means(tf, image)[:, 0])
    tf.ensure_shape(tf.tile(logits[:1], [7, 1]), [7, 100], "rows")
    tf.identity(logits, "logits")


def _softmax(tf: Any) -> None:
    """Logits that are exported together with their softmax."""
    logits = logits_around(tf, channel_means(tf, image_input(tf))[:, 0])
    tf.identity(logits, "logits")
    tf.identity(tf.nn.softmax(logits), "probabilities")


def _flat(tf: Any) -> None:
    """Logits without a batch dimension."""
    tf.reshape(logits_around(tf, channel_means(tf, image_input(tf))[:, 0]), [100], "logits")


def _open_output(tf: Any) -> None:
    """Logits without a declared shape."""
    logits = logits_around(tf, channel_means(tf, image_input(tf))[:, 0])
    tf.reshape(logits, tf.compat.v1.placeholder_with_default([1, 100], [None]), "out")


def _switch_with_default(tf: Any) -> None:
    """A training switch that has a default and need not be fed."""
    scale = tf.compat.v1.placeholder_with_default(np.float32(1), [], "keep_prob")
    logits_around(tf, channel_means(tf, image_input(tf))[:, 0] * scale)


def _foreign_device(tf: Any) -> None:
    """Nodes pinned to a device of the machine that trained it."""
    with tf.device("/job:worker/replica:0/task:3/device:GPU:7"):
        logits_around(tf, channel_means(tf, image_input(tf))[:, 0])


def _function(tf: Any) -> None:
    """Work inside a function of the graph's library, as TensorFlow 2 exports it."""
    work = tf.function(lambda image: logits_around(tf, channel_means(tf, image)[:, 0]))
    tf.identity(work(image_input(tf)), "logits")


@pytest.mark.parametrize(
    "build",
    [
        _odd_names,
        _identities,
        _left_overs,
        _softmax,
        _flat,
        _open_output,
        _switch_with_default,
        _foreign_device,
        _function,
    ],
)
def test_input_and_logits_are_found(tmp_path: Path, build: Callable[[Any], None]) -> None:
    """Names, left-overs and wrappings do not matter."""
    network = load(write_graph(tmp_path / "a.pb", build))
    prediction = network.predict(plain((102, 0, 0)), 0.02)
    assert prediction.quality == 1 + round(99 * 0.4)
    # Probabilities would not have this ratio: they are e to the minus distance from 40.6.
    ratio = prediction.probabilities[30] / prediction.probabilities[29]
    assert ratio == pytest.approx(np.e, rel=1e-4)


def _convolutions(tf: Any) -> None:
    random = np.random.default_rng(7)

    def layer(x: Any, depth: int, stride: int) -> Any:
        kernel = random.normal(0, 0.2, (3, 3, x.shape[-1], depth)).astype("f4")
        return tf.nn.relu(tf.nn.conv2d(x, tf.constant(kernel), stride, "SAME"))

    x = layer(layer(layer(image_input(tf), 8, 4), 16, 2), 32, 2)
    head = tf.constant(random.normal(0, 3, (32, 100)).astype("f4"))
    tf.matmul(tf.reduce_mean(x, [1, 2]), head, name="logits")


def test_answer_is_tensorflows_own(tmp_path: Path) -> None:
    """A convolutional network predicts what TensorFlow computes with it directly."""
    path = write_graph(tmp_path / "a.pb", _convolutions)
    tf = tensorflow()
    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        logits, image = tf.import_graph_def(definition, return_elements=["logits:0", "images:0"])
        direct = session.run(
            tf.nn.softmax(logits), {image: squeeze(photograph())[np.newaxis] / 255}
        )
    prediction = load(path).predict(photograph(), 0.02)
    np.testing.assert_allclose(prediction.probabilities, direct[0], rtol=1e-4, atol=1e-7)


def test_one_network_serves_many_threads(tmp_path: Path) -> None:
    """Each of 60 predictions from 16 threads belongs to its own image and target."""

    def build(tf: Any) -> None:
        red = channel_means(tf, image_input(tf))[:, 0]
        target = tf.compat.v1.placeholder("float32", [], "target")
        logits_around(tf, (red + target) / 2)

    network = load(write_graph(tmp_path / "a.pb", build))

    def ask(i: int) -> int:
        return network.predict(plain((i % 256, 0, 0)), (i * 37 % 101) / 100).quality

    alone = [ask(4 * i) for i in range(60)]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(ask, range(0, 240, 4)))
    assert together == alone
    assert len(set(alone)) > 30


def test_networks_of_one_process_are_independent(tmp_path: Path) -> None:
    """Even if their nodes have the same names."""
    qualities = [11, 55, 99]
    networks = [load(constant_graph(tmp_path / f"{q}.pb", peak_at(q))) for q in qualities]
    assert [network.predict(GREY, 0.02).quality for network in networks] == qualities


def test_default_graph_stays_empty(tmp_path: Path) -> None:
    """Loading does not change TensorFlow's global state."""
    tf = tensorflow()
    load(constant_graph(tmp_path / "a.pb", peak_at(50)))
    assert tf.compat.v1.get_default_graph().get_operations() == []


def test_infinite_answer_is_a_failed_prediction(tmp_path: Path) -> None:
    """Logits that are not finite for one image fail that prediction and no other."""

    def build(tf: Any) -> None:
        red = channel_means(tf, image_input(tf))[:, 0]
        logits_around(tf, red / tf.cast(red < 0.9, tf.float32))

    network = load(write_graph(tmp_path / "a.pb", build))
    with pytest.raises(PredictionFailed, match=r"^a\.pb: .*not finite"):
        network.predict(plain((255, 255, 255)), 0.02)
    assert network.predict(plain((0, 0, 0)), 0.02).quality == 1


def test_error_of_the_graph_is_a_failed_prediction(tmp_path: Path) -> None:
    """An operation that fails on one image fails that prediction, with one line."""

    def build(tf: Any) -> None:
        red = channel_means(tf, image_input(tf))[:, 0]
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(red < 0.9), ["red"])]):
            logits_around(tf, tf.identity(red))

    network = load(write_graph(tmp_path / "a.pb", build))
    with pytest.raises(PredictionFailed, match=r"^a\.pb: [^\n]+$"):
        network.predict(plain((255, 255, 255)), 0.02)


def test_a_graph_with_one_target_for_a_batch_runs_single_images(tmp_path: Path) -> None:
    def build(tf: Any) -> None:
        image = image_input(tf)
        target = tf.compat.v1.placeholder("float32", [None], "target")
        level = target[:1] + 0.0 * tf.reduce_mean(image, [1, 2, 3])
        tf.identity(logits_around(tf, level), "logits")

    network = load(write_graph(tmp_path / "first.pb", build), LoadOptions(batch_sizes=(1, 2, 4)))
    assert network.batch_sizes == (1,)


def test_a_graph_for_batches_of_one_size_runs_those(tmp_path: Path) -> None:
    """Also if the number of targets is open."""

    def build(tf: Any) -> None:
        image = image_input(tf, (2, *NHWC[1:]))
        target = tf.compat.v1.placeholder("float32", [None], "target")
        level = target + 0.0 * tf.reduce_mean(image, [1, 2, 3])
        tf.identity(logits_around(tf, level), "logits")

    network = load(write_graph(tmp_path / "pairs.pb", build))
    assert network.batch_sizes == (2,)
    assert network.predict(photograph(), 0.5).quality == 51


@pytest.mark.parametrize(("allowed", "sizes"), [(False, (1,)), (True, (1, 2))])
def test_a_server_runs_batches_on_a_cpu_only_if_that_is_allowed(
    allowed: bool, sizes: tuple[int, ...]
) -> None:
    """In a batch, the last digits of a prediction depend on its neighbours."""
    settings = Settings(
        predictor_device=Device.CPU, batch_on_cpu=allowed, allowed_batch_sizes=(1, 2)
    )
    options = load_options(settings)
    path = bundled_network(Format.WEBP)
    assert path is not None
    assert load(path, options, Format.WEBP).batch_sizes == sizes
