"""Parameters, however they are stored."""

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tests.engine.graph.graphs import Summaries, constant, model, node, ones

HALF = ones(2, 3, 3, 3, dtype=np.float16)
BYTES = np.ones((2, 3, 3, 3), np.uint8)


@pytest.mark.parametrize(
    ("steps", "stored"),
    [
        ([], {"w": ones(2, 3, 3, 3)}),
        ([constant("w", ones(2, 3, 3, 3))], {}),
        ([node("Cast", ["half"], ["w"], to=TensorProto.FLOAT)], {"half": HALF}),
        (
            [
                node("Cast", ["bytes"], ["floats"], to=TensorProto.FLOAT),
                node("Mul", ["floats", "scale"], ["scaled"]),
                node("Add", ["scaled", "minimum"], ["w"]),
            ],
            {"bytes": BYTES, "scale": ones(1), "minimum": ones(1)},
        ),
        (
            [node("DequantizeLinear", ["bytes", "scales", "zeros"], ["w"], axis=0)],
            {"bytes": BYTES, "scales": ones(2), "zeros": ones(2, dtype=np.uint8)},
        ),
        ([node("ConstantOfShape", ["shape"], ["w"])], {"shape": np.array([2, 3, 3, 3])}),
        (
            [node("Transpose", ["hwio"], ["w"], perm=[3, 2, 0, 1])],
            {"hwio": ones(3, 3, 3, 2)},
        ),
    ],
    ids=["plain", "Constant", "Cast", "Cast scale min", "DequantizeLinear", "of shape", "HWIO"],
)
def test_weights_count_however_they_are_stored(
    summary_of: Summaries, steps: list[NodeProto], stored: dict[str, np.ndarray]
) -> None:
    summary = summary_of(
        model(
            [*steps, node("Conv", ["x", "w"], ["y"])],
            inputs={"x": [1, 3, 4, 4]},
            constants=stored,
        )
    )

    (layer,) = summary.layers
    assert (layer.name, layer.type, layer.output) == ("y", "Conv", (2, 2, 2))
    assert layer.parameters == summary.parameters == 54
    assert layer.multiply_adds == summary.multiply_adds == 4 * 54


def test_quantized_layers(summary_of: Summaries) -> None:
    a_scale, a_zero = ("scale", "zero")
    summary = summary_of(
        model(
            [
                node("QuantizeLinear", ["x", a_scale, a_zero], ["q"]),
                node(
                    "QLinearConv",
                    ["q", a_scale, a_zero, "w", a_scale, a_zero, a_scale, a_zero, "b"],
                    ["conv"],
                ),
                node("ConvInteger", ["conv", "w2"], ["sums"]),
                node("Flatten", ["conv"], ["flat"]),
                node(
                    "QLinearMatMul",
                    ["flat", a_scale, a_zero, "m", a_scale, a_zero, a_scale, a_zero],
                    ["product"],
                ),
                node("MatMulInteger", ["flat", "m"], ["sums2"]),
            ],
            inputs={"x": [1, 3, 4, 4]},
            constants={
                "scale": np.float32(1),
                "zero": np.uint8(0),
                "w": BYTES,
                "b": np.ones(2, np.int32),
                "w2": np.ones((5, 2, 2, 2), np.uint8),
                "m": np.ones((8, 7), np.uint8),
            },
        )
    )

    rows = [(r.type, r.output, r.parameters, r.multiply_adds) for r in summary.layers]
    assert rows == [
        ("Conv", (2, 2, 2), 54 + 2, 4 * 54),
        ("Conv", (1, 1, 5), 40, 40),
        ("FullyConnected", (7,), 56, 56),
        ("FullyConnected", (7,), 56, 56),
    ]
    assert summary.parameters == 56 + 40 + 56  # the matrix is the same


def test_shared_weights_count_once(summary_of: Summaries) -> None:
    summary = summary_of(
        model(
            [
                node("Cast", ["half"], ["w1"], to=TensorProto.FLOAT),
                node("Cast", ["half"], ["w2"], to=TensorProto.FLOAT),
                node("Conv", ["x", "w1"], ["a"]),
                node("Conv", ["x", "w1"], ["b"]),
                node("Conv", ["x", "w2"], ["c"]),
            ],
            inputs={"x": [1, 3, 4, 4]},
            constants={"half": HALF},
        )
    )

    assert [layer.parameters for layer in summary.layers] == [54, 54, 54]
    assert summary.parameters == 54


def test_slices_of_one_weight_count_as_what_they_are(summary_of: Summaries) -> None:
    # Query, key and value of attention, stored as one matrix; nothing uses the last.
    summary = summary_of(
        model(
            [
                node("Split", ["qkv"], ["q", "k", "v"], axis=1),
                node("MatMul", ["x", "q"], ["a"]),
                node("MatMul", ["x", "k"], ["b"]),
            ],
            inputs={"x": [1, 4]},
            constants={"qkv": ones(4, 12)},
        )
    )

    assert [layer.parameters for layer in summary.layers] == [16, 16]
    assert summary.parameters == 32


def test_what_is_repeated_counts_as_what_is_stored(summary_of: Summaries) -> None:
    # The class token of a vision transformer, one for every image of the batch.
    summary = summary_of(
        model(
            [
                node("Shape", ["x"], ["n"], end=1),
                node("Concat", ["n", "rest"], ["to"], axis=0),
                node("Expand", ["token", "to"], ["tokens"]),
                node("Concat", ["tokens", "x"], ["y"], axis=1),
            ],
            inputs={"x": [3, 7, 8]},
            constants={"token": ones(1, 1, 8), "rest": np.array([1, 8])},
        )
    )

    assert [(layer.type, layer.parameters) for layer in summary.layers] == [("Concat", 8)]


def test_what_is_computed_from_shapes_is_not_stored(summary_of: Summaries) -> None:
    # A grid of positions, made to fit the picture.
    summary = summary_of(
        model(
            [
                node("Shape", ["x"], ["shape"]),
                node("Gather", ["shape", "last"], ["width"]),
                node("Range", ["zero", "width", "one"], ["columns"]),
                node("Cast", ["columns"], ["floats"], to=TensorProto.FLOAT),
                node("Add", ["x", "floats"], ["y"]),
                node("ConstantOfShape", ["shape"], ["zeros"]),
                node("Add", ["y", "zeros"], ["z"]),
            ],
            inputs={"x": [1, 3, 4, 5]},
            constants={"last": np.array(3), "zero": np.array(0), "one": np.array(1)},
        )
    )

    assert [layer.type for layer in summary.layers] == ["Add", "Add"]
    assert summary.parameters == 0


def test_of_a_sparse_weight_what_is_stored_counts(summary_of: Summaries) -> None:
    graph = model([node("MatMul", ["x", "w"], ["y"])], inputs={"x": [1, 6]})
    graph.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            numpy_helper.from_array(ones(4), "w"),
            numpy_helper.from_array(np.array([0, 9, 17, 29])),
            [6, 5],
        )
    )

    (layer,) = summary_of(graph).layers

    assert (layer.type, layer.output) == ("FullyConnected", (5,))
    assert (layer.parameters, layer.multiply_adds) == (4, 30)


def test_weights_in_another_file_are_not_opened(summary_of: Summaries) -> None:
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[12_000, 12_500])
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="absent.bin")  # would be 600 MB
    graph = model([node("MatMul", ["x", "w"], ["y"])], inputs={"x": ["n", 12_000]})
    graph.graph.initializer.append(weights)

    summary = summary_of(graph)

    assert summary.parameters == summary.multiply_adds == 150_000_000
