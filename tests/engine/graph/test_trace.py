"""Shapes followed through graphs, held against what ONNX infers of the whole."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.shape_inference import infer_shapes

from service.engine.graph.tensors import Layout, Tensor
from service.engine.graph.trace import Trace
from tests.engine.graph.graphs import LIGHT, NETWORKS, model, node, ones

BESIDE = sorted(NETWORKS.glob("*.onnx"))


def traced(
    graph: onnx.ModelProto,
    *,
    input_size: tuple[int, int] | None = None,
    layout: Layout = "NCHW",
) -> Trace:
    trace = Trace(graph, input_size=input_size, layout=layout)
    for step in graph.graph.node:
        trace.follow(step)
    return trace


def inferred(graph: onnx.ModelProto, trace: Trace) -> dict[str, tuple[int | None, ...]]:
    """Return every shape ONNX infers when the inputs have the sizes the trace gave them."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(graph)
    del fixed.graph.value_info[:]
    for value in fixed.graph.output:
        value.type.tensor_type.ClearField("shape")
    for value in fixed.graph.input:
        if value.name in trace.inputs:
            sizes = trace[value.name].shape or ()
            for dim, size in zip(value.type.tensor_type.shape.dim, sizes, strict=True):
                dim.dim_value = size or 0
    result = infer_shapes(fixed, strict_mode=True, data_prop=True).graph
    return {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*result.value_info, *result.output)
    }


def assert_agrees(graph: onnx.ModelProto, trace: Trace) -> None:
    expected = inferred(graph, trace)
    # Of old operators' second outputs, the masks of Dropout, ONNX infers nothing.
    assert {step.output[0] for step in graph.graph.node} <= set(expected)
    assert {name: trace[name].shape for name in expected} == expected


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_known_networks(path: Path) -> None:
    graph = onnx.load(path)

    assert_agrees(graph, traced(graph))


@pytest.mark.skipif(not BESIDE, reason="no networks beside the checkout")
@pytest.mark.parametrize("path", BESIDE, ids=lambda path: path.stem)
def test_networks_beside_the_checkout(path: Path) -> None:
    graph = onnx.load(path)
    (dim, *_) = graph.graph.input[0].type.tensor_type.shape.dim[3:]
    layout: Layout = "NHWC" if dim.dim_value in (1, 3) else "NCHW"

    assert_agrees(graph, traced(graph, input_size=(416, 416), layout=layout))


def shape_arithmetic(opset: int) -> onnx.ModelProto:
    """Flatten as PyTorch exports it: the batch is read off, the rest is asked for with -1."""
    axes = {"i": np.array([0])} if opset >= 13 else {}
    unsqueeze = (
        node("Unsqueeze", ["n", "i"], ["n1"])
        if opset >= 13
        else node("Unsqueeze", ["n"], ["n1"], axes=[0])
    )
    return model(
        [
            node("Shape", ["x"], ["s"]),
            node("Constant", [], ["zero"], value=numpy_helper.from_array(np.array(0))),
            node("Gather", ["s", "zero"], ["n"]),
            unsqueeze,
            node("Concat", ["n1", "rest"], ["to"], axis=0),
            node("Reshape", ["x", "to"], ["y"]),
        ],
        inputs={"x": ["batch", 3, "h", "w"]},
        constants={"rest": np.array([-1]), **axes},
        opset=opset,
    )


@pytest.mark.parametrize("opset", [11, 17])  # axes as an attribute, axes as an input
def test_shape_arithmetic_is_followed(opset: int) -> None:
    trace = traced(shape_arithmetic(opset), input_size=(4, 5))

    assert trace["y"].shape == (1, 60)
    assert trace["y"].fed
    assert not trace["to"].fed
    assert trace["to"].value is not None
    assert trace["to"].value.tolist() == [1, -1]


def test_shape_arithmetic_on_an_open_size_stays_open() -> None:
    assert traced(shape_arithmetic(17))["y"].shape == (None, None)


def test_a_resize_to_a_size_computed_in_floating_point() -> None:
    graph = model(
        [
            node("Shape", ["x"], ["s"], start=2),
            node("Cast", ["s"], ["f"], to=TensorProto.FLOAT),
            node("Mul", ["f", "by"], ["g"]),
            node("Floor", ["g"], ["floor"]),
            node("Cast", ["floor"], ["hw"], to=TensorProto.INT64),
            node("Concat", ["nc", "hw"], ["to"], axis=0),
            node("Resize", ["x", "", "", "to"], ["y"]),
        ],
        inputs={"x": ["n", 3, "h", "w"]},
        constants={"by": np.float32(1.5), "nc": np.array([1, 3])},
    )

    assert traced(graph, input_size=(5, 6))["y"].shape == (1, 3, 7, 9)


def test_a_split_shape_vector() -> None:
    graph = model(
        [
            node("Shape", ["x"], ["s"]),
            node("Split", ["s"], ["nc", "hw"]),
            node("ConstantOfShape", ["hw"], ["y"]),
        ],
        inputs={"x": [1, 3, 4, 5]},
    )

    assert traced(graph)["y"].shape == (4, 5)


