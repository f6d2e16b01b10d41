"""A graph written node by node."""

import numpy as np
import onnx
import pytest

from service.recipes.graph import Graph
from tests.recipes.networks import run

THIRDS = np.array([[1 / 3], [2 / 3]], np.float32)


def thirds() -> Graph:
    """The sum of a third of one value, two thirds of another, and what is added."""
    graph = Graph("thirds")
    kernel = graph.widen(graph.half("kernel/half", THIRDS), "kernel")
    inputs = [graph.input("values", "N", 2), kernel, graph.input("added")]
    graph.output(graph.node("Gemm", inputs, "sum", beta=2.0), "N", 1)
    return graph


def test_a_weight_is_worth_its_half() -> None:
    model = thirds().model()

    values = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    answer = run(model, {"values": values, "added": np.array(0.25, np.float32)})

    halves = THIRDS.astype(np.float16).astype(np.float32).ravel()
    np.testing.assert_array_equal(answer["sum"].ravel(), [*(halves + 0.5), 0.5])
    [stored] = model.graph.initializer
    assert (stored.name, stored.data_type) == ("kernel/half", onnx.TensorProto.FLOAT16)


def test_a_graph_that_is_not_valid_is_refused() -> None:
    graph = thirds()
    graph.node("Flatten", ["nothing"], "dangling")

    with pytest.raises(onnx.checker.ValidationError, match="nothing"):
        graph.model()
