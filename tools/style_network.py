"""The image transformation network of style transfer, for pictures of any size and parts of them.

The shape is that of Johnson et al. (Perceptual losses for real-time style transfer, ECCV 2016):
three convolutions in, residual blocks at a quarter of the size, three convolutions out, borders
mirrored. What makes the style is the gain and the shift behind each instance norm, both affine
functions of the input `style` (Dumoulin et al., A learned representation for artistic style, ICLR
2017). Two things are written otherwise than in the paper:

* A norm's means and variances come out as `statistics`, and may be put in as `given`. A part of a
  picture, run with the statistics of the whole, comes out as it does within the whole.
* A convolution behind a doubling of the size is one of the small picture, whose channels are then
  spread over two by two pixels (Shi et al., Is the deconvolution layer the same as a convolutional
  layer?, arXiv:1609.07009). So is the last one, whose three channels would waste most of a vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from service.arrays import F32
from tools.subpixel import DOUBLED, neighbours, phases
from tools.tfjs.builder import GraphBuilder
from tools.tfjs.tensors import NCHW_FROM_NHWC, NHWC_FROM_NCHW
from tools.tfjs.weights import Weight

EPSILON = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Affine:
    """A function of the style: `style @ weights + bias`, (K, C) and (C,)."""

    weights: F32
    bias: F32


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A convolution and the instance norm behind it, if there is one.

    Attributes:
        name: of its nodes.
        kernel: (O, I, k, k).
        bias: (O,) of a layer without a norm; in front of a norm it would be subtracted again.
        gain, shift: of the norm.
    """

    name: str
    kernel: F32
    bias: F32 | None = None
    gain: Affine | None = None
    shift: Affine | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleNetwork:
    """All layers of a network, in the order of execution.

    Attributes:
        name: of the graph.
        contract: three; the latter two halve the size.
        residual: pairs; what goes into a pair is added to what comes out.
        expand: three; the first two double the size.
    """

    name: str
    contract: Sequence[Layer]
    residual: Sequence[tuple[Layer, Layer]]
    expand: Sequence[Layer]

    @property
    def styled(self) -> list[Layer]:
        """The layers that have a norm."""
        pairs = [layer for pair in self.residual for layer in pair]
        return [layer for layer in (*self.contract, *pairs, *self.expand) if layer.gain]


def build(network: StyleNetwork, *, half: bool = True) -> onnx.ModelProto:
    """Return the network as a graph.

    Inputs: `image` uint8 (1, H, W, 3) RGB, sides multiples of 4 from 8; `style` (1, K); `given`
    (G, S, 2) mean and variance of each normalised channel, G = 1, or none, G = 0: then those of
    the picture are taken. Outputs: `pixels` float32 (1, H, W, 3), 0..255, not rounded, and
    `statistics` (1, S, 2), those that were taken.

    Args:
        network: the weights.
        half: store them as float16.
    """
    return _Drawing(network, half=half).model()


