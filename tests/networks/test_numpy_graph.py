"""Bundled networks run in NumPy on a CPU, and predict what TensorFlow predicts with them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data
from skimage.transform import resize

from autoquality_core.formats import WITH_QUALITY
from autoquality_core.metrics import METRICS
from autoquality_core.networks import LoadOptions, NetworkError, Prediction, load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.networks.frozen_graph import open_frozen_graph
from autoquality_core.networks.graph_file import Unsupported, needed, read_nodes
from autoquality_core.networks.numpy_graph import Plan
from autoquality_core.networks.side_file import read_side_file, side_path
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_core.types import Device, Format
from tests.commands import python
from tests.networks import side_content, write_graph, write_side_file
from tests.networks.images import photograph, pixels

SIZES = (1, 2)
CPU = LoadOptions(Device.CPU, batch_sizes=SIZES)


def picture(samples: Any) -> Any:
    return pixels(np.ascontiguousarray(samples)[np.newaxis])


PICTURES = (
    photograph(),
    picture(data.chelsea()),
    picture(data.coffee()[:100, :37]),
    picture(data.camera()[:, :, np.newaxis]),
    picture(data.logo()),
    picture(data.rocket()[200:209, 300:305]),
    picture((255 * resize(data.astronaut(), (1500, 1100))).astype(np.uint8)),
    picture(data.hubble_deep_field()),
)


def path_of(fmt: Format) -> Path:
    path = bundled_network(fmt)
    assert path is not None
    return path


@pytest.mark.parametrize(("at", "fmt"), list(enumerate(WITH_QUALITY)))
def test_predictions_are_tensorflows(at: int, fmt: Format) -> None:
    """For images of several sizes, in every metric by batches of another size, and all at once.

    All networks see the same first image, and each of the others is seen by one.
    """
    path = path_of(fmt)
    network = load(path, CPU)
    assert (network.info.runtime, network.info.device) == ("numpy", "CPU:0")
    assert network.batch_sizes == SIZES
    reference = open_frozen_graph(path, path.read_bytes(), read_side_file(path), CPU)
    assert (reference.runtime, reference.metrics) == ("tensorflow", network.info.metrics)
    first, *others = PICTURES
    images = [network.prepare(one) for one in (first, *others[at :: len(WITH_QUALITY)])]
    right, sizes = {}, cycle(SIZES)
    for metrics in ([name] * len(images) for name in network.info.metrics):
        targets = [METRICS[name].default_target for name in metrics]
        expected = right[metrics[0]] = [
            reference.decode(name, *outputs)
            for name, outputs in zip(metrics, reference.run(images, targets, metrics), strict=True)
        ]
        size = next(sizes)
        for begin in range(0, len(images) - size + 1, size):
            part = slice(begin, begin + size)
            found = network.run(images[part], targets[part], metrics[part])
            for one, other in zip(found, expected[part], strict=True):
                assert isinstance(one, Prediction)
                assert_close(one, other)
    mixed = list(islice(cycle(network.info.metrics), len(images)))
    targets = [METRICS[name].default_target for name in mixed]
    for which, one in enumerate(network.run(images, targets, mixed)):
        assert isinstance(one, Prediction)
        assert_close(one, right[mixed[which]][which])


def assert_close(one: Prediction, other: Prediction) -> None:
    assert one.curve is not None and other.curve is not None
    assert one.quality == other.quality
    np.testing.assert_allclose(one.curve.mean, other.curve.mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(one.curve.covariance, other.curve.covariance, rtol=1e-5, atol=1e-5)
    # Where a curve is flat, a slight shift of it moves more of a probability.
    np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=5e-5)


def test_threads_share_a_network() -> None:
    network = load(path_of(Format.WEBP), LoadOptions(Device.CPU))
    some = PICTURES[:3]
    alone = [network.predict(one, 0.02).probabilities for one in some]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda one: network.predict(one, 0.02), some * 2))
    for at, one in enumerate(together):
        assert (one.probabilities == alone[at % len(alone)]).all()


def test_bundled_networks_need_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from autoquality_core.pipeline.library import bundled_networks\n"
        "print({one.info.runtime for one in bundled_networks().values()})"
    )
    assert python(code).stdout == "{'numpy'}\n"


def image_of(tf: Any, dtype: str = "uint8", shape: Any = (None, 416, 416, 3)) -> Any:
    return tf.compat.v1.placeholder(dtype, shape, "image")


OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "product of transposed": lambda tf, x, c: tf.matmul(x, c[:, :2], transpose_a=True),
    "product by transposed": lambda tf, x, c: tf.matmul(x, c[:, :3], transpose_b=True),
    "products of stacks": lambda tf, x, _: tf.matmul(x[None] + x[:, None], -x, adjoint_b=True),
    "last columns, backwards": lambda _tf, x, _: x[:, ::-1][:, -2:],
    "ellipsis and new axis": lambda _tf, x, _: x[..., None, 1],
    "mean of all": lambda tf, x, _: tf.reduce_mean(x),
    "mean of rows": lambda tf, x, _: tf.reduce_mean(x, 1, keepdims=True),
    "mean of columns": lambda tf, x, _: tf.reduce_mean(x, 0),
    "mean of both": lambda tf, x, _: tf.reduce_mean(x, [0, 1], keepdims=True),
    "least": lambda tf, x, _: tf.reduce_min(x, [-1]),
    "halves to even": lambda tf, x, _: tf.round(x / 2),
    "signs": lambda tf, x, _: tf.sign(x - 2) * tf.abs(x - 3),
    "error functions": lambda tf, x, _: tf.math.erf(x - 2) + tf.math.erfc(x - 3),
    "softplus": lambda tf, x, _: tf.nn.softplus(9 * x - 20),
    "padding": lambda tf, x, _: tf.pad(x, [[1, 0], [2, 3]]),
    "stack": lambda tf, x, _: tf.stack([x, -x], axis=-1),
    "shape of another": lambda tf, x, _: tf.reshape(x, tf.shape(tf.transpose(x))),
    "columns by number": lambda tf, x, _: tf.gather(x, [2, 0, 2], axis=1),
    "ones like": lambda tf, x, _: tf.concat([tf.ones_like(x), x, tf.zeros_like(x)], 0),
    "the input twice": lambda _tf, x, _: (x + x) * x,
}


def test_operations_are_tensorflows() -> None:
    tf = tensorflow()
    values = np.arange(12, dtype=np.float32).reshape(4, 3) / 2
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder("float32", [None, 3], "x")
        constant = tf.constant(np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4))
        for at, make in enumerate(OPERATIONS.values()):
            tf.identity(make(tf, x, constant), name=f"out{at}")
    nodes = read_nodes(graph.as_graph_def().SerializeToString())
    names = [f"out{at}" for at in range(len(OPERATIONS))]
    plan = Plan(needed(nodes, names), names, {"x": values})
    with tf.compat.v1.Session(graph=graph) as session:
        other = values[::-1] - 1
        kept = other.copy()
        expected = session.run([f"{name}:0" for name in names], {"x:0": other})
    for name, one, two in zip(OPERATIONS, plan.run({"x": other}), expected, strict=True):
        assert one.dtype == two.dtype, name
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6, err_msg=name)
    assert (other == kept).all(), "an input was overwritten"


def test_attributes_that_are_fractions_are_passed_over() -> None:
    tf = tensorflow()
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder("float32", [None, 3], "x")
        tf.nn.leaky_relu(x, alpha=0.3)
        tf.identity(x, name="out")
    nodes = read_nodes(graph.as_graph_def().SerializeToString())
    assert [node.name for node in needed(nodes, ["out"])] == ["x", "out"]


def checked(tf: Any, x: Any) -> Any:
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(x < 1e6), ["x"])]):
        return tf.identity(x)


@pytest.mark.parametrize(
    ("image", "last"),
    [
        ({"dtype": "float32"}, lambda tf, x: x),
        ({"shape": (1, 416, 416, 3)}, lambda tf, x: x),
        ({}, lambda tf, x: tf.nn.avg_pool1d(x[:, None], 1, 1, "VALID")[:, 0]),
        ({}, lambda tf, x: tf.math.top_k(x, 100)[0]),
        ({}, checked),
    ],
)
def test_tensorflow_runs_graphs_of_other_inputs_or_operations(
    tmp_path: Path, image: dict[str, Any], last: Callable[[Any, Any], Any]
) -> None:
    def build(tf: Any) -> None:
        means = tf.reduce_mean(tf.cast(image_of(tf, **image), tf.float32), [1, 2])
        weights = tf.constant(np.linspace(-1, 1, 300, dtype=np.float32).reshape(3, 100))
        tf.identity(last(tf, means @ weights), name="logits")

    path = write_graph(tmp_path / "a.pb", build)
    write_side_file(path, side_content(tensors={"image": "image:0", "logits": "logits:0"}))
    network = load(path, LoadOptions(Device.CPU))
    assert network.info.runtime == "tensorflow"
    assert network.predict(photograph(), 0.02).probabilities.size == 100


def test_a_damaged_file_is_refused_as_by_tensorflow(tmp_path: Path) -> None:
    """Its first reader, without TensorFlow, has no other failure than to leave it to that."""
    whole = path_of(Format.JPEG)
    path = tmp_path / "a.pb"
    side_path(path).write_bytes(side_path(whole).read_bytes())
    content = whole.read_bytes()
    path.write_bytes(content[:-1000])
    with pytest.raises(NetworkError, match="not a TensorFlow frozen graph"):
        load(path, LoadOptions(Device.CPU))
    random = np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(content)
        for at in random.integers(len(content), size=20):
            damaged[at] = random.integers(256)
        try:
            nodes = read_nodes(bytes(damaged))
            needed(nodes, ["logits"])
        except Unsupported:
            pass
