"""Hard sigmoids, found only where they are."""

from pathlib import Path

import numpy as np
import pytest

from tests.tools.tfjs.models import TfjsModel, evaluated, noise
from tools.tfjs.convert import Output, convert
from tools.tfjs.graph import Graph, read_graph
from tools.tfjs.hard_sigmoid import with_hard_sigmoids


def hard_sigmoids(sixth: float, three: float, *, halved: bool) -> TfjsModel:
    """A gate and a hard swish of it, as TensorFlow's slim writes them; the output is `y`."""
    model = TfjsModel(1, 2, 2, 8)
    coding = {"dtype": "float16"} if halved else {}
    dtype = np.float16 if halved else np.float32
    model.constant("sixth", dtype(sixth), **coding)
    model.constant("three", dtype(three), **coding)
    model.node("shifted", "Add", "x", "three")
    model.node("clipped", "Relu6", "shifted")
    model.node("gate", "Mul", "sixth", "clipped")
    model.node("scaled", "Mul", "gate", "sixth")
    model.node("shifted_gate", "AddV2", "three", "gate")
    model.node("clipped_gate", "Relu6", "shifted_gate")
    model.node("y", "Mul", "scaled", "clipped_gate")
    return model


def operations(graph: Graph) -> list[str]:
    return [node.op for node in graph.upstream(["y"]) if node.op != "Const"]


@pytest.mark.parametrize("halved", [False, True])
def test_hard_sigmoids_are_recognised(tmp_path: Path, halved: bool) -> None:
    x = noise(1, 2, 2, 8) * 5
    graph = read_graph(hard_sigmoids(1 / 6, 3, halved=halved).write(tmp_path))

    found = with_hard_sigmoids(graph)

    assert operations(found) == ["Placeholder", "HardSigmoid", "HardSigmoid", "Mul"]
    [y] = evaluated(convert(found, "test", {"y": Output(node="y")}), image=x)
    gate = np.clip(x + 3, 0, 6) / 6
    np.testing.assert_allclose(y, gate * np.clip(gate + 3, 0, 6) / 6, atol=1e-6)


@pytest.mark.parametrize(
    ("sixth", "three"),
    [
        (1 / 5, 3),  # another slope
        (1 / 6, 2),  # another shift
    ],
)
def test_other_clipped_products_stay(tmp_path: Path, sixth: float, three: float) -> None:
    graph = read_graph(hard_sigmoids(sixth, three, halved=False).write(tmp_path))

    assert operations(with_hard_sigmoids(graph)) == operations(graph)


def test_a_product_with_the_clip_of_something_else_stays(tmp_path: Path) -> None:
    model = TfjsModel(1, 2, 2, 8)
    model.constant("sixth", np.float32(1 / 6))
    model.constant("three", np.float32(3))
    model.node("other", "Relu", "x")
    model.node("scaled", "Mul", "other", "sixth")
    model.node("shifted", "Add", "x", "three")
    model.node("clipped", "Relu6", "shifted")
    model.node("y", "Mul", "scaled", "clipped")
    graph = read_graph(model.write(tmp_path))

    assert operations(with_hard_sigmoids(graph)) == operations(graph)
