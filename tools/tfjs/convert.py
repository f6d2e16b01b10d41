"""The conversion of a TensorFlow.js graph: every node upstream of the outputs, in order."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from tools.tfjs.board import Board
from tools.tfjs.builder import GraphBuilder
from tools.tfjs.errors import ConversionError
from tools.tfjs.graph import Graph, Node
from tools.tfjs.ops import OPS
from tools.tfjs.tensors import NCHW_FROM_NHWC, Constant, Layout, Tensor, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """An input of bytes: the network sees pixel * scale + offset.

    Attributes:
        scale: 1 for a network that takes 0..255.
        offset: 0 likewise; a network that takes -1..1 has scale 1 / 127.5 and offset -1.
    """

    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output of the converted network.

    Attributes:
        node: the name of the graph's node.
        layout: how maps (rank 4) are handed out.
    """

    node: str
    layout: Layout = Layout.NHWC


def convert(
    graph: Graph, name: str, outputs: Mapping[str, Output], *, pixels: Pixels | None = None
) -> onnx.ModelProto:
    """Return a graph as an ONNX model with a symbolic batch.

    Args:
        graph: with one input whose first axis is the batch.
        name: of the model.
        outputs: the graph's nodes that become outputs, by the name they get.
        pixels: take the picture as uint8 (N, H, W, 3), and how to scale it; None keeps the
            input float32, in the graph's own range. Either way the input is called `image`.

    Raises:
        ConversionError: an operation is unknown or used in a way that is not supported.
    """
    builder = GraphBuilder()
    board = Board(builder)
    values: dict[str, Value] = {}
    for node in graph.upstream(output.node for output in outputs.values()):
        with builder.scope(node.name):
            values[node.name] = _value(board, graph, node, values, pixels)
    results = {}
    for called, output in outputs.items():
        result = values[output.node]
        if not isinstance(result, Tensor):
            raise ConversionError(f"{output.node}: a constant cannot be an output")
        results[called] = _handed_out(board, result, output.layout)
    return builder.model(name, results)


def _value(
    board: Board,
    graph: Graph,
    node: Node,
    values: Mapping[str, Value],
    pixels: Pixels | None,
) -> Value:
    """Return what one node yields."""
    if node.op == "Const":
        return Constant(weight=graph.weights[node.name])
    if node.op == "Placeholder":
        return _image(board.graph, node, pixels)
    if node.op not in OPS:
        raise ConversionError(f"{node.name}: the operation {node.op} is not supported")
    try:
        return OPS[node.op](board, node, [values[source] for source in node.inputs])
    except ConversionError as error:
        raise ConversionError(f"{node.name} ({node.op}): {error}") from error


def _image(builder: GraphBuilder, node: Node, pixels: Pixels | None) -> Tensor:
    """Return the network's input, its first axis the batch whatever the graph froze it at."""
    shape = (None, *node.attributes["shape"][1:])
    if pixels is None:
        return Tensor(name=builder.input("image", TensorProto.FLOAT, shape), shape=shape)
    name = builder.input("image", TensorProto.UINT8, shape)
    # Bytes are moved before they become floats of four bytes each.
    name = builder.node("Transpose", name, perm=NCHW_FROM_NHWC)
    name = builder.node("Cast", name, to=TensorProto.FLOAT)
    if pixels.scale != 1:
        name = builder.node("Mul", name, builder.constant(pixels.scale))
    if pixels.offset != 0:
        name = builder.node("Add", name, builder.constant(pixels.offset))
    return Tensor(name=name, shape=shape, layout=Layout.NCHW)


def _handed_out(board: Board, result: Tensor, layout: Layout) -> tuple[str, tuple[int | None, ...]]:
    """Return the tensor's name in a layout, and its shape as it is stored there."""
    if layout is Layout.NCHW and len(result.shape) == 4:
        permuted = tuple(result.shape[axis] for axis in NCHW_FROM_NHWC)
        return board.stored(result, Layout.NCHW), permuted
    return board.stored(result, Layout.NHWC), result.shape
