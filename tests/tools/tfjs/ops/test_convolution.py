"""Convolutions against NumPy, for a batch that the graph froze at 1."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.arrays import Array
from tests.tools.tfjs.models import TfjsModel, noise
from tests.tools.tfjs.reference import (
    WINDOWS,
    Pair,
    convolved,
    convolved_depthwise,
    over_windows,
)


@pytest.mark.parametrize(("kernel", "strides", "dilations", "padding", "size"), WINDOWS)
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolution(
    tmp_path: Path,
    depthwise: bool,
    kernel: Pair,
    strides: Pair,
    dilations: Pair,
    padding: str,
    size: Pair,
) -> None:
    x, weights = noise(3, *size, 4), noise(*kernel, 4, 2, seed=1)
    model = TfjsModel(1, *size, 4)
    model.constant("k", weights)
    model.node(
        "y",
        "DepthwiseConv2dNative" if depthwise else "Conv2D",
        "x",
        "k",
        strides=(1, *strides, 1),
        dilations=(1, *dilations, 1),
        padding=padding,
        data_format="NHWC",
    )

    y = model.run(tmp_path, "y", x)

    one = convolved_depthwise if depthwise else convolved
    expected = over_windows(
        x, kernel, strides, padding, lambda window: one(window, weights), dilations
    )
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("op", ["_FusedConv2D", "FusedDepthwiseConv2dNative"])
@pytest.mark.parametrize(
    ("fused", "activated"),
    [
        (("BiasAdd",), lambda value: value),
        (("BiasAdd", "Relu"), lambda value: np.maximum(value, 0)),
        (("BiasAdd", "Relu6"), lambda value: np.clip(value, 0, 6)),
        (("BiasAdd", "Sigmoid"), lambda value: 1 / (1 + np.exp(-value))),
    ],
)
def test_fused_convolution(
    tmp_path: Path, op: str, fused: tuple[str, ...], activated: Callable[[Array], Array]
) -> None:
    x, weights, bias = noise(2, 4, 4, 3), noise(1, 1, 3, 1, seed=1) * 9, noise(3, seed=2)
    if op == "_FusedConv2D":
        weights, bias = weights.repeat(3, axis=3), bias
    model = TfjsModel(1, 4, 4, 3)
    model.constant("k", weights)
    model.constant("b", bias)
    model.node(
        "y", op, "x", "k", "b", strides=(1, 1, 1, 1), padding="VALID", num_args=1, fused_ops=fused
    )

    y = model.run(tmp_path, "y", x)

    one = convolved if op == "_FusedConv2D" else convolved_depthwise
    expected = over_windows(x, (1, 1), (1, 1), "VALID", lambda window: one(window, weights))
    np.testing.assert_allclose(y, activated(expected + bias), atol=1e-5)


@pytest.mark.parametrize(
    ("kernel", "strides", "padding", "large"),
    [
        ((2, 2), (2, 2), "SAME", (6, 8)),  # the segmenter's last layer
        ((3, 3), (2, 2), "SAME", (6, 6)),  # asymmetric padding
        ((3, 3), (2, 2), "SAME", (5, 7)),  # the larger of the two sizes with that source
        ((3, 2), (2, 1), "VALID", (8, 5)),  # a row that no window reaches
    ],
)
def test_transposed_convolution(
    tmp_path: Path, kernel: Pair, strides: Pair, padding: str, large: Pair
) -> None:
    """It is the transpose of the convolution: <conv(u), v> = <u, transposed(v)>."""
    weights, u = noise(*kernel, 3, 2, seed=1), noise(4, *large, 3)
    forward = over_windows(u, kernel, strides, padding, lambda window: convolved(window, weights))
    v = noise(*forward.shape, seed=2)
    model = TfjsModel(1, *v.shape[1:])
    model.constant("size", np.array([1, *large, 3], np.int32))
    model.constant("k", weights)
    model.node(
        "y",
        "Conv2DBackpropInput",
        "size",
        "k",
        "x",
        strides=(1, *strides, 1),
        padding=padding,
    )

    y = model.run(tmp_path, "y", v)

    assert y.shape == u.shape
    for one in range(len(u)):
        np.testing.assert_allclose((y[one] * u[one]).sum(), (v[one] * forward[one]).sum(), 1e-4)
