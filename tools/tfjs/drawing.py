"""Layers drawn by hand from loose weights, for networks that come without a graph.

Weights are found by the names that face-api gives them: `layer/filters`, `layer/bias`,
`layer/depthwise_filter` and so on.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from tools.tfjs.builder import GraphBuilder
from tools.tfjs.ops.convolution import depthwise_kernel, plain_kernel
from tools.tfjs.tensors import NCHW_FROM_NHWC, Layout, Tensor
from tools.tfjs.weights import Weight
from tools.tfjs.windows import windows


class Drawing:
    """Layers drawn on one graph; every map is stored channels first.

    Attributes:
        graph: what has been drawn.
    """

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        self.graph = GraphBuilder()
        self._weights = weights

    def image(self, side: int, mean: tuple[float, float, float]) -> Tensor:
        """Draw the input and its normalisation, (pixel - mean) / 255."""
        shape = (None, side, side, 3)
        name = self.graph.input("image", TensorProto.UINT8, shape)
        with self.graph.scope("pixels"):
            name = self.graph.node("Transpose", name, perm=NCHW_FROM_NHWC)
            name = self.graph.node("Cast", name, to=TensorProto.FLOAT)
            average = self.graph.constant(np.reshape(mean, (1, 3, 1, 1)))
            name = self.graph.node("Sub", name, average)
            name = self.graph.node("Mul", name, self.graph.constant(1 / 255))
        return Tensor(name=name, shape=shape, layout=Layout.NCHW)

    def conv(self, source: Tensor, layer: str, *, stride: int = 1, padding: str = "SAME") -> Tensor:
        """Draw a convolution with a bias: `layer/filters` (h, w, in, out), `layer/bias`."""
        kernel = plain_kernel(self._weights[f"{layer}/filters"])
        with self.graph.scope(layer):
            return self._conv(source, kernel, f"{layer}/bias", stride=stride, padding=padding)

    def separable(self, source: Tensor, layer: str, *, stride: int = 1) -> Tensor:
        """Draw a depthwise convolution and a pointwise one with a bias, SAME padding."""
        depthwise = depthwise_kernel(self._weights[f"{layer}/depthwise_filter"])
        pointwise = plain_kernel(self._weights[f"{layer}/pointwise_filter"])
        with self.graph.scope(f"{layer}/depthwise"):
            value = self._conv(source, depthwise, stride=stride, group=source.channels)
        with self.graph.scope(f"{layer}/pointwise"):
            return self._conv(value, pointwise, f"{layer}/bias")

    def scaled_conv(
        self, source: Tensor, layer: str, *, stride: int = 1, padding: str = "SAME"
    ) -> Tensor:
        """Draw a convolution and the affine map of each channel that dlib trained after it."""
        value = self.conv(source, f"{layer}/conv", stride=stride, padding=padding)
        with self.graph.scope(f"{layer}/scale"):
            name = value.name
            for op, part in (("Mul", "weights"), ("Add", "biases")):
                factors = self._weights[f"{layer}/scale/{part}"].rearranged(
                    lambda stored: stored.reshape(1, -1, 1, 1)
                )
                name = self.graph.node(op, name, self.graph.weight(factors))
        return replace(value, name=name)

    def max_pool(self, source: Tensor, *, kernel: int, stride: int, padding: str) -> Tensor:
        """Draw a max pool of square windows."""
        taps, strides = (kernel, kernel), (stride, stride)
        fit = windows(source.size, kernel=taps, strides=strides, padding=padding)
        name = self.graph.node(
            "MaxPool", source.name, kernel_shape=taps, strides=strides, pads=fit.pads
        )
        return Tensor(name=name, shape=(None, *fit.size, source.channels), layout=Layout.NCHW)

    def average_pool(self, source: Tensor) -> Tensor:
        """Draw an average pool of 2 x 2 windows side by side; an odd last row is left out."""
        height, width = source.size
        name = self.graph.node("AveragePool", source.name, kernel_shape=(2, 2), strides=(2, 2))
        shape = (None, height // 2, width // 2, source.channels)
        return Tensor(name=name, shape=shape, layout=Layout.NCHW)

    def grown(self, source: Tensor, size: tuple[int, int], channels: int) -> Tensor:
        """Draw zeros below, right of and behind a map until it has this size and channels."""
        more = (
            channels - source.channels,
            size[0] - source.size[0],
            size[1] - source.size[1],
        )
        if more == (0, 0, 0):
            return source
        pads = self.graph.constant((0, 0, 0, 0, 0, *more), np.int64)
        name = self.graph.node("Pad", source.name, pads)
        return Tensor(name=name, shape=(None, *size, channels), layout=Layout.NCHW)

    def add(self, first: Tensor, second: Tensor) -> Tensor:
        """Draw the sum of two maps of one shape."""
        return replace(first, name=self.graph.node("Add", first.name, second.name))

    def relu(self, source: Tensor) -> Tensor:
        """Draw max(x, 0)."""
        return replace(source, name=self.graph.node("Relu", source.name))

    def leaky(self, source: Tensor) -> Tensor:
        """Draw max(x, x / 10), Darknet's activation."""
        return replace(source, name=self.graph.node("LeakyRelu", source.name, alpha=0.1))

    def mean(self, source: Tensor) -> str:
        """Draw the mean of each channel and return the name of the (N, C) result."""
        name = self.graph.node("GlobalAveragePool", source.name)
        return self.graph.node("Flatten", name, axis=1)

    def linear(self, source: str, weights: str, bias: str | None = None) -> str:
        """Draw a fully connected layer on (N, C): weights (C, D), bias (D,)."""
        with self.graph.scope(weights.partition("/")[0]):
            names = [self.graph.weight(self._weights[name]) for name in (weights, bias) if name]
            return self.graph.node("Gemm", source, *names)

    def _conv(
        self,
        source: Tensor,
        kernel: Weight,
        bias: str | None = None,
        *,
        stride: int = 1,
        padding: str = "SAME",
        group: int = 1,
    ) -> Tensor:
        """Draw a convolution with a kernel in ONNX's order (out, in / group, h, w)."""
        channels, _, *taps = kernel.stored.shape
        strides = (stride, stride)
        fit = windows(source.size, kernel=(taps[0], taps[1]), strides=strides, padding=padding)
        biases = [self.graph.weight(self._weights[bias])] if bias else []
        name = self.graph.node(
            "Conv",
            source.name,
            self.graph.weight(kernel),
            *biases,
            kernel_shape=taps,
            strides=strides,
            pads=fit.pads,
            group=group,
        )
        return Tensor(name=name, shape=(None, *fit.size, channels), layout=Layout.NCHW)
