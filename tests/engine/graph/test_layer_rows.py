"""Rows of single layers: type, filter, output, parameters and multiply-adds."""

from typing import Any

import numpy as np
import pytest
from onnx import NodeProto

from service.engine.graph import Layer
from tests.engine.graph.graphs import Summaries, model, node, ones


@pytest.mark.parametrize(
    ("weights", "group", "expected"),
    [
        ((8, 4, 3, 3), 1, "Conv"),
        ((8, 2, 3, 3), 2, "GroupedConv"),
        ((4, 1, 3, 3), 4, "DepthwiseConv"),
        ((8, 1, 3, 3), 4, "DepthwiseConv"),  # two filters a channel
    ],
)
def test_convolutions(
    summary_of: Summaries, weights: tuple[int, ...], group: int, expected: str
) -> None:
    summary = summary_of(
        model(
            [node("Conv", ["x", "w", "b"], ["y"], group=group, strides=[2, 1], dilations=[1, 2])],
            inputs={"x": [1, 4, 9, 11]},
            constants={"w": ones(*weights), "b": ones(weights[0])},
        )
    )

    assert summary.layers == (
        Layer(
            name="y",
            type=expected,
            filter=(3, 3),
            stride=(2, 1),
            padding=(0, 0, 0, 0),
            dilation=(1, 2),
            output=(4, 7, weights[0]),
            parameters=int(np.prod(weights)) + weights[0],
            statistics=0,
            multiply_adds=4 * 7 * int(np.prod(weights)),
        ),
    )


@pytest.mark.parametrize(
    ("weights", "group", "expected", "channels"),
    [
        ((4, 8, 2, 2), 1, "ConvTranspose", 8),
        ((4, 3, 2, 2), 2, "GroupedConvTranspose", 6),
        ((4, 1, 2, 2), 4, "DepthwiseConvTranspose", 4),
    ],
)
def test_transposed_convolutions(
    summary_of: Summaries, weights: tuple[int, ...], group: int, expected: str, channels: int
) -> None:
    (layer,) = summary_of(
        model(
            [node("ConvTranspose", ["x", "w"], ["y"], group=group, strides=[2, 2])],
            inputs={"x": [1, 4, 5, 7]},
            constants={"w": ones(*weights)},
        )
    ).layers

    assert (layer.type, layer.output) == (expected, (10, 14, channels))
    assert layer.parameters == int(np.prod(weights))
    assert layer.multiply_adds == 5 * 7 * int(np.prod(weights))  # on every input cell


@pytest.mark.parametrize(
    ("attributes", "padding", "output"),
    [
        ({}, (0, 0, 0, 0), (3, 3)),  # floor: the last row is not seen
        ({"auto_pad": "VALID"}, (0, 0, 0, 0), (3, 3)),
        ({"auto_pad": "SAME_UPPER"}, (0, 0, 1, 1), (4, 4)),
        ({"auto_pad": "SAME_LOWER"}, (1, 1, 0, 0), (4, 4)),
        ({"pads": [0, 1, 1, 2]}, (0, 1, 1, 2), (4, 5)),  # a different one on every side
        ({"ceil_mode": 1}, (0, 0, 0, 0), (4, 4)),
    ],
)
def test_padding(
    summary_of: Summaries,
    attributes: dict[str, Any],
    padding: tuple[int, ...],
    output: tuple[int, int],
) -> None:
    (layer,) = summary_of(
        model(
            [node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], **attributes)],
            inputs={"x": [1, 2, 8, 8]},
        )
    ).layers

    assert (layer.type, layer.padding, layer.output) == ("MaxPool", padding, (*output, 2))


@pytest.mark.parametrize(
    ("step", "constants", "expected"),
    [
        (node("Gemm", ["x", "w"], ["y"], transB=1), {"w": (5, 6)}, ("FullyConnected", 30, 60)),
        (
            node("Gemm", ["x", "w", "b"], ["y"]),
            {"w": (6, 5), "b": (1,)},
            ("FullyConnected", 31, 60),
        ),
        (node("MatMul", ["x", "w"], ["y"]), {"w": (6, 5)}, ("FullyConnected", 30, 60)),
        (node("MatMul", ["x", "w"], ["y"]), {"w": (6,)}, ("FullyConnected", 6, 12)),
        (node("MatMul", ["w", "x"], ["y"]), {"w": (4, 2)}, ("FullyConnected", 8, 48)),
        (node("MatMul", ["x", "z"], ["y"]), {}, ("MatMul", 0, 36)),  # two things that are fed
    ],
    ids=["transposed", "bias", "matrix", "vector", "from the left", "fed"],
)
def test_matrix_products(
    summary_of: Summaries,
    step: NodeProto,
    constants: dict[str, tuple[int, ...]],
    expected: tuple[str, int, int],
) -> None:
    summary = summary_of(
        model(
            [step],
            inputs={"x": [2, 6], "z": [6, 3]},
            constants={name: ones(*shape) for name, shape in constants.items()},
        )
    )

    (layer,) = summary.layers
    kind, parameters, for_two = expected
    assert (layer.type, layer.parameters) == (kind, parameters)
    assert layer.multiply_adds == for_two // 2  # the graph takes two images at once


def test_batch_normalization(summary_of: Summaries) -> None:
    summary = summary_of(
        model(
            [node("BatchNormalization", ["x", "gamma", "beta", "mean", "var"], ["y"])],
            inputs={"x": [1, 5, 2, 2]},
            constants={name: ones(5) for name in ("gamma", "beta", "mean", "var")},
        )
    )

    (layer,) = summary.layers
    assert (layer.parameters, layer.statistics, layer.multiply_adds) == (10, 10, 0)
    assert (layer.filter, layer.stride, layer.padding, layer.dilation) == (None,) * 4
    assert (summary.parameters, summary.statistics) == (10, 10)


def test_numbers_in_arithmetic_are_no_parameters(summary_of: Summaries) -> None:
    summary = summary_of(
        model(
            [
                node("Add", ["x", "three"], ["a"]),
                node("Clip", ["a", "zero", "six"], ["b"]),
                node("Div", ["b", "divisor"], ["c"]),
                node("Resize", ["c", "", "scales"], ["d"]),
                node("Add", ["d", "bias"], ["e"]),
                node("Mul", ["e", "gain"], ["f"]),
                node("PRelu", ["f", "slope"], ["y"]),
                node("Gather", ["y", "indices"], ["picked"], axis=1),
            ],
            inputs={"x": [1, 4, 2, 2]},
            constants={
                "three": np.float32(3),
                "zero": np.float32(0),
                "six": np.float32(6),
                "divisor": ones(1),
                "scales": ones(4),
                "bias": ones(4, 1, 1),
                "gain": ones(1, 1, 1, 1),  # of one channel, had there been one
                "slope": ones(1),
                "indices": np.array([0, 2]),
            },
        )
    )

    parameters = {layer.name: layer.parameters for layer in summary.layers}
    assert parameters == {"a": 0, "b": 0, "c": 0, "d": 0, "e": 4, "f": 1, "y": 1, "picked": 0}
