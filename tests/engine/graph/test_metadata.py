"""What exporters leave beside a graph, and what the graph says of its ends."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.engine.graph.metadata import GraphFile, Notes
from service.errors import ManifestError
from service.tasks.base import TensorInfo
from tests.engine.graph.graphs import constant, model, node, ones


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", None),
        ("[]", None),
        ("{}", None),
        ("{0: 'cat', 1: 'dog'}", ("cat", "dog")),  # Ultralytics
        ("{1: 'dog', 0: 'cat'}", ("cat", "dog")),
        ("['cat', 'dog']", ("cat", "dog")),  # older YOLOv5
        ('{"0": "cat", "1": "dog"}', ("cat", "dog")),  # JSON
        ("{0: 'cat', 2: 'dog'}", None),  # a gap
        ("{'cat': 0}", None),
        ("{0: 'cat', '0': 'dog'}", None),
        ("{0: 17, 1: ''}", ("17", "class 1")),
        ("{0: 'a\\tb\\nc'}", ("a b c",)),  # must stay on its line of labels.txt
        ("cat,dog", None),
        ("'cat'", None),
        ("3", None),
        ("__import__('os').getcwd()", None),  # never evaluated
        ("(" * 10_000, None),
        ("\0", None),
    ],
)
def test_class_names(names: str, expected: tuple[str, ...] | None) -> None:
    assert Notes.parse({"names": names}).class_names == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[480, 640]", (480, 640)),
        ("(480, 640)", (480, 640)),
        ("640", (640, 640)),
        ("[640]", None),
        ("[1, 2, 3]", None),
        ("[0, 640]", None),
        ("['480', 640]", None),
        ("{}", None),
        ("640x640", None),
    ],
)
def test_the_size(text: str, expected: tuple[int, int] | None) -> None:
    assert Notes.parse({"imgsz": text}).input_size == expected


@pytest.mark.parametrize(("text", "expected"), [("32", 32), ("32.0", None), ("-1", None)])
def test_the_stride(text: str, expected: int | None) -> None:
    assert Notes.parse({"stride": text}).stride == expected


def test_other_notes() -> None:
    notes = Notes.parse({"task": "detect", "author": " A \n B ", "version": "", "license": "MIT"})

    assert (notes.task, notes.author, notes.version) == ("detect", "A B", None)
    assert notes.license == "MIT"
    assert Notes.parse({}) == Notes()


def saved(path: Path, graph: onnx.ModelProto) -> GraphFile:
    file = path / "graph.onnx"
    file.write_bytes(graph.SerializeToString())
    return GraphFile(file)


def convolution(**graph: Any) -> onnx.ModelProto:
    """Return a graph with one convolution of stride 2."""
    nodes = [node("Conv", ["x", "w"], ["y"], strides=[2, 2], kernel_shape=[2, 2])]
    return model(nodes, constants={"w": ones(7, 3, 2, 2)}, **graph)


def test_inputs_and_outputs(tmp_path: Path) -> None:
    graph = saved(tmp_path, convolution(inputs={"x": ("n", 3, -1, 8)}))

    assert graph.inputs == (TensorInfo("x", (None, 3, None, 8), "float32"),)
    assert graph.outputs == (TensorInfo("y", (), "unknown"),)
    assert graph.describe() == "x (?, 3, ?, 8) float32 -> y () unknown"


def test_initializers_are_no_inputs(tmp_path: Path) -> None:
    graph = saved(tmp_path, convolution(inputs={"x": (1, 3, 8, 8), "w": (7, 3, 2, 2)}))

    assert [info.name for info in graph.inputs] == ["x"]


def test_open_output_shapes_are_worked_out_for_a_size(tmp_path: Path) -> None:
    graph = saved(tmp_path, convolution(inputs={"x": ("n", 3, "h", "w")}))

    (output,) = graph.outputs_at((8, 12), "NCHW")
    assert output.shape == (None, 7, 4, 6)
    assert graph.outputs_at((8, 12), "NCHW") is graph.outputs_at((8, 12), "NCHW")
    assert graph.outputs_at((16, 12), "NCHW")[0].shape == (None, 7, 8, 6)


def test_declared_output_shapes_win(tmp_path: Path) -> None:
    proto = convolution(inputs={"x": (1, 3, "h", "w")})
    proto.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 7, "rows", 99))
    )

    assert saved(tmp_path, proto).outputs_at((8, 12), "NCHW")[0].shape == (1, 7, 4, 99)


def test_an_output_of_which_nothing_is_known(tmp_path: Path) -> None:
    graph = saved(tmp_path, model([node("Opaque", ["x"], ["y"])], inputs={"x": (1, 3, 8, 8)}))

    assert graph.outputs_at((8, 8), "NCHW") == (TensorInfo("y", (), "unknown"),)


def test_an_output_that_cannot_be_followed_stays_as_declared(tmp_path: Path) -> None:
    proto = model([node("Opaque", ["x"], ["y"])], inputs={"x": (1, 3, 8, 8)})
    proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", 4)))

    assert saved(tmp_path, proto).outputs_at((8, 8), "NCHW")[0].shape == (None, 4)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([node("Sigmoid", ["x"], ["y"])], {"Sigmoid"}),
        ([node("Identity", ["x"], ["y"])], set()),
        ([node("Sigmoid", ["x"], ["a"]), node("Transpose", ["a"], ["y"])], {"Sigmoid"}),
        # a head that joins raw boxes and scores with an activation
        (
            [
                node("Conv", ["x", "w"], ["a"]),
                node("Sigmoid", ["a"], ["b"]),
                node("Concat", ["a", "b"], ["c"], axis=1),
                node("Reshape", ["c", "shape"], ["y"]),
            ],
            {"Conv", "Sigmoid"},
        ),
        # what is behind a layer does not matter, nor do constants
        (
            [
                node("Sigmoid", ["x"], ["a"]),
                node("Conv", ["a", "w"], ["b"]),
                constant("two", ones(1)),
                node("Mul", ["two", "b"], ["y"]),
            ],
            {"Conv"},
        ),
        # the shape that values take is not where they come from
        (
            [
                node("Sigmoid", ["x"], ["shape"]),
                node("Relu", ["x"], ["a"]),
                node("Reshape", ["a", "shape"], ["y"]),
            ],
            {"Relu"},
        ),
        # one of several outputs of a node, visited once
        (
            [
                node("Softmax", ["x"], ["s"]),
                node("Split", ["s"], ["a", "b"], axis=1),
                node("Add", ["a", "b"], ["y"]),
            ],
            {"Softmax"},
        ),
    ],
)
def test_where_values_come_from(
    tmp_path: Path, nodes: list[onnx.NodeProto], expected: set[str]
) -> None:
    graph = saved(tmp_path, model(nodes, inputs={"x": (1, 2, 4, 4)}))

    assert graph.origins("y") == expected


def test_what_a_graph_begins_with(tmp_path: Path) -> None:
    nodes = [
        node("Div", ["x", "w"], ["a"]),
        node("Shape", ["x"], ["s"]),
        node("Relu", ["a"], ["y"]),
    ]
    graph = saved(tmp_path, model(nodes, inputs={"x": (1, 3, 4, 4)}))

    assert graph.first_steps("x") == {"Div", "Shape"}


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_what_is_no_graph(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(content)

    with pytest.raises(ManifestError, match="is not an ONNX graph"):
        GraphFile(path)


def test_weights_in_other_files(tmp_path: Path) -> None:
    proto = convolution(inputs={"x": (1, 3, 8, 8)})
    weights = numpy_helper.from_array(np.ones((7, 3, 2, 2), np.float32), "w")
    proto.graph.initializer[0].CopyFrom(weights)
    onnx.save(
        proto, tmp_path / "graph.onnx", save_as_external_data=True, size_threshold=0, location="w"
    )

    with pytest.raises(ManifestError, match="external_data=False"):
        GraphFile(tmp_path / "graph.onnx")
