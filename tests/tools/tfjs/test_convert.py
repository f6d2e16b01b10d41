"""What a conversion draws, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tools.tfjs.models import TfjsModel, noise
from tools.tfjs.convert import Output, Pixels, convert
from tools.tfjs.errors import ConversionError
from tools.tfjs.graph import read_graph
from tools.tfjs.tensors import Layout


def test_pixels_are_scaled_inside(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), np.uint8)
    model = TfjsModel(1, 4, 5, 3)
    model.node("y", "Relu", "x")

    y = model.run(tmp_path, "y", x, pixels=Pixels(scale=1 / 127.5, offset=-1))

    np.testing.assert_allclose(y, np.maximum(x / 127.5 - 1, 0), atol=1e-6)


def test_maps_change_layout_once_each_way(tmp_path: Path) -> None:
    model = TfjsModel(1, 8, 8, 3)
    model.constant("k", noise(3, 3, 3, 3))
    model.constant("b", noise(3))
    source = "x"
    for layer in range(3):
        model.node(f"c{layer}", "Conv2D", source, "k", strides=(1, 1, 1, 1), padding="SAME")
        model.node(f"b{layer}", "Add", f"c{layer}", "b")
        source = model.node(f"r{layer}", "Relu", f"b{layer}")
    graph = read_graph(model.write(tmp_path))

    def transposes(layout: Layout) -> list[str]:
        converted = convert(graph, "test", {"y": Output(node=source, layout=layout)})
        ops = [node.op_type for node in converted.graph.node]
        assert len(ops) == 9 + ops.count("Transpose")
        return [op for op in ops if op == "Transpose"]

    assert len(transposes(Layout.NHWC)) == 2  # in and out
    assert len(transposes(Layout.NCHW)) == 1  # in


def refusal(tmp_path: Path, model: TfjsModel) -> str:
    """Return why the model whose last node is `y` is not converted."""
    graph = read_graph(model.write(tmp_path))
    with pytest.raises(ConversionError) as error:
        convert(graph, "test", {"y": Output(node="y")})
    return str(error.value)


def test_an_unknown_operation_is_named(tmp_path: Path) -> None:
    model = TfjsModel(1, 4, 4, 3)
    model.node("y", "FFT", "x")

    assert refusal(tmp_path, model) == "y: the operation FFT is not supported"


def test_operations_that_nobody_reads_do_not_matter(tmp_path: Path) -> None:
    model = TfjsModel(1, 4, 4, 3)
    model.node("y", "Relu", "x:0", "^also")
    model.node("also", "FFT", "y:1")

    assert model.run(tmp_path, "y", noise(1, 4, 4, 3)).shape == (1, 4, 4, 3)


CONV = {"strides": (1, 1, 1, 1), "padding": "SAME"}


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "reason"),
    [
        ("Relu", ["x:1"], {}, "the graph has no node x:1"),
        ("Relu", ["k"], {}, "y (Relu): a constant where a computed tensor is expected"),
        ("Conv2D", ["x", "x"], CONV, "y (Conv2D): a computed tensor where a constant is expected"),
        (
            "Conv2D",
            ["x", "k"],
            {**CONV, "data_format": "NCHW"},
            "y (Conv2D): maps in NCHW are not supported",
        ),
        (
            "Conv2D",
            ["x", "k"],
            {**CONV, "strides": (1, 1, 1, 2)},
            "y (Conv2D): strides across batch or channels is not supported",
        ),
        (
            "Conv2D",
            ["x", "k"],
            {**CONV, "padding": "EXPLICIT"},
            "y (Conv2D): padding EXPLICIT is not supported",
        ),
        (
            "_FusedConv2D",
            ["x", "k", "three"],
            {**CONV, "fused_ops": ("BiasAdd", "Elu")},
            "y (_FusedConv2D): the activation Elu is not supported",
        ),
        (
            "Conv2DBackpropInput",
            ["large", "k", "x"],
            {**CONV, "strides": (1, 2, 2, 1)},
            "y (Conv2DBackpropInput): (4, 4) cannot be the source of (9, 9)",
        ),
        ("Cast", ["x"], {"DstT": "DT_INT32"}, "y (Cast): a cast to DT_INT32 is not supported"),
        (
            "Mean",
            ["x", "axes"],
            {"keep_dims": False},
            "y (Mean): only means over height and width that keep their axes",
        ),
        (
            "ResizeBilinear",
            ["x", "axes"],
            {},
            "y (ResizeBilinear): only by whole factors, not (4, 4) to (1, 2)",
        ),
        (
            "Add",
            ["x", "axes"],
            {},
            "y (Add): shapes (None, 4, 4, 3) and (2,) do not broadcast",
        ),
        (
            "Reshape",
            ["x", "axes"],
            {},
            "y (Reshape): a reshape of (None, 4, 4, 3) to [1, 2] mixes the batch with other axes",
        ),
        ("ConcatV2", ["x", "x", "zero"], {}, "y (ConcatV2): works across the batch"),
        (
            "StridedSlice",
            ["large", "axes", "axes", "axes"],
            {"ellipsis_mask": 1},
            "y (StridedSlice): a slice with an ellipsis or a new axis is not supported",
        ),
        ("Identity", ["k"], {}, "y: a constant cannot be an output"),
    ],
)
def test_what_is_not_supported_is_refused(
    tmp_path: Path, op: str, inputs: list[str], attributes: dict[str, Any], reason: str
) -> None:
    model = TfjsModel(1, 4, 4, 3)
    model.constant("k", noise(3, 3, 3, 3))
    model.constant("three", noise(3))
    model.constant("zero", np.array(0, np.int32))
    model.constant("axes", np.array([1, 2], np.int32))
    model.constant("large", np.array([1, 9, 9, 3], np.int32))
    model.node("y", op, *inputs, **attributes)

    assert refusal(tmp_path, model) == reason


def test_a_vector_beside_maps_is_refused(tmp_path: Path) -> None:
    model = TfjsModel(1, 1, 1, 3)
    model.constant("k", noise(1, 1, 3, 3))
    model.constant("shape", np.array([1, 3], np.int32))
    model.node("map", "Conv2D", "x", "k", **CONV)
    model.node("vector", "Reshape", "x", "shape")
    model.node("y", "Add", "map", "vector")

    assert refusal(tmp_path, model).startswith("y (Add): ")
