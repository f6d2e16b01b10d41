"""Element-wise operations; they keep the layout of what they get."""

from dataclasses import replace

from onnx import TensorProto

from tools.tfjs.board import Board
from tools.tfjs.errors import ConversionError
from tools.tfjs.graph import Node
from tools.tfjs.hard_sigmoid import ALPHA, BETA
from tools.tfjs.tensors import Tensor, Value, as_tensor, broadcast, common_layout

# TensorFlow's name: ONNX's.
BINARY = {"Add": "Add", "AddV2": "Add", "Equal": "Equal", "Mul": "Mul"}
ACTIVATIONS = {"Relu": "Relu", "Relu6": "Clip", "Sigmoid": "Sigmoid"}


def binary(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert an operation on two operands that broadcast, one of them perhaps a constant."""
    first, second = inputs
    layout = common_layout(inputs)
    shape = broadcast(first.shape, second.shape)
    names = [board.operand(value, layout, len(shape)) for value in inputs]
    return Tensor(name=board.graph.node(BINARY[node.op], *names), shape=shape, layout=layout)


def add_n(board: Board, _: Node, inputs: list[Value]) -> Tensor:
    """Convert AddN: the sum of tensors of one shape."""
    layout = common_layout(inputs)
    names = [board.stored(as_tensor(value), layout) for value in inputs]
    return Tensor(name=board.graph.node("Sum", *names), shape=inputs[0].shape, layout=layout)


def unary(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert an activation that stands alone."""
    source = as_tensor(inputs[0])
    return replace(source, name=activation(board, node.op, source.name))


def activation(board: Board, kind: str, name: str) -> str:
    """Draw an activation on a tensor and return the result's name.

    Raises:
        ConversionError: the kind is none of `ACTIVATIONS`.
    """
    if kind not in ACTIVATIONS:
        raise ConversionError(f"the activation {kind} is not supported")
    limits = (board.graph.constant(0), board.graph.constant(6)) if kind == "Relu6" else ()
    return board.graph.node(ACTIVATIONS[kind], name, *limits)


def hard_sigmoid(board: Board, _: Node, inputs: list[Value]) -> Tensor:
    """Convert HardSigmoid, which `with_hard_sigmoids` puts in the place of relu6(x + 3) / 6."""
    source = as_tensor(inputs[0])
    return replace(
        source, name=board.graph.node("HardSigmoid", source.name, alpha=ALPHA, beta=BETA)
    )


def cast(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert Cast to float32, e.g. of a comparison.

    Raises:
        ConversionError: the result has another type.
    """
    if node.attributes["DstT"] != "DT_FLOAT":
        raise ConversionError(f"a cast to {node.attributes['DstT']} is not supported")
    source = as_tensor(inputs[0])
    name = board.graph.node("Cast", source.name, to=TensorProto.FLOAT)
    return replace(source, name=name)
