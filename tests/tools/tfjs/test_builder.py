"""Precision and names in the files that are written."""

import numpy as np
import onnx
import pytest

from tests.tools.tfjs.models import evaluated, noise, steps
from tools.tfjs.builder import GraphBuilder
from tools.tfjs.weights import Weight


@pytest.mark.parametrize(
    ("weight", "dtype"),
    [
        (Weight(stored=noise(8, 8)), np.float32),
        (Weight(stored=noise(8, 8).astype(np.float16)), np.float16),
        (Weight(stored=steps(8, 8), scale=0.1, minimum=-3.0), np.uint8),
        (Weight(stored=steps(8, 8, dtype="uint16"), scale=0.1, minimum=-3.0), np.uint16),
        # Seven halves: a Cast would be longer than what it saves.
        (Weight(stored=noise(7).astype(np.float16)), np.float32),
    ],
)
def test_weights_keep_their_precision_in_the_file(weight: Weight, dtype: type) -> None:
    builder = GraphBuilder()
    name = builder.node("Identity", builder.weight(weight))

    model = builder.model("test", {"w": (name, weight.stored.shape)})

    [stored] = [tensor for tensor in model.graph.initializer if tensor.dims]
    assert onnx.numpy_helper.to_array(stored).dtype == dtype
    np.testing.assert_allclose(evaluated(model)[0], weight.values, rtol=1e-6)


def test_tensors_are_named_after_their_scope_and_constants_shared() -> None:
    builder = GraphBuilder()
    with builder.scope("stem"):
        first = builder.node("Relu", builder.constant([1.0]))
        second = builder.node("Add", builder.node("Relu", first), builder.constant([1.0]))

    model = builder.model("test", {"y": (second, (1,))})

    assert [node.name for node in model.graph.node] == ["stem/Relu", "stem/Relu_1", "stem/Add"]
    assert [tensor.name for tensor in model.graph.initializer] == ["stem/constant"]
