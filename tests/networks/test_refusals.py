"""A file that is no usable network is refused with its reason in one line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoquality_core.networks import NetworkError, load
from autoquality_core.networks.side_file import side_path
from autoquality_core.networks.tensorflow import tensorflow
from tests.networks import (
    channel_means,
    constant_graph,
    image_input,
    logits_around,
    mean_graph,
    peak_at,
    write_graph,
)


def refusal(path: Path) -> str:
    """The error of `load`: one line that starts with the path."""
    with pytest.raises(NetworkError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    return message.removeprefix(f"{path}: ")


def test_missing_file(tmp_path: Path) -> None:
    """The path does not exist."""
    assert "No such file" in refusal(tmp_path / "missing.pb")


def test_fifo(tmp_path: Path) -> None:
    """A network or a side file that is a FIFO: opening it would block."""
    path = constant_graph(tmp_path / "a.pb", peak_at(75))
    os.mkfifo(side_path(path))
    with pytest.raises(NetworkError, match="not a regular file"):
        load(path)
    path.unlink()
    os.mkfifo(path)
    assert refusal(path) == "cannot be read: not a regular file"


def test_folder(tmp_path: Path) -> None:
    """The path of a folder."""
    assert refusal(tmp_path).startswith("a folder, not a TensorFlow frozen graph")


def test_saved_model_folder(tmp_path: Path) -> None:
    """A SavedModel as TensorFlow writes it, and the .pb file in it."""
    tf = tensorflow()
    tf.saved_model.save(tf.Module(), str(tmp_path / "model"))
    assert "a SavedModel folder" in refusal(tmp_path / "model")
    assert "a TensorFlow SavedModel" in refusal(tmp_path / "model" / "saved_model.pb")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "Keras or HDF5"),
        ("a.keras", b"PK\x03\x04" + bytes(64), "zip archive"),
        ("a.onnx", b"\x08\x08\x12\x07pytorch\x1a\x052.4.0", "ONNX"),
        ("a.pbtxt", b'node {\n  name: "x"\n}\n', "written as text"),
        ("a.pb", b"", "empty"),
        ("a.pb", b"\xff\xd8\xff\xe0 surely a JPEG", "not a TensorFlow frozen graph"),
        ("a.pb", b"not a graph at all, just a sentence", "not a TensorFlow frozen graph"),
        ("a.pb", bytes(1000), "not a TensorFlow frozen graph"),
        ("a.pb", b"\x18\x07", "not a TensorFlow frozen graph"),
    ],
)
def test_another_kind_of_file(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    """Models of other kinds, and files that are no model."""
    path = tmp_path / name
    path.write_bytes(content)
    assert why in refusal(path)


def test_truncated_graph(tmp_path: Path) -> None:
    """Wherever it is cut, even between two nodes."""
    path = mean_graph(tmp_path / "a.pb")
    whole = path.read_bytes()
    for length in range(1, len(whole) - 64, len(whole) // 40):
        path.write_bytes(whole[:length])
        assert refusal(path)


def test_unknown_operation(tmp_path: Path) -> None:
    """The message names an operation that this TensorFlow does not have."""
    path = constant_graph(tmp_path / "a.pb", peak_at(50))
    definition = tensorflow().compat.v1.GraphDef.FromString(path.read_bytes())
    definition.node.add(name="odd", op="FancyUpscale9000")
    path.write_bytes(definition.SerializeToString())
    assert "'FancyUpscale9000'" in refusal(path)


def _no_inputs(tf: Any) -> None:
    tf.constant(peak_at(50)[np.newaxis])


def _other_size(tf: Any) -> None:
    logits_around(tf, channel_means(tf, image_input(tf, (None, 224, 224, 3)))[:, 0])


def _other_type(tf: Any) -> None:
    image = image_input(tf, dtype="float64")
    logits_around(tf, tf.cast(tf.reduce_mean(image, [1, 2, 3]), tf.float32))


def _two_images(tf: Any) -> None:
    left = channel_means(tf, image_input(tf, name="left"))
    right = channel_means(tf, image_input(tf, name="right"))
    logits_around(tf, (left + right)[:, 0])


def _ten_logits(tf: Any) -> None:
    logits_around(tf, channel_means(tf, image_input(tf))[:, 0])[:, :10]


def _whole_number_logits(tf: Any) -> None:
    tf.cast(logits_around(tf, channel_means(tf, image_input(tf))[:, 0]), tf.int32)


def _two_heads(tf: Any) -> None:
    means = channel_means(tf, image_input(tf))
    tf.add(logits_around(tf, means[:, 0]), 1.0, "jpeg")
    tf.add(logits_around(tf, means[:, 1]), 1.0, "webp")


def _open_output_of_seven(tf: Any) -> None:
    logits = logits_around(tf, channel_means(tf, image_input(tf))[:, 0])
    tf.reshape(logits[:, :7], tf.compat.v1.placeholder_with_default([1, 7], [None]), "out")


def _training_switch(tf: Any) -> None:
    training = tf.compat.v1.placeholder("bool", [], "is_training")
    logits = logits_around(tf, channel_means(tf, image_input(tf))[:, 0])
    tf.where(training, logits, 2 * logits)


def _two_targets(tf: Any) -> None:
    low = tf.compat.v1.placeholder("float32", [], "low")
    high = tf.compat.v1.placeholder("float32", [None, 1], "high")
    logits_around(tf, channel_means(tf, image_input(tf))[:, 0] + low) + high


def _not_finite(tf: Any) -> None:
    logits_around(tf, tf.math.log(channel_means(tf, image_input(tf))[:, 0] - 1.0))


def _fails(tf: Any) -> None:
    image = image_input(tf)
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(image > 0.9), ["dark"])]):
        logits_around(tf, tf.identity(channel_means(tf, image)[:, 0]))


def _not_frozen(tf: Any) -> None:
    scale = tf.compat.v1.get_variable("scale", [], use_resource=False)
    logits_around(tf, channel_means(tf, image_input(tf))[:, 0] * scale)


def _not_frozen_resource(tf: Any) -> None:
    scale = tf.compat.v1.get_variable("scale", [], use_resource=True)
    logits_around(tf, channel_means(tf, image_input(tf))[:, 0] * scale)


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (_no_inputs, "no input takes 416x416 RGB images .*its inputs: none"),
        (_other_size, r"no input takes 416x416 .*'images' float32 \[\?, 224, 224, 3\]"),
        (_other_type, r"no input takes 416x416 .*'images' float64 \[\?, 416, 416, 3\]"),
        (_two_images, "several tensors fit the image: .*'left'.*'right'"),
        (_ten_logits, r"no output has 1x100 logits; its outputs: .*\[\?, 10\]"),
        (_whole_number_logits, r"no output has 1x100 logits; its outputs: 'Cast' int32"),
        (_two_heads, "several tensors fit the logits: 'jpeg' .*'webp'"),
        (_open_output_of_seven, r"its output has the shape \[1, 7\], not 1x100"),
        (_training_switch, "needs an input besides .*'is_training' bool"),
        (_two_targets, "several tensors fit the target: .*'low'.*'high'|.*'high'.*'low'"),
        (_not_finite, "fails on a grey image: its answer is not finite"),
        (_fails, "fails on a grey image: .*dark"),
        (_not_frozen, "not frozen: .*scale"),
        (_not_frozen_resource, "not frozen: .*scale"),
    ],
)
def test_graphs_that_do_not_fit_the_contract(
    tmp_path: Path, build: Callable[[Any], None], why: str
) -> None:
    """The message names the tensor or the answer that the contract does not allow."""
    message = refusal(write_graph(tmp_path / "a.pb", build))
    assert re.search(why, message), message