def test_channels_are_followed_through_transposes() -> None:
    graph = model(
        [
            node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2]),
            node("Conv", ["first", "w"], ["conv"]),
            node("Transpose", ["conv"], ["last"], perm=[0, 2, 3, 1]),
            node("Sigmoid", ["last"], ["sigmoid"]),
            node("Transpose", ["sigmoid"], ["turned"], perm=[0, 2, 1, 3]),
            node("Flatten", ["turned"], ["flat"]),
        ],
        inputs={"x": [1, 4, 6, 3]},
        constants={"w": ones(8, 3, 1, 1)},
    )

    trace = traced(graph, layout="NHWC")

    names = ("x", "first", "conv", "last", "sigmoid", "turned", "flat")
    last = {name for name in names if trace[name].channels_last}
    assert last == {"x", "last", "sigmoid", "turned"}
    assert trace["last"].shape == (1, 4, 6, 8)


def test_what_onnx_does_not_know_the_graph_may_say() -> None:
    graph = model(
        [
            node("Magic", ["x"], ["z"], domain="com.example"),
            node("Relu", ["z"], ["y"]),
            node("Magic", ["x"], ["dark"], domain="com.example"),
            node("Relu", ["dark"], ["after"]),
        ],
        inputs={"x": [1, 3, 4, 4]},
    )
    declared = helper.make_tensor_value_info("z", TensorProto.FLOAT16, ["n", 5, 2, 2])
    graph.graph.value_info.append(declared)

    trace = traced(graph)

    assert trace["y"] == Tensor(dtype=TensorProto.FLOAT16, shape=(None, 5, 2, 2))
    assert trace["dark"] == trace["after"] == Tensor()


@pytest.mark.parametrize(
    ("taps", "shape"),
    [
        ({}, (None, 8, None, None)),  # the weights say how many channels come out
        ({"kernel_shape": [3, 3]}, (None, 8, None, None)),
    ],
)
def test_a_convolution_of_something_unknown(
    taps: dict[str, list[int]], shape: tuple[int | None, ...]
) -> None:
    graph = model(
        [
            node("Magic", ["x"], ["z"], domain="com.example"),
            node("Conv", ["z", "w"], ["y"], **taps),
        ],
        inputs={"x": [1, 3, 4, 4]},
        constants={"w": ones(8, 3, 3, 3)},
    )

    assert traced(graph)["y"].shape == shape


def test_a_pool_of_something_unknown() -> None:
    graph = model(
        [
            node("Magic", ["x"], ["z"], domain="com.example"),
            node("MaxPool", ["z"], ["y"], kernel_shape=[2, 2]),
        ],
        inputs={"x": [1, 3, 4, 4]},
    )

    assert traced(graph)["y"].shape == (None, None, None, None)


@pytest.mark.parametrize(
    "weights",
    [
        [1, 3, "k", "k"],  # a filter whose size is only known when it runs
        [1, 3, 3],  # a filter of one axis on a picture of two
    ],
)
def test_a_filter_that_says_nothing_of_the_output(weights: list[int | str]) -> None:
    graph = model(
        [node("Conv", ["x", "w"], ["y"])],
        inputs={"x": [1, 3, 8, 8], "w": weights},
    )

    trace = Trace(graph, input_size=None, layout="NCHW")

    assert trace.follow(graph.graph.node[0]) == ()
    assert (trace["y"].shape or (None,))[-1] is None


def test_a_pool_gives_its_indices_the_same_shape() -> None:
    # Before opset 22 ONNX's rule counted a window that sees padding only; runtimes never did.
    pool = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1] * 4, "ceil_mode": 1}
    graph = model([node("MaxPool", ["x"], ["y", "at"], **pool)], inputs={"x": [1, 3, 5, 5]})

    trace = traced(graph)

    assert trace["y"].shape == trace["at"].shape == (1, 3, 3, 3)
    assert trace["at"].dtype == TensorProto.INT64


@pytest.mark.parametrize(
    "computation",
    [
        node("Gather", ["s", "nine"], ["to"]),  # an index that is not there
        node("Div", ["s", "zero"], ["to"]),  # a division by nothing
    ],
    ids=lambda step: step.op_type,
)
def test_a_value_that_cannot_be_computed_is_unknown(computation: onnx.NodeProto) -> None:
    graph = model(
        [node("Shape", ["x"], ["s"]), computation],
        inputs={"x": [1, 3, 4, 4]},
        constants={"nine": np.array([9]), "zero": np.array([0])},
    )

    trace = traced(graph)

    assert trace["s"].value is not None
    assert trace["to"].value is None


def test_what_a_branch_answers_is_unknown() -> None:
    branch = helper.make_graph(
        [node("Relu", ["x"], ["r"])], "branch", [], [helper.make_empty_tensor_value_info("r")]
    )
    graph = model(
        [node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)],
        inputs={"x": [1, 3]},
        constants={"yes": np.array(True)},
    )

    assert traced(graph)["y"] == Tensor()