class _Drawing:
    """The graph, layer by layer."""

    def __init__(self, network: StyleNetwork, *, half: bool) -> None:
        self._network = network
        self._storage = np.float16 if half else np.float32
        self._graph = GraphBuilder()
        self._taken: list[str] = []

        sizes = [layer.kernel.shape[0] for layer in network.styled]
        ends = np.cumsum(sizes).tolist()
        names = [layer.name for layer in network.styled]
        self._places = dict(zip(names, zip([0, *ends], ends, strict=False), strict=True))
        self._channels = ends[-1]

    def model(self) -> onnx.ModelProto:
        """Draw everything."""
        graph, network = self._graph, self._network
        value = self._inputs()
        for index, layer in enumerate(network.contract):
            with graph.scope(layer.name):
                value = self._conv(value, layer.kernel, stride=min(index + 1, 2), bias=layer.bias)
                value = graph.node("Relu", self._norm(value, layer))
        for pair in network.residual:
            value = self._residual(value, *pair)
        for layer in network.expand[:2]:
            with graph.scope(layer.name):
                value = self._spread(value, phases(layer.kernel, DOUBLED), stride=1)
                value = graph.node("Relu", self._norm(value, layer))
        last = network.expand[2]
        taps = neighbours(last.kernel.shape[-1])
        with graph.scope(last.name):
            value = self._spread(value, phases(last.kernel, taps), stride=2)
            value = graph.node("Sigmoid", self._norm(value, last))
        return self._outputs(value)

    def _inputs(self) -> str:
        """Declare the inputs; return the picture as (1, 3, H, W), 0..1."""
        graph = self._graph
        affines = [layer.gain for layer in self._network.styled]
        affines += [layer.shift for layer in self._network.styled]
        image = graph.input("image", TensorProto.UINT8, (1, "H", "W", 3))
        style = graph.input("style", TensorProto.FLOAT, (1, len(affines[0].weights)))
        self._given = graph.input("given", TensorProto.FLOAT, ("G", self._channels, 2))
        with graph.scope("style"):
            weights = self._stored(np.concatenate([one.weights for one in affines], axis=1))
            bias = graph.constant(np.concatenate([one.bias for one in affines]))
            both = graph.node("Gemm", style, weights, bias)
            self._style = graph.node("Reshape", both, graph.constant([-1], np.int64))
        with graph.scope("pixels"):
            value = graph.node("Transpose", image, perm=NCHW_FROM_NHWC)
            value = graph.node("Cast", value, to=TensorProto.FLOAT)
            return graph.node("Mul", value, graph.constant(1 / 255))

    def _outputs(self, value: str) -> onnx.ModelProto:
        """Declare the outputs, from the picture as (1, 3, H, W), 0..1."""
        graph = self._graph
        with graph.scope("pixels"):
            value = graph.node("Transpose", value, perm=NHWC_FROM_NCHW)
            value = graph.node("Mul", value, graph.constant(255.0))
        with graph.scope("statistics"):
            taken = graph.node("Concat", *self._taken, axis=0)
            taken = graph.node("Unsqueeze", taken, graph.constant([0], np.int64))
        outputs = {
            "pixels": (value, (1, "H", "W", 3)),
            "statistics": (taken, (1, self._channels, 2)),
        }
        return graph.model(self._network.name, outputs)

    def _residual(self, value: str, first: Layer, second: Layer) -> str:
        graph = self._graph
        with graph.scope(first.name):
            inner = graph.node("Relu", self._norm(self._conv(value, first.kernel), first))
        with graph.scope(second.name):
            inner = self._norm(self._conv(inner, second.kernel), second)
            return graph.node("Add", value, inner)

    def _conv(
        self,
        value: str,
        kernel: F32,
        *,
        stride: int = 1,
        bias: F32 | None = None,
        border: str = "reflect",
    ) -> str:
        """Convolve; the border is as wide as leaves the size what it is, but for the stride."""
        graph = self._graph
        margin = (kernel.shape[-1] - 1) // 2
        pads = graph.constant([0, 0, margin, margin] * 2, np.int64)
        inputs = [graph.node("Pad", value, pads, mode=border), self._stored(kernel)]
        if bias is not None:
            inputs.append(graph.constant(bias))
        sides, strides = kernel.shape[2:], (stride, stride)
        return graph.node("Conv", *inputs, kernel_shape=sides, strides=strides)

    def _spread(self, value: str, kernel: F32, *, stride: int) -> str:
        """Convolve to four times the channels, and spread these over two by two pixels.

        Where the size is not halved on the way it doubles. A doubled picture that is mirrored at
        its border repeats the outermost pixels of the small one: its border is their copy.
        """
        border = "edge" if stride == 1 else "reflect"
        value = self._conv(value, kernel, stride=stride, border=border)
        return self._graph.node("DepthToSpace", value, blocksize=2, mode="CRD")

    def _norm(self, value: str, layer: Layer) -> str:
        """Normalise (1, C, h, w) channel by channel, then scale and shift as the style says."""
        if layer.gain is None:
            return value
        graph = self._graph
        begin, end = self._places[layer.name]
        given = self._slice(self._given, begin, end, axis=1)
        both = graph.node("Concat", given, self._statistics(value), axis=0)
        taken = graph.node("Gather", both, graph.constant(0, np.int64), axis=0)
        self._taken.append(taken)
        gain = self._slice(self._style, begin, end, axis=0)
        shift = self._slice(self._style, begin + self._channels, end + self._channels, axis=0)
        mean, variance = (
            graph.node("Gather", taken, graph.constant(column, np.int64), axis=1)
            for column in (0, 1)
        )
        inputs = (value, gain, shift, mean, variance)
        return graph.node("BatchNormalization", *inputs, epsilon=EPSILON)

    def _statistics(self, value: str) -> str:
        """Return (1, C, 2), mean and variance of each channel of (1, C, h, w).

        Sums go along rows first: over a million pixels in one float32 they would lose digits.
        """
        graph = self._graph
        width = graph.node("Cast", graph.node("Shape", value, start=3), to=TensorProto.FLOAT)
        mean = graph.node("ReduceMean", value, axes=[3])
        mean = graph.node("ReduceMean", mean, axes=[2])
        squares = graph.node("ReduceSumSquare", value, axes=[3])
        squares = graph.node("Div", graph.node("ReduceMean", squares, axes=[2]), width)
        variance = graph.node("Sub", squares, graph.node("Mul", mean, mean))
        variance = graph.node("Max", variance, graph.constant(0.0))  # of a grey wall, rounded
        both = graph.node("Concat", mean, variance, axis=3)
        return graph.node("Squeeze", both, graph.constant([2], np.int64))

    def _slice(self, value: str, begin: int, end: int, *, axis: int) -> str:
        places = [self._graph.constant([place], np.int64) for place in (begin, end, axis)]
        return self._graph.node("Slice", value, *places)

    def _stored(self, values: F32) -> str:
        return self._graph.weight(Weight(stored=values.astype(self._storage)))
