"""What a graph does not tell is None, never a wrong number."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from service.engine.graph import Port
from tests.engine.graph.graphs import Summaries, constant, model, node, ones


def test_an_operator_onnx_does_not_have(summary_of: Summaries) -> None:
    summary = summary_of(
        model(
            [
                node("Conv", ["x", "w"], ["z"], name="odd", domain="com.example"),
                node("Conv", ["z", "w"], ["y"]),
                node("MatMul", ["z", "z"], ["product"]),
            ],
            inputs={"x": [1, 3, 4, 4]},
            constants={"w": ones(2, 3, 3, 3)},
        )
    )

    odd, conv, product = summary.layers
    assert (odd.name, odd.type, odd.output) == ("odd", "com.example.Conv", None)
    assert (odd.parameters, odd.multiply_adds, odd.filter) == (54, None, None)
    assert (conv.output, conv.parameters, conv.multiply_adds) == ((None, None, 2), 54, None)
    assert (product.type, product.output, product.multiply_adds) == ("MatMul", None, None)
    assert (summary.parameters, summary.multiply_adds) == (54, None)


def test_filters_that_are_fed(summary_of: Summaries) -> None:
    (layer,) = summary_of(
        model(
            [
                node("Magic", ["x"], ["w"], domain="com.example"),
                node("Conv", ["x", "w"], ["y"], group=3),
            ],
            inputs={"x": [1, 3, 4, 4]},
        )
    ).layers[1:]

    assert (layer.type, layer.output, layer.filter) == ("Conv", None, None)
    assert (layer.parameters, layer.multiply_adds) == (0, None)


def test_weights_of_a_size_that_is_not_known(summary_of: Summaries) -> None:
    shape = numpy_helper.from_array(np.array([2, 3, 3, 3]), "shape")
    shape.ClearField("raw_data")
    shape.data_location = TensorProto.EXTERNAL
    graph = model(
        [
            node("ConstantOfShape", ["shape"], ["w"]),
            node("Conv", ["x", "w"], ["y"]),
        ],
        inputs={"x": [1, 3, 4, 4]},
    )
    graph.graph.initializer.append(shape)

    summary = summary_of(graph)

    assert summary.layers[0].parameters is None
    assert (summary.parameters, summary.multiply_adds) == (None, None)


def test_a_recurrent_layer(summary_of: Summaries) -> None:
    summary = summary_of(
        model(
            [node("LSTM", ["x", "w", "r"], ["", "h"], hidden_size=4)],
            inputs={"x": [6, 1, 5]},
            outputs=["h"],
            constants={"w": ones(1, 16, 5), "r": ones(1, 16, 4)},
        )
    )

    (layer,) = summary.layers
    assert (layer.name, layer.output) == ("h", (1, 4))
    assert (layer.parameters, layer.multiply_adds) == (144, None)


def test_what_a_branch_holds_is_not_known(summary_of: Summaries) -> None:
    branch = helper.make_graph(
        [node("Identity", ["x"], ["r"])], "branch", [], [helper.make_empty_tensor_value_info("r")]
    )
    summary = summary_of(
        model(
            [
                node("If", ["yes"], ["z"], then_branch=branch, else_branch=branch),
                node("MatMul", ["x", "w"], ["y"]),
            ],
            inputs={"x": [1, 3]},
            constants={"yes": np.array(True), "w": ones(3, 2)},
        )
    )

    branching, product = summary.layers
    assert (branching.type, branching.output) == ("If", None)
    assert (branching.parameters, branching.statistics, branching.multiply_adds) == (None,) * 3
    assert product.parameters == 6
    assert (summary.parameters, summary.statistics, summary.multiply_adds) == (None,) * 3


def test_a_graph_that_is_given_nothing(summary_of: Summaries) -> None:
    summary = summary_of(model([constant("y", ones(3))], inputs={}))

    assert (summary.layers, summary.parameters, summary.multiply_adds) == ((), 0, 0)
    assert summary.outputs == (Port(name="y", shape=(3,), dtype="float32"),)


def test_an_output_of_an_unknown_type(summary_of: Summaries) -> None:
    summary = summary_of(
        model([node("Magic", ["x"], ["y"], domain="com.example")], inputs={"x": [1]})
    )

    assert summary.outputs == (Port(name="y", shape=None, dtype="unknown"),)
